// What the kinds' decoders and digests say. Faults of policies are in policy_faults_test.cc.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <set>

#include "base/digest.h"
#include "base/yaml.h"
#include "governance/change_protocol.h"
#include "governance/types/model_deployment.h"
#include "governance/types/policy.h"
#include "governance/types/reproducibility_snapshot.h"
#include "governance/types/sign_off.h"
#include "governance/types/signature.h"
#include "governance/types/use_case.h"
#include "situation.h"

namespace countersign::testing {
namespace {

Json Yaml(const std::string& text) {
  auto json = ParseYaml(text);
  if (!json) throw std::runtime_error(json.error().ToString());
  return *json;
}

Json Deployment() {
  return Yaml(R"(
apiVersion: countersign.dev/v1alpha1
kind: ModelDeployment
metadata: {name: credit, namespace: lending-prod}
spec:
  useCaseRef: {namespace: lending, name: credit}
  model:
    name: credit
    version: "1"
    uri: oci://r.example/m@sha256:1111111111111111111111111111111111111111111111111111111111111111
    digest: sha256:1111111111111111111111111111111111111111111111111111111111111111
    digestType: ociManifest
  decision: {threshold: "0.5", preprocessing: v1}
  fallback: {kind: Human, description: People decide.}
  serving:
    backend: Deployment
    replicas: 3
    minReplicas: 2
    maxReplicas: 6
    port: 8080
    config: [{name: c, digest: "sha256:2222222222222222222222222222222222222222222222222222222222222222"}]
    template:
      metadata: {labels: {a: b}, annotations: {prometheus.io/scrape: "true"}}
      spec:
        containers:
        - {name: server, image: "r.example/s@sha256:3333333333333333333333333333333333333333333333333333333333333333", args: [x, "y"]}
)");
}

std::string Governed(const Json& object) { return GovernedDigest(object.at("spec")).value(); }

TEST(GovernedDigestTest, LabelsDescriptionsAndReplicasWithinBoundsDoNotChangeIt) {
  const std::string digest = Governed(Deployment());
  const std::vector<std::string> patches = {
      R"({"metadata": {"labels": {"x": "y"}}})",
      R"({"spec": {"serving": {"replicas": 2}}})",
      R"({"spec": {"serving": {"replicas": 6}}})",
      R"({"spec": {"serving": {"template": {"metadata": {"labels": {"a": "other", "e": "f"}}}}}})",
      R"({"spec": {"serving": {"template": {"metadata": {"annotations": null}}}}})",
      R"({"spec": {"serving": {"template": {"metadata": {"annotations": {"checksum/config": "1"}}}}}})",
      R"({"spec": {"serving": {"template": {"metadata": {"labels": null, "annotations": null}}}}})",
      R"({"spec": {"serving": {"template": {"metadata": null}}}})",
      R"({"spec": {"serving": {"template": {"metadata": {"creationTimestamp": null}}}}})"};
  for (const std::string& patch : patches) {
    Json changed = Deployment();
    MergePatch(changed, Json::parse(patch));
    EXPECT_EQ(Governed(changed), digest) << patch;
  }
  // What the API server adds to a template without metadata.
  Json null_time = Deployment();
  SetPath(null_time, "spec/serving/template/metadata", Json{{"creationTimestamp", nullptr}});
  EXPECT_EQ(Governed(null_time), digest);
}

TEST(GovernedDigestTest, EverythingElseChangesIt) {
  const std::string digest = Governed(Deployment());
  const std::vector<std::string> patches = {
      R"({"spec": {"serving": {"replicas": 1}}})", R"({"spec": {"serving": {"replicas": 7}}})",
      R"({"spec": {"serving": {"minReplicas": 1}}})",
      R"({"spec": {"serving": {"maxReplicas": null}}})",
      R"({"spec": {"serving": {"template": {"metadata": {"name": "x"}}}}})",
      // What a webhook in the cluster may act on.
      R"({"spec": {"serving": {"template": {"metadata": {"annotations": {"inject.istio.io/templates": "x"}}}}}})",
      R"({"spec": {"serving": {"template": {"metadata": {"annotations": "x"}}}}})",
      R"({"spec": {"serving": {"template": {"spec": {"hostNetwork": true}}}}})",
      R"({"spec": {"serving": {"template": {"spec": {"somethingNew": {}}}}}})",
      R"({"spec": {"somethingNew": "x"}})", R"({"spec": {"somethingNew": {}}})",
      R"({"spec": {"decision": null}})", R"({"spec": {"decision": {"threshold": "0.50"}}})",
      R"({"spec": {"fallback": {"description": "Others decide."}}})",
      R"({"spec": {"serving": {"podDisruptionBudget": {"maxUnavailable": 1}}}})",
      R"({"spec": {"serving": {"labels": {"x": "y"}}}})"};
  for (const std::string& patch : patches) {
    Json changed = Deployment();
    MergePatch(changed, Json::parse(patch));
    EXPECT_NE(Governed(changed), digest) << patch;
  }
}

TEST(GovernedDigestTest, WithoutBothBoundsTheNumberOfReplicasIsGoverned) {
  for (const char* bound : {"minReplicas", "maxReplicas"}) {
    Json one = Deployment();
    one["spec"]["serving"].erase(bound);
    Json other = one;
    other["spec"]["serving"]["replicas"] = 4;
    EXPECT_NE(Governed(one), Governed(other)) << bound;
  }
}

// Pointers to every value inside `json`.
void Leaves(const Json& json, const Json::json_pointer& at, std::vector<Json::json_pointer>& all) {
  if (!json.is_structured()) {
    all.push_back(at);
    return;
  }
  for (auto it = json.begin(); it != json.end(); ++it) {
    if (json.is_object()) {
      Leaves(it.value(), at / it.key(), all);
    } else {
      Leaves(it.value(), at / static_cast<std::size_t>(it - json.begin()), all);
    }
  }
}

TEST(GovernedDigestTest, ChangingOrRemovingAnyGovernedValueChangesIt) {
  const Json original = Deployment();
  const std::string digest = Governed(original);
  std::vector<Json::json_pointer> leaves;
  Leaves(original.at("spec"), Json::json_pointer("/spec"), leaves);
  ASSERT_GT(leaves.size(), 20U);
  for (const auto& leaf : leaves) {
    const std::string path = leaf.to_string();
    const bool free = path.starts_with("/spec/serving/template/metadata/");
    Json changed = original;
    changed[leaf] = "changed";
    EXPECT_EQ(Governed(changed) == digest, free) << path;
    Json removed = original;
    Json& parent = removed[leaf.parent_pointer()];
    if (parent.is_object()) {
      parent.erase(leaf.back());
    } else {
      parent.erase(std::stoul(leaf.back()));
    }
    // Replicas that are not stated are not those that were approved either, but nothing decodes so.
    if (path == "/spec/serving/replicas") continue;
    EXPECT_EQ(Governed(removed) == digest, free) << path;
  }
}

TEST(AnswersDigestTest, CoversAnswersPurposeOwnerAndDevelopers) {
  UseCaseSpec spec;
  spec.title = "Credit";
  spec.purpose = "p";
  spec.purpose_category = "c";
  spec.owner = "o";
  spec.developers = {{SubjectKind::kUser, "d"}};
  spec.answers = {{"q", {"a"}}};
  const std::string digest = AnswersDigest(spec).value();
  const std::vector<std::function<void(UseCaseSpec&)>> covered = {
      [](UseCaseSpec& s) { s.purpose = "x"; },
      [](UseCaseSpec& s) { s.purpose_category = "x"; },
      [](UseCaseSpec& s) { s.owner = "x"; },
      [](UseCaseSpec& s) { s.developers.clear(); },
      [](UseCaseSpec& s) { s.developers[0].kind = SubjectKind::kGroup; },
      [](UseCaseSpec& s) { s.developers[0].name = "x"; },
      [](UseCaseSpec& s) { s.answers["q"] = {"b"}; },
      [](UseCaseSpec& s) { s.answers["q"] = {"a", "b"}; },
      [](UseCaseSpec& s) { s.answers["r"] = {"a"}; }};
  for (std::size_t i = 0; i < covered.size(); ++i) {
    UseCaseSpec changed = spec;
    covered[i](changed);
    EXPECT_NE(AnswersDigest(changed).value(), digest) << i;
  }
  UseCaseSpec free = spec;
  free.title = "x";
  free.links = {{"n", "u"}};
  free.kpis = {{"n", "t", "d"}};
  free.lifecycle = Lifecycle::kRetiring;
  free.deploy_to = {"x"};
  EXPECT_EQ(AnswersDigest(free).value(), digest);
}

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

TEST(FrameDigestTest, WhatARefreshChangesDoesNotChangeItAndAllElseDoes) {
  const auto frame = [](const std::string& patch) {
    Json object = Deployment();
    MergePatch(object, Yaml(patch));
    return FrameDigest(Decode<ModelDeploymentSpec>(object).value().spec).value();
  };
  const std::string base = frame("{}");
  const std::string other = std::string(64, 'a');
  EXPECT_EQ(frame("{spec: {model: {version: \"2\", digest: \"sha256:" + other +
                  "\", uri: \"oci://r.example/m@sha256:" + other + "\"}}}"),
            base);
  EXPECT_EQ(frame("{spec: {serving: {replicas: 2}}}"), base);
  for (const char* patch :
       {"{spec: {model: {name: other}}}", "{spec: {decision: {threshold: \"0.6\"}}}",
        "{spec: {serving: {maxReplicas: 9}}}", "{spec: {useCaseRef: {name: other}}}",
        "{spec: {serving: {template: {spec: {hostNetwork: true}}}}}"}) {
    EXPECT_NE(frame(patch), base) << patch;
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

constexpr char kAdapter[] =
    R"({name: adapter, role: Adapter, artifact: {uri: "oci://r.example/a:1", digestType: ociManifest,
    digest: "sha256:2222222222222222222222222222222222222222222222222222222222222222"}})";
constexpr char kHosted[] =
    R"({name: base, role: BaseModel, hosted: {provider: acme, model: chat-4, snapshot: "2026-08-06"}})";

Result<ModelDeployment> WithComponents(const std::string& components,
                                       const std::string& model = "{}") {
  Json object = Deployment();
  Json& own = object["spec"]["model"];
  own.erase("uri");
  own["digestType"] = "composite";
  own["components"] = Yaml("[" + components + "]");
  MergePatch(own, Yaml(model));
  return Decode<ModelDeploymentSpec>(object);
}

// The canonical form as docs/components.md gives it, hashed by another program.
// One signature can be spelled in many ways: what a record knows must not hang on it.
TEST(RecordDigestTest, DoesNotHangOnHowTheSignatureIsSpelled) {
  const auto of = [](const Json& signature) {
    Json spec = {{"useCase", "credit"}, {"performedAt", "2026-11-01T12:00:00Z"}};
    if (!signature.is_null()) spec["signature"] = signature;
    return RecordDigest(spec).value();
  };
  const std::string unsigned_one = of(nullptr);
  EXPECT_EQ(of({{"format", "SSHSIG"}, {"value", "a"}}), unsigned_one);
  EXPECT_EQ(of({{"format", "SSHSIG"}, {"value", "a\r\n"}}), unsigned_one);
  EXPECT_EQ(of({{"format", "DSSE"}, {"value", "{}"}, {"publicKey", "k"}}), unsigned_one);
  EXPECT_EQ(of({{"format", "DSSE"}, {"value", "no JSON"}, {"publicKey", "k"}}), unsigned_one);
  EXPECT_NE(RecordDigest({{"useCase", "other"}}).value(), unsigned_one);
}

// What stands beside the statement of another tool nobody signed.
TEST(RecordDigestTest, OfAnotherToolsStatementIsWithoutWhatTheToolDidNotSay) {
  const auto of = [](const std::string& type, const std::string& performed_at, bool url = false,
                     int depth = 0) {
    // "???" is "Pz8/" in one alphabet and "Pz8_" in the other.
    const std::string statement =
        R"({"a":")" + std::string(30, '?') + R"(","predicateType":")" + type + R"(","predicate":)" +
        std::string(static_cast<std::size_t>(depth), '[') +
        std::string(static_cast<std::size_t>(depth), ']') + (depth == 0 ? "0}" : "}");
    std::string payload = Base64Encode(statement);
    if (url) std::replace(payload.begin(), payload.end(), '/', '_');
    const Json envelope = {{"payload", payload}};
    return RecordDigest({{"useCase", "credit"},
                         {"performedAt", performed_at},
                         {"signature", {{"format", "DSSE"}, {"value", DumpJson(envelope)}}}})
        .value();
  };
  const std::string theirs = "https://in-toto.io/attestation/test-result/v0.1";
  const std::string ours = "https://countersign.dev/attestations/Evidence/v1";
  EXPECT_EQ(of(theirs, "2026-11-01T12:00:00Z"), of(theirs, "2026-11-02T12:00:00Z"));
  EXPECT_EQ(of(theirs, "2026-11-01T12:00:00Z"), of(theirs, "2026-11-02T12:00:00Z", true));
  EXPECT_EQ(of(theirs, "2026-11-01T12:00:00Z"), of(theirs, "2026-11-02T12:00:00Z", false, 500))
      << "what verifies is recognised";
  EXPECT_NE(of(ours, "2026-11-01T12:00:00Z"), of(ours, "2026-11-02T12:00:00Z"));
}

TEST(CompositeDigestTest, IsOfTheCanonicalJsonOfTheComponentsByName) {
  const auto made = WithComponents(std::string(kHosted) + ", " + kAdapter);
  ASSERT_TRUE(made) << made.error().ToString();
  const Model& model = made->spec.model;
  EXPECT_EQ(model.composite_digest,
            "sha256:7f6ccdc5abb3175d13363e7b5cbc2c25eb2f204906b45635522eccf2b2e93553");
  EXPECT_EQ(model.components[0].identity.digest,
            "sha256:4930177b23cfee4e21a6eda75096668cc0e6f88bd62a3c54b9cbeee32ba92c6c");
  EXPECT_EQ(model.components[0].identity.type, DigestType::kHosted);
  EXPECT_EQ(model.components[1].identity,
            (ModelDigest{"sha256:" + std::string(64, '2'), DigestType::kOciManifest}));
}

TEST(CompositeDigestTest, ChangesWithWhatTheComponentsAreNotWithWhereTheyAre) {
  const auto digest = [](const std::string& hosted, const std::string& adapter) {
    Json one = Yaml(kHosted);
    Json two = Yaml(kAdapter);
    MergePatch(one, Yaml(hosted));
    MergePatch(two, Yaml(adapter));
    const auto made = WithComponents(two.dump() + ", " + one.dump());
    return made ? made->spec.model.composite_digest : made.error().ToString();
  };
  const std::string same = digest("{}", "{}");
  EXPECT_EQ(same, "sha256:7f6ccdc5abb3175d13363e7b5cbc2c25eb2f204906b45635522eccf2b2e93553");
  EXPECT_EQ(digest("{}", "{artifact: {uri: 'oci://elsewhere.example/a:2'}}"), same);
  std::set<std::string> others = {same};
  for (const char* change :
       {"{name: core}", "{role: Other}", "{hosted: {provider: other}}", "{hosted: {model: chat-5}}",
        "{hosted: {snapshot: '2026-09-01'}}", "{hosted: {snapshot: null}}"}) {
    EXPECT_TRUE(others.insert(digest(change, "{}")).second) << change;
  }
  for (const char* change :
       {"{name: tuned}", "{role: EnsembleMember}", "{artifact: {digestType: file}}",
        "{artifact: {digest: "
        "'sha256:3333333333333333333333333333333333333333333333333333333333333333'}}"}) {
    EXPECT_TRUE(others.insert(digest("{}", change)).second) << change;
  }
}

TEST(DecodeTest, ComponentsAreRefusedWithThePath) {
  const auto fault = [](const std::string& components, const std::string& model = "{}") {
    const auto made = WithComponents(components, model);
    return made ? std::string("accepted") : made.error().ToString();
  };
  const std::string adapter = kAdapter;
  EXPECT_EQ(fault(adapter), "accepted");
  const std::pair<std::string, std::string> faults[] = {
      {fault(adapter + ", {name: x, role: Other}"),
       "spec.model.components[1]: must have exactly one of artifact and hosted, has none"},
      {fault(adapter.substr(0, adapter.size() - 1) + ", hosted: {provider: acme, model: m}}"),
       "spec.model.components[0]: must have exactly one of artifact and hosted, has both"},
      {fault(adapter + ", " + adapter), "spec.model.components: has 'adapter' twice"},
      {fault("{name: x, role: Adaptor, hosted: {provider: acme, model: m}}"),
       "spec.model.components[0].role: must be one of 'BaseModel'"},
      {fault(adapter, "{digestType: ociManifest}"),
       "spec.model.digestType: must be 'composite' where there are components"},
      {fault(adapter, "{digestType: hosted}"), "spec.model.digestType: must not be 'hosted'"},
      {fault(adapter, "{uri: 'oci://r.example/m'}"), "spec.model.uri: must not be set beside"},
      {fault(adapter, "{components: null}"), "spec.model.components: is required with digestType"},
      {fault(adapter, "{components: null, digestType: file}"), "spec.model.uri: is required"},
      {fault("", "{}"), "spec.model.components: must have 1 to 32 items"},
      {fault(R"({name: x, role: Other, artifact: {uri: "oci://r.example/x", digestType: composite,
             digest: "sha256:2222222222222222222222222222222222222222222222222222222222222222"}})"),
       "spec.model.components[0].artifact.digestType: must be one of 'ociManifest'"}};
  for (const auto& [found, wanted] : faults) {
    EXPECT_NE(found.find(wanted), std::string::npos) << "not '" << wanted << "' but: " << found;
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
