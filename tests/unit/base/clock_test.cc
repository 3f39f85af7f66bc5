// What waiting on the real clock promises when there is nothing to wait for; FakeClock has its own
// tests beside lib/kube.
#include "base/clock.h"

#include <gtest/gtest.h>

#include <thread>

namespace countersign {
namespace {

using std::chrono::hours;

TEST(SystemClockTest, AStopRequestEndsASleepBeforeItBegins) {
  SystemClock clock;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(clock.SleepFor(stop.get_token(), hours(1000)));
  EXPECT_TRUE(clock.SleepFor({}, hours(-1)));
}

TEST(SystemClockTest, AStopRequestFromAnotherThreadEndsASleep) {
  SystemClock clock;
  std::jthread sleeper(
      [&](std::stop_token stop) { EXPECT_FALSE(clock.SleepFor(stop, hours(1000))); });
  sleeper.request_stop();
}

TEST(SystemClockTest, WaitUntilSaysWhetherTheConditionHolds) {
  SystemClock clock;
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  const auto wait = [&](SteadyTime deadline, bool ready) {
    return clock.WaitUntil(lock, changed, {}, deadline, [=] { return ready; });
  };
  EXPECT_TRUE(wait(clock.Steady() + hours(1000), true));
  EXPECT_TRUE(wait(clock.Steady() - hours(1), true));
  EXPECT_FALSE(wait(clock.Steady() - hours(1), false));
}

}  // namespace
}  // namespace countersign
