#include "catalog/live_reader.h"

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "tests/unit/catalog/fixture.h"
#include "tests/unit/support/fake_clock.h"

namespace countersign {
namespace {

using namespace std::chrono_literals;

// The catalog is filled at the start and then lags; the reader runs on a clock of its own.
class LiveReaderTest : public CatalogTest {
 protected:
  void SetUp() override {
    catalog_.OnChange([this](const CatalogChange& change) {
      if (change.kind != "SignOff") return;
      {
        const std::lock_guard lock(mutex_);
        threads_.insert(std::this_thread::get_id());
      }
      const std::lock_guard wait(hold_);
    });
    server_->Put(kUseCases, UseCaseJson("scoring"));
    StartCatalog();
    server_->HoldEvents();
  }
  void TearDown() override { catalog_.Stop(); }
  bool Refresh(const std::string& use_case = "scoring") {
    return reader_.Refresh({"lending", use_case}, time_.Steady() + 10s);
  }

  std::set<std::thread::id> threads_;  // that brought sign-offs
  std::mutex hold_;
  FakeClock time_;
  KubeClient live_client_{server_, time_, Unlimited()};
  LiveReader reader_{live_client_, time_, catalog_};
};

TEST_F(LiveReaderTest, BringsWhatTheCachesLackAboutTheUseCase) {
  server_->Put(kUseCases, UseCaseJson("chat"));
  server_->Put(kGovernancePolicies, PolicyJson("bank"));
  server_->Put(kSignOffs, SignOffJson("s", "chat"));
  server_->Put(kSignOffs, SignOffJson("other", "scoring"));
  server_->Put(kReproducibilitySnapshots, SnapshotJson("r", "chat"));
  server_->Put(kBiasTests, BiasTestJson("b", "chat"));
  EXPECT_EQ(GatherFor("chat").use_case, nullptr);
  EXPECT_TRUE(Refresh("chat"));
  const Facts facts = GatherFor("chat");
  EXPECT_NE(facts.use_case, nullptr);
  EXPECT_EQ(facts.sign_offs.size(), 1U);
  EXPECT_EQ(facts.snapshots.size(), 1U);
  EXPECT_EQ(facts.bias_tests.size(), 1U);
  EXPECT_EQ(catalog_.Policies()->policies.size(), 1U);
  EXPECT_TRUE(GatherFor("scoring").sign_offs.empty()) << "only that use case was asked for";
}

TEST_F(LiveReaderTest, AsksForOneUseCaseOfOneNamespaceAlone) {
  ASSERT_TRUE(Refresh());
  const std::string api = "/apis/countersign.dev/v1alpha1/";
  EXPECT_EQ(server_->Targets(),
            (std::vector<std::string>{
                api + "namespaces/lending/usecases/scoring", api + "governancepolicies",
                api + "namespaces/lending/signoffs?fieldSelector=spec.subject.useCase%3Dscoring",
                api + "namespaces/lending/reproducibilitysnapshots?fieldSelector=spec.useCase%"
                      "3Dscoring",
                api + "namespaces/lending/biastests?fieldSelector=spec.useCase%3Dscoring",
                api + "namespaces/lending/evidence?fieldSelector=spec.useCase%3Dscoring",
                api + "namespaces/lending/waivers?fieldSelector=spec.useCase%3Dscoring",
                api + "namespaces/lending/incidents?fieldSelector=spec.useCase%3Dscoring"}));
}

TEST_F(LiveReaderTest, ReadsSignOffsOnPoliciesWhereThereArePublishedVersions) {
  const Json next = VersionJson("bank-2", "bank");
  server_->Put(kGovernancePolicies, VersionJson("bank", ""));
  server_->Put(kGovernancePolicies, next);
  server_->Put(kSignOffs, PolicySignOffJson("s", next));
  EXPECT_TRUE(reader_.Refresh({}, time_.Steady() + 10s));
  const std::string api = "/apis/countersign.dev/v1alpha1/";
  EXPECT_EQ(server_->Targets(),
            (std::vector<std::string>{api + "governancepolicies",
                                      api + "signoffs?fieldSelector=spec.subject.policy%21%3D"}));
  EXPECT_EQ(catalog_.Policies()->sign_offs.size(), 1U);
}

TEST_F(LiveReaderTest, TakesAnAbsentUseCaseForAnAnswer) {
  EXPECT_TRUE(Refresh("unheard-of"));
  EXPECT_EQ(GatherFor("unheard-of").use_case, nullptr);
}

TEST_F(LiveReaderTest, DoesNotRepeatAReadWithinASecondButDoesAfterwards) {
  EXPECT_TRUE(Refresh());
  server_->Put(kSignOffs, SignOffJson("s", "scoring"));
  time_.Advance(LiveReader::kFresh - 1ms);
  EXPECT_TRUE(Refresh());
  EXPECT_EQ(server_->Calls(kSignOffs), 1);
  EXPECT_TRUE(Refresh("chat")) << "another use case has its own second";
  EXPECT_EQ(server_->Calls(kSignOffs), 2);
  time_.Advance(1ms);
  EXPECT_TRUE(Refresh());
  EXPECT_EQ(server_->Calls(kSignOffs), 3);
  EXPECT_EQ(GatherFor("scoring").sign_offs.size(), 1U);
}

TEST_F(LiveReaderTest, SaysSoWhenItLearntNothing) {
  server_->OnCall([](const std::string& plural) -> Status {
    if (plural == "biastests") return Fail(Code::kDeadlineExceeded, "no answer");
    return {};
  });
  EXPECT_FALSE(Refresh());
  EXPECT_FALSE(Refresh()) << "and does not ask again at once";
  EXPECT_EQ(server_->Calls(kBiasTests), 1) << testing::PrintToString(server_->Targets());
  EXPECT_FALSE(reader_.Refresh({"lending", "chat"}, time_.Steady())) << "no time left";
  EXPECT_EQ(server_->Calls(kUseCases), 1) << "then nothing is asked";
}

TEST_F(LiveReaderTest, NeverTakesLongerThanItsOwnLimitForAllCallsTogether) {
  std::vector<std::string> asked;
  server_->OnCall([&](const std::string& plural) -> Status {
    asked.push_back(plural);
    time_.Advance(LiveReader::kTimeout / 2);
    return {};
  });
  EXPECT_FALSE(Refresh());
  EXPECT_EQ(asked, (std::vector<std::string>{"usecases", "governancepolicies"}));
}

TEST_F(LiveReaderTest, ServesAllWhoAskAtOnceWithOneRead) {
  constexpr int kCallers = 8;
  server_->Put(kSignOffs, SignOffJson("s", "scoring"));
  // The first call waits until all wait for it.
  server_->OnCall([&](const std::string& plural) -> Status {
    if (plural == "usecases") time_.AwaitWaiters(kCallers);
    return {};
  });
  std::atomic<int> served = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < kCallers; ++i) {
      callers.emplace_back([&] { served += Refresh() ? 1 : 0; });
    }
  }
  EXPECT_EQ(served, kCallers);
  EXPECT_EQ(server_->Calls(kUseCases), 1);
  EXPECT_EQ(server_->Calls(kSignOffs), 1);
}

TEST_F(LiveReaderTest, ReadsForFewUseCasesSideBySideAndTurnsTheRestAway) {
  std::mutex mutex;
  std::condition_variable cv;
  int inside = 0;
  bool open = false;
  server_->OnCall([&](const std::string& plural) -> Status {
    if (plural != "usecases") return {};
    std::unique_lock lock(mutex);
    ++inside;
    cv.notify_all();
    cv.wait(lock, [&] { return open; });
    return {};
  });
  std::vector<std::jthread> callers;
  for (int i = 0; i < LiveReader::kMaxReads; ++i) {
    callers.emplace_back([&, i] { EXPECT_TRUE(Refresh("use-case-" + std::to_string(i))); });
  }
  {
    std::unique_lock lock(mutex);
    cv.wait(lock, [&] { return inside == LiveReader::kMaxReads; });
  }
  EXPECT_FALSE(Refresh("one-more")) << "answered from the caches";
  {
    const std::lock_guard lock(mutex);
    open = true;
    cv.notify_all();
  }
  callers.clear();
  EXPECT_TRUE(Refresh("one-more"));
}

TEST_F(LiveReaderTest, StopsWaitingForAnothersReadAtItsOwnDeadline) {
  std::mutex mutex;
  std::condition_variable cv;
  bool inside = false;
  bool open = false;
  server_->OnCall([&](const std::string& plural) -> Status {
    if (plural != "usecases") return {};
    std::unique_lock lock(mutex);
    inside = true;
    cv.notify_all();
    cv.wait(lock, [&] { return open; });
    return {};
  });
  std::jthread slow([&] { EXPECT_TRUE(Refresh()); });
  {
    std::unique_lock lock(mutex);
    cv.wait(lock, [&] { return inside; });
  }
  EXPECT_FALSE(reader_.Refresh({"lending", "scoring"}, time_.Steady()));
  const std::lock_guard lock(mutex);
  open = true;
  cv.notify_all();
}

// What comes into the caches is decoded and verified by whoever hands it to them, and their
// handlers are called from there.
TEST_F(LiveReaderTest, WhoAsksDoesNotVerifyWhatIsFound) {
  server_->Put(kSignOffs, SignOffJson("s", "scoring"));
  ASSERT_TRUE(Refresh());
  AwaitChange("SignOff", "s");
  const std::lock_guard lock(mutex_);
  ASSERT_FALSE(threads_.empty());
  EXPECT_EQ(threads_.count(std::this_thread::get_id()), 0U);
}

TEST_F(LiveReaderTest, WhoAsksWaitsForTheVerificationNoLongerThanToItsDeadline) {
  server_->Put(kSignOffs, SignOffJson("s", "scoring"));
  std::unique_lock held(hold_);  // whoever brings a change waits here
  std::atomic<bool> refreshed = true;
  std::jthread caller([&] { refreshed = Refresh(); });
  AwaitChange("SignOff", "s");  // taken in, and not done
  time_.AwaitWaiters(1);
  time_.Advance(10s);
  caller.join();
  EXPECT_FALSE(refreshed) << "not verified in time is not known";
  held.unlock();
}

}  // namespace
}  // namespace countersign
