#include "catalog/revisions.h"

#include <thread>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "evidence/dsse.h"
#include "governance/serving/child_name.h"
#include "tests/unit/support/fake_api.h"
#include "tests/unit/support/shifted_clock.h"

namespace countersign {
namespace {

constexpr char kSpec[] = R"({"model":{"name":"m"},"serving":{"replicas":2}})";

Revision Approved(const std::string& name, std::int64_t number) {
  Revision revision;
  revision.installation = "lab";
  revision.deployment = {"lending-prod", name};
  revision.uid = "uid-" + name;
  revision.number = number;
  revision.spec = kSpec;
  revision.governed_digest = GovernedDigest(ParseJson(kSpec).value()).value();
  revision.author.authenticity = Authenticity::kAttested;
  revision.author.user = "dan@bank.example";
  return revision;
}

// As the operator writes it.
Json Recorded(const Revision& revision, const InstallationKey& key) {
  const std::string envelope =
      SignEnvelope(key, kRevisionPayloadType, RevisionPayload(revision)).value();
  return {{"metadata",
           {{"name", RevisionName(revision.deployment.name, revision.number)},
            {"namespace", revision.deployment.ns},
            {"labels", {{kManagedByLabel, kOperatorName}}},
            {"ownerReferences",
             {{{"name", revision.deployment.name}, {"uid", revision.uid}, {"controller", true}}}}}},
          {"revision", revision.number},
          {"data", ParseJson(envelope).value()}};
}

class RevisionsTest : public testing::Test {
 protected:
  void Put(Json object) { api_->Put(kControllerRevisions, std::move(object)); }
  void Start() {
    revisions_.Start();
    ASSERT_TRUE(revisions_.WaitForSync({}, clock_.Steady() + std::chrono::seconds(20)));
  }
  [[nodiscard]] std::vector<std::int64_t> Of(const std::string& name,
                                             const std::string& digest) const {
    ObjectMeta meta;
    meta.name = name;
    meta.name_space = "lending-prod";
    meta.uid = "uid-" + name;
    std::vector<std::int64_t> numbers;
    for (const auto& revision : revisions_.Of(meta, digest)) numbers.push_back(revision->number);
    return numbers;
  }

  const InstallationKey key_ = InstallationKey::Generate().value();
  const std::string digest_ = Approved("live", 1).governed_digest;
  ShiftedClock clock_;
  std::shared_ptr<FakeApi> api_ = std::make_shared<FakeApi>();
  KubeClient client_{api_, clock_, [] {
                       ClientOptions options;
                       options.qps = 0;
                       return options;
                     }()};
  Revisions revisions_{client_, clock_, {"lab", key_.Public()}};
};

using Numbers = std::vector<std::int64_t>;

TEST_F(RevisionsTest, AreFoundByWhatWasApprovedAndForWhom) {
  Put(Recorded(Approved("live", 1), key_));
  Put(Recorded(Approved("live", 3), key_));
  Put(Recorded(Approved("twin", 1), key_));
  Start();
  EXPECT_EQ(Of("live", digest_), (Numbers{1, 3}));
  EXPECT_EQ(Of("twin", digest_), (Numbers{1}));
  EXPECT_EQ(Of("live", "sha256:0"), Numbers());
  EXPECT_EQ(Of("other", digest_), Numbers());
  EXPECT_EQ(revisions_.Status().objects, 3U);
  EXPECT_TRUE(revisions_.Status().synced);
  api_->Remove(kControllerRevisions, {"lending-prod", "live-1"});
  for (int i = 0; i < 4000 && revisions_.Status().objects == 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(Of("live", digest_), (Numbers{3}));
}

TEST_F(RevisionsTest, ThatNobodyOfOursSignedSayNothing) {
  Put(Recorded(Approved("live", 1), InstallationKey::Generate().value()));
  Json moved = Recorded(Approved("live", 2), key_);
  SetPath(moved, "metadata/name", "live-9");
  Put(std::move(moved));
  Start();
  EXPECT_EQ(Of("live", digest_), Numbers());
  EXPECT_EQ(revisions_.Status().objects, 2U);
  EXPECT_EQ(revisions_.Status().undecodable, 0U) << "they block nothing";
}

TEST_F(RevisionsTest, OfAnApiServerThatIsSilentMayBeMore) {
  Put(Recorded(Approved("live", 1), key_));
  Start();
  EXPECT_EQ(revisions_.Stale(), "");
  // A watch that only now begins is news.
  std::string stale;
  for (int i = 0; i < 4000 && stale.empty(); ++i) {
    clock_.Shift(kStaleAfter);
    stale = revisions_.Stale();
  }
  EXPECT_NE(stale.find("not been heard about ControllerRevision objects for "), std::string::npos);
}

// StatefulSets and DaemonSets have theirs, and may have many.
TEST_F(RevisionsTest, OfOthersAreNotEvenRead) {
  Json theirs = Recorded(Approved("live", 1), key_);
  theirs["metadata"].erase("labels");
  Put(std::move(theirs));
  Start();
  EXPECT_EQ(revisions_.Status().objects, 0U);
}

}  // namespace
}  // namespace countersign
