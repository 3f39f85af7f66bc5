#include "operator/recorded_decisions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "governance/records.h"
#include "tests/unit/operator/record_evidence.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(ModelRecords, AnApprovalMadeAgainReplacesTheWithdrawnOne) {
  SeenOfModel seen = Seen();
  seen.sign_offs = Listed(Vote("yes", "Approve", By("vera", 9)));
  const ModelRecordSpec record = Next({}, seen);
  const ModelRecordSpec gone =
      NextRecord(record, Seen(), MissedBy(record, Seen()), {}, kNow - std::chrono::minutes(5));
  EXPECT_NE(Next(gone, seen).decisions[0].withdrawn.text, "")
      << "anybody may have applied it again";
  seen.sign_offs = Listed(Vote("yes", "Approve", By("vera", 1)));
  const ModelRecordSpec again = Next(gone, seen);
  ASSERT_THAT(again.decisions, SizeIs(1));
  EXPECT_EQ(again.decisions[0].withdrawn.text, "");
}

// A signature that somebody spells otherwise, to have what was withdrawn count again.
TEST(ModelRecords, ASignatureSpelledOtherwiseIsTheSameEvidence) {
  const auto signed_as = [](const std::string& spelling, int minutes_ago) {
    AttestedSignOff vote = Vote("yes", "Approve", By("robot", minutes_ago));
    Json json = {{"apiVersion", "countersign.dev/v1alpha1"},
                 {"kind", "SignOff"},
                 {"metadata", {{"name", "yes"}, {"namespace", "lending"}}},
                 {"spec", EncodeSpec(vote.object->spec)}};
    json["spec"]["performedAt"] = "2026-11-01T12:00:00Z";
    json["spec"]["signature"] = {{"format", "SSHSIG"}, {"value", spelling}};
    Provenance by = vote.by;
    by.authenticity = Authenticity::kSigned;
    by.signature = std::make_shared<const SignatureProof>(SignatureProof{"SHA256:vera"});
    return AttestedSignOff{Made<SignOffSpec>(json), by};
  };
  SeenOfModel seen = Seen();
  seen.sign_offs = Listed(signed_as("one", 9));
  ModelRecordSpec record = Next({}, seen);
  ASSERT_THAT(record.decisions, SizeIs(1));
  EXPECT_EQ(record.decisions[0].digest, seen.sign_offs[0].object->KnownAs());
  record = NextRecord(record, Seen(), MissedBy(record, Seen()), {}, kNow);
  ASSERT_NE(record.decisions[0].withdrawn.text, "");

  seen.sign_offs = Listed(signed_as("one ", 1));
  const ModelRecordSpec again = Next(record, seen);
  ASSERT_THAT(again.decisions, SizeIs(1));
  EXPECT_NE(again.decisions[0].withdrawn.text, "");
}

TEST(ModelRecords, ACopyByAnotherKeyDoesNotStandForARejection) {
  const auto no = [](const std::string& key, int minutes_ago) {
    AttestedSignOff vote = Vote("no-" + key, "Reject", By("robot", minutes_ago));
    Json json = {{"apiVersion", "countersign.dev/v1alpha1"},
                 {"kind", "SignOff"},
                 {"metadata", {{"name", "no-" + key}, {"namespace", "lending"}}},
                 {"spec", EncodeSpec(vote.object->spec)}};
    json["spec"]["performedAt"] = "2026-11-01T12:00:00Z";
    json["spec"]["signature"] = {{"format", "SSHSIG"}, {"value", key}};
    Provenance by = vote.by;
    by.authenticity = Authenticity::kSigned;
    by.signature = std::make_shared<const SignatureProof>(SignatureProof{key});
    return AttestedSignOff{Made<SignOffSpec>(json), by};
  };
  SeenOfModel seen = Seen();
  seen.sign_offs = Listed(no("mallory", 9), no("vera", 8), no("vera", 7));
  const ModelRecordSpec record = Next({}, seen);
  ASSERT_THAT(record.decisions, SizeIs(2)) << "one for each key";
  EXPECT_EQ(record.decisions[0].by.signing_key, "mallory");
  EXPECT_EQ(record.decisions[1].by.signing_key, "vera");
  EXPECT_EQ(record.decisions[0].digest, record.decisions[1].digest);
  EXPECT_THAT(Next(record, seen).decisions, SizeIs(2)) << "and it stays so";
}

TEST(ModelRecords, OfAUseCaseBeginWithWhatThoseOfItsModelsHave) {
  SeenOfModel seen = Seen();
  seen.sign_offs = Listed(OnAnswers("answers", By("vera", 5)), Vote("no", "Reject", By("vera", 4)));
  const ModelRecordSpec model = Stored(Next({}, seen));
  ASSERT_THAT(model.decisions, SizeIs(2));
  const ModelRecordSpec first = FirstOfUseCase("lending", "credit", {&model, &model});
  ASSERT_THAT(first.decisions, SizeIs(1));
  EXPECT_EQ(first.decisions[0].name, "answers");
  EXPECT_THAT(FirstOfUseCase("elsewhere", "credit", {&model}).decisions, IsEmpty());
  // Nobody looks for it among what is there about the model.
  EXPECT_THAT(NamesOf(MissedBy(model, Seen())), ElementsAre("SignOff/no"));
}

// A use case whose models' records have a rejection that is there no more has it withdrawn at once.
TEST(ModelRecords, OfAUseCaseMissWhatIsGoneFromTheBeginning) {
  SeenOfModel seen = Seen();
  seen.sign_offs = Listed(OnAnswers("answers", By("vera", 5)));
  const ModelRecordSpec model = Stored(Next({}, seen));
  const ModelRecordSpec first = FirstOfUseCase("lending", "credit", {&model});
  EXPECT_EQ(first.digest, RecordDigestOf("lending", "credit"));
  EXPECT_EQ(first.use_case, "lending/credit");
  EXPECT_THAT(NamesOf(MissedBy(first, Seen())), ElementsAre("SignOff/answers"));
}

TEST(ModelRecords, WhatWasForgottenIsNotRecordedAnew) {
  ModelRecordSpec before;
  before.bounds = {{"lending", std::nullopt, kNow - std::chrono::minutes(10)}};
  SeenOfModel seen = Seen();
  seen.sign_offs.push_back(Vote("old", "Approve", By("ana", 700)));
  seen.sign_offs.push_back(Vote("old-no", "Reject", By("vera", 700)));
  seen.sign_offs.push_back(Vote("new", "Approve", By("victor", 1)));
  std::vector<std::string> names;
  for (const RecordedDecision& one : Next(before, seen).decisions) names.push_back(one.name);
  EXPECT_THAT(names, ElementsAre("old-no", "new"));
}

TEST(ModelRecords, KeepWhatRejectsAnswersInFull) {
  SeenOfModel seen;
  seen.use_case = "lending/credit";
  seen.digest = RecordDigestOf("lending", "credit");
  seen.sign_offs = Listed(OnAnswers("no", By("vera", 5)));
  const ModelRecordSpec record = Stored(Next({}, seen));
  ASSERT_THAT(record.decisions, SizeIs(1));
  ASSERT_NE(record.decisions[0].sign_off, nullptr);
  EXPECT_EQ(record.decisions[0].use_case, "credit");
  EXPECT_EQ(record.decisions[0].governed_digest, "sha256:" + std::string(64, '6'));
  EXPECT_EQ(record.decisions[0].sign_off->spec.subject.kind, SubjectOfSignOff::kUseCase);
  EXPECT_THAT(NamesOf(MissedBy(record, Seen())), ElementsAre("SignOff/no"));
  EXPECT_THAT(Next(record, Seen()).decisions, SizeIs(1)) << "it stays although it is gone";
}

}  // namespace
}  // namespace countersign
