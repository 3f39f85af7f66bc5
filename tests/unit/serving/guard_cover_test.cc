// What an approved ModelDeployment covers, and what beside it is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "tests/unit/serving/guarded.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;

TEST(Guard, AnApprovedDeploymentCoversItsModelWithItsContainers) {
  GuardFacts facts = FactsOf(Deployment(PodSpec()));
  facts.covers = {Approved()};
  EXPECT_EQ(JudgeServing(facts).reason, "Covered");
}

TEST(Guard, WhatIsNotApprovedYetCoversNothing) {
  GuardFacts facts = FactsOf(Deployment(PodSpec()));
  facts.covers = {CoverOf("scorer", Spec())};
  facts.covers[0].why_not = "2 of 5 gates pass";
  const GuardDecision decision = JudgeServing(facts);
  EXPECT_EQ(decision.verdict, GuardVerdict::kDeny);
  EXPECT_THAT(decision.message, HasSubstr("is not approved: 2 of 5 gates pass"));
}

TEST(Guard, AnotherModelBesideTheApprovedOneIsRefused) {
  Json two = PodSpec();
  two["volumes"].push_back({{"name", "x"}, {"image", {{"reference", "r.example/x@" + kOther}}}});
  GuardFacts facts = FactsOf(Deployment(two));
  facts.covers = {Approved()};
  EXPECT_THAT(Reasons(JudgeServing(facts)), testing::ElementsAre("ModelNotApproved"));
}

TEST(Guard, AnotherCommandBesideTheApprovedModelIsRefused) {
  for (const char* change :
       {", command: [sh, -c, x]", ", args: [x]", ", env: [{name: A, value: b}]",
        ", envFrom: [{configMapRef: {name: c}}]"}) {
    GuardFacts facts = FactsOf(Deployment(PodSpec(kModel, change)));
    facts.covers = {Approved()};
    EXPECT_THAT(Reasons(JudgeServing(facts)), testing::ElementsAre("ContainerNotApproved"))
        << change;
  }
}

TEST(Guard, AContainerOfAnotherModelsDeploymentIsRefused) {
  ModelDeploymentSpec other = Spec(kOther);
  other.serving.pod_template =
      RawJson::FromText(R"({"spec":{"containers":[{"image":"r.example/server@sha256:)" +
                        std::string(64, 'd') + R"("}]}})");
  Json mixed = PodSpec();
  mixed["containers"][0]["image"] = "r.example/server@sha256:" + std::string(64, 'd');
  GuardFacts facts = FactsOf(Deployment(mixed));
  facts.covers = {Approved(), Approved(other, "other")};
  EXPECT_THAT(Reasons(JudgeServing(facts)), testing::ElementsAre("ContainerNotApproved"));
}

TEST(Guard, AVolumeThatMayHoldWeightsIsRefused) {
  Json more = PodSpec();
  more["volumes"].push_back({{"name", "w"}, {"persistentVolumeClaim", {{"claimName", "weights"}}}});
  more["volumes"].push_back({{"name", "tmp"}, {"emptyDir", Json::object()}});
  GuardFacts facts = FactsOf(Deployment(more));
  facts.covers = {Approved()};
  const GuardDecision decision = JudgeServing(facts);
  EXPECT_THAT(Reasons(decision), testing::ElementsAre("VolumeNotApproved"));
  EXPECT_THAT(decision.message, HasSubstr("volume 'w' of persistentVolumeClaim"));
}

TEST(Guard, AContainerAndAVolumeOfTwoDeploymentsAreNotApprovedTogether) {
  ModelDeploymentSpec other = Spec();
  other.serving.pod_template = RawJson::FromText(
      R"({"spec":{"containers":[{"image":"r.example/server@sha256:)" + std::string(64, 'd') +
      R"("}],"volumes":[{"name":"code","configMap":{"name":"hooks"}}]}})");
  Json mixed = PodSpec();
  mixed["volumes"].push_back({{"name", "code"}, {"configMap", {{"name", "hooks"}}}});
  GuardFacts facts = FactsOf(Deployment(mixed));
  facts.covers = {Approved(), Approved(other, "other")};
  const GuardDecision decision = JudgeServing(facts);
  EXPECT_THAT(Reasons(decision), testing::ElementsAre("VolumeNotApproved"));
  EXPECT_THAT(decision.message, HasSubstr("is approved, but not together with the rest, which is "
                                          "of ModelDeployment 'scorer'"));
}

Json WithVolume(const std::string& volume, const std::string& mount = "") {
  Json pod = PodSpec();
  pod["volumes"].push_back(ParseYaml(volume).value());
  if (!mount.empty()) {
    pod["containers"][0]["volumeMounts"].push_back(ParseYaml(mount).value());
  }
  return pod;
}

TEST(Guard, AVolumeThatSaysWhatItsAuthorWroteIsRefused) {
  for (const char* volume :
       {"{name: kube-api-access-x, projected: {sources: [{configMap: {name: mine}}]}}",
        "{name: info, downwardAPI: {items: [{path: server.py, fieldRef: {fieldPath: "
        "\"metadata.annotations['code']\"}}]}}",
        "{name: info, projected: {sources: [{downwardAPI: {items: [{path: server.py, fieldRef: "
        "{fieldPath: \"metadata.annotations['code']\"}}]}}]}}",
        "{name: x, emptyDir: null, configMap: {name: mine}}",
        "{name: x, image: {reference: 'r.example/m@sha256:"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}, configMap: {name: "
        "mine}}"}) {
    GuardFacts facts = FactsOf(Deployment(WithVolume(volume)));
    facts.covers = {Approved()};
    EXPECT_THAT(Reasons(JudgeServing(facts)), testing::ElementsAre("VolumeNotApproved")) << volume;
  }
}

// As the API server's admission adds it.
std::string ServiceAccountVolume(const std::string& third = "metadata.namespace") {
  return "{name: kube-api-access-4x2mz, projected: {defaultMode: 420, sources: "
         "[{serviceAccountToken: {expirationSeconds: 3607, path: token}}, {configMap: {name: "
         "kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}}, {downwardAPI: {items: [{path: "
         "namespace, fieldRef: {apiVersion: v1, fieldPath: \"" +
         third + "\"}}]}}]}}";
}

TEST(Guard, WhatTheApiServerMountsToSpeakToItIsNobodysCode) {
  const auto judged = [](const std::string& volume, const std::string& mount) {
    GuardFacts facts = FactsOf(Deployment(WithVolume(volume, mount)));
    facts.covers = {Approved()};
    return JudgeServing(facts).reason;
  };
  const std::string mount =
      "{name: kube-api-access-4x2mz, readOnly: true, mountPath: "
      "/var/run/secrets/kubernetes.io/serviceaccount}";
  EXPECT_EQ(judged(ServiceAccountVolume(), mount), "Covered");
  EXPECT_EQ(judged("{name: tmp, emptyDir: {medium: Memory}}", ""), "Covered");
  EXPECT_EQ(judged(ServiceAccountVolume("metadata.annotations['code']"), mount),
            "ShadowDeployment");
  EXPECT_EQ(judged(ServiceAccountVolume(),
                   "{name: kube-api-access-4x2mz, mountPath: /app/server.py, subPath: ca.crt}"),
            "ShadowDeployment");
}

TEST(Guard, WhatTheOperatorTellsContainersOfAHostedModelIsCoveredToo) {
  ModelDeploymentSpec spec = Spec();
  Component model;
  model.name = "tuned";
  model.artifact = ComponentArtifact{spec.model.uri, spec.model.digest};
  Component base;
  base.name = "base";
  base.hosted = HostedModel{"openai", "gpt-5", "2026-01-01"};
  spec.model.components = {model, base};
  Json pod = PodSpec(
      kModel,
      ", env: [{name: COMPONENT_BASE_PROVIDER, value: openai}, {name: COMPONENT_BASE_MODEL, value: "
      "gpt-5}, {name: COMPONENT_BASE_SNAPSHOT, value: '2026-01-01'}]");
  pod["containers"][0]["volumeMounts"][0]["mountPath"] = "/models/tuned";
  GuardFacts facts = FactsOf(Deployment(pod));
  facts.covers = {Approved(spec)};
  EXPECT_EQ(JudgeServing(facts).reason, "Covered");
  spec.model.components[1].hosted->model = "gpt-4";
  facts.covers = {Approved(spec)};
  EXPECT_EQ(JudgeServing(facts).reason, "ShadowDeployment");
}

TEST(Guard, ATagIsNeverCoveredNotEvenByADeploymentThatNamesTheSameTag) {
  ModelDeploymentSpec spec = Spec();
  spec.serving.pod_template =
      RawJson::FromText(R"({"spec":{"containers":[{"image":"ollama/ollama:1"}]}})");
  GuardFacts facts =
      FactsOf(Deployment(ParseYaml("{containers: [{image: 'ollama/ollama:1'}]}").value()));
  facts.covers = {Approved(spec)};
  EXPECT_THAT(Reasons(JudgeServing(facts)), testing::ElementsAre("ContainerNotApproved"));
}

TEST(Guard, AModelWithoutADigestIsRefusedWithTheReason) {
  const Recognition service = Recognise(
      Table(),
      ParseYaml("{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, metadata: "
                "{name: s}, spec: {predictor: {model: {storageUri: 's3://m/credit'}}}}")
          .value());
  GuardFacts facts = FactsOf(service);
  facts.covers = {Approved()};
  const GuardDecision decision = JudgeServing(facts);
  EXPECT_THAT(Reasons(decision), testing::ElementsAre("ModelNotPinned"));
  EXPECT_THAT(decision.message, HasSubstr("spec.predictor.model.storageUri"));
}

TEST(Guard, WhatServesAndNamesNothingIsRefused) {
  const Recognition service = Recognise(
      Table(),
      ParseYaml("{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, metadata: "
                "{name: s}, spec: {predictor: {minReplicas: 1}}}")
          .value());
  GuardFacts facts = FactsOf(service);
  facts.covers = {Approved()};
  EXPECT_THAT(Reasons(JudgeServing(facts)), testing::ElementsAre("NamesNoModel"));
}

TEST(Guard, WhatCannotBeLookedThroughIsRefused) {
  Recognition serving = Deployment(PodSpec());
  serving.faults.push_back({Code::kInvalidArgument, "is not YAML", "spec.x", {}});
  GuardFacts facts = FactsOf(serving);
  facts.covers = {Approved()};
  EXPECT_THAT(Reasons(JudgeServing(facts)), testing::ElementsAre("CannotBeRead"));
}

TEST(Guard, AHostedModelOfTheHubIsCoveredByItsCommit) {
  const std::string commit(40, '1');
  ModelDeploymentSpec spec;
  Component base;
  base.name = "base";
  base.hosted = HostedModel{"huggingface", "org/model", commit};
  spec.model.components = {base};
  const Recognition service = Recognise(
      Table(),
      ParseYaml("{apiVersion: kubeai.org/v1, kind: Model, metadata: {name: s}, spec: {url: "
                "'hf://org/model:" +
                commit + "'}}")
          .value());
  GuardFacts facts = FactsOf(service);
  facts.covers = {Approved(spec)};
  EXPECT_EQ(JudgeServing(facts).reason, "Covered");
}

TEST(Guard, WhatIsOfTheHubIsToldWhatWouldCoverIt) {
  const auto told = [](const std::string& revision) {
    return JudgeServing(FactsOf(Recognise(Table(), ParseYaml("{apiVersion: kubeai.org/v1, kind: "
                                                             "Model, metadata: {name: s}, spec: "
                                                             "{url: 'hf://org/model" +
                                                             revision + "'}}")
                                                       .value())))
        .faults.at(0);
  };
  for (const auto& [revision, reason] : std::vector<std::pair<std::string, std::string>>{
           {":" + std::string(40, '1'), "ModelNotApproved"},
           {":main", "ModelNotPinned"},
           {"", "ModelNotPinned"}}) {
    const GuardFault fault = told(revision);
    EXPECT_EQ(fault.reason, reason) << revision;
    EXPECT_THAT(fault.message, HasSubstr("component {hosted: {provider: huggingface, model: "
                                         "org/model, snapshot: <commit>}}; or push"))
        << revision;
  }
  // Of an artefact it is of no use.
  const auto artefact = JudgeServing(FactsOf(Deployment(PodSpec()))).faults.at(0);
  EXPECT_EQ(artefact.reason, "ModelNotApproved");
  EXPECT_THAT(artefact.message, testing::Not(HasSubstr("huggingface")));
}

}  // namespace
}  // namespace countersign
