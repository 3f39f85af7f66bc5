// Which changes of an object change its digests. That of components is in components_test.cc.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "governance/change_protocol.h"
#include "governance/types/model_deployment.h"
#include "governance/types/signature.h"
#include "governance/types/use_case.h"
#include "objects.h"
#include "situation.h"

namespace countersign::testing {
namespace {

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

}  // namespace
}  // namespace countersign::testing
