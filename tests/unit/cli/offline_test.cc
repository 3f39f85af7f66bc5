#include "cli/offline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/files.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Samples() {
  auto text =
      ReadTextFile(std::string(SOURCE_DIR) + "/tests/unit/governance/testdata/samples.yaml");
  EXPECT_TRUE(text) << text.error().ToString();
  return text.value_or("");
}

Result<std::vector<OfflineDecision>> Decide(const std::string& text,
                                            const std::string& name_space = {}) {
  auto manifests = ParseManifests("set.yaml", text);
  if (!manifests) return Fail(manifests.error());
  return DecideOffline(*manifests, {*ParseTime("2026-11-20T00:00:00Z"), name_space});
}

std::string Fault(const std::string& text, const std::string& name_space = {}) {
  auto decided = Decide(text, name_space);
  return decided ? "" : decided.error().ToString();
}

TEST(Offline, ADeploymentIsJudgedWithWhatTheManifestsHold) {
  auto decided = Decide(Samples());
  ASSERT_TRUE(decided) << decided.error().ToString();
  ASSERT_EQ(decided->size(), 1U);
  const OfflineDecision& d = decided->front();
  EXPECT_EQ(d.name_space + "/" + d.name, "lending-prod/sample");
  EXPECT_EQ(d.source, "set.yaml#3");
  EXPECT_EQ(d.decision.environment, "prod");
  EXPECT_EQ(d.decision.verdict, Verdict::kDeny);
}

// Nobody has vouched for it, so the author must be said to be unknown, not refused for it.
TEST(Offline, TheAuthorIsTakenForGranted) {
  auto decided = Decide(Samples());
  ASSERT_TRUE(decided);
  for (const Gate& gate : decided->front().decision.gates) {
    if (gate.measure == "author") {
      EXPECT_EQ(gate.state, GateState::kPassed);
    }
  }
}

TEST(Offline, EvidenceOfAnotherHomeDoesNotCount) {
  std::string text = Samples();
  const std::string kind = "\nkind: BiasTest\n";
  const std::string home = "namespace: lending}";
  std::size_t moved = 0;
  for (auto at = text.find(kind); at != std::string::npos; at = text.find(kind, at + 1), ++moved) {
    text.replace(text.find(home, at), home.size(), "namespace: elsewhere}");
  }
  ASSERT_GT(moved, 0U);
  auto decided = Decide(text);
  ASSERT_TRUE(decided);
  bool seen = false;
  for (const Gate& gate : decided->front().decision.gates) {
    if (gate.measure != "bias") continue;
    seen = true;
    EXPECT_EQ(gate.reason, "BiasTestMissing");
  }
  EXPECT_TRUE(seen);
}

// From before use cases had records of their own.
TEST(Offline, WhatTheRecordOfAnotherModelHasOfTheUseCaseCounts) {
  std::string text = Samples();
  const auto at = text.find("metadata: {name: sample-answers, namespace: lending}");
  ASSERT_NE(at, std::string::npos);
  const auto begin = text.rfind("---\n", at);
  const auto end = text.find("---\n", at);
  text.erase(begin, end - begin);
  const auto note = [](const std::string& manifests) {
    auto decided = Decide(manifests);
    EXPECT_TRUE(decided) << decided.error().ToString();
    return decided ? decided->front().decision.answers_note : std::string();
  };
  EXPECT_THAT(note(text), Not(HasSubstr("The audience")));
  const std::string record = R"(---
apiVersion: countersign.dev/v1alpha1
kind: ModelRecord
metadata: {name: sha256-7777777777777777777777777777777777777777777777777777777777777777}
spec:
  digest: "sha256:7777777777777777777777777777777777777777777777777777777777777777"
  decisions:
  - namespace: lending
    useCase: sample
    role: model-validator
    decision: Reject
    name: gone
    uid: u
    digest: "sha256:5555555555555555555555555555555555555555555555555555555555555555"
    by: {user: vera@bank.example, groups: [model-risk], firstSeen: "2026-11-01T12:00:00Z"}
    content: '{"subject": {"kind": "UseCase", "useCase": "sample", "answersDigest": "sha256:0096633189d35a0e2526f3972b36166359b0e3372e88b1b39b2759733cfd8467"}, "role": "model-validator", "decision": "Reject", "signer": {"username": "vera@bank.example"}, "rationale": "The audience is larger."}'
)";
  EXPECT_THAT(note(text + record), HasSubstr("The audience"));
}

TEST(Offline, AMalformedObjectIsAnErrorWithItsSourceAndPath) {
  EXPECT_THAT(Fault("apiVersion: countersign.dev/v1alpha1\nkind: UseCase\n"
                    "metadata: {name: a, namespace: b}\nspec: {titel: x}\n"),
              HasSubstr("set.yaml: spec.title: is required"));
  EXPECT_EQ(Fault("apiVersion: countersign.dev/v1alpha1\nkind: Frob\nmetadata: {name: a}\n", "n"),
            "set.yaml: kind: 'Frob' is not a kind of countersign.dev");
  EXPECT_THAT(Fault("apiVersion: countersign.dev/v1\nkind: UseCase\nmetadata: {name: a}\n"
                    "spec: {}\n",
                    "n"),
              HasSubstr("must be 'countersign.dev/v1alpha1'"));
  EXPECT_THAT(Fault("apiVersion: countersign.dev/v1alpha1\nkind: GovernancePolicy\nspec: {}\n"),
              HasSubstr("metadata.name"));
}

TEST(Offline, ANamespaceIsNeededAndCanBeGiven) {
  const std::string text =
      "apiVersion: countersign.dev/v1alpha1\nkind: UseCase\nmetadata: {name: a}\nspec: {}\n";
  EXPECT_THAT(Fault(text), HasSubstr("give one with --namespace"));
  EXPECT_THAT(Fault(text, "lending"), HasSubstr("spec.title"));
}

TEST(Offline, TheSameObjectTwiceCountsOnce) {
  // A pipeline judges what it made beside what the cluster has of it already.
  EXPECT_EQ(Decide(Samples() + "---\n" + Samples())->size(), 1U);
}

TEST(Offline, TwoObjectsOfOneNameAreAnError) {
  const std::string one =
      "apiVersion: countersign.dev/v1alpha1\nkind: GovernancePolicy\nmetadata: {name: sample}\n"
      "spec: {}\n";
  EXPECT_THAT(Fault(Samples() + "---\n" + one), HasSubstr("is there twice, with another spec"));
}

TEST(Offline, ObjectsOfOthersAreIgnored) {
  auto decided = Decide("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
  ASSERT_TRUE(decided) << decided.error().ToString();
  EXPECT_TRUE(decided->empty());
}

TEST(Manifests, AListStandsForItsItems) {
  auto manifests = ParseManifests("-", R"({"apiVersion": "v1", "kind": "List", "items": [
               {"apiVersion": "v1", "kind": "Pod"}, {"apiVersion": "v1", "kind": "Node"}]})");
  ASSERT_TRUE(manifests) << manifests.error().ToString();
  ASSERT_EQ(manifests->size(), 2U);
  EXPECT_EQ((*manifests)[1].source, "- items[1]");
  EXPECT_EQ(StringAt((*manifests)[1].object, "kind"), "Node");
}

TEST(Manifests, WhatIsNoObjectIsAnErrorWithItsSource) {
  const auto fault = [](const std::string& text) {
    auto manifests = ParseManifests("f", text);
    return manifests ? "" : manifests.error().ToString();
  };
  EXPECT_EQ(fault("[1, 2]"), "f: must be a Kubernetes object");
  EXPECT_EQ(fault("kind: Pod"), "f: must have apiVersion and kind");
  EXPECT_THAT(fault("a: 1\n---\n{{{"), HasSubstr("f: "));
  EXPECT_THAT(fault(R"({"a": 1, "a": 2})"), HasSubstr("f: "));
  EXPECT_THAT(fault("apiVersion: v1\nkind: A\n---\nkind: B"), HasSubstr("f#2: must have"));
}

}  // namespace
}  // namespace countersign
