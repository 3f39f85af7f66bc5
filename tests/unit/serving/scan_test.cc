#include "governance/serving/scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;

ScannedObject Object(const std::string& kind, const std::string& name, const std::string& owner,
                     bool serves = true) {
  ScannedObject object;
  object.kind = kind;
  object.name_space = "ns";
  object.name = name;
  object.uid = "uid-" + name;
  if (!owner.empty()) object.owner_uid = "uid-" + owner;
  object.recognition.serves = serves;
  return object;
}

GuardDecision Shadow(const ScannedObject& /*object*/, const std::vector<ServingOwner>& /*owners*/) {
  GuardDecision decision;
  decision.shadow = true;
  return decision;
}

std::vector<std::string> Names(const std::vector<ScanFinding>& findings) {
  std::vector<std::string> names;
  for (const ScanFinding& finding : findings) {
    names.push_back(finding.object->name + "+" + std::to_string(finding.below));
  }
  return names;
}

TEST(Scan, AWorkloadAndWhatBelongsToItAreOneFinding) {
  const std::vector<ScannedObject> objects = {
      Object("Pod", "p1", "rs"), Object("Pod", "p2", "rs"), Object("ReplicaSet", "rs", "d"),
      Object("Deployment", "d", ""), Object("Pod", "bare", "")};
  EXPECT_THAT(Names(FindShadows(objects, Shadow)), ElementsAre("d+3", "bare+0"));
}

TEST(Scan, TheHighestThatNothingAllowsIsTheFinding) {
  // Something was added to the Pod on its way from an owner that does not serve.
  const std::vector<ScannedObject> objects = {Object("Pod", "p", "rs"),
                                              Object("ReplicaSet", "rs", "d", false),
                                              Object("Deployment", "d", "", false)};
  EXPECT_THAT(Names(FindShadows(objects, Shadow)), ElementsAre("p+0"));
}

// As a scan finds it, with what it runs.
ScannedObject Running(const std::string& kind, const std::string& name, const std::string& owner,
                      const std::string& containers) {
  ScannedObject object = Object(kind, name, owner);
  const auto spec = ParseYaml("{containers: [" + containers + "]}");
  object.recognition = kind == "Pod"
                           ? Recognise(BuiltInServingProfiles().value(),
                                       {{"apiVersion", "v1"}, {"kind", kind}, {"spec", *spec}})
                           : Recognise(BuiltInServingProfiles().value(),
                                       {{"apiVersion", "apps/v1"},
                                        {"kind", kind},
                                        {"spec", {{"template", {{"spec", *spec}}}}}});
  return object;
}

TEST(Scan, APodThatOnlySaysItIsOwnedIsFoundAndWhatOthersInjectIsNot) {
  const std::string approved =
      "{name: s, image: 'r.example/s:1', resources: {limits: {nvidia.com/gpu: 1}}}";
  const std::string with_variable =
      "{name: s, image: 'r.example/s:1', env: [{name: AWS_REGION, value: x}], resources: {limits: "
      "{nvidia.com/gpu: 1}}}";
  std::vector<ScannedObject> objects = {
      Running("Deployment", "child", "", approved), Running("ReplicaSet", "rs", "child", approved),
      Running("Pod", "injected", "rs",
              with_variable + ", {name: istio-proxy, image: 'istio/proxyv2:1'}"),
      Running("Pod", "forged", "child",
              "{name: x, image: 'r.example/unknown:1', resources: {limits: {nvidia.com/gpu: 1}}}"),
      Running("Pod", "beside", "rs", approved + ", {name: x, image: 'ollama/ollama:1'}")};
  objects[0].operators_own = true;
  const auto findings = FindShadows(
      objects, [](const ScannedObject& object, const std::vector<ServingOwner>& owners) {
        GuardFacts facts;
        facts.kind = object.kind;
        facts.serving = object.recognition;
        facts.serving.joins = {{"child", "metadata.labels"}};
        facts.by_trusted_controller = true;
        facts.owners = owners;
        return JudgeServing(facts);
      });
  EXPECT_THAT(Names(findings), ElementsAre("forged+0", "beside+0"));
  for (const ScanFinding& finding : findings) {
    EXPECT_EQ(finding.decision.faults.front().reason, "OwnerDoesNotRun");
  }
}

TEST(Scan, OwnersAreGivenByUidNearestFirst) {
  const std::vector<ScannedObject> objects = {
      Object("Pod", "p", "rs"), Object("ReplicaSet", "rs", "d"), Object("Deployment", "d", "")};
  std::vector<std::string> seen;
  static_cast<void>(FindShadows(
      objects, [&](const ScannedObject& object, const std::vector<ServingOwner>& owners) {
        for (const ServingOwner& owner : owners) seen.push_back(object.name + "<" + owner.name);
        return GuardDecision{};
      }));
  EXPECT_THAT(seen, ElementsAre("p<rs", "p<d", "rs<d"));
}

TEST(Scan, WhatTheOperatorMadeIsNoShadow) {
  std::vector<ScannedObject> objects = {Object("Deployment", "d", "")};
  objects[0].operators_own = true;
  EXPECT_THAT(Names(FindShadows(objects, Shadow)), ElementsAre());
}

TEST(Scan, AnEarlierRevisionThatRunsNothingIsNoShadow) {
  std::vector<ScannedObject> objects = {Object("Deployment", "d", "", false),
                                        Object("ReplicaSet", "old", "d"),
                                        Object("ReplicaSet", "older", "d")};
  objects[1].idle = true;
  EXPECT_THAT(Names(FindShadows(objects, Shadow)), ElementsAre("older+0"));
}

TEST(Scan, PodsThatAloneShowItAreOneFindingForTheirOwner) {
  std::vector<ScannedObject> objects = {
      Object("Pod", "p1", "rs"), Object("Pod", "p2", "rs"), Object("Pod", "p3", "rs"),
      Object("ReplicaSet", "rs", "d", false), Object("Deployment", "d", "", false)};
  objects[0].resolved = {{"c", false, "r/a@sha256:1", "sha256:1", ""}};
  objects[1].resolved = {{"c", false, "r/a@sha256:2", "sha256:2", ""}};
  const auto findings =
      FindShadows(objects, [](const ScannedObject& object, const std::vector<ServingOwner>&) {
        GuardDecision decision;
        decision.shadow = true;
        decision.faults = {{"R", object.name == "p3" ? "more" : "same", ""}};
        return decision;
      });
  EXPECT_THAT(Names(findings), ElementsAre("p1+1", "p3+0"));
  EXPECT_EQ(findings[0].of, &objects[4]);
  EXPECT_THAT(findings[0].resolved, ElementsAre("r/a@sha256:1", "r/a@sha256:2"));
}

TEST(Scan, ImagesThatNodesPulledStandAtTheWorkload) {
  std::vector<ScannedObject> objects = {Object("Pod", "p", "d"), Object("Deployment", "d", "")};
  objects[0].resolved = {{"c", false, "r/a@sha256:1", "sha256:1", ""}};
  const auto findings = FindShadows(objects, Shadow);
  ASSERT_THAT(Names(findings), ElementsAre("d+1"));
  EXPECT_EQ(findings[0].of, nullptr);
  EXPECT_THAT(findings[0].resolved, ElementsAre("r/a@sha256:1"));
}

TEST(Scan, WhatIsKnownOfANamespaceDecides) {
  std::vector<ScannedObject> objects = {Object("Deployment", "d", "")};
  ServedReference model;
  model.text = "oci://r/m@sha256:1";
  model.digest = "sha256:1";
  model.pinned = true;
  objects[0].recognition.references = {model};
  Cover cover;
  cover.name = "scorer";
  cover.digests = {"sha256:1"};
  ScanSources sources{
      [](const std::string& ns) {
        GuardSetting setting;
        setting.environment = "of-" + ns;
        return setting;
      },
      [&](const ScannedObject&, const std::vector<ServingOwner>&) { return std::vector{cover}; },
      [](const ScannedObject&) { return std::vector<GuardWaiver>{}; }};
  const auto findings = FindShadows(objects, sources);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].decision.faults.front().reason, "DeploymentNotApproved");
  EXPECT_THAT(findings[0].decision.message, testing::HasSubstr("environment 'of-ns'"));
  cover.approved = true;
  EXPECT_THAT(FindShadows(objects, sources), testing::IsEmpty());
}

TEST(Scan, AHintThatTheOwnerShowsTooIsToldOnce) {
  std::vector<ScannedObject> objects = {
      Object("Pod", "p", "d", false), Object("Deployment", "d", "", false),
      Object("Pod", "q", "s", false), Object("StatefulSet", "s", "")};
  for (const std::size_t i : {0U, 1U, 2U}) objects[i].recognition.suspected = true;
  EXPECT_THAT(FindSuspected(objects), ElementsAre(&objects[1]));
}

TEST(Scan, ALoopOfOwnersOrOneElsewhereEndsTheChain) {
  std::vector<ScannedObject> objects = {Object("Pod", "a", "b"), Object("Pod", "b", "a")};
  EXPECT_EQ(FindShadows(objects, Shadow).size(), 2U);
  objects[1].name_space = "other";
  EXPECT_THAT(Names(FindShadows(objects, Shadow)), ElementsAre("a+0", "b+0"));
}

}  // namespace
}  // namespace countersign
