#include "kube/rate_limiter.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/support/fake_clock.h"

namespace countersign {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RateLimiterTest, ABurstIsFreeThenTokensComeAtTheRate) {
  FakeClock clock;
  RateLimiter limiter(10, 3, clock);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.Reserve().count(), 0) << i;
  EXPECT_EQ(limiter.Reserve(), milliseconds(100));
  EXPECT_EQ(limiter.Reserve(), milliseconds(200));
  clock.Advance(milliseconds(200));
  EXPECT_EQ(limiter.Reserve(), milliseconds(100));
}

TEST(RateLimiterTest, IdleTimeFillsTheBucketToItsBrimOnly) {
  FakeClock clock;
  RateLimiter limiter(10, 3, clock);
  for (int i = 0; i < 3; ++i) (void)limiter.Reserve();
  clock.Advance(seconds(1000));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.Reserve().count(), 0) << i;
  EXPECT_EQ(limiter.Reserve(), milliseconds(100));
}

TEST(RateLimiterTest, WaitTakesTheTokenWhenItsTimeHasCome) {
  FakeClock clock;
  RateLimiter limiter(1, 1, clock);
  ASSERT_TRUE(limiter.Wait({}, SteadyTime::max()));
  std::jthread waiter(
      [&](const std::stop_token& stop) { EXPECT_TRUE(limiter.Wait(stop, SteadyTime::max())); });
  clock.AwaitWaiters(1);
  clock.Advance(seconds(1));
  waiter.join();
  EXPECT_EQ(limiter.Reserve(), seconds(1));
}

TEST(RateLimiterTest, WaitRefusesAtOnceWhatCannotComeInTimeAndTakesNothing) {
  FakeClock clock;
  RateLimiter limiter(1, 1, clock);
  ASSERT_TRUE(limiter.Wait({}, SteadyTime::max()));
  const Status status = limiter.Wait({}, clock.Steady() + milliseconds(999));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kDeadlineExceeded);
  EXPECT_EQ(limiter.Reserve(), seconds(1));
}

TEST(RateLimiterTest, StopEndsAWait) {
  FakeClock clock;
  RateLimiter limiter(1, 1, clock);
  ASSERT_TRUE(limiter.Wait({}, SteadyTime::max()));
  std::jthread waiter([&](const std::stop_token& stop) {
    const Status status = limiter.Wait(stop, SteadyTime::max());
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Code::kCancelled);
  });
  clock.AwaitWaiters(1);
  waiter.request_stop();
}

}  // namespace
}  // namespace countersign
