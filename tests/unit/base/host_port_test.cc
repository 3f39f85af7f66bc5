#include "base/host_port.h"

#include <gtest/gtest.h>

namespace countersign {
namespace {

TEST(ParseHostPortTest, ReadsAddressesOfBothFamilies) {
  const struct {
    const char* text;
    const char* host;
    int port;
  } cases[] = {{"127.0.0.1:9443", "127.0.0.1", 9443},
               {"[::1]:9443", "::1", 9443},
               {":9443", "::", 9443},
               {"[::]:0", "::", 0},
               {"0.0.0.0:65535", "0.0.0.0", 65535},
               {"localhost:1", "localhost", 1}};
  for (const auto& c : cases) {
    const auto parsed = ParseHostPort(c.text);
    ASSERT_TRUE(parsed.has_value()) << c.text;
    EXPECT_EQ(parsed->host, c.host) << c.text;
    EXPECT_EQ(parsed->port, c.port) << c.text;
  }
}

TEST(ParseHostPortTest, RefusesWhatHasNoPort) {
  for (const char* text : {"", "9443", "127.0.0.1", "127.0.0.1:", "a:b", "a:1x", "a:-1", "a:65536",
                           "a: 1", "a:99999999999"}) {
    EXPECT_FALSE(ParseHostPort(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace countersign
