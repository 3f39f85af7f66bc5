#include "kube/server_clock.h"

#include <gtest/gtest.h>

#include "tests/unit/support/fake_clock.h"

namespace countersign {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST(ServerClockTest, OursStandsInUntilTheServerIsHeard) {
  FakeClock clock;
  const ServerClock server(clock);
  EXPECT_EQ(server.Now(), clock.Now());
  EXPECT_EQ(server.Age(), std::nullopt);
}

TEST(ServerClockTest, TheServersDateGoesOnWhateverBecomesOfOurs) {
  FakeClock clock;
  ServerClock server(clock);
  server.Heard("Sun, 06 Nov 1994 08:49:37 GMT");
  const Time then = *ParseTime("1994-11-06T08:49:37Z");
  EXPECT_EQ(server.Now(), then);
  clock.JumpWallClock(hours(-1000));
  clock.Advance(seconds(5));
  EXPECT_EQ(server.Now(), then + seconds(5));
  EXPECT_EQ(server.Age(), seconds(5));
}

TEST(ServerClockTest, WhatIsNoDateIsDisregarded) {
  FakeClock clock;
  ServerClock server(clock);
  for (const char* text : {"", "yesterday", "Sun, 06 Nov 1994 08:49:37 GMT+1", "1994-11-06"}) {
    server.Heard(text);
    EXPECT_EQ(server.Age(), std::nullopt) << text;
  }
}

class Fixed final : public Transport {
 public:
  Result<HttpResponse> Send(const HttpRequest&, std::stop_token, BodySink*) override {
    return HttpResponse{200, {{"date", "Sun, 06 Nov 1994 08:49:37 GMT"}}, {}};
  }
};

class Sink final : public BodySink {
 public:
  bool Accept(std::string_view) override { return true; }
  [[nodiscard]] std::chrono::milliseconds IdleTimeout() const override { return seconds(1); }
};

TEST(ServerClockTest, AnswersAreHeardButNotWatchesThatBeganLongBefore) {
  FakeClock clock;
  ServerClock server(clock);
  const auto transport = WithServerClock(std::make_shared<Fixed>(), server);
  Sink sink;
  ASSERT_TRUE(transport->Send({}, {}, &sink));
  EXPECT_EQ(server.Age(), std::nullopt);
  ASSERT_TRUE(transport->Send({}, {}, nullptr));
  EXPECT_EQ(server.Now(), *ParseTime("1994-11-06T08:49:37Z"));
}

}  // namespace
}  // namespace countersign
