#include "operator/model_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "governance/records.h"
#include "tests/unit/catalog/objects.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Time kNow = ParseTime("2026-11-20T12:00:00Z").value();

Provenance By(const std::string& user, int minutes_ago) {
  Provenance by;
  by.authenticity = Authenticity::kAttested;
  by.user = user;
  by.groups = {"ds-lending"};
  by.first_seen = kNow - std::chrono::minutes(minutes_ago);
  return by;
}

template <class Spec>
std::shared_ptr<const Object<Spec>> Made(const Json& json) {
  auto object = Decode<Spec>(json);
  EXPECT_TRUE(object) << object.error().ToString();
  return std::make_shared<const Object<Spec>>(*std::move(object));
}

template <class First, class... Rest>
std::vector<First> Listed(First first, Rest... rest) {
  return {std::move(first), std::move(rest)...};
}

// `tp` tells one result from another.
AttestedBiasTest Tested(const std::string& name, int tp, const Provenance& by,
                        const std::string& performed_at = "2026-11-01T12:00:00Z") {
  Json json = BiasTestJson(name, "credit");
  json["spec"]["performedAt"] = performed_at;
  Json& cell = json["spec"]["cells"][0];
  json["spec"]["dataSet"]["rows"] =
      json["spec"]["dataSet"]["rows"].get<int>() - cell["tp"].get<int>() + tp;
  cell["tp"] = tp;
  return {Made<BiasTestSpec>(json), by};
}

AttestedSignOff Vote(const std::string& name, const char* decision, const Provenance& by,
                     const std::string& rationale = "Looked at it.") {
  const std::string governed = "sha256:" + std::string(64, '5');
  Json json = SignOffJson(name, "credit");
  json["spec"]["subject"] = {{"kind", "ModelDeployment"},
                             {"useCase", "credit"},
                             {"environment", "prod"},
                             {"model", {{"digest", kModelDigest}, {"digestType", "ociManifest"}}},
                             {"governedDigest", governed}};
  json["spec"]["decision"] = decision;
  json["spec"]["signer"]["username"] = by.user;
  json["spec"]["rationale"] = rationale;
  return {Made<SignOffSpec>(json), by};
}

template <class Spec>
Attested<Spec> Elsewhere(const Attested<Spec>& one) {
  auto moved = std::make_shared<Object<Spec>>(*one.object);
  moved->meta.name_space = "elsewhere";
  return {std::move(moved), one.by};
}

std::shared_ptr<const Incident> Raised(const std::string& name, const std::string& name_space,
                                       const std::string& summary) {
  return Made<IncidentSpec>(
      {{"apiVersion", "countersign.dev/v1alpha1"},
       {"kind", "Incident"},
       {"metadata", {{"name", name}, {"namespace", name_space}, {"uid", name}}},
       {"spec",
        {{"useCase", "credit"},
         {"severity", "High"},
         {"category", "SeriousIncident"},
         {"awareAt", "2026-11-01T12:00:00Z"},
         {"summary", summary},
         {"quarantine", {{"scope", "UseCase"}, {"response", "Suspend"}}}}}});
}

// Namespaces whose evidence does not fit.
std::vector<std::string> FullOf(const ModelRecordSpec& record) {
  std::vector<std::string> full;
  for (const RecordBounds& one : record.bounds) {
    if (one.full) full.push_back(one.name_space);
  }
  return full;
}

SeenOfModel Seen() {
  SeenOfModel seen;
  seen.digest = kModelDigest;
  return seen;
}

ModelRecordSpec Next(const ModelRecordSpec& before, const SeenOfModel& seen) {
  return NextRecord(before, seen, {}, {}, kNow);
}

// As it is read back from the API server.
ModelRecordSpec Stored(const ModelRecordSpec& record) {
  auto decoded = Decode<ModelRecordSpec>(RecordObject(record));
  EXPECT_TRUE(decoded) << decoded.error().ToString();
  return decoded ? decoded->spec : ModelRecordSpec{};
}

std::vector<std::string> NamesOf(const std::vector<RecordedObject>& objects) {
  std::vector<std::string> names;
  for (const RecordedObject& one : objects) names.push_back(one.kind + "/" + one.name);
  return names;
}

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

// Signed by that key, carried by a robot.
Provenance SignedBy(const std::string& key, int minutes_ago) {
  Provenance by = By("system:serviceaccount:argocd:argocd", minutes_ago);
  by.authenticity = Authenticity::kSigned;
  by.signature = std::make_shared<const SignatureProof>(SignatureProof{key});
  return by;
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

// Of the use case, not of one model's deployment.
AttestedSignOff OnAnswers(const std::string& name, const Provenance& by) {
  Json json = SignOffJson(name, "credit");
  json["spec"]["decision"] = "Reject";
  json["spec"]["signer"]["username"] = by.user;
  return {Made<SignOffSpec>(json), by};
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
