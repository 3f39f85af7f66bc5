#include "operator/record_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "governance/records.h"
#include "tests/unit/catalog/objects.h"
#include "tests/unit/operator/api_site.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const RecordSubject kModel = SubjectOfModel(kModelDigest);
const RecordSubject kOtherModel = SubjectOfModel("sha256:" + std::string(64, '2'));
const ObjectKey kFirst{"lending-prod", "first"};
const ObjectKey kSecond{"lending-prod", "second"};

Decision Of(const std::string& digest, GateState state, const std::string& reason) {
  Decision decision;
  Gate gate;
  gate.policy = "bank";
  gate.measure = "bias";
  gate.state = state;
  gate.reason = reason;
  gate.evidence = {{"BiasTest", "lending", "test", digest}};
  decision.gates = {gate};
  return decision;
}

// Of a model, from before use cases had one: somebody rejected the answers of 'scoring'.
Json RecordOfRejection() {
  Json content = *Find(SignOffJson("no", "scoring"), "spec");
  content["decision"] = "Reject";
  return {{"apiVersion", "countersign.dev/v1alpha1"},
          {"kind", "ModelRecord"},
          {"metadata", {{"name", RecordName(kModelDigest)}}},
          {"spec",
           {{"digest", kModelDigest},
            {"decisions",
             Json::array({{{"namespace", "lending"},
                           {"useCase", "scoring"},
                           {"role", "validator"},
                           {"decision", "Reject"},
                           {"name", "no"},
                           {"uid", "u"},
                           {"digest", "sha256:" + std::string(64, '5')},
                           {"by", {{"user", "vera"}, {"firstSeen", "2026-11-20T10:00:00.000000Z"}}},
                           {"content", DumpJson(content)}}})}}}};
}

class RecordKeeperTest : public testing::Test, protected ApiSite {
 protected:
  ~RecordKeeperTest() override { catalog_.Stop(); }
  void Start() {
    catalog_.Start();
    ASSERT_TRUE(catalog_.WaitForSync({}, clock.Steady() + std::chrono::seconds(20)));
  }
  // What the record says now; nothing where there is none.
  std::optional<ModelRecordSpec> Kept(const RecordSubject& subject) {
    const auto kept = keeper_.Keep(subject, {});
    EXPECT_TRUE(kept) << kept.error().ToString();
    return Stored(subject);
  }
  std::optional<ModelRecordSpec> Stored(const RecordSubject& subject) {
    const std::string digest =
        subject.ns.empty() ? subject.name : RecordDigestOf(subject.ns, subject.name);
    const auto object = api->Find(kModelRecords, {{}, RecordName(digest)});
    if (!object) return std::nullopt;
    auto decoded = Decode<ModelRecordSpec>(*object);
    EXPECT_TRUE(decoded) << decoded.error().ToString();
    return decoded->spec;
  }
  // "Failed BiasOutOfBounds" of the one result there is.
  std::string VerdictKept() {
    const auto record = Kept(kModel);
    if (!record || record->results.size() != 1) return "no result";
    const auto& verdicts = record->results[0].verdicts;
    return verdicts.size() == 1 ? verdicts[0].state + " " + verdicts[0].reason : "no verdict";
  }
  std::vector<RecordSubject> Looks() { return std::exchange(looks_, {}); }

  InstallationKey key_ = *InstallationKey::Generate();
  Catalog catalog_{client, clock, StampAuthority{"test", key_.Public()}};
  std::vector<RecordSubject> looks_;
  RecordKeeper keeper_{client, clock, catalog_, key_,
                       [this](const RecordSubject& subject) { looks_.push_back(subject); }};
};

TEST_F(RecordKeeperTest, WhatGatesMakeOfEvidenceIsOfAllDeploymentsThatAreJudgedByIt) {
  api->Put(kBiasTests, StampedBy(key_, BiasTestJson("test", "scoring"), "dan", clock.Now()));
  Start();
  const std::string digest = catalog_.bias_tests().Get({"lending", "test"})->object.spec_digest;
  EXPECT_EQ(VerdictKept(), "no verdict");
  keeper_.Judged({kModel}, kFirst, Of(digest, GateState::kPassed, "BiasInBounds"));
  EXPECT_THAT(Looks(), ElementsAre(kModel));
  EXPECT_EQ(VerdictKept(), "Passed BiasInBounds");
  // What speaks against it stands, whoever is judged last.
  const Decision against = Of(digest, GateState::kFailed, "BiasOutOfBounds");
  keeper_.Judged({kModel}, kSecond, against);
  EXPECT_EQ(VerdictKept(), "Failed BiasOutOfBounds");
  Looks();
  keeper_.Judged({kModel}, kFirst, Of(digest, GateState::kPassed, "BiasInBounds"));
  keeper_.Judged({kModel}, kSecond, against);
  EXPECT_THAT(Looks(), IsEmpty()) << "nothing has changed";
  EXPECT_EQ(VerdictKept(), "Failed BiasOutOfBounds");
  // One that is gone, or is about another model now, says nothing any more.
  keeper_.Forget(kSecond);
  EXPECT_THAT(Looks(), ElementsAre(kModel));
  EXPECT_EQ(VerdictKept(), "Passed BiasInBounds");
  keeper_.Judged({kModel}, kSecond, against);
  EXPECT_EQ(VerdictKept(), "Failed BiasOutOfBounds");
  Looks();
  keeper_.Judged({kOtherModel}, kSecond, against);
  EXPECT_THAT(Looks(), ElementsAre(kModel, kOtherModel));
  EXPECT_EQ(VerdictKept(), "Passed BiasInBounds");
  // What was made of it last stays written down.
  keeper_.Forget(kFirst);
  EXPECT_THAT(Looks(), ElementsAre(kModel));
  EXPECT_EQ(VerdictKept(), "Passed BiasInBounds");
}

TEST_F(RecordKeeperTest, ADeploymentThatIsForgottenServesNoMore) {
  Start();
  RecordedServing serving;
  serving.deployment = kFirst.ToString();
  serving.name_space = "lending";
  serving.use_case = "scoring";
  serving.environment = "prod";
  serving.version = "1.0.0";
  serving.author = "dan";
  keeper_.Serves(kFirst, kModelDigest, serving);
  EXPECT_THAT(Looks(), ElementsAre(kModel));
  auto record = Kept(kModel);
  ASSERT_TRUE(record);
  ASSERT_THAT(record->serving, SizeIs(1));
  EXPECT_FALSE(record->serving[0].until);
  keeper_.Forget(kFirst);
  EXPECT_THAT(Looks(), ElementsAre(kModel));
  record = Kept(kModel);
  ASSERT_TRUE(record);
  ASSERT_THAT(record->serving, SizeIs(1));
  EXPECT_TRUE(record->serving[0].until);
}

TEST_F(RecordKeeperTest, AUseCasesRecordBeginsWithWhatThoseOfItsModelsHave) {
  api->Put(kModelRecords, StampedBy(key_, RecordOfRejection(), "operator", clock.Now()));
  Start();
  const auto record = Kept({"lending", "scoring"});
  ASSERT_TRUE(record);
  EXPECT_EQ(record->use_case, "lending/scoring");
  ASSERT_THAT(record->decisions, SizeIs(1));
  EXPECT_EQ(record->decisions[0].name, "no");
  EXPECT_FALSE(record->decisions[0].withdrawn.text.empty()) << "it is there no more";
  EXPECT_FALSE(Kept({"lending", "other"}));
}

TEST_F(RecordKeeperTest, AUseCasesRecordDoesNotBeginWithoutWhatCannotBeVerified) {
  api->Put(kModelRecords, RecordOfRejection());
  Start();
  const auto kept = keeper_.Keep({"lending", "scoring"}, {});
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, Code::kPermissionDenied);
  EXPECT_THAT(kept.error().ToString(), HasSubstr(RecordName(kModelDigest)));
  EXPECT_FALSE(Stored({"lending", "scoring"}));
}

}  // namespace
}  // namespace countersign
