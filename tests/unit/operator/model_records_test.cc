#include "operator/model_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/record_evidence.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Two deployments of one model, of which one is waived: whichever was judged last, the record says
// the same, or the two would have it written for ever.
TEST(ModelRecords, OfVerdictsThatDifferWhatSpeaksAgainstItStands) {
  const Verdicts passed = {{"d", {{"bank", "bias", "Passed", "BiasWithinBounds"}}}};
  const Verdicts failed = {{"d", {{"bank", "bias", "Failed", "BiasOutOfBounds"}}},
                           {"e", {{"bank", "load", "Passed", "EvidenceSufficient"}}}};
  Verdicts one;
  Merge(passed, one);
  Merge(failed, one);
  Verdicts other;
  Merge(failed, other);
  Merge(passed, other);
  EXPECT_EQ(one, other);
  ASSERT_THAT(one["d"], SizeIs(1));
  EXPECT_EQ(one["d"][0].reason, "BiasOutOfBounds");
  EXPECT_THAT(one["e"], SizeIs(1));
}

TEST(ModelRecords, AreReadBackAsTheyWereWrittenAndThenStayAsTheyAre) {
  SeenOfModel seen = Seen();
  seen.bias_tests = Listed(Tested("a", 1, By("dan", 9)), Tested("b", 2, By("dan", 5)));
  seen.sign_offs =
      Listed(Vote("no", "Reject", By("vera", 4)), Vote("yes", "Approve", By("victor", 3)));
  seen.incidents = {Made<IncidentSpec>(InNamespace(FromYaml(R"(
apiVersion: countersign.dev/v1alpha1
kind: Incident
spec: {useCase: credit, severity: High, category: SeriousIncident, awareAt: "2026-11-01T12:00:00Z", summary: Wrong., quarantine: {scope: UseCase}}
)"),
                                                   "lending", "wrong"))};
  const ModelRecordSpec record = Stored(Next({}, seen));
  ASSERT_THAT(record.decisions, SizeIs(2));
  ASSERT_NE(record.decisions[0].sign_off, nullptr);
  EXPECT_EQ(record.decisions[0].sign_off->spec.rationale, "Looked at it.");
  EXPECT_EQ(record.decisions[0].sign_off->spec_digest, seen.sign_offs[0].object->spec_digest);
  EXPECT_EQ(record.decisions[1].sign_off, nullptr) << "an approval is not kept in full";
  ASSERT_NE(record.incidents.at(0).incident, nullptr);
  EXPECT_EQ(EncodeSpec(Next(record, seen)), EncodeSpec(record));
}

TEST(ModelRecords, NothingIsWrittenOfEvidenceThatNobodyIsKnownToHaveMade) {
  SeenOfModel seen = Seen();
  seen.bias_tests = Listed(Tested("unstamped", 1, {}));
  Provenance forged = By("dan", 1);
  forged.authenticity = Authenticity::kForged;
  seen.sign_offs = Listed(Vote("forged", "Approve", forged));
  const ModelRecordSpec record = Next({}, seen);
  EXPECT_THAT(record.results, IsEmpty());
  EXPECT_THAT(record.decisions, IsEmpty());
}

TEST(ModelRecords, WhatIsGoneIsWithdrawnOnceTheServerSaysSo) {
  SeenOfModel seen = Seen();
  seen.bias_tests = Listed(Tested("a", 1, By("dan", 9)));
  seen.sign_offs = Listed(Vote("yes", "Approve", By("vera", 4)));
  const ModelRecordSpec record = Next({}, seen);
  EXPECT_THAT(MissedBy(record, seen), IsEmpty());
  const std::vector<RecordedObject> missed = MissedBy(record, Seen());
  EXPECT_THAT(NamesOf(missed), ElementsAre("BiasTest/a", "SignOff/yes"));
  EXPECT_EQ(Next(record, Seen()).results[0].withdrawn.text, "") << "a cache may be behind";
  const ModelRecordSpec after = NextRecord(record, Seen(), missed, {}, kNow);
  EXPECT_EQ(after.results[0].withdrawn.time, kNow);
  EXPECT_EQ(after.decisions[0].withdrawn.time, kNow);
  EXPECT_THAT(MissedBy(after, Seen()), IsEmpty()) << "it is not asked for again";
}

TEST(ModelRecords, UnderAnotherNameItIsStillThere) {
  SeenOfModel seen = Seen();
  seen.bias_tests = Listed(Tested("a", 1, By("dan", 9)));
  SeenOfModel renamed = Seen();
  renamed.bias_tests = Listed(Tested("b", 1, By("dan", 2)));
  const ModelRecordSpec record = Next({}, seen);
  EXPECT_THAT(MissedBy(record, renamed), IsEmpty());
  EXPECT_EQ(Next(record, renamed).results[0].attempts, 1) << "the same result is no attempt";
}

TEST(ModelRecords, WhatIsAppliedAgainStaysWithdrawnAndOld) {
  SeenOfModel seen = Seen();
  seen.bias_tests = Listed(Tested("a", 1, By("dan", 9)));
  const ModelRecordSpec record = Next({}, seen);
  const ModelRecordSpec gone = NextRecord(record, Seen(), MissedBy(record, Seen()), {}, kNow);
  seen.bias_tests = Listed(Tested("a", 1, By("dan", 0)));
  const ModelRecordSpec again = Next(gone, seen);
  EXPECT_NE(again.results[0].withdrawn.text, "");
  EXPECT_EQ(again.results[0].by.first_seen.time, kNow - std::chrono::minutes(9));
  seen.bias_tests.push_back(Tested("later", 2, By("dan", 0)));
  const ModelRecordSpec later = Next(gone, seen);
  EXPECT_EQ(later.results[0].name, "later");
  EXPECT_EQ(later.results[0].withdrawn.text, "");
}

TEST(ModelRecords, SayWhatMeasuresMadeOfAResult) {
  SeenOfModel seen = Seen();
  seen.bias_tests = Listed(Tested("a", 1, By("dan", 9)));
  Decision decision;
  Gate gate;
  gate.policy = "bank";
  gate.measure = "bias";
  gate.state = GateState::kFailed;
  gate.reason = "BiasOutOfBounds";
  gate.evidence = {{"BiasTest", "lending", "a", seen.bias_tests[0].object->spec_digest}};
  decision.gates = {gate};
  Verdicts verdicts;
  NoteVerdicts(decision, verdicts);
  const ModelRecordSpec record = NextRecord({}, seen, {}, verdicts, kNow);
  ASSERT_THAT(record.results[0].verdicts, SizeIs(1));
  EXPECT_EQ(record.results[0].verdicts[0].state, "Failed");
  EXPECT_EQ(record.results[0].verdicts[0].reason, "BiasOutOfBounds");
}

TEST(ModelRecords, SayWhereAndSinceWhenItServed) {
  ModelRecordSpec record;
  const RecordedServing prod{
      "lending-prod/scorer", "lending", "credit", "prod", "1.0.0", "dan", Time{}, std::nullopt};
  EXPECT_TRUE(NoteServing(record, prod, true, kNow));
  EXPECT_FALSE(NoteServing(record, prod, true, kNow + std::chrono::hours(1)));
  EXPECT_EQ(record.serving.at(0).since, kNow);
  RecordedServing next = prod;
  next.version = "1.1.0";
  EXPECT_TRUE(NoteServing(record, next, true, kNow + std::chrono::hours(1)));
  EXPECT_EQ(record.serving.at(0).until, kNow + std::chrono::hours(1));
  EXPECT_TRUE(NoteServing(record, next, false, kNow + std::chrono::hours(2)));
  EXPECT_FALSE(NoteServing(record, next, false, kNow + std::chrono::hours(3)));
  EXPECT_EQ(record.serving.at(1).until, kNow + std::chrono::hours(2));
}

}  // namespace
}  // namespace countersign
