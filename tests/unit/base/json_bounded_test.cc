#include "base/json_bounded.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace countersign {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

// "[1,1,…]" beyond what the fast parser looks at.
std::string Repeated(const std::string& value, std::size_t times) {
  std::string text = "[" + value;
  for (std::size_t i = 1; i < times; ++i) text += "," + value;
  return text + "]";
}

TEST(ParseJsonWithin, GivesWhatParseJsonGives) {
  for (const std::string& text :
       {Repeated("0.12345678901234567", 50'000), Repeated(R"({"a":[1,"text",{}]})", 20'000),
        Repeated(R"(["a text that is longer than a short one"])", 10'000)}) {
    const auto within = ParseJsonWithin(text, 64 * kMiB);
    ASSERT_TRUE(within) << within.error().message;
    EXPECT_EQ(*within, *ParseJson(text));
  }
}

TEST(ParseJsonWithin, RefusesWhatTakesMoreThanItMay) {
  for (const std::string& value : {std::string("0"), std::string("[0]"), std::string("{}"),
                                   std::string(R"({"a":0})"), std::string(R"("")")}) {
    const std::string text = Repeated(value, 500'000);
    const auto within = ParseJsonWithin(text, 4 * kMiB);
    ASSERT_FALSE(within) << value;
    EXPECT_EQ(within.error().code, Code::kResourceExhausted);
    EXPECT_THAT(within.error().message, HasSubstr("more than 4 MiB of memory"));
  }
}

// What an array needed while it grew, and gave back, is not counted for ever.
TEST(ParseJsonWithin, CountsWhatStays) {
  const std::string row = Repeated("0.125", 1'000);
  EXPECT_TRUE(ParseJsonWithin(Repeated(row, 200), 4 * kMiB));
  EXPECT_FALSE(ParseJsonWithin(Repeated(row, 400), 4 * kMiB));
}

TEST(ParseJsonWithin, SaysOtherFaultsAsParseJsonDoes) {
  const std::string text = Repeated("0", 200'000) + "x";
  EXPECT_EQ(ParseJsonWithin(text, 64 * kMiB).error().message, ParseJson(text).error().message);
}

}  // namespace
}  // namespace countersign
