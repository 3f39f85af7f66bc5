#include "operator/recorded_results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "governance/records.h"
#include "tests/unit/operator/record_evidence.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(ModelRecords, KeepTheNewestOfEachMakerAndCountTheOthers) {
  SeenOfModel seen = Seen();
  seen.bias_tests = Listed(Tested("third", 3, By("dan", 1)), Tested("first", 1, By("dan", 9)),
                           Tested("second", 2, By("dan", 5)), Tested("other", 4, By("dora", 7)));
  const ModelRecordSpec record = Next({}, seen);
  ASSERT_THAT(record.results, SizeIs(2));
  EXPECT_EQ(record.results[0].name, "third");
  EXPECT_EQ(record.results[0].attempts, 3);
  ASSERT_THAT(record.results[0].earlier, SizeIs(2));
  EXPECT_EQ(record.results[0].earlier[0].digest, seen.bias_tests[1].object->spec_digest);
  EXPECT_EQ(record.results[1].by.user, "dora");
  EXPECT_EQ(record.results[1].attempts, 1);
}

TEST(ModelRecords, OfAUseCaseKeepReportsThatNameNoModel) {
  SeenOfModel seen;
  seen.use_case = "lending/credit";
  seen.digest = RecordDigestOf("lending", "credit");
  EvidenceSpec spec;
  spec.use_case = "credit";
  spec.type = "EthicsReview";
  auto object = std::make_shared<Object<EvidenceSpec>>();
  object->meta.name_space = "lending";
  object->meta.name = "review";
  object->meta.uid = "u";
  object->spec = spec;
  object->spec_digest = kModelDigest;
  seen.reports = std::vector<AttestedEvidence>{AttestedEvidence{object, By("lena", 1)}};
  const ModelRecordSpec record = Stored(Next({}, seen));
  EXPECT_EQ(record.use_case, "lending/credit");
  ASSERT_THAT(record.results, SizeIs(1));
  EXPECT_EQ(record.results[0].topic, "EthicsReview");
}

// A pass that its maker kept back until there was a failure.
TEST(ModelRecords, WhatIsSignedIsOrderedByWhenItWasDone) {
  const auto failure = Tested("failure", 1, SignedBy("SHA256:dan", 9), "2026-11-06T12:00:00Z");
  const auto pass = Tested("pass", 2, SignedBy("SHA256:dan", 5), "2026-11-04T12:00:00Z");
  const auto later = Tested("later", 3, SignedBy("SHA256:dan", 1), "2026-11-07T12:00:00Z");
  SeenOfModel seen = Seen();
  seen.bias_tests = Listed(failure);
  ModelRecordSpec record = Next({}, seen);
  seen.bias_tests = Listed(failure, pass);
  record = Next(record, seen);
  ASSERT_THAT(record.results, SizeIs(1));
  EXPECT_EQ(record.results[0].name, "failure");
  EXPECT_EQ(record.results[0].attempts, 2);
  seen.bias_tests = Listed(failure, pass, later);
  record = Next(record, seen);
  ASSERT_THAT(record.results, SizeIs(1));
  EXPECT_EQ(record.results[0].name, "later");
  EXPECT_EQ(record.results[0].attempts, 3);
  EXPECT_THAT(record.results[0].earlier, SizeIs(2));
}

// As records were written that went by when it was seen.
TEST(ModelRecords, AResultThatWasTakenForAnEarlierOneGovernsAgainWhileItIsThere) {
  const auto failure = Tested("failure", 1, SignedBy("SHA256:dan", 9), "2026-11-06T12:00:00Z");
  const auto pass = Tested("pass", 2, SignedBy("SHA256:dan", 5), "2026-11-04T12:00:00Z");
  SeenOfModel seen = Seen();
  seen.bias_tests = Listed(pass);
  ModelRecordSpec before = Next({}, seen);
  before.results[0].attempts = 2;
  before.results[0].earlier = {{failure.object->KnownAs(), InstantOf(failure.by.first_seen)}};
  seen.bias_tests = Listed(pass, failure);
  const ModelRecordSpec record = Next(before, seen);
  ASSERT_THAT(record.results, SizeIs(1));
  EXPECT_EQ(record.results[0].name, "failure");
  EXPECT_EQ(record.results[0].attempts, 2);
  ASSERT_THAT(record.results[0].earlier, SizeIs(1));
  EXPECT_EQ(record.results[0].earlier[0].digest, pass.object->KnownAs());
}

TEST(ModelRecords, OfTheSameInstantAllAreKeptUntilALaterOneFollows) {
  const auto bad = Tested("bad", 1, SignedBy("SHA256:dan", 9), "2026-11-06T12:00:00Z");
  const auto good = Tested("good", 2, SignedBy("SHA256:dan", 5), "2026-11-06T12:00:00Z");
  const auto later = Tested("later", 3, SignedBy("SHA256:dan", 1), "2026-11-07T12:00:00Z");
  SeenOfModel seen = Seen();
  seen.bias_tests = Listed(bad);
  ModelRecordSpec record = Next({}, seen);
  seen.bias_tests = Listed(bad, good);
  record = Next(record, seen);
  ASSERT_THAT(record.results, SizeIs(2));
  EXPECT_EQ(record.results[0].name, "bad");
  EXPECT_EQ(record.results[1].name, "good");
  EXPECT_EQ(EncodeSpec(Next(record, seen)), EncodeSpec(record));
  seen.bias_tests = Listed(bad, good, later);
  record = Next(record, seen);
  ASSERT_THAT(record.results, SizeIs(1));
  EXPECT_EQ(record.results[0].name, "later");
  EXPECT_EQ(record.results[0].attempts, 3);
  EXPECT_THAT(record.results[0].earlier, SizeIs(2));
}

// By what a policy does not believe, of the same name, nothing that it does believe is displaced.
TEST(ModelRecords, WhatIsBelievedLessDisplacesNothing) {
  const auto mine = Tested("mine", 1, By("dan", 9));
  Provenance elsewhere = By("dan", 5);
  elsewhere.authenticity = Authenticity::kForeign;
  elsewhere.foreign =
      std::make_shared<const ForeignStamp>(ForeignStamp{"anybodys", "SHA256:anybodys"});
  Provenance in_no_group = By("dan", 3);
  in_no_group.groups.clear();
  Provenance by_two = SignedBy("SHA256:dan", 8);
  SignatureProof proof{"SHA256:dan"};
  proof.cosigners.push_back({"SHA256:dora", std::nullopt});
  by_two.signature = std::make_shared<const SignatureProof>(std::move(proof));
  SeenOfModel seen = Seen();
  seen.bias_tests = Listed(mine, Tested("foreign", 2, elsewhere), Tested("alone", 3, in_no_group),
                           Tested("by-two", 4, by_two, "2026-11-02T12:00:00Z"),
                           Tested("by-one", 5, SignedBy("SHA256:dan", 2), "2026-11-03T12:00:00Z"));
  EXPECT_THAT(Next({}, seen).results, SizeIs(5));
}

TEST(ModelRecords, KeepWhomResultsNamedAndByWhatTheyWereSigned) {
  SeenOfModel seen = Seen();
  const auto tested = [](const char* name, int tp, int minutes_ago, const char* who) {
    AttestedBiasTest one = Tested(name, tp, By("pipeline", minutes_ago));
    auto changed = std::make_shared<Object<BiasTestSpec>>(*one.object);
    changed->spec.performed_by = {who};
    one.object = changed;
    return one;
  };
  seen.bias_tests = Listed(tested("a", 1, 9, "dora"), tested("b", 2, 8, "dan"));
  Provenance by = By("pipeline", 5);
  by.authenticity = Authenticity::kSigned;
  SignatureProof proof{"SHA256:first"};
  proof.cosigners = {{"SHA256:second"}};
  by.signature = std::make_shared<const SignatureProof>(proof);
  seen.sign_offs = Listed(Vote("no", "Reject", by));
  const ModelRecordSpec record = Stored(Next({}, seen));
  ASSERT_THAT(record.results, SizeIs(1));
  EXPECT_THAT(record.results[0].performed_by, ElementsAre("dora", "dan"));
  ASSERT_THAT(record.decisions[0].by.cosigners, SizeIs(1));
  EXPECT_EQ(record.decisions[0].by.cosigners[0].signing_key, "SHA256:second");
}

TEST(ModelRecords, ForgetTheOldestResultsAndSayUntilWhen) {
  SeenOfModel seen = Seen();
  for (int i = 0; i < kMaxEarlierResults + 3; ++i) {
    const Provenance by = By("dan", 200 - i);
    seen.bias_tests.push_back(Tested("t" + std::to_string(i), i, by, FormatTime(by.first_seen)));
  }
  const ModelRecordSpec record = Stored(Next({}, seen));
  ASSERT_THAT(record.results, SizeIs(1));
  EXPECT_EQ(record.results[0].attempts, kMaxEarlierResults + 3);
  EXPECT_THAT(record.results[0].earlier, SizeIs(kMaxEarlierResults));
  ASSERT_THAT(record.bounds, SizeIs(1));
  EXPECT_EQ(record.bounds[0].results_forgotten_until, kNow - std::chrono::minutes(199));
  EXPECT_FALSE(record.bounds[0].full);
  EXPECT_EQ(RecordObject(Next(record, seen)), RecordObject(record)) << "nothing new was seen";
}

// Its maker says when it was done: more than are there were made, whatever that is.
TEST(ModelRecords, CountOnceWhatIsOlderThanAllThatTheyName) {
  SeenOfModel seen = Seen();
  for (int i = 0; i < kMaxEarlierResults + 3; ++i) {
    const Provenance by = By("dan", 200 - i);
    seen.bias_tests.push_back(Tested("t" + std::to_string(i), i, by, FormatTime(by.first_seen)));
  }
  ModelRecordSpec record = Stored(Next({}, seen));
  seen.bias_tests.push_back(Tested("back", 100, By("dan", 1), "2026-11-01T12:00:00Z"));
  record = Stored(Next(record, seen));
  ASSERT_THAT(record.results, SizeIs(1));
  EXPECT_EQ(record.results[0].attempts, kMaxEarlierResults + 4);
  EXPECT_EQ(record.results[0].name, "t" + std::to_string(kMaxEarlierResults + 2));
  EXPECT_EQ(RecordObject(Next(record, seen)), RecordObject(record)) << "nothing new was seen";
}

}  // namespace
}  // namespace countersign
