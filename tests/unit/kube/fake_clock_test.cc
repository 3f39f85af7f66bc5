#include "tests/unit/support/fake_clock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace countersign {
namespace {

using std::chrono::seconds;

TEST(FakeClockTest, SleepersWakeAtTheirInstantAndNotBefore) {
  FakeClock clock;
  std::atomic<bool> awake = false;
  std::jthread sleeper([&](const std::stop_token& stop) {
    clock.SleepFor(stop, seconds(10));
    awake = true;
  });
  clock.AwaitWaiters(1);
  EXPECT_EQ(clock.NextDeadline(), clock.Steady() + seconds(10));
  clock.Advance(seconds(9));
  clock.AwaitWaiters(1);
  EXPECT_FALSE(awake);
  clock.Advance(seconds(1));
  sleeper.join();
  EXPECT_TRUE(awake);
}

TEST(FakeClockTest, StopEndsASleep) {
  FakeClock clock;
  std::atomic<bool> completed = true;
  std::jthread sleeper(
      [&](const std::stop_token& stop) { completed = clock.SleepFor(stop, seconds(10)); });
  clock.AwaitWaiters(1);
  sleeper.request_stop();
  sleeper.join();
  EXPECT_FALSE(completed);
}

TEST(FakeClockTest, ReadyEndsAWaitWithoutTime) {
  FakeClock clock;
  std::mutex mutex;
  std::condition_variable_any cv;
  bool ready = false;
  std::atomic<bool> result = false;
  std::jthread waiter([&](const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    result = clock.WaitUntil(lock, cv, stop, SteadyTime::max(), [&] { return ready; });
  });
  clock.AwaitWaiters(1);
  {
    const std::lock_guard lock(mutex);
    ready = true;
  }
  cv.notify_all();
  waiter.join();
  EXPECT_TRUE(result);
}

TEST(FakeClockTest, NothingIsMissedWhenManyWaitAndTimeMovesOften) {
  FakeClock clock;
  constexpr int kThreads = 8;
  constexpr int kRounds = 200;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&](const std::stop_token& stop) {
      for (int round = 0; round < kRounds; ++round) clock.SleepFor(stop, seconds(1));
    });
  }
  std::atomic<bool> finished = false;
  std::jthread driver([&] {
    while (!finished) clock.Advance(seconds(1));
  });
  threads.clear();
  finished = true;
  SUCCEED();
}

TEST(FakeClockTest, TheWallClockJumpsAlone) {
  FakeClock clock;
  const Time now = clock.Now();
  const SteadyTime steady = clock.Steady();
  clock.JumpWallClock(-seconds(100));
  EXPECT_EQ(clock.Now(), now - seconds(100));
  EXPECT_EQ(clock.Steady(), steady);
}

}  // namespace
}  // namespace countersign
