#include "cli/approval.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/yaml.h"
#include "cli/files.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;

// The sample objects, as a signer would read them from a cluster.
ApprovalInput Input() {
  auto text =
      ReadTextFile(std::string(SOURCE_DIR) + "/tests/unit/governance/testdata/samples.yaml");
  auto documents = ParseYamlDocuments(text.value_or(""));
  ApprovalInput input;
  for (const Json& object : documents.value_or(std::vector<Json>())) {
    const std::string kind = StringAt(object, "kind");
    if (kind == "GovernancePolicy" && input.policies.empty())
      input.policies.push_back(*Decode<GovernancePolicySpec>(object));
    if (kind == "UseCase") input.use_case = *Decode<UseCaseSpec>(object);
    if (kind == "BiasTest") input.bias_tests.push_back(*Decode<BiasTestSpec>(object));
    if (kind == "ReproducibilitySnapshot") {
      input.snapshots.push_back(*Decode<ReproducibilitySnapshotSpec>(object));
    }
    if (kind == "ModelDeployment") {
      input.deployment = *Decode<ModelDeploymentSpec>(object);
      input.governed_digest = *GovernedDigest(object.at("spec"));
    }
  }
  input.role = "model-validator";
  input.username = "vera@bank.example";
  input.rationale = "Looked at it.";
  return input;
}

Json Only(const ApprovalInput& input) {
  auto sign_offs = MakeSignOffs(input);
  EXPECT_TRUE(sign_offs) << sign_offs.error().ToString();
  if (!sign_offs) return {};
  EXPECT_EQ(sign_offs->size(), 1U);
  return sign_offs->front();
}

std::string Fault(const ApprovalInput& input) {
  auto sign_offs = MakeSignOffs(input);
  return sign_offs ? "" : sign_offs.error().ToString();
}

TEST(Approval, BindsWhatIsServedWhereAndWhatFor) {
  const ApprovalInput input = Input();
  const Json sign_off = Only(input);
  auto decoded = Decode<SignOffSpec>(sign_off);
  ASSERT_TRUE(decoded) << decoded.error().ToString();
  const SignOffSubject& subject = decoded->spec.subject;
  EXPECT_EQ(subject.kind, SubjectOfSignOff::kModelDeployment);
  EXPECT_EQ(subject.use_case, "sample");
  EXPECT_EQ(subject.environment, "prod");
  EXPECT_EQ(subject.model, input.deployment->spec.model.digest);
  EXPECT_EQ(subject.governed_digest, input.governed_digest);
  EXPECT_EQ(decoded->spec.signer.username, "vera@bank.example");
  EXPECT_EQ(decoded->spec.decision, SignOffDecision::kApprove);
  EXPECT_EQ(decoded->meta.name_space, "lending");
  EXPECT_EQ(decoded->meta.generate_name, "sample-model-validator-");
}

TEST(Approval, ListsWhatTheSignerHadInView) {
  const ApprovalInput input = Input();
  const Json shown = Only(input).at("spec").at("shown");
  EXPECT_EQ(shown.at("policies").at(0).at("digest"), input.policies[0].spec_digest);
  EXPECT_EQ(shown.at("answersDigest"), *AnswersDigest(input.use_case.spec));
  ASSERT_EQ(shown.at("evidence").size(), 2U);
  EXPECT_EQ(shown.at("evidence").at(1).at("kind"), "BiasTest");
  EXPECT_EQ(shown.at("evidence").at(1).at("digest"), input.bias_tests[0].spec_digest);
}

TEST(Approval, EvidenceForAnotherModelWasNotInView) {
  ApprovalInput input = Input();
  input.bias_tests[0].spec.model.digest = "sha256:" + std::string(64, 'f');
  EXPECT_EQ(Only(input).at("spec").at("shown").at("evidence").size(), 1U);
}

TEST(Approval, TellsHowOftenABiasTestWasTried) {
  ApprovalInput input = Input();
  BiasTest later = input.bias_tests[0];
  later.meta.name = "a-second-run";
  later.meta.creation_time = *ParseTime("2027-01-01T00:00:00Z");
  BiasTest elsewhere = later;
  elsewhere.meta.name = "b-elsewhere";
  elsewhere.spec.data_set.digest = "sha256:" + std::string(64, 'e');
  input.bias_tests.push_back(later);
  input.bias_tests.push_back(elsewhere);
  const std::string text = ApprovalText(input, {Only(input)});
  EXPECT_THAT(text, HasSubstr("BiasTest sample (attempt 1 of 2 of protocol "));
  EXPECT_THAT(text, HasSubstr("BiasTest a-second-run (attempt 2 of 2 of protocol "));
  EXPECT_THAT(text, HasSubstr("BiasTest b-elsewhere (attempt 1 of 1 of protocol "));
}

TEST(Approval, ShowsTheComponentsAndTheEvidenceAboutThem) {
  ApprovalInput input = Input();
  auto text =
      ReadTextFile(std::string(SOURCE_DIR) + "/tests/unit/governance/testdata/composite.yaml");
  const auto documents = ParseYamlDocuments(text.value_or(""));
  ASSERT_TRUE(documents) << documents.error().ToString();
  const auto object = std::find_if(documents->begin(), documents->end(), [](const Json& one) {
    return StringAt(one, "kind") == "ModelDeployment";
  });
  ASSERT_NE(object, documents->end());
  input.deployment = *Decode<ModelDeploymentSpec>(*object);
  input.bias_tests.front().spec.model = input.deployment->spec.model.components[0].identity;
  const Json sign_off = Only(input);
  EXPECT_EQ(StringAt(sign_off, "spec/subject/model/digestType"), "composite");
  const std::string shown = ApprovalText(input, {sign_off});
  EXPECT_THAT(shown, HasSubstr("base, BaseModel: hosted 'acme/chat-4' of snapshot '2026-08-06'"));
  EXPECT_THAT(shown, HasSubstr("adapter, Adapter: sha256:2222"));
  EXPECT_THAT(shown, HasSubstr("BiasTest sample"));
}

TEST(Approval, AnswersAreSignedForAllEnvironments) {
  ApprovalInput input = Input();
  input.deployment.reset();
  const Json subject = Only(input).at("spec").at("subject");
  EXPECT_EQ(subject.at("kind"), "UseCase");
  EXPECT_EQ(subject.at("answersDigest"), *AnswersDigest(input.use_case.spec));
  EXPECT_FALSE(subject.contains("environment"));
}

TEST(Approval, ARejectionAndAnEndAreSaid) {
  ApprovalInput input = Input();
  input.decision = SignOffDecision::kReject;
  input.expires_at = *ParseTime("2027-01-01T00:00:00Z");
  const Json spec = Only(input).at("spec");
  EXPECT_EQ(spec.at("decision"), "Reject");
  EXPECT_EQ(spec.at("expiresAt"), "2027-01-01T00:00:00Z");
  EXPECT_THAT(ApprovalText(input, {Only(input)}), HasSubstr("REJECT"));
}

TEST(Approval, ARoleThatNobodyAsksForIsRefusedWithThoseThatAreAskedFor) {
  ApprovalInput input = Input();
  input.role = "owner";
  EXPECT_EQ(Fault(input),
            "no policy in force for namespace 'lending-prod' asks for a sign-off by role 'owner'; "
            "they ask for 'model-validator'");
  input.deployment.reset();
  input.role = "auditor";
  EXPECT_EQ(Fault(input),
            "no policy lets role 'auditor' sign off answers; they ask for 'model-validator', "
            "'owner'");
  input.retirement = true;
  EXPECT_EQ(Fault(input),
            "no policy lets role 'auditor' sign off the end of use cases; they ask for 'owner'");
}

// Whoever asks later which class the answers led to finds them in the signature.
TEST(Approval, AnswersAreShownInFull) {
  ApprovalInput input = Input();
  input.deployment.reset();
  auto decoded = Decode<SignOffSpec>(Only(input));
  ASSERT_TRUE(decoded) << decoded.error().ToString();
  ASSERT_TRUE(decoded->spec.shown && decoded->spec.shown->use_case);
  EXPECT_EQ(decoded->spec.shown->use_case->answers, input.use_case.spec.answers);
}

TEST(Approval, TheEndOfAUseCaseIsSignedByItsDigest) {
  ApprovalInput input = Input();
  input.deployment.reset();
  input.retirement = true;
  input.role = "owner";
  const Json subject = Only(input).at("spec").at("subject");
  EXPECT_EQ(subject.at("retirementDigest"), input.use_case.spec.retirement_digest);
  EXPECT_FALSE(subject.contains("answersDigest"));
  EXPECT_THAT(ApprovalText(input, {Only(input)}),
              HasSubstr("predictions: Retain until 2036-12-31T00:00:00Z (Bookkeeping law.)"));
  input.use_case.spec.retirement.reset();
  input.use_case.spec.retirement_digest.clear();
  EXPECT_THAT(Fault(input), HasSubstr("does not say how it ends"));
}

TEST(Approval, AMeasureForOtherEnvironmentsIsNoReasonToSign) {
  ApprovalInput input = Input();
  input.policies[0].spec.measures[0].applies.environments = {"dev"};
  EXPECT_THAT(Fault(input), HasSubstr("no policy in force"));
}

TEST(Approval, ANamespaceInNoEnvironmentNeedsNoSignature) {
  ApprovalInput input = Input();
  input.deployment->meta.name_space = "elsewhere";
  EXPECT_EQ(Fault(input), "namespace 'elsewhere' is in no policy's environment");
}

// Two policies may call the environment of one namespace differently; each wants its own name.
TEST(Approval, EachNameOfTheEnvironmentGetsItsOwnSignOff) {
  ApprovalInput input = Input();
  GovernancePolicy other = input.policies[0];
  other.meta.name = "other";
  other.spec.environments[1].name = "live";
  other.spec.measures[0].applies.environments = {"live"};
  input.policies.push_back(other);
  auto sign_offs = MakeSignOffs(input);
  ASSERT_TRUE(sign_offs) << sign_offs.error().ToString();
  ASSERT_EQ(sign_offs->size(), 2U);
  EXPECT_EQ(StringAt((*sign_offs)[0], "spec/subject/environment"), "live");
  EXPECT_EQ(StringAt((*sign_offs)[1], "spec/subject/environment"), "prod");
  EXPECT_THAT(ApprovalText(input, *sign_offs), HasSubstr("live, prod"));
}

// An adviser's SignOff on what Input() shows, in role owner.
SignOff AdviceOn(const ApprovalInput& input) {
  SignOff advice;
  advice.meta.name = "advice";
  advice.spec_digest = "sha256:" + std::string(64, 'a');
  advice.spec.subject.use_case = input.use_case.meta.name;
  advice.spec.subject.governed_digest = input.governed_digest;
  advice.spec.role = "owner";
  advice.spec.decision = SignOffDecision::kAdvise;
  advice.spec.severity = AdviceSeverity::kMajor;
  advice.spec.signer.username = "ana@bank.example";
  advice.spec.rationale = "The notice is old.";
  return advice;
}

TEST(Approval, AConsultedRoleAdvises) {
  ApprovalInput input = Input();
  input.decision = SignOffDecision::kAdvise;
  input.severity = AdviceSeverity::kMinor;
  EXPECT_THAT(Fault(input), HasSubstr("asks for advice by role 'model-validator'; they ask for "
                                      "'owner'"));
  input.role = "owner";
  const Json sign_off = Only(input);
  EXPECT_EQ(StringAt(sign_off, "spec/decision"), "Advise");
  EXPECT_EQ(StringAt(sign_off, "spec/severity"), "Minor");
  EXPECT_THAT(ApprovalText(input, {sign_off}), HasSubstr("ADVISE, severity Minor"));
  // A measure that names a consulted role need not ask for its advice to get it.
  input.policies[0].spec.measures[0].require.sign_off->consultation.reset();
  EXPECT_EQ(StringAt(Only(input), "spec/role"), "owner");
  input.policies[0].spec.measures[0].consulted.clear();
  EXPECT_THAT(Fault(input), HasSubstr("asks for advice by role 'owner'"));
}

TEST(Approval, AdviceIsShownAndAnswered) {
  ApprovalInput input = Input();
  input.sign_offs.push_back(AdviceOn(input));
  input.sign_offs.push_back(AdviceOn(input));
  input.sign_offs.back().meta.name = "advice-on-another-revision";
  input.sign_offs.back().spec.subject.governed_digest = "sha256:" + std::string(64, 'b');
  input.responses = {{"advice", "A new one is online."}};
  const Json sign_off = Only(input);
  const Json& spec = sign_off.at("spec");
  EXPECT_EQ(spec.at("responses").at(0).at("advice"), "advice");
  const Json& last = spec.at("shown").at("evidence").back();
  EXPECT_EQ(last.at("kind"), "SignOff");
  EXPECT_EQ(last.at("digest"), input.sign_offs[0].spec_digest);
  const std::string text = ApprovalText(input, {sign_off});
  EXPECT_THAT(text, HasSubstr("advice, ana@bank.example as owner (Major): The notice is old."));
  EXPECT_THAT(text, HasSubstr("advice: A new one is online."));
  input.responses[0].advice = "advice-on-another-revision";
  EXPECT_EQ(Fault(input),
            "--respond: there is no advice 'advice-on-another-revision' on this; there is "
            "'advice'");
}

TEST(Approval, ConditionsAreShownAndSigned) {
  ApprovalInput input = Input();
  input.decision = SignOffDecision::kApproveWithConditions;
  input.conditions = {{"alarm", "It rings.", *ParseTime("2027-01-01T00:00:00Z"), std::nullopt}};
  const Json sign_off = Only(input);
  EXPECT_EQ(StringAt(sign_off, "spec/decision"), "ApproveWithConditions");
  EXPECT_THAT(ApprovalText(input, {sign_off}),
              HasSubstr("alarm by 2027-01-01T00:00:00Z: It rings."));
}

TEST(Approval, OneSignOffNamesSeveralEnvironments) {
  ApprovalInput input = Input();
  SignOffRequirement& asked = *input.policies[0].spec.measures[0].require.sign_off;
  input.policies[0].spec.measures[0].applies.environments.clear();
  input.environments = {"dev", "prod"};
  EXPECT_THAT(Fault(input), HasSubstr("--environments: measure 'validation' of policy 'sample' "
                                      "wants an approval for environment 'dev' alone"));
  asked.own_environment = false;
  const Json sign_off = Only(input);
  EXPECT_EQ(sign_off.at("spec").at("subject").at("environments"), Json({"dev", "prod"}));
  EXPECT_FALSE(sign_off.at("spec").at("subject").contains("environment"));
  EXPECT_THAT(ApprovalText(input, {sign_off}), HasSubstr("dev, prod"));
  input.environments = {"dev"};
  EXPECT_EQ(Fault(input), "--environments: must include the deployment's own, 'prod'");
  input.environments = {"prod", "moon"};
  EXPECT_EQ(Fault(input),
            "--environments: no policy asks role 'model-validator' about environment 'moon'");
  input.deployment.reset();
  EXPECT_EQ(Fault(input), "--environments: goes with a ModelDeployment alone");
}

TEST(Approval, AChangeProtocolIsSignedByItsDigestWithAllThatItCovers) {
  ApprovalInput input = Input();
  EvidenceReport protocol;
  protocol.meta.name = "nightly";
  protocol.spec_digest = "sha256:" + std::string(64, 'e');
  protocol.spec.use_case = "sample";
  protocol.spec.type = "ChangeProtocol";
  protocol.spec.environment = "prod";
  protocol.spec.model = input.deployment->spec.model.digest;
  const auto claim = [&](const char* name) -> Claim& {
    protocol.spec.claims.emplace_back();
    protocol.spec.claims.back().name = name;
    return protocol.spec.claims.back();
  };
  claim("kinds").items = {"DataRefresh", "Parameter"};
  claim("standsFor").items = {"validation"};
  claim("maxUses").number = *Decimal::Parse("30");
  claim("expiresAt").text = "2027-01-01T00:00:00Z";
  claim("policy").text = "sample";
  claim("policyDigest").text = input.policies[0].spec_digest;
  claim("frameDigest").text = "sha256:" + std::string(64, 'd');
  input.deployment.reset();
  input.protocol = protocol;
  const Json sign_off = Only(input);
  const Json subject = sign_off.at("spec").at("subject");
  EXPECT_EQ(subject.at("kind"), "ChangeProtocol");
  EXPECT_EQ(subject.at("protocol"), "nightly");
  EXPECT_EQ(subject.at("protocolDigest"), protocol.spec_digest);
  const std::string text = ApprovalText(input, {sign_off});
  for (const char* part : {"DataRefresh, Parameter", "30", "2027-01-01T00:00:00Z"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  input.role = "owner";
  EXPECT_THAT(Fault(input), HasSubstr("signed off by role 'model-validator', not 'owner'"));
  input.policies[0].spec.changes.reset();
  EXPECT_THAT(Fault(input), HasSubstr("has no spec.changes.protocols"));
  input.policies.clear();
  EXPECT_THAT(Fault(input), HasSubstr("there is no policy"));
}

TEST(Approval, ALongNameLeavesRoomForWhatTheServerAppends) {
  ApprovalInput input = Input();
  input.deployment->meta.name = std::string(250, 'a');
  EXPECT_LE(StringAt(Only(input), "metadata/generateName").size(), 248U);
}

TEST(Approval, TheTextShowsWhatIsSigned) {
  const ApprovalInput input = Input();
  const std::string text = ApprovalText(input, {Only(input)});
  for (const std::string& part : {std::string("vera@bank.example as role model-validator"),
                                  std::string("lending/sample"), std::string("credit-scorer 2.3.1"),
                                  input.governed_digest, std::string("BiasTest sample")}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

}  // namespace
}  // namespace countersign
