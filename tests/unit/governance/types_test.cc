// What the kinds' decoders say. Faults of policies are in policy_faults_test.cc, of components in
// components_test.cc.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "governance/change_protocol.h"
#include "governance/types/evidence.h"
#include "governance/types/model_deployment.h"
#include "governance/types/policy.h"
#include "governance/types/reproducibility_snapshot.h"
#include "governance/types/sign_off.h"
#include "objects.h"
#include "situation.h"

namespace countersign::testing {
namespace {

TEST(DecodeTest, AllFaultsComeInOneErrorWithTheirPaths) {
  Json object = Deployment();
  MergePatch(object, Json::parse(R"({"spec": {
    "useCaseRef": {"name": null, "namespace": 7},
    "model": {"digest": "sha256:ABC", "digestType": "md5", "colour": "red"},
    "serving": {"replicas": -1, "port": 70000, "backend": null},
    "decision": {"threshold": 0.5}}})"));
  const auto decoded = Decode<ModelDeploymentSpec>(object);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Code::kInvalidArgument);
  const std::string text = decoded.error().ToString();
  for (const char* path :
       {"spec.useCaseRef.name", "spec.useCaseRef.namespace", "spec.model.digest",
        "spec.model.digestType", "spec.model.colour", "spec.serving.replicas", "spec.serving.port",
        "spec.serving.backend", "spec.decision.threshold"}) {
    EXPECT_NE(text.find(path), std::string::npos) << path << " is not in: " << text;
  }
}

TEST(DecodeTest, ADisruptionBudgetHasOneOfItsTwoNumbers) {
  const auto decoded = [](const Json& budget) {
    Json object = Deployment();
    object["spec"]["serving"]["podDisruptionBudget"] = budget;
    return Decode<ModelDeploymentSpec>(object);
  };
  EXPECT_TRUE(decoded({{"minAvailable", 0}}));
  EXPECT_TRUE(decoded({{"maxUnavailable", 2}}));
  for (const auto& [budget, has] :
       {std::pair(Json{{"minAvailable", 1}, {"maxUnavailable", 1}}, "both"),
        std::pair(Json::object(), "neither")}) {
    const auto bad = decoded(budget);
    ASSERT_FALSE(bad) << budget;
    EXPECT_EQ(bad.error().ToString(),
              std::string("spec.serving.podDisruptionBudget: must have one of minAvailable and "
                          "maxUnavailable, has ") +
                  has);
  }
}

TEST(DecodeTest, AnotherKindGroupOrVersionIsRefused) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {R"({"kind": "UseCase"})", "kind"},
      {R"({"apiVersion": "countersign.dev/v1"})", "apiVersion"},
      {R"({"apiVersion": "other.dev/v1alpha1"})", "apiVersion"},
      {R"({"apiVersion": null})", "apiVersion"},
      {R"({"apiVersion": 1})", "apiVersion"},
      {R"({"spec": null})", "spec"},
      {R"({"spec": "text"})", "spec"}};
  for (const auto& [patch, path] : rows) {
    Json object = Deployment();
    MergePatch(object, Json::parse(patch));
    const auto decoded = Decode<ModelDeploymentSpec>(object);
    ASSERT_FALSE(decoded) << patch;
    EXPECT_EQ(decoded.error().path, path) << patch;
  }
  for (const Json& object : {Json(), Json("x"), Json(1), Json::array()}) {
    EXPECT_FALSE(Decode<ModelDeploymentSpec>(object));
  }
}

TEST(DecodeTest, ASignOffNamesExactlyWhatItsKindOfSubjectHas) {
  const std::string digest = "\"sha256:" + std::string(64, '1') + "\"";
  const auto decode = [&](const std::string& subject) {
    Json object = Yaml(
        "{apiVersion: countersign.dev/v1alpha1, kind: SignOff, metadata: {name: s}, spec: {role: "
        "r, "
        "decision: Approve, signer: {username: u}, rationale: because, subject: " +
        subject + "}}");
    return Decode<SignOffSpec>(object);
  };
  const std::string model = "model: {digest: " + digest + ", digestType: file}";
  EXPECT_TRUE(decode("{kind: UseCase, useCase: u, answersDigest: " + digest + "}"));
  EXPECT_TRUE(decode("{kind: Waiver, useCase: u, waiver: w, waiverDigest: " + digest + "}"));
  EXPECT_TRUE(
      decode("{kind: ChangeProtocol, useCase: u, protocol: p, protocolDigest: " + digest + "}"));
  EXPECT_TRUE(decode("{kind: GovernancePolicy, policy: p, policyDigest: " + digest + "}"));
  EXPECT_TRUE(decode("{kind: ModelDeployment, useCase: u, environment: prod, " + model +
                     ", governedDigest: " + digest + "}"));
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"{kind: UseCase, useCase: u}", "answersDigest"},
      {"{kind: UseCase, useCase: u, environment: prod, answersDigest: " + digest + "}",
       "spec.subject.environment: must not be set for kind UseCase"},
      {"{kind: UseCase, useCase: u, " + model + ", answersDigest: " + digest + "}",
       "spec.subject.model: must not be set for kind UseCase"},
      {"{kind: Waiver, useCase: u, waiver: w}", "spec.subject.waiverDigest: is required"},
      {"{kind: Waiver, useCase: u, waiverDigest: " + digest + "}",
       "spec.subject.waiver: is required"},
      {"{kind: ChangeProtocol, useCase: u, protocol: p}",
       "spec.subject.protocolDigest: is required"},
      {"{kind: Waiver, useCase: u, waiver: w, waiverDigest: " + digest + ", protocol: p}",
       "spec.subject.protocol: must not be set for kind Waiver"},
      {"{kind: UseCase, useCase: u, waiver: w, answersDigest: " + digest + "}",
       "spec.subject.waiver: must not be set for kind UseCase"},
      {"{kind: ModelDeployment, useCase: u, " + model + ", governedDigest: " + digest + "}",
       "spec.subject.environment"},
      {"{kind: ModelDeployment, useCase: u, environment: prod, governedDigest: " + digest + "}",
       "spec.subject.model"},
      {"{kind: ModelDeployment, useCase: u, environment: prod, " + model + "}",
       "spec.subject.governedDigest"},
      {"{kind: ModelDeployment, useCase: u, environment: prod, " + model +
           ", governedDigest: " + digest + ", answersDigest: " + digest + "}",
       "spec.subject.answersDigest"},
      {"{kind: UseCase, answersDigest: " + digest + "}", "spec.subject.useCase: is required"},
      {"{kind: UseCase, useCase: u, answersDigest: " + digest + ", withdraw: true}",
       "spec.subject.withdraw: must not be set for kind UseCase"},
      {"{kind: GovernancePolicy, policy: p}", "spec.subject.policyDigest: is required"},
      {"{kind: GovernancePolicy, policyDigest: " + digest + "}",
       "spec.subject.policy: is required"},
      {"{kind: GovernancePolicy, useCase: u, policy: p, policyDigest: " + digest + "}",
       "spec.subject.useCase: must not be set for kind GovernancePolicy"}};
  for (const auto& [subject, text] : rows) {
    const auto decoded = decode(subject);
    ASSERT_FALSE(decoded) << subject;
    EXPECT_NE(decoded.error().ToString().find(text), std::string::npos)
        << decoded.error().ToString();
  }
}

TEST(DecodeTest, ASignOffSaysExactlyWhatItsDecisionHas) {
  const std::string digest = "\"sha256:" + std::string(64, '1') + "\"";
  const auto decode = [&](const std::string& rest, const std::string& subject = {}) {
    return Decode<SignOffSpec>(Yaml(
        "{apiVersion: countersign.dev/v1alpha1, kind: SignOff, metadata: {name: s}, spec: {role: "
        "r, signer: {username: u}, rationale: because, subject: {kind: ModelDeployment, useCase: "
        "u, model: {digest: " +
        digest + ", digestType: file}, governedDigest: " + digest + ", " +
        (subject.empty() ? "environment: prod" : subject) + "}, " + rest + "}}"));
  };
  const std::string due = "description: x, dueAt: '2027-01-01T00:00:00Z'";
  EXPECT_TRUE(decode("decision: Advise, severity: None"));
  EXPECT_TRUE(decode("decision: ApproveWithConditions, conditions: [{name: a, " + due + "}]"));
  EXPECT_TRUE(decode("decision: Approve", "environments: [qa, prod]"));
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"decision: Advise", "spec.severity: is required for decision Advise"},
      {"decision: Reject, severity: Major", "spec.severity: must not be set for decision Reject"},
      {"decision: ApproveWithConditions",
       "spec.conditions: is required for decision ApproveWithConditions"},
      {"decision: Approve, conditions: [{name: a, " + due + "}]",
       "spec.conditions: must not be set for decision Approve"},
      {"decision: ApproveWithConditions, conditions: [{name: a, " + due + "}, {name: a, " + due +
           "}]",
       "spec.conditions: has 'a' twice"},
      {"decision: ApproveWithConditions, conditions: [{name: a, " + due +
           ", evidence: {type: T, claims: [{claim: c, operator: AtMost, value: much}], issuers: "
           "[{kind: User, name: u}]}}]",
       "spec.conditions[0].evidence.claims[0].value"},
      {"decision: Reject, responses: [{advice: a, response: b}]",
       "spec.responses: must not be set for decision Reject"}};
  for (const auto& [rest, text] : rows) {
    const auto decoded = decode(rest);
    ASSERT_FALSE(decoded) << rest;
    EXPECT_NE(decoded.error().ToString().find(text), std::string::npos)
        << decoded.error().ToString();
  }
  const auto both = decode("decision: Approve", "environment: prod, environments: [qa]");
  ASSERT_FALSE(both);
  EXPECT_NE(both.error().ToString().find("spec.subject.environments: must not be set beside"),
            std::string::npos);
}

TEST(DecodeTest, ARoleIsLentToSomebodyElseUntilATime) {
  const auto decode = [&](const std::string& subject, const std::string& rest) {
    return Decode<SignOffSpec>(
        Yaml("{apiVersion: countersign.dev/v1alpha1, kind: SignOff, metadata: {name: s}, spec: "
             "{role: r, signer: {username: u}, rationale: because, subject: {useCase: u, " +
             subject + "}, " + rest + "}}"));
  };
  const std::string lent = "kind: Delegation, deputy: v";
  const std::string ends = ", expiresAt: '2027-01-01T00:00:00Z'";
  EXPECT_TRUE(decode(lent, "decision: Approve" + ends));
  EXPECT_TRUE(decode(lent + ", environments: [prod]", "decision: Approve" + ends));
  EXPECT_TRUE(decode(lent, "decision: Reject"));
  const std::vector<std::array<std::string, 3>> rows = {
      {lent, "decision: Approve", "spec.expiresAt: is required for kind Delegation"},
      {lent, "decision: Advise, severity: None" + ends, "spec.decision: must be Approve or Reject"},
      {lent, "decision: Approve, onBehalfOf: w" + ends, "spec.onBehalfOf: must not be set"},
      {lent + ", environment: prod", "decision: Approve" + ends,
       "spec.subject.environment: must not be set for kind Delegation"},
      {"kind: Delegation, deputy: u", "decision: Approve" + ends,
       "spec.subject.deputy: must be somebody other than the signer"},
      {"kind: Delegation", "decision: Approve" + ends, "spec.subject.deputy: is required"},
      {"kind: Waiver, waiver: w, waiverDigest: 'sha256:" + std::string(64, '1') + "', deputy: v",
       "decision: Approve", "spec.subject.deputy: must not be set for kind Waiver"}};
  for (const auto& [subject, rest, text] : rows) {
    const auto decoded = decode(subject, rest);
    ASSERT_FALSE(decoded) << subject << rest;
    EXPECT_NE(decoded.error().ToString().find(text), std::string::npos)
        << decoded.error().ToString();
  }
}

TEST(DecodeTest, AClaimHasExactlyOneValue) {
  const auto decode = [](const std::string& claim) {
    return Decode<EvidenceSpec>(
        Yaml("{apiVersion: countersign.dev/v1alpha1, kind: Evidence, metadata: {name: e}, spec: "
             "{useCase: u, type: LoadTest, performedAt: '2026-11-01T12:00:00Z', claims: [" +
             claim + "]}}"));
  };
  EXPECT_TRUE(decode("{name: a, number: '1', unit: ms}"));
  EXPECT_TRUE(decode("{name: a, flag: false}"));
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"{name: a}", "spec.claims[0]: must have exactly one of number, text, flag and items, has 0"},
      {"{name: a, number: '1', text: one}", "has 2"},
      {"{name: a, text: ''}", "spec.claims[0].text: must not be empty"},
      {"{name: a, items: []}", "spec.claims[0].items: must have 1 to 256 items"},
      {"{name: a, text: one, unit: ms}", "spec.claims[0].unit: belongs to a number"},
      {"{name: errorRate, text: low}",
       "spec.claims[0]: claim 'errorRate' of a LoadTest must be given as number, is given as text"},
      {"{name: a, flag: true}, {name: a, flag: false}", "has 'a' twice"}};
  for (const auto& [claim, text] : rows) {
    const auto decoded = decode(claim);
    ASSERT_FALSE(decoded) << claim;
    EXPECT_NE(decoded.error().ToString().find(text), std::string::npos)
        << decoded.error().ToString();
  }
}

TEST(DecodeTest, AChangeProtocolSaysAllThatItApprovesOf) {
  const Json good = Yaml(R"({apiVersion: countersign.dev/v1alpha1, kind: Evidence,
    metadata: {name: p, namespace: lending}, spec: {useCase: credit, type: ChangeProtocol,
    environment: prod, performedAt: "2026-11-01T12:00:00Z",
    model: {digest: "sha256:)" +
                         std::string(64, '1') +
                         R"(", digestType: file}, claims: [{name: kinds, items: [DataRefresh]},
    {name: standsFor, items: [validation]}, {name: maxUses, number: "10"},
    {name: expiresAt, text: "2026-12-01T00:00:00Z"}, {name: policy, text: bank},
    {name: policyDigest, text: "sha256:1"}, {name: frameDigest, text: "sha256:2"},
    {name: accuracyMin, number: "0.8"}]}})");
  const auto decoded = Decode<EvidenceSpec>(good);
  ASSERT_TRUE(decoded) << decoded.error().ToString();
  const auto protocol = ReadProtocol(decoded->spec);
  ASSERT_TRUE(protocol);
  EXPECT_EQ(protocol->max_uses, 10);
  ASSERT_EQ(protocol->bounds.size(), 1U);
  EXPECT_EQ(protocol->bounds[0].name, "accuracy");

  const auto fault = [&](const std::function<void(Json&)>& spoil) {
    Json object = good;
    spoil(object.at("spec"));
    const auto bad = Decode<EvidenceSpec>(object);
    return bad ? std::string("accepted") : bad.error().ToString();
  };
  const auto claim = [&](std::size_t at, const char* member, const Json& value) {
    return fault([&](Json& spec) { spec.at("claims").at(at)[member] = value; });
  };
  EXPECT_EQ(fault([](Json& spec) { spec.erase("model"); }),
            "spec.model: must name the model that the protocol starts from");
  EXPECT_EQ(fault([](Json& spec) { spec.erase("environment"); }),
            "spec.environment: must name an environment");
  for (std::size_t i = 0; i < 7; ++i) {
    const std::string name = good.at("spec").at("claims").at(i).at("name").get<std::string>();
    EXPECT_EQ(fault([&](Json& spec) { spec.at("claims").erase(i); }),
              "spec.claims: must have claim '" + name + "'");
  }
  EXPECT_EQ(claim(0, "items", Json::array({"DataRefresh", "Algorithm"})),
            "spec.claims[0].items[1]: must be DataRefresh, Parameter, Threshold, Feature or "
            "Serving, is 'Algorithm'");
  for (const char* number : {"0", "1.5", "-1", "10001"}) {
    EXPECT_EQ(claim(2, "number", number),
              "spec.claims[2].number: must be a whole number from 1 to 10000");
  }
  EXPECT_NE(claim(3, "text", "tomorrow").find("spec.claims[3].text"), std::string::npos);
  EXPECT_NE(claim(7, "name", "accuracyLeast").find("spec.claims[7]: 'accuracyLeast' is no claim"),
            std::string::npos);
}

TEST(DecodeTest, ASnapshotTakesOverFromAnotherModelAndStatesItsFeaturesOnce) {
  const auto fault = [](const std::string& more) {
    const auto snapshot = Decode<ReproducibilitySnapshotSpec>(Yaml(
        R"({apiVersion: countersign.dev/v1alpha1, kind: ReproducibilitySnapshot,
            metadata: {name: run, namespace: lending}, spec: {useCase: credit, model: {digest:
            "sha256:)" +
        std::string(64, '1') + R"(", digestType: file}, performedAt: "2026-11-01T12:00:00Z", )" +
        more + "}}"));
    return snapshot ? std::string() : snapshot.error().ToString();
  };
  const std::string digest = R"(digest: "sha256:)" + std::string(64, '1') + R"(")";
  EXPECT_EQ(fault("previous: {" + digest + ", digestType: ociManifest}"), "");
  EXPECT_NE(fault("previous: {" + digest + ", digestType: file}").find("spec.previous.digest"),
            std::string::npos);
  EXPECT_EQ(fault("features: {names: [income]}"), "");
  EXPECT_EQ(fault("features: {" + digest + "}"), "");
  for (const std::string& features :
       std::vector<std::string>{"{}", "{names: [income], " + digest + "}"}) {
    EXPECT_NE(fault("features: " + features).find("spec.features: must have exactly one"),
              std::string::npos)
        << features;
  }
}

TEST(DecodeTest, AListThatNeedsTwoItemsTakesItemsOfOneCharacter) {
  Json base = ReadCases("base.yaml");
  MergePatch(base,
             Yaml("{policies: {bank: {measures: {bias: {require: {biasTest: {attributes: {sex: "
                  "{groups: [f, m], reference: m}}}}}}}}}"));
  EXPECT_NO_THROW((void)MakeSituation(base, base));
}

}  // namespace
}  // namespace countersign::testing
