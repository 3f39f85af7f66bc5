#include "operator/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "governance/serving/guard.h"
#include "governance/serving/model_mounts.h"
#include "operator/names.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;

const std::string kDigest = "sha256:" + std::string(64, '9');

ModelDeploymentSpec Spec(const std::string& pod_template) {
  ModelDeploymentSpec spec;
  spec.use_case = {"lending", "credit-scoring"};
  spec.model.name = "credit scorer";
  spec.model.version = "2.3.1";
  spec.model.uri = "oci://registry.example/credit@" + kDigest;
  spec.model.digest = {kDigest, DigestType::kOciManifest};
  spec.serving.replicas = 3;
  spec.serving.port = 8080;
  spec.serving.pod_template = RawJson::FromText(pod_template);
  return spec;
}

constexpr char kTemplate[] = R"({
  "metadata": {"labels": {"team": "ds", "app.kubernetes.io/instance": "someone-else"}},
  "spec": {
    "initContainers": [{"name": "warm", "image": "i"}],
    "containers": [{"name": "server", "image": "s",
                    "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}]}],
    "volumes": [{"name": "scratch", "emptyDir": {}}]}})";

RenderInput Input() { return {"lending-prod", "credit-scorer", "uid-1", "sha256:gov", 7, 3}; }

Rendered MustRender(const std::string& pod_template = kTemplate) {
  auto rendered = Render(Input(), Spec(pod_template));
  EXPECT_TRUE(rendered.has_value()) << rendered.error().ToString();
  return rendered.value_or(Rendered{});
}

TEST(Render, MountsTheModelByDigestReadOnlyInEveryContainer) {
  const Json pod = *FindPath(MustRender().deployment, "spec/template/spec");
  const Json& volume = Find(pod, "volumes")->back();
  EXPECT_EQ(StringAt(volume, "name"), "model");
  EXPECT_EQ(StringAt(volume, "image/reference"), "registry.example/credit@" + kDigest);
  for (const char* list : {"containers", "initContainers"}) {
    const Json& mount = Find(Find(pod, list)->front(), "volumeMounts")->back();
    EXPECT_EQ(StringAt(mount, "mountPath"), "/models") << list;
    EXPECT_TRUE(BoolAt(mount, "readOnly")) << list;
  }
  EXPECT_EQ(Find(Find(pod, "containers")->front(), "volumeMounts")->size(), 2U);
}

TEST(Render, KeepsTheUsersLabelsButNeverLetsThemTakeOurs) {
  const Json rendered = MustRender().deployment;
  const Json* labels = FindPath(rendered, "spec/template/metadata/labels");
  ASSERT_NE(labels, nullptr);
  EXPECT_EQ(*Find(*labels, "team"), "ds");
  EXPECT_EQ(*Find(*labels, kInstanceLabel), "credit-scorer");
  EXPECT_EQ(*Find(*labels, kManagedByLabel), "countersign-operator");
  EXPECT_EQ(*Find(*labels, kRevisionLabel), "7");
}

TEST(Render, SelectsItsOwnPodsFromAllChildren) {
  ModelDeploymentSpec spec = Spec(kTemplate);
  spec.serving.disruption_budget = PodDisruptionBudget{{}, 1};
  const auto rendered_or = Render(Input(), spec);
  ASSERT_TRUE(rendered_or.has_value()) << rendered_or.error().ToString();
  const Rendered& rendered = *rendered_or;
  ASSERT_TRUE(rendered.disruption_budget.has_value());
  const Json* pods = FindPath(rendered.deployment, "spec/template/metadata/labels");
  for (const Json* selector :
       {FindPath(rendered.deployment, "spec/selector/matchLabels"),
        FindPath(rendered.service, "spec/selector"),
        FindPath(*rendered.disruption_budget, "spec/selector/matchLabels")}) {
    ASSERT_NE(selector, nullptr);
    EXPECT_FALSE(selector->empty());
    for (auto it = selector->begin(); it != selector->end(); ++it) {
      EXPECT_EQ(*Find(*pods, it.key()), it.value()) << it.key();
    }
    EXPECT_EQ(Find(*selector, kRevisionLabel), nullptr) << "selectors are immutable";
  }
}

TEST(Render, MakesADisruptionBudgetOnlyOfWhatIsAsked) {
  EXPECT_FALSE(MustRender().disruption_budget.has_value());
  ModelDeploymentSpec spec = Spec(kTemplate);
  spec.serving.disruption_budget = PodDisruptionBudget{2, {}};
  const auto rendered = Render(Input(), spec);
  ASSERT_TRUE(rendered && rendered->disruption_budget);
  const Json& budget = *rendered->disruption_budget;
  EXPECT_EQ(IntAt(budget, "spec/minAvailable"), 2);
  EXPECT_EQ(FindPath(budget, "spec/maxUnavailable"), nullptr);
  EXPECT_EQ(StringAt(budget, "metadata/name"), "credit-scorer");
}

TEST(Render, OwnsItsChildrenAndNamesTheGovernedDigest) {
  const Rendered rendered = MustRender();
  for (const Json* child : {&rendered.deployment, &rendered.service}) {
    const Json& owner = FindPath(*child, "metadata/ownerReferences")->front();
    EXPECT_EQ(StringAt(owner, "kind"), "ModelDeployment");
    EXPECT_EQ(StringAt(owner, "uid"), "uid-1");
    EXPECT_TRUE(BoolAt(owner, "controller"));
    const Json* annotations = FindPath(*child, "metadata/annotations");
    EXPECT_EQ(*Find(*annotations, kGovernedDigestAnnotation), "sha256:gov");
    EXPECT_EQ(*Find(*annotations, kModelDigestAnnotation), kDigest);
  }
  EXPECT_EQ(IntAt(rendered.service, "spec/ports/0/port", -1), -1) << "ports is a list";
  EXPECT_EQ(IntAt(FindPath(rendered.service, "spec/ports")->front(), "targetPort"), 8080);
  EXPECT_EQ(IntAt(rendered.deployment, "spec/replicas"), 3);
}

TEST(Render, WhatItMakesIsWhatTheGuardTakesForCovered) {
  ModelDeploymentSpec spec = Spec(R"({"spec": {"containers": [{"name": "s",
    "image": "r.example/s@sha256:4444444444444444444444444444444444444444444444444444444444444444",
    "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}],
    "volumes": [{"name": "c", "configMap": {"name": "settings"}}]}})");
  Component tuned;
  tuned.name = "tuned";
  tuned.artifact = ComponentArtifact{spec.model.uri, spec.model.digest};
  Component base;
  base.name = "base";
  base.hosted = HostedModel{"openai", "gpt-5", "2026-01-01"};
  spec.model.components = {tuned, base};
  const auto rendered = Render(Input(), spec);
  ASSERT_TRUE(rendered.has_value()) << rendered.error().ToString();
  Cover cover = CoverOf("credit-scorer", spec);
  cover.approved = true;
  const Recognition child = Recognise(BuiltInServingProfiles().value(), rendered->deployment);
  EXPECT_TRUE(child.serves);
  EXPECT_THAT(NotCovered(child, {cover}), testing::IsEmpty());
}

TEST(Render, PinsATagToTheApprovedDigest) {
  Model model = Spec(kTemplate).model;
  model.uri = "oci://registry.example/credit:latest";
  EXPECT_EQ(ImageOf(model.uri, model.digest, "spec.model.uri").value(),
            "registry.example/credit:latest@" + kDigest);
  model.uri = "https://registry.example/credit";
  EXPECT_EQ(ImageOf(model.uri, model.digest, "spec.model.uri").error().path, "spec.model.uri");
}

TEST(Render, RefusesWhateverWouldHideTheModel) {
  for (const char* path : {"/models", "/models/", "//models", "/a/../models/x", "models"}) {
    const std::string text =
        R"({"spec": {"containers": [{"name": "s", "volumeMounts": [{"name": "x", "mountPath": ")" +
        std::string(path) + R"("}]}]}})";
    auto rendered = Render(Input(), Spec(text));
    ASSERT_FALSE(rendered.has_value()) << path;
    EXPECT_THAT(rendered.error().message, HasSubstr("/models")) << path;
  }
  const std::string fine =
      R"({"spec": {"containers": [{"name": "s", "volumeMounts":
          [{"name": "x", "mountPath": "/models-cache"}]}]}})";
  EXPECT_TRUE(Render(Input(), Spec(fine)).has_value());
  EXPECT_FALSE(
      Render(Input(), Spec(R"({"spec": {"containers": [], "volumes": [{"name": "model"}]}})"))
          .has_value());
}

ModelDeploymentSpec Composite(const std::string& pod_template) {
  ModelDeploymentSpec spec = Spec(pod_template);
  spec.model.uri.clear();
  spec.model.digest.type = DigestType::kComposite;
  Component adapter{"adapter", ComponentRole::kAdapter, {}, {}, {}};
  adapter.artifact =
      ComponentArtifact{"oci://registry.example/adapter:1", {kDigest, DigestType::kOciManifest}};
  Component base{"base-model", ComponentRole::kBaseModel, {}, {}, {}};
  base.hosted = HostedModel{"acme", "chat-4", "2026-08-06"};
  spec.model.components = {adapter, base};
  return spec;
}

TEST(Render, MountsEachComponentUnderItsNameAndNamesTheHostedOnes) {
  const auto rendered = Render(Input(), Composite(kTemplate));
  ASSERT_TRUE(rendered.has_value()) << rendered.error().ToString();
  const Json pod = *FindPath(rendered->deployment, "spec/template/spec");
  ASSERT_EQ(Find(pod, "volumes")->size(), 2U) << "the template's own, and the adapter";
  const Json& volume = Find(pod, "volumes")->back();
  EXPECT_EQ(StringAt(volume, "name"), "model-adapter");
  EXPECT_EQ(StringAt(volume, "image/reference"), "registry.example/adapter:1@" + kDigest);
  for (const char* list : {"containers", "initContainers"}) {
    const Json& container = Find(pod, list)->front();
    const Json& mount = Find(container, "volumeMounts")->back();
    EXPECT_EQ(StringAt(mount, "name"), "model-adapter") << list;
    EXPECT_EQ(StringAt(mount, "mountPath"), "/models/adapter") << list;
    EXPECT_TRUE(BoolAt(mount, "readOnly")) << list;
    EXPECT_EQ(*Find(container, "env"), Json::parse(R"([
      {"name": "COMPONENT_BASE_MODEL_PROVIDER", "value": "acme"},
      {"name": "COMPONENT_BASE_MODEL_MODEL", "value": "chat-4"},
      {"name": "COMPONENT_BASE_MODEL_SNAPSHOT", "value": "2026-08-06"}])"))
        << list;
  }
}

TEST(Render, RefusesWhatWouldStandForAComponent) {
  for (const char* text :
       {R"({"spec": {"containers": [], "volumes": [{"name": "model-adapter"}]}})",
        R"({"spec": {"containers": [{"env": [{"name": "COMPONENT_BASE_MODEL_SNAPSHOT"}]}]}})",
        R"({"spec": {"containers": [{"volumeMounts": [{"mountPath": "/models/adapter"}]}]}})"}) {
    EXPECT_FALSE(Render(Input(), Composite(text)).has_value()) << text;
  }
  ModelDeploymentSpec elsewhere = Composite(kTemplate);
  elsewhere.model.components[0].artifact->uri = "s3://bucket/adapter";
  EXPECT_EQ(Render(Input(), elsewhere).error().path, "spec.model.components[0].artifact.uri");
}

TEST(Names, StayTheUsersOwnWhereKubernetesAllowsIt) {
  EXPECT_EQ(ChildName("credit-scorer"), "credit-scorer");
  EXPECT_EQ(RevisionName("credit-scorer", 12), "credit-scorer-12");
}

TEST(Names, OfDotsDigitsOrLengthBecomeServiceNamesThatDiffer) {
  const std::string prefix(70, 'a');
  const std::string names[] = {"credit.scorer", "credit-scorer.", "1-scorer", prefix + "b",
                               prefix + "c"};
  std::set<std::string> seen;
  for (const std::string& name : names) {
    const std::string child = ChildName(name);
    EXPECT_LE(child.size(), kMaxChildName);
    EXPECT_THAT(child, ::testing::MatchesRegex("[a-z][-a-z0-9]*[a-z0-9]"));
    EXPECT_TRUE(seen.insert(child).second) << child;
  }
}

TEST(Names, MakeLabelValuesOfAnyText) {
  EXPECT_EQ(LabelValue("Credit scorer (v2)"), "Credit-scorer--v2");
  EXPECT_EQ(LabelValue("—"), "unnamed");
  EXPECT_EQ(LabelValue(std::string(100, 'x')).size(), 63U);
}

}  // namespace
}  // namespace countersign
