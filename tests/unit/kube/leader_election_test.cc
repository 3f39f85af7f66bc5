#include "kube/leader_election.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <thread>

#include "tests/unit/support/fake_api.h"
#include "tests/unit/support/fake_clock.h"

namespace countersign {
namespace {

using std::chrono::seconds;

const ObjectKey kLease{"system", "operator"};

std::optional<Result<HttpResponse>> Down(const HttpRequest& /*request*/) {
  return Fail(Code::kUnavailable, "down");
}

class LeaseLockTest : public testing::Test {
 protected:
  LeaseLock Lock(const std::string& identity) {
    return {client_, clock_, kLease, identity, seconds(15)};
  }
  Json Stored() { return api_->Find(kLeases, kLease).value_or(Json()); }
  std::string HolderOf() { return StringAt(Stored(), "spec/holderIdentity"); }

  FakeClock clock_;
  std::shared_ptr<FakeApi> api_ = std::make_shared<FakeApi>();
  KubeClient client_{api_, clock_, {.qps = 0}};
  LeaseLock a_ = Lock("a");
  LeaseLock b_ = Lock("b");
};

TEST_F(LeaseLockTest, TheFirstCreatesItAndTheSecondIsRefused) {
  EXPECT_EQ(a_.TryAcquireOrRenew({}), true);
  EXPECT_EQ(a_.held_until(), clock_.Steady() + seconds(15));
  EXPECT_EQ(b_.TryAcquireOrRenew({}), false);
  EXPECT_EQ(b_.holder(), "a");
  const Json lease = Stored();
  EXPECT_EQ(IntAt(lease, "spec/leaseDurationSeconds"), 15);
  EXPECT_EQ(IntAt(lease, "spec/leaseTransitions", -1), 0);
  EXPECT_EQ(StringAt(lease, "spec/acquireTime"), FormatMicroTime(clock_.Now()));
}

TEST_F(LeaseLockTest, RenewalSparesTheReadAndKeepsWhenItWasAcquired) {
  ASSERT_EQ(a_.TryAcquireOrRenew({}), true);
  const std::string acquired = StringAt(Stored(), "spec/acquireTime");
  clock_.Advance(seconds(2));
  ASSERT_EQ(a_.TryAcquireOrRenew({}), true);
  EXPECT_EQ(StringAt(Stored(), "spec/acquireTime"), acquired);
  EXPECT_EQ(StringAt(Stored(), "spec/renewTime"), FormatMicroTime(clock_.Now()));
  EXPECT_EQ(api_->CountRequests("GET"), 1u);
}

TEST_F(LeaseLockTest, AnotherTakesItWhenItHasNotChangedForItsDurationByItsOwnClock) {
  ASSERT_EQ(a_.TryAcquireOrRenew({}), true);
  ASSERT_EQ(b_.TryAcquireOrRenew({}), false);
  clock_.Advance(seconds(14));
  ASSERT_EQ(a_.TryAcquireOrRenew({}), true);  // renewed: the count begins anew
  EXPECT_EQ(b_.TryAcquireOrRenew({}), false);
  clock_.Advance(seconds(14));
  EXPECT_EQ(b_.TryAcquireOrRenew({}), false);
  clock_.Advance(seconds(1));
  EXPECT_EQ(b_.TryAcquireOrRenew({}), true);
  EXPECT_EQ(IntAt(Stored(), "spec/leaseTransitions"), 1);
  EXPECT_EQ(HolderOf(), "b");
  // Who was paused meanwhile learns it.
  EXPECT_EQ(a_.TryAcquireOrRenew({}), false);
  EXPECT_EQ(a_.held_until(), SteadyTime());
}

TEST_F(LeaseLockTest, WallClocksOfOthersAreNotBelieved) {
  ASSERT_EQ(a_.TryAcquireOrRenew({}), true);
  Json lease = Stored();
  SetPath(lease, "spec/renewTime", "1999-01-01T00:00:00.000000Z");
  api_->Put(kLeases, lease);
  EXPECT_EQ(b_.TryAcquireOrRenew({}), false);
  clock_.JumpWallClock(std::chrono::hours(1000));
  EXPECT_EQ(b_.TryAcquireOrRenew({}), false);
}

TEST_F(LeaseLockTest, TheDurationInTheLeaseCounts) {
  LeaseLock patient(client_, clock_, kLease, "patient", seconds(60));
  ASSERT_EQ(patient.TryAcquireOrRenew({}), true);
  ASSERT_EQ(b_.TryAcquireOrRenew({}), false);
  clock_.Advance(seconds(59));
  EXPECT_EQ(b_.TryAcquireOrRenew({}), false);
  clock_.Advance(seconds(1));
  EXPECT_EQ(b_.TryAcquireOrRenew({}), true);
}

TEST_F(LeaseLockTest, OfTwoWhoTakeItAtOnceOneWins) {
  ASSERT_EQ(a_.TryAcquireOrRenew({}), true);
  ASSERT_EQ(b_.TryAcquireOrRenew({}), false);
  clock_.Advance(seconds(15));
  // Another candidate writes between b's read and b's write.
  api_->Intercept([this](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
    if (request.method == "PUT") {
      Json lease = Stored();
      SetPath(lease, "spec/holderIdentity", "c");
      api_->Put(kLeases, lease);
    }
    return std::nullopt;
  });
  EXPECT_EQ(b_.TryAcquireOrRenew({}), false);
  EXPECT_EQ(b_.held_until(), SteadyTime());
  EXPECT_EQ(HolderOf(), "c");
}

TEST_F(LeaseLockTest, FieldsOfOthersAreKept) {
  ASSERT_EQ(a_.TryAcquireOrRenew({}), true);
  Json lease = Stored();
  SetPath(lease, "spec/preferredHolder", "b");
  SetPath(lease, "spec/strategy", "OldestEmulationVersion");
  SetPath(lease, "metadata/labels/team", "x");
  api_->Put(kLeases, lease);
  ASSERT_EQ(a_.TryAcquireOrRenew({}), true);
  EXPECT_EQ(StringAt(Stored(), "spec/preferredHolder"), "b");
  EXPECT_EQ(StringAt(Stored(), "spec/strategy"), "OldestEmulationVersion");
  EXPECT_EQ(StringAt(Stored(), "metadata/labels/team"), "x");
}

TEST_F(LeaseLockTest, ReleasedItIsFreeAtOnceAndHasNoHolder) {
  ASSERT_EQ(a_.TryAcquireOrRenew({}), true);
  ASSERT_TRUE(a_.Release({}));
  EXPECT_EQ(FindPath(Stored(), "spec/holderIdentity"), nullptr);
  EXPECT_EQ(a_.held_until(), SteadyTime());
  EXPECT_EQ(b_.TryAcquireOrRenew({}), true);
  const auto requests = api_->Requests().size();
  EXPECT_TRUE(a_.Release({}));  // not ours any more
  EXPECT_EQ(api_->Requests().size(), requests);
  EXPECT_EQ(HolderOf(), "b");
}

TEST_F(LeaseLockTest, WhatCannotBeToldIsAnError) {
  api_->Intercept(Down);
  EXPECT_EQ(a_.TryAcquireOrRenew({}).error().code, Code::kUnavailable);
}

class LeaderElectionTest : public LeaseLockTest {
 protected:
  LeaderElectionOptions Options(const std::string& identity) {
    return {
        .lease = kLease,
        .identity = identity,
        .on_started_leading = [this, identity] { Note(identity + " leads"); },
        .on_stopped_leading = [this, identity] { Note(identity + " stopped"); },
        .on_new_leader =
            [this, identity](const std::string& leader) { Note(identity + " sees " + leader); }};
  }
  void Note(const std::string& note) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(note);
    noted_.notify_all();
  }
  void AwaitNote(const std::string& note) {
    std::unique_lock lock(mutex_);
    noted_.wait(lock,
                [&] { return std::find(notes_.begin(), notes_.end(), note) != notes_.end(); });
  }
  // Lets time pass until whatever runs has reached its end.
  std::jthread DriveTime() {
    return std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) clock_.Advance(std::chrono::milliseconds(100));
    });
  }

  std::mutex mutex_;
  std::condition_variable noted_;
  std::vector<std::string> notes_;
};

TEST_F(LeaderElectionTest, LeadsUntilStoppedThenLetsTheNextOneIn) {
  LeaderElector a(client_, clock_, Options("a"));
  LeaderElector b(client_, clock_, Options("b"));
  EXPECT_FALSE(a.IsLeader());
  LeadershipEnd end = LeadershipEnd::kLost;
  std::jthread run_a([&](const std::stop_token& stop) { end = a.Run(stop); });
  AwaitNote("a leads");
  EXPECT_TRUE(a.IsLeader());
  std::jthread run_b([&](const std::stop_token& stop) { b.Run(stop); });
  AwaitNote("b sees a");
  EXPECT_FALSE(b.IsLeader());
  run_a.request_stop();
  run_a.join();
  EXPECT_EQ(end, LeadershipEnd::kStopped);
  EXPECT_FALSE(a.IsLeader());
  const auto driver = DriveTime();
  AwaitNote("b leads");
  // The lease was given back before b took it, and only after a's work had ended.
  const std::lock_guard lock(mutex_);
  EXPECT_LT(std::find(notes_.begin(), notes_.end(), "a stopped"),
            std::find(notes_.begin(), notes_.end(), "b leads"));
}

TEST_F(LeaderElectionTest, WithoutRenewalLeadershipIsLostBeforeTheLeaseEnds) {
  LeaderElector a(client_, clock_, Options("a"));
  LeadershipEnd end = LeadershipEnd::kStopped;
  std::jthread run([&](const std::stop_token& stop) { end = a.Run(stop); });
  AwaitNote("a leads");
  const SteadyTime started = clock_.Steady();
  api_->Intercept(Down);
  while (clock_.Steady() - started < seconds(10)) {
    clock_.AwaitWaiters(1);
    clock_.Advance(clock_.NextDeadline() - clock_.Steady());
  }
  run.join();
  EXPECT_EQ(end, LeadershipEnd::kLost);
  EXPECT_FALSE(a.IsLeader());
  EXPECT_LT(clock_.Steady() - started, seconds(15));
  AwaitNote("a stopped");
}

TEST_F(LeaderElectionTest, WhoMayNotLeadAnyMoreLetsTheLeaseRunOut) {
  LeaderElectionOptions options = Options("a");
  options.may_lead = [] { return false; };
  LeaderElector a(client_, clock_, options);
  LeaderElector b(client_, clock_, Options("b"));
  const auto driver = DriveTime();
  EXPECT_EQ(a.Run({}), LeadershipEnd::kLost);
  const SteadyTime ended = clock_.Steady();
  EXPECT_FALSE(a.IsLeader());
  EXPECT_EQ(HolderOf(), "a") << "nobody may act before the process has ended";
  std::jthread run_b([&](const std::stop_token& stop) { b.Run(stop); });
  AwaitNote("b leads");
  EXPECT_GE(clock_.Steady() - ended, seconds(13));
}

TEST_F(LeaderElectionTest, AStolenLeaseIsNoticed) {
  LeaderElector a(client_, clock_, Options("a"));
  LeadershipEnd end = LeadershipEnd::kStopped;
  std::jthread run([&](const std::stop_token& stop) { end = a.Run(stop); });
  AwaitNote("a leads");
  Json lease = Stored();
  SetPath(lease, "spec/holderIdentity", "thief");
  api_->Put(kLeases, lease);
  clock_.AwaitWaiters(1);
  clock_.Advance(seconds(2));
  run.join();
  EXPECT_EQ(end, LeadershipEnd::kLost);
  EXPECT_EQ(HolderOf(), "thief");
}

TEST_F(LeaderElectionTest, APausedLeaderDoesNotTakeItselfForOne) {
  LeaderElector a(client_, clock_, Options("a"));
  std::mutex hang;
  std::jthread run([&](const std::stop_token& stop) { a.Run(stop); });
  AwaitNote("a leads");
  // The renewing thread hangs in its call.
  std::unique_lock hanging(hang);
  api_->Intercept([&](const HttpRequest&) -> std::optional<Result<HttpResponse>> {
    const std::lock_guard lock(hang);
    return std::nullopt;
  });
  clock_.AwaitWaiters(1);
  clock_.Advance(seconds(16));
  EXPECT_FALSE(a.IsLeader());
  hanging.unlock();
}

TEST_F(LeaderElectionTest, StopEndsTheWaitForTheLease) {
  ASSERT_EQ(b_.TryAcquireOrRenew({}), true);
  LeaderElector a(client_, clock_, Options("a"));
  std::jthread run(
      [&](const std::stop_token& stop) { EXPECT_EQ(a.Run(stop), LeadershipEnd::kStopped); });
  clock_.AwaitWaiters(1);
  run.request_stop();
  run.join();
  EXPECT_EQ(notes_, std::vector<std::string>{"a sees b"});
  EXPECT_EQ(HolderOf(), "b");
}

TEST_F(LeaderElectionTest, ContradictoryOptionsAreRefused) {
  const auto validate = [&](const std::function<void(LeaderElectionOptions&)>& change) {
    auto options = Options("a");
    change(options);
    const Status status = LeaderElector(client_, clock_, options).Validate();
    return status ? "" : status.error().ToString();
  };
  EXPECT_EQ(validate([](auto&) {}), "");
  EXPECT_EQ(validate([](auto& o) { o.identity = ""; }), "identity: must not be empty");
  EXPECT_EQ(validate([](auto& o) { o.lease.name = ""; }),
            "lease: must have a namespace and a name");
  EXPECT_EQ(validate([](auto& o) { o.renew_deadline = seconds(15); }),
            "lease duration: must be greater than the renew deadline");
  EXPECT_EQ(validate([](auto& o) { o.retry_period = seconds(9); }),
            "renew deadline: must be greater than 1.2 times the retry period");
}

}  // namespace
}  // namespace countersign
