#include "operator/record_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/operator/record_evidence.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(ModelRecords, ForgetApprovalsBeforeRejectionsAndAreFullOfThese) {
  SeenOfModel seen = Seen();
  for (int i = 0; i < kMaxRecordedDecisions; ++i) {
    seen.sign_offs.push_back(
        Vote("no" + std::to_string(i), "Reject", By("v" + std::to_string(i), 600 - i)));
  }
  seen.sign_offs.push_back(Vote("yes", "Approve", By("ana", 700)));
  ModelRecordSpec record = Next({}, seen);
  EXPECT_THAT(record.decisions, SizeIs(kMaxRecordedDecisions));
  ASSERT_THAT(record.bounds, SizeIs(1));
  EXPECT_EQ(record.bounds[0].decisions_forgotten_until, kNow - std::chrono::minutes(700));
  EXPECT_FALSE(record.bounds[0].full);
  seen.sign_offs.push_back(Vote("one-more", "Reject", By("zoe", 1)));
  record = Stored(Next(record, seen));
  EXPECT_THAT(FullOf(record), ElementsAre("lending"));
}

// One robot carries what several people sign.
TEST(ModelRecords, ARejectionIsTakenBackByNobodyElseWhoseApprovalTheSameRobotBrings) {
  SeenOfModel seen = Seen();
  seen.sign_offs.push_back(Vote("no", "Reject", SignedBy("SHA256:vera", 900)));
  seen.sign_offs.push_back(Vote("yes", "Approve", SignedBy("SHA256:victor", 800)));
  for (int i = 0; i < kMaxRecordedDecisions; ++i) {
    seen.sign_offs.push_back(
        Vote("yes" + std::to_string(i), "Approve", By("v" + std::to_string(i), 600 - i)));
  }
  const ModelRecordSpec record = Next({}, seen);
  EXPECT_THAT(record.decisions, SizeIs(kMaxRecordedDecisions));
  EXPECT_EQ(record.decisions[0].name, "no");
  EXPECT_THAT(FullOf(record), IsEmpty());
}

TEST(ModelRecords, AreFullOfTooManySeriesAndStaySo) {
  SeenOfModel seen = Seen();
  for (int i = 0; i <= kMaxRecordedResults; ++i) {
    seen.bias_tests.push_back(Tested("t" + std::to_string(i), i, By("u" + std::to_string(i), 5)));
  }
  const ModelRecordSpec record = Stored(Next({}, seen));
  EXPECT_THAT(FullOf(record), ElementsAre("lending"));
  EXPECT_THAT(FullOf(Next(record, Seen())), ElementsAre("lending"));
}

TEST(ModelRecords, NobodyElsewhereFillsThem) {
  SeenOfModel seen = Seen();
  seen.bias_tests.push_back(Tested("ours", 0, By("dan", 5)));
  seen.sign_offs.push_back(Vote("no", "Reject", By("vera", 9)));
  seen.sign_offs.push_back(Vote("yes", "Approve", By("ana", 900)));
  seen.incidents.push_back(Raised("ours", "lending", "It drifts."));
  for (int i = 0; i < 300; ++i) {
    const std::string name = "x" + std::to_string(i);
    seen.bias_tests.push_back(Elsewhere(Tested(name, i, By("u" + std::to_string(i), 6))));
    seen.sign_offs.push_back(Elsewhere(Vote(name, "Reject", By("u" + std::to_string(i), 600 - i))));
    seen.incidents.push_back(Raised(name, "elsewhere", "Noise."));
  }
  const ModelRecordSpec record = Stored(Next({}, seen));
  EXPECT_FALSE(record.full);
  EXPECT_THAT(FullOf(record), ElementsAre("elsewhere"));
  const auto ours = [](const auto& list) {
    return std::count_if(list.begin(), list.end(),
                         [](const auto& one) { return one.name_space == "lending"; });
  };
  EXPECT_EQ(ours(record.results), 1);
  EXPECT_EQ(ours(record.decisions), 2);
  EXPECT_EQ(ours(record.incidents), 1);
  EXPECT_THAT(record.bounds, SizeIs(1)) << "nothing of ours was let go";
}

// Text that JSON makes longer, twice over: the list must shrink, or the write would never end.
TEST(ModelRecords, StayBelowWhatTheServerStoresWhateverIncidentsSay) {
  for (const std::string letter : {"\"", "\x01", "\u6f22"}) {
    std::string text;
    for (int i = 0; i < 4096; ++i) text += letter;
    SeenOfModel seen = Seen();
    for (int i = 0; i < kMaxRecordedIncidents; ++i) {
      seen.incidents.push_back(Raised("i" + std::to_string(i), "elsewhere", text));
    }
    for (int i = 0; i < kMaxRecordedDecisions; ++i) {
      Provenance by = By("v" + std::to_string(i), 600 - i);
      by.groups.assign(30, std::string(256, 'g'));
      seen.sign_offs.push_back(Vote("no" + std::to_string(i), "Reject", by, text));
    }
    const ModelRecordSpec record = Stored(Next({}, seen));
    EXPECT_LE(DumpJson(EncodeSpec(record)).size(), kMaxRecordBytes);
    EXPECT_THAT(FullOf(record), ElementsAre("lending"));
    EXPECT_THAT(record.incidents, SizeIs(kMaxRecordedIncidents));
  }
}

TEST(ModelRecords, StayBelowWhatTheServerStores) {
  SeenOfModel seen = Seen();
  for (int i = 0; i < 200; ++i) {
    Provenance by = By("u" + std::to_string(i), 5);
    by.groups.assign(60, std::string(200, 'g'));
    seen.bias_tests.push_back(Tested("t" + std::to_string(i), i, by));
  }
  const ModelRecordSpec record = Next({}, seen);
  EXPECT_THAT(FullOf(record), ElementsAre("lending"));
  EXPECT_LE(DumpJson(EncodeSpec(record)).size(), kMaxRecordBytes);
}

TEST(ModelRecords, CertificatesThatNobodyCouldReadAgainFillTheirNamespace) {
  SeenOfModel seen = Seen();
  seen.bias_tests.push_back(Elsewhere(Tested("theirs", 0, By("mallory", 5))));
  ModelRecordSpec record = Next({}, seen);
  record.results[0].by.certificates.assign(65'537, 'x');
  record = Next(record, seen);
  EXPECT_THAT(FullOf(record), ElementsAre("elsewhere"));
  EXPECT_EQ(record.results[0].by.certificates, "");
}

// Many namespaces that serve it not, each with fewer sign-offs than the one that does.
TEST(ModelRecords, LoseNothingOfWhoServesTheModelToWhoDoesNot) {
  SeenOfModel seen = Seen();
  std::vector<AttestedSignOff> votes;
  for (int i = 0; i < 10; ++i) {
    votes.push_back(
        Vote("own-" + std::to_string(i), "Approve", By("vera" + std::to_string(i), 90)));
  }
  seen.sign_offs = votes;
  ModelRecordSpec record = Next({}, seen);
  record.serving.push_back({"lending-prod/scorer", "lending", "credit", "prod", "1.0.0", "dan",
                            kNow - std::chrono::hours(1), std::nullopt});
  for (int ns = 0; ns < 28; ++ns) {
    for (int i = 0; i < 9; ++i) {
      const std::string name = "theirs-" + std::to_string(ns) + "-" + std::to_string(i);
      const AttestedSignOff vote = Vote(name, "Approve", By("mallory", 5), name);
      auto moved = std::make_shared<Object<SignOffSpec>>(*vote.object);
      moved->meta.name_space = "elsewhere-" + std::to_string(ns);
      votes.push_back({std::move(moved), vote.by});
    }
  }
  seen.sign_offs = votes;
  const auto kept = [](const ModelRecordSpec& one) {
    return std::count_if(one.decisions.begin(), one.decisions.end(),
                         [](const auto& decision) { return decision.name_space == "lending"; });
  };
  const ModelRecordSpec after = Stored(Next(record, seen));
  EXPECT_THAT(after.decisions, SizeIs(kMaxRecordedDecisions));
  EXPECT_EQ(kept(after), 10);
  EXPECT_EQ(after.BoundsOf("lending"), nullptr);
  // Nor where it served before and is suspended.
  record.serving.back().until = kNow;
  EXPECT_EQ(kept(Next(record, seen)), 10);
  // Who serves it keeps no more than half.
  for (int i = 0; i < 300; ++i) {
    const std::string name = "more-" + std::to_string(i);
    votes.push_back(Vote(name, "Approve", By("vera", 80), name));
  }
  seen.sign_offs = votes;
  EXPECT_EQ(kept(Next(record, seen)), 128);
}

TEST(ModelRecords, LetGoOfWhereItServedBeforeFirst) {
  ModelRecordSpec record;
  const auto limit = static_cast<std::size_t>(kMaxRecordedServing);
  for (std::size_t i = 0; i < limit + 6; ++i) {
    // The first two serve now; of the rest the eldest comes first.
    record.serving.push_back({"prod/" + std::to_string(i), "lending", "credit", "prod", "1.0.0",
                              "dan", kNow, i < 2 ? std::nullopt : std::optional(kNow)});
  }
  std::vector<std::string> left;
  for (const RecordedServing& one : Next(record, Seen()).serving) left.push_back(one.deployment);
  ASSERT_THAT(left, SizeIs(limit));
  EXPECT_EQ(left.front(), "prod/8");
  EXPECT_EQ(left[limit - 2], "prod/0");
  EXPECT_EQ(left[limit - 1], "prod/1");
}

}  // namespace
}  // namespace countersign
