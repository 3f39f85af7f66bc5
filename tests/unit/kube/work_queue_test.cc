#include "kube/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/unit/support/fake_clock.h"

namespace countersign {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const ObjectKey kA{"ns", "a"};
const ObjectKey kB{"ns", "b"};

class WorkQueueTest : public testing::Test {
 protected:
  // Without waiting: nullopt when nothing is ready.
  std::optional<ObjectKey> TryGet() {
    if (queue_.Stats().queued == 0) return std::nullopt;
    return queue_.Get({});
  }

  FakeClock clock_;
  WorkQueue queue_{clock_};
};

TEST_F(WorkQueueTest, KeysComeInOrderAndOnlyOnce) {
  queue_.Add(kA);
  queue_.Add(kB);
  queue_.Add(kA);
  EXPECT_EQ(queue_.Stats().queued, 2u);
  EXPECT_EQ(queue_.Get({}), kA);
  EXPECT_EQ(queue_.Get({}), kB);
  EXPECT_EQ(queue_.Stats().queued, 0u);
  EXPECT_EQ(queue_.Stats().processing, 2u);
}

TEST_F(WorkQueueTest, AnAddWhileProcessingWaitsForDoneAndIsNotLost) {
  queue_.Add(kA);
  ASSERT_EQ(queue_.Get({}), kA);
  queue_.Add(kA);
  queue_.Add(kA);
  EXPECT_EQ(queue_.Stats().queued, 0u);
  queue_.Done(kA);
  EXPECT_EQ(queue_.Stats().queued, 1u);
  EXPECT_EQ(queue_.Get({}), kA);
  queue_.Done(kA);
  EXPECT_EQ(queue_.Stats().queued, 0u);
}

TEST_F(WorkQueueTest, DoneWithoutAnAddQueuesNothing) {
  queue_.Add(kA);
  ASSERT_EQ(queue_.Get({}), kA);
  queue_.Done(kA);
  EXPECT_EQ(TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, ADelayedKeyComesAtItsTime) {
  queue_.AddAfter(kA, seconds(5));
  EXPECT_EQ(queue_.Stats().delayed, 1u);
  EXPECT_EQ(TryGet(), std::nullopt);
  clock_.Advance(milliseconds(4999));
  EXPECT_EQ(TryGet(), std::nullopt);
  clock_.Advance(milliseconds(1));
  EXPECT_EQ(TryGet(), kA);
  EXPECT_EQ(queue_.Stats().delayed, 0u);
}

TEST_F(WorkQueueTest, OfTwoDelaysTheEarlierWins) {
  queue_.AddAfter(kA, seconds(5));
  queue_.AddAfter(kA, seconds(9));
  queue_.AddAfter(kA, seconds(2));
  EXPECT_EQ(queue_.Stats().delayed, 1u);
  clock_.Advance(seconds(2));
  EXPECT_EQ(TryGet(), kA);
  queue_.Done(kA);
  clock_.Advance(seconds(10));
  EXPECT_EQ(TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, AShorterDelayWakesAWorkerThatWaitsForALongerOne) {
  queue_.AddAfter(kA, seconds(100));
  std::optional<ObjectKey> got;
  std::jthread worker([&](const std::stop_token& stop) { got = queue_.Get(stop); });
  clock_.AwaitWaiters(1);
  ASSERT_EQ(clock_.NextDeadline(), clock_.Steady() + seconds(100));
  queue_.AddAfter(kB, seconds(1));
  // Whichever comes first, the new deadline or the key: time moves until the worker is done.
  std::jthread driver([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) clock_.Advance(milliseconds(100));
  });
  worker.join();
  EXPECT_EQ(got, kB);
}

TEST_F(WorkQueueTest, NegativeAndHugeDelaysAreNowAndNever) {
  queue_.AddAfter(kA, -seconds(1));
  EXPECT_EQ(queue_.Get({}), kA);
  queue_.AddAfter(kB, std::chrono::nanoseconds::max());
  clock_.Advance(std::chrono::hours(24 * 365));
  EXPECT_EQ(TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, FailuresDoubleTheDelayUpToTheCapUntilForgotten) {
  std::vector<milliseconds> delays;
  for (int i = 0; i < 20; ++i) {
    const SteadyTime before = clock_.Steady();
    queue_.AddRateLimited(kA);
    std::optional<ObjectKey> got;
    std::jthread worker([&](const std::stop_token& stop) { got = queue_.Get(stop); });
    clock_.AwaitWaiters(1);
    clock_.Advance(clock_.NextDeadline() - before);
    worker.join();
    ASSERT_EQ(got, kA);
    queue_.Done(kA);
    delays.push_back(std::chrono::duration_cast<milliseconds>(clock_.Steady() - before));
  }
  EXPECT_EQ(delays[0], milliseconds(5));
  EXPECT_EQ(delays[1], milliseconds(10));
  EXPECT_EQ(delays[10], milliseconds(5 * 1024));
  EXPECT_EQ(delays[19], milliseconds(1'000'000));
  EXPECT_EQ(queue_.NumRequeues(kA), 20);
  queue_.Forget(kA);
  EXPECT_EQ(queue_.NumRequeues(kA), 0);
}

TEST_F(WorkQueueTest, ManyFailuresAtOnceShareOneBucket) {
  for (int i = 0; i < 101; ++i) queue_.AddRateLimited({"ns", "k" + std::to_string(i)});
  // The own back-off of each is 5 ms; the hundred and first waits for the bucket.
  std::jthread worker([&](const std::stop_token& stop) {
    for (int i = 0; i < 101; ++i) (void)queue_.Get(stop);
  });
  clock_.AwaitWaiters(1);
  clock_.Advance(milliseconds(5));
  clock_.AwaitWaiters(1);
  EXPECT_EQ(queue_.Stats().processing, 100u);
  clock_.Advance(milliseconds(95));
  worker.join();
  EXPECT_EQ(queue_.Stats().processing, 101u);
}

TEST_F(WorkQueueTest, ShutDownDrainsWhatIsQueuedAndRefusesMore) {
  queue_.Add(kA);
  queue_.AddAfter(kB, seconds(1));
  queue_.ShutDown();
  queue_.Add(kB);
  queue_.AddAfter(kB, seconds(1));
  EXPECT_EQ(queue_.Get({}), kA);
  queue_.Done(kA);
  EXPECT_EQ(queue_.Get({}), std::nullopt);
}

TEST_F(WorkQueueTest, AKeyAddedAgainBeforeShutDownIsStillHandedOut) {
  queue_.Add(kA);
  ASSERT_EQ(queue_.Get({}), kA);
  queue_.Add(kA);
  queue_.ShutDown();
  std::optional<ObjectKey> got;
  std::jthread worker([&](const std::stop_token& stop) { got = queue_.Get(stop); });
  clock_.AwaitWaiters(1);
  queue_.Done(kA);
  worker.join();
  EXPECT_EQ(got, kA);
}

TEST_F(WorkQueueTest, DrainWaitsForEveryDone) {
  queue_.Add(kA);
  ASSERT_EQ(queue_.Get({}), kA);
  std::atomic<bool> drained = false;
  std::jthread drainer(
      [&](const std::stop_token& stop) { drained = queue_.ShutDownAndDrain(stop); });
  clock_.AwaitWaiters(1);
  EXPECT_FALSE(drained);
  queue_.Done(kA);
  drainer.join();
  EXPECT_TRUE(drained);
}

TEST_F(WorkQueueTest, StopEndsGetAndDrain) {
  std::jthread getter(
      [&](const std::stop_token& stop) { EXPECT_EQ(queue_.Get(stop), std::nullopt); });
  clock_.AwaitWaiters(1);
  getter.request_stop();
  getter.join();
  queue_.Add(kA);
  ASSERT_EQ(queue_.Get({}), kA);
  std::jthread drainer(
      [&](const std::stop_token& stop) { EXPECT_FALSE(queue_.ShutDownAndDrain(stop)); });
  clock_.AwaitWaiters(1);
  drainer.request_stop();
}

TEST(WorkQueueThreadsTest, NoKeyIsHeldTwiceAndNoChangeIsLost) {
  SystemClock clock;
  WorkQueue queue(clock);
  constexpr int kKeys = 5;
  constexpr int kAdds = 4000;
  std::atomic<int> wanted[kKeys] = {};  // the change that has been asked for
  std::atomic<int> seen[kKeys] = {};    // … and that a worker has seen
  std::atomic<int> holders[kKeys] = {};
  std::vector<std::jthread> workers;
  for (int w = 0; w < 4; ++w) {
    workers.emplace_back([&](const std::stop_token& stop) {
      while (const auto key = queue.Get(stop)) {
        const auto i = static_cast<std::size_t>(key->name[0] - '0');
        EXPECT_EQ(++holders[i], 1);
        seen[i] = wanted[i].load();
        --holders[i];
        queue.Done(*key);
      }
    });
  }
  for (int n = 0; n < kAdds; ++n) {
    const int i = n % kKeys;
    ++wanted[i];
    queue.Add({"", std::to_string(i)});
  }
  queue.ShutDownAndDrain({});
  workers.clear();
  for (int i = 0; i < kKeys; ++i) EXPECT_EQ(seen[i], wanted[i]) << i;
}

}  // namespace
}  // namespace countersign
