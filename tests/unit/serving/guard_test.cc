#include "governance/serving/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"

namespace countersign {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kModel = "sha256:" + std::string(64, 'a');
const std::string kOther = "sha256:" + std::string(64, 'b');
const std::string kImage = "r.example/server@sha256:" + std::string(64, 'c');

const ServingProfiles& Table() {
  static const ServingProfiles kTable = BuiltInServingProfiles().value();
  return kTable;
}

// As the operator mounts the model.
Json PodSpec(const std::string& model = kModel, const std::string& container = "") {
  return ParseYaml("{containers: [{name: c, image: '" + kImage + "'" + container +
                   ", volumeMounts: [{name: model, mountPath: /models, readOnly: true}]}], "
                   "volumes: [{name: model, image: {reference: 'r.example/m@" +
                   model + "'}}]}")
      .value();
}

Recognition Deployment(const Json& pod_spec) {
  return Recognise(Table(), {{"apiVersion", "apps/v1"},
                             {"kind", "Deployment"},
                             {"metadata", {{"name", "d"}, {"namespace", "lending-prod"}}},
                             {"spec", {{"template", {{"spec", pod_spec}}}}}});
}

ModelDeploymentSpec Spec(const std::string& digest = kModel) {
  ModelDeploymentSpec spec;
  spec.model.uri = "oci://r.example/m@" + digest;
  spec.model.digest = {digest, DigestType::kOciManifest};
  spec.serving.pod_template = RawJson::FromText(
      "{\"spec\":{\"containers\":[{\"name\":\"s\",\"image\":\"" + kImage + "\"}]}}");
  return spec;
}

Cover Approved(const ModelDeploymentSpec& spec = Spec(), const std::string& name = "scorer") {
  Cover cover = CoverOf(name, spec);
  cover.approved = true;
  return cover;
}

GuardFacts Facts(Recognition serving);

TEST(Guard, AKindThatTheTableLacksIsNotLetThroughWhereShadowsAreNot) {
  GuardFacts facts = Facts(Recognition());
  facts.kind = "NewKind";
  for (const auto& [mode, verdict] : {std::pair(GuardMode::kDeny, GuardVerdict::kDeny),
                                      std::pair(GuardMode::kWarn, GuardVerdict::kWarn)}) {
    facts.setting.mode = mode;
    const GuardDecision decision = JudgeServing(facts);
    EXPECT_EQ(decision.verdict, verdict);
    EXPECT_EQ(decision.reason, "KindUnknown");
  }
}

GuardFacts Facts(Recognition serving) {
  GuardFacts facts;
  facts.kind = "Deployment";
  facts.name_space = "lending-prod";
  facts.name = "d";
  facts.serving = std::move(serving);
  facts.setting.environment = "prod";
  return facts;
}

std::vector<std::string> Reasons(const GuardDecision& decision) {
  std::vector<std::string> reasons;
  for (const GuardFault& fault : decision.faults) reasons.push_back(fault.reason);
  return reasons;
}

TEST(Guard, WhatNobodyApprovedIsRefusedAndTheRefusalSaysWhatToDo) {
  const GuardDecision decision = JudgeServing(Facts(Deployment(PodSpec())));
  EXPECT_EQ(decision.verdict, GuardVerdict::kDeny);
  EXPECT_TRUE(decision.shadow);
  EXPECT_THAT(Reasons(decision), testing::ElementsAre("ModelNotApproved", "ContainerNotApproved"));
  EXPECT_THAT(decision.message, HasSubstr("Deployment 'lending-prod/d' serves a model outside of "
                                          "Countersign in environment 'prod'"));
  EXPECT_THAT(decision.message, HasSubstr("image volume '*': 'r.example/m@" + kModel + "'"));
  EXPECT_THAT(decision.message, HasSubstr("kubectl countersign release -n lending-prod"));
}

TEST(Guard, WhatOthersWroteAddsNoLinesAndDoesNotPushOutWhatToDo) {
  Json pod = PodSpec();
  for (int i = 0; i < 40; ++i) {
    pod["volumes"].push_back(
        {{"name", "v" + std::to_string(i)},
         {"image", {{"reference", "x\nRemedy: none" + std::string(200, 'y')}}}});
  }
  const std::string message = JudgeServing(Facts(Deployment(pod))).message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_LT(message.size(), 2048U);
  EXPECT_THAT(message, HasSubstr("kubectl countersign release -n lending-prod"));
}

TEST(Guard, TheModeOfTheEnvironmentDecides) {
  GuardFacts facts = Facts(Deployment(PodSpec()));
  facts.setting.mode = GuardMode::kWarn;
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kWarn);
  facts.setting.mode = GuardMode::kAudit;
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kAudit);
  EXPECT_TRUE(JudgeServing(facts).shadow);
}

TEST(Guard, TheOperatorMakesWhatItMakes) {
  GuardFacts facts = Facts(Deployment(PodSpec()));
  facts.by_operator = true;
  EXPECT_EQ(JudgeServing(facts).reason, "OperatorMade");
}

TEST(Guard, AnApprovedDeploymentCoversItsModelWithItsContainers) {
  GuardFacts facts = Facts(Deployment(PodSpec()));
  facts.covers = {Approved()};
  EXPECT_EQ(JudgeServing(facts).reason, "Covered");
}

TEST(Guard, WhatIsNotApprovedYetCoversNothing) {
  GuardFacts facts = Facts(Deployment(PodSpec()));
  facts.covers = {CoverOf("scorer", Spec())};
  facts.covers[0].why_not = "2 of 5 gates pass";
  const GuardDecision decision = JudgeServing(facts);
  EXPECT_EQ(decision.verdict, GuardVerdict::kDeny);
  EXPECT_THAT(decision.message, HasSubstr("is not approved: 2 of 5 gates pass"));
}

TEST(Guard, AnotherModelBesideTheApprovedOneIsRefused) {
  Json two = PodSpec();
  two["volumes"].push_back({{"name", "x"}, {"image", {{"reference", "r.example/x@" + kOther}}}});
  GuardFacts facts = Facts(Deployment(two));
  facts.covers = {Approved()};
  EXPECT_THAT(Reasons(JudgeServing(facts)), testing::ElementsAre("ModelNotApproved"));
}

TEST(Guard, AnotherCommandBesideTheApprovedModelIsRefused) {
  for (const char* change :
       {", command: [sh, -c, x]", ", args: [x]", ", env: [{name: A, value: b}]",
        ", envFrom: [{configMapRef: {name: c}}]"}) {
    GuardFacts facts = Facts(Deployment(PodSpec(kModel, change)));
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
  GuardFacts facts = Facts(Deployment(mixed));
  facts.covers = {Approved(), Approved(other, "other")};
  EXPECT_THAT(Reasons(JudgeServing(facts)), testing::ElementsAre("ContainerNotApproved"));
}

TEST(Guard, AVolumeThatMayHoldWeightsIsRefused) {
  Json more = PodSpec();
  more["volumes"].push_back({{"name", "w"}, {"persistentVolumeClaim", {{"claimName", "weights"}}}});
  more["volumes"].push_back({{"name", "tmp"}, {"emptyDir", Json::object()}});
  GuardFacts facts = Facts(Deployment(more));
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
  GuardFacts facts = Facts(Deployment(mixed));
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
    GuardFacts facts = Facts(Deployment(WithVolume(volume)));
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
    GuardFacts facts = Facts(Deployment(WithVolume(volume, mount)));
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
  GuardFacts facts = Facts(Deployment(pod));
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
      Facts(Deployment(ParseYaml("{containers: [{image: 'ollama/ollama:1'}]}").value()));
  facts.covers = {Approved(spec)};
  EXPECT_THAT(Reasons(JudgeServing(facts)), testing::ElementsAre("ContainerNotApproved"));
}

TEST(Guard, AModelWithoutADigestIsRefusedWithTheReason) {
  const Recognition service = Recognise(
      Table(),
      ParseYaml("{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, metadata: "
                "{name: s}, spec: {predictor: {model: {storageUri: 's3://m/credit'}}}}")
          .value());
  GuardFacts facts = Facts(service);
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
  GuardFacts facts = Facts(service);
  facts.covers = {Approved()};
  EXPECT_THAT(Reasons(JudgeServing(facts)), testing::ElementsAre("NamesNoModel"));
}

TEST(Guard, WhatCannotBeLookedThroughIsRefused) {
  Recognition serving = Deployment(PodSpec());
  serving.faults.push_back({Code::kInvalidArgument, "is not YAML", "spec.x", {}});
  GuardFacts facts = Facts(serving);
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
  GuardFacts facts = Facts(service);
  facts.covers = {Approved(spec)};
  EXPECT_EQ(JudgeServing(facts).reason, "Covered");
}

TEST(Guard, AnUpdateThatChangesNothingOfWhatIsServedIsNeverRefused) {
  GuardFacts facts = Facts(Deployment(PodSpec()));
  facts.before = facts.serving;
  EXPECT_EQ(JudgeServing(facts).reason, "ServingUnchanged");
  facts.before = Deployment(PodSpec(kOther));
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny);
}

TEST(Guard, WhatIsBeingDeletedGoesAlsoWhereItCannotBeCompared) {
  Json odd = PodSpec();
  odd["terminationGracePeriodSeconds"] = 9007199254740993;
  GuardFacts facts = Facts(Deployment(odd));
  facts.before = facts.serving;
  EXPECT_EQ(facts.serving.fingerprint, "");
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny);
  facts.only_ends = true;
  EXPECT_EQ(JudgeServing(facts).reason, "ServingUnchanged");
}

TEST(Guard, WhatBeginsToServeByAnUpdateIsJudged) {
  GuardFacts facts = Facts(Deployment(PodSpec()));
  facts.before = Recognise(Table(), {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}});
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny);
}

ServingOwner Owner(Recognition recognition, bool operators_own = false) {
  return {"ReplicaSet", "d-1", operators_own, std::move(recognition)};
}

TEST(Guard, AControllerActsForWhatTheOperatorMade) {
  GuardFacts facts = Facts(Deployment(PodSpec()));
  facts.owners = {Owner(Deployment(PodSpec())), Owner(Deployment(PodSpec()), true)};
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny) << "not a trusted controller";
  facts.by_trusted_controller = true;
  EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned");
}

TEST(Guard, AControllerActsForWhatIsCovered) {
  Json injected = PodSpec();
  injected["containers"].push_back({{"name", "proxy"}, {"image", "istio/proxyv2:1"}});
  GuardFacts facts = Facts(Deployment(injected));
  facts.by_trusted_controller = true;
  facts.owners = {Owner(Deployment(PodSpec()))};
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny) << "its owner is covered by nothing";
  facts.covers = {Approved()};
  EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned");
}

TEST(Guard, AModelThatTheOwnerDoesNotNameIsRefused) {
  GuardFacts facts = Facts(Deployment(PodSpec(kOther)));
  facts.by_trusted_controller = true;
  facts.owners = {Owner(Deployment(PodSpec()), true)};
  EXPECT_EQ(Reasons(JudgeServing(facts)).front(), "OwnerDoesNotNameModel");
}

// Made by the StatefulSet controller for one that is covered, from a revision that somebody wrote.
GuardDecision MadeFor(const Json& made, const Json& template_spec, const std::string& kind,
                      bool operators_own = false) {
  GuardFacts facts = Facts(Recognise(
      Table(),
      {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", "p"}}}, {"spec", made}}));
  facts.kind = "Pod";
  facts.by_trusted_controller = true;
  facts.owners = {{kind, "d", operators_own, Deployment(template_spec)}};
  facts.covers = {Approved()};
  return JudgeServing(facts);
}

TEST(Guard, AControllersPodRunsWhatItsOwnerSaysAndNothingElseThatServes) {
  EXPECT_EQ(MadeFor(PodSpec(), PodSpec(), "StatefulSet").reason, "OwnerGoverned");
  Json other = PodSpec();
  other["containers"][0] = {
      {"name", "c"}, {"image", "vllm/vllm-openai:v0.9"}, {"args", {"--model", "/data/evil"}}};
  EXPECT_EQ(Reasons(MadeFor(other, PodSpec(), "StatefulSet")).front(), "OwnerDoesNotRun");
  EXPECT_EQ(Reasons(MadeFor(other, PodSpec(), "ReplicaSet", true)).front(), "OwnerDoesNotRun");
  Json told = PodSpec();
  told["containers"][0]["args"] = {"/data/evil.py"};
  EXPECT_EQ(Reasons(MadeFor(told, PodSpec(), "StatefulSet")).front(), "OwnerDoesNotRun")
      << "its owner has one of that name";
  Json renamed = told;
  renamed["containers"][0]["name"] = "x";
  EXPECT_THAT(MadeFor(renamed, PodSpec(), "DaemonSet").message, HasSubstr("which is not here"));
}

TEST(Guard, AControllersPodExecutesInItsHooksAndProbesWhatItsOwnerSays) {
  const std::string executes = "{exec: {command: [sh, -c, 'vllm serve evil/model &']}}";
  for (const std::string& hook :
       {"lifecycle: {postStart: " + executes + "}", "lifecycle: {preStop: " + executes + "}",
        "livenessProbe: " + executes, "startupProbe: " + executes}) {
    const Json hooked = PodSpec(kModel, ", " + hook);
    for (const bool operators_own : {true, false}) {
      EXPECT_EQ(Reasons(MadeFor(hooked, PodSpec(), "StatefulSet", operators_own)).front(),
                "OwnerDoesNotRun")
          << hook;
    }
    EXPECT_EQ(MadeFor(hooked, hooked, "StatefulSet", true).reason, "OwnerGoverned") << hook;
  }
  // As a mesh rewrites those that ask over HTTP.
  EXPECT_EQ(
      MadeFor(PodSpec(kModel,
                      ", livenessProbe: {httpGet: {port: 15020}}, lifecycle: "
                      "{preStop: {httpGet: {port: 15020}}}"),
              PodSpec(kModel, ", livenessProbe: {httpGet: {port: 8080}}"), "StatefulSet", true)
          .reason,
      "OwnerGoverned");
}

TEST(Guard, AControllersPodServesTheModelThatItsOwnerNames) {
  Json emptied = PodSpec(kModel, ", resources: {limits: {nvidia.com/gpu: 1}}");
  emptied["volumes"][0] = {{"name", "model"}, {"emptyDir", Json::object()}};
  const GuardDecision decision = MadeFor(emptied, PodSpec(), "StatefulSet", true);
  EXPECT_EQ(Reasons(decision).front(), "OwnerDoesNotRun");
  EXPECT_THAT(decision.message, HasSubstr("which is not here"));
}

TEST(Guard, AControllersPodMountsWhatItsOwnerSays) {
  const auto with = [](const char* mounted_by, const Json& source) {
    Json spec = PodSpec();
    spec["containers"].push_back({{"name", "istio-proxy"}, {"image", "istio/proxyv2:1"}});
    Json volume = source;
    volume["name"] = "v";
    spec["volumes"].push_back(volume);
    for (Json& container : spec["containers"]) {
      if (container["name"] == mounted_by) {
        container["volumeMounts"] = Json::array({{{"name", "v"}, {"mountPath", "/v"}}});
      }
    }
    return spec;
  };
  const Json claim = {{"persistentVolumeClaim", {{"claimName", "evil"}}}};
  const Json certificate = {{"configMap", {{"name", "istio-ca-root-cert"}}}};
  const Json token = {
      {"projected", {{"sources", Json::array({{{"serviceAccountToken", {{"path", "token"}}}}})}}}};
  EXPECT_EQ(Reasons(MadeFor(with("c", claim), PodSpec(), "StatefulSet")).front(),
            "OwnerDoesNotMount");
  EXPECT_EQ(MadeFor(with("c", claim), with("c", claim), "ReplicaSet", true).reason,
            "OwnerGoverned");
  EXPECT_EQ(MadeFor(with("istio-proxy", certificate), PodSpec(), "ReplicaSet").reason,
            "OwnerGoverned");
  EXPECT_EQ(MadeFor(with("c", token), PodSpec(), "ReplicaSet").reason, "OwnerGoverned");
}

TEST(Guard, ATemplateMayLeaveAPlaceForASidecar) {
  Json placed = PodSpec();
  placed["containers"].push_back({{"name", "istio-proxy"}, {"image", "auto"}});
  Json filled = PodSpec();
  filled["containers"].push_back({{"name", "istio-proxy"}, {"image", "istio/proxyv2:1"}});
  EXPECT_EQ(MadeFor(filled, placed, "ReplicaSet", true).reason, "OwnerGoverned");
  filled["containers"][1]["image"] = "ollama/ollama:1";
  EXPECT_EQ(Reasons(MadeFor(filled, placed, "ReplicaSet", true)).front(), "OwnerDoesNotRun");
}

TEST(Guard, WhatStandsBetweenIsWhatItsOwnerSays) {
  Json shadow = PodSpec();
  shadow.erase("volumes");
  shadow["containers"][0] = {{"name", "c"}, {"image", "vllm/vllm-openai:v0.9"}};
  for (const char* kind : {"StatefulSet", "ReplicaSet"}) {
    for (const bool operators_own : {true, false}) {
      GuardFacts facts = Facts(Deployment(shadow));
      facts.by_trusted_controller = true;
      facts.owners = {{kind, "old", false, Deployment(shadow)},
                      {"Deployment", "live", operators_own, Deployment(PodSpec())}};
      facts.covers = {Approved()};
      EXPECT_EQ(Reasons(JudgeServing(facts)).front(), "OwnerDoesNotRun") << kind << operators_own;
    }
  }
}

TEST(Guard, AnEarlierRevisionOfTheSameModelStillComesUp) {
  GuardFacts facts = Facts(Deployment(PodSpec(kModel, ", args: ['--before']")));
  facts.by_trusted_controller = true;
  facts.owners = {{"ReplicaSet", "live-1", false, facts.serving},
                  {"Deployment", "live", true, Deployment(PodSpec())}};
  EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned");
  facts.owners[1].operators_own = false;
  facts.covers = {Approved()};
  EXPECT_EQ(Reasons(JudgeServing(facts)).front(), "OwnerDoesNotRun")
      << "nobody approved of what it was before";
}

TEST(Guard, APodThatRunsWhatItRanIsUnchanged) {
  const auto pod = [](const Json& spec) {
    return Recognise(Table(), {{"apiVersion", "v1"}, {"kind", "Pod"}, {"spec", spec}});
  };
  Json gated = PodSpec();
  gated["containers"].push_back({{"name", "istio-proxy"}, {"image", "istio/proxyv2:1"}});
  Json open = gated;
  gated["schedulingGates"] = Json::array({{{"name", "kueue.x-k8s.io/admission"}}});
  GuardFacts facts = Facts(pod(open));
  facts.before = pod(gated);
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny) << "a template is more than it runs";
  facts.kind = "Pod";
  EXPECT_EQ(JudgeServing(facts).reason, "ServingUnchanged");
  open["containers"][1]["image"] = "ollama/ollama:1";
  facts.serving = pod(open);
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny);
}

TEST(Guard, WhoWantsToDebugIsToldWhere) {
  Json entered = PodSpec();
  entered["ephemeralContainers"] = Json::array({{{"name", "debugger"}, {"image", "busybox"}}});
  GuardFacts facts =
      Facts(Recognise(Table(), {{"apiVersion", "v1"}, {"kind", "Pod"}, {"spec", entered}}));
  facts.kind = "Pod";
  facts.covers = {Approved()};
  EXPECT_THAT(JudgeServing(facts).message,
              AllOf(HasSubstr("kubectl debug --copy-to"), Not(HasSubstr("countersign release"))));
  facts.covers.clear();
  EXPECT_THAT(JudgeServing(facts).message, HasSubstr("countersign release"));
}

TEST(Guard, OneWaiverThatDoesNotCountIsShownTheNearest) {
  GuardFacts facts = Facts(Deployment(PodSpec()));
  for (int i = 0; i < 60; ++i) {
    facts.waivers.push_back({"tenant/w" + std::to_string(i), false, "no", kModel});
  }
  facts.waivers.push_back({"lending/w", false, "it ended", kModel, true});
  const GuardDecision decision = JudgeServing(facts);
  EXPECT_THAT(Reasons(decision),
              ElementsAre("ModelNotApproved", "ContainerNotApproved", "WaiverNotActive"));
  EXPECT_THAT(decision.message, HasSubstr("waiver 'lending/w' does not count: it ended"));
}

TEST(Guard, AnOwnerThatIsNotKnownIsSaid) {
  GuardFacts facts = Facts(Deployment(PodSpec()));
  facts.by_trusted_controller = true;
  facts.owners_unknown = "its owner ReplicaSet 'x' is not known (yet)";
  const GuardDecision decision = JudgeServing(facts);
  EXPECT_EQ(Reasons(decision).front(), "OwnerUnknown");
  EXPECT_EQ(decision.verdict, GuardVerdict::kDeny);
}

TEST(Guard, ANodeReportsWhatItRunsAlready) {
  GuardFacts facts = Facts(Deployment(PodSpec()));
  facts.static_pod = true;
  const GuardDecision decision = JudgeServing(facts);
  EXPECT_EQ(decision.verdict, GuardVerdict::kWarn);
  EXPECT_TRUE(decision.shadow);
}

TEST(Guard, AnActiveWaiverExceptsOneModel) {
  GuardFacts facts = Facts(Deployment(PodSpec()));
  facts.waivers = {{"w", true, "", kModel}};
  EXPECT_EQ(JudgeServing(facts).reason, "Waived");
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kWarn);
  facts.waivers[0].digest = kOther;
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny);
  facts.waivers[0] = {"w", false, "it ended", kModel};
  EXPECT_THAT(JudgeServing(facts).message, HasSubstr("waiver 'w' does not count: it ended"));
}

TEST(Guard, AWaiverExceptsAModelWhateverRunsItAlsoBesideAnApprovedOne) {
  Json bare = PodSpec();
  bare["hostNetwork"] = true;
  GuardFacts facts = Facts(Deployment(bare));
  facts.covers = {Approved()};
  EXPECT_THAT(Reasons(JudgeServing(facts)), ElementsAre("NotAsApproved"));
  facts.waivers = {{"w", true, "", kModel}};
  EXPECT_EQ(JudgeServing(facts).reason, "Waived");
}

TEST(Guard, AWaiverDoesNotExceptWhatCannotBeNamed) {
  Json more = PodSpec();
  more["volumes"].push_back({{"name", "w"}, {"hostPath", {{"path", "/w"}}}});
  GuardFacts facts = Facts(Deployment(more));
  facts.waivers = {{"w", true, "", kModel}};
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny);
}

TEST(Guard, OneHintAloneIsAWarning) {
  GuardFacts facts = Facts(Recognise(
      Table(), ParseYaml("{apiVersion: v1, kind: Pod, spec: {containers: [{image: x, env: [{name: "
                         "MODEL_PATH, value: secret}]}]}}")
                   .value()));
  const GuardDecision decision = JudgeServing(facts);
  EXPECT_EQ(decision.verdict, GuardVerdict::kWarn);
  EXPECT_FALSE(decision.shadow);
  EXPECT_THAT(decision.message, HasSubstr("variable 'MODEL_PATH'"));
  EXPECT_THAT(decision.message, Not(HasSubstr("secret")));
}

std::shared_ptr<const GovernancePolicy> Policy(std::vector<PolicyEnvironment> environments) {
  GovernancePolicy policy;
  policy.spec.environments = std::move(environments);
  return std::make_shared<const GovernancePolicy>(std::move(policy));
}

TEST(GuardSetting, FollowsEnforcementUnlessThePolicySaysOtherwise) {
  const auto mode = [](PolicyEnvironment environment) {
    environment.name = "e";
    environment.namespaces = {"ns"};
    return GuardSettingOf({{Policy({std::move(environment)})}, {}}, "ns", GuardMode::kWarn).mode;
  };
  PolicyEnvironment environment;
  for (const auto& [enforcement, expected] : {std::pair{Enforcement::kDeny, GuardMode::kDeny},
                                              {Enforcement::kHold, GuardMode::kDeny},
                                              {Enforcement::kWarn, GuardMode::kWarn},
                                              {Enforcement::kAudit, GuardMode::kAudit}}) {
    environment.enforcement = enforcement;
    EXPECT_EQ(mode(environment), expected);
  }
  environment.guard = EnvironmentGuard{GuardMode::kDeny};
  EXPECT_EQ(mode(environment), GuardMode::kDeny);
}

TEST(GuardSetting, TheStrictestPolicyWinsAndElsewhereHoldsOutside) {
  PolicyEnvironment audit{"a", {"ns"}, Enforcement::kAudit, {}, {}};
  PolicyEnvironment deny{"b", {"n*"}, Enforcement::kDeny, {}, {}};
  const PolicySet both = {{Policy({audit}), Policy({deny})}, {}};
  EXPECT_EQ(GuardSettingOf(both, "ns", GuardMode::kAudit).mode, GuardMode::kDeny);
  EXPECT_EQ(GuardSettingOf(both, "ns", GuardMode::kAudit).environment, "a");
  EXPECT_EQ(GuardSettingOf(both, "other", GuardMode::kWarn).mode, GuardMode::kWarn);
  EXPECT_EQ(GuardSettingOf(both, "other", GuardMode::kDeny).mode, GuardMode::kDeny);
}

TEST(GuardSetting, APolicyThatCannotBeReadDenies) {
  const PolicySet unreadable = {{Policy({{"a", {"ns"}, Enforcement::kAudit}})},
                                {"GovernancePolicy 'x' cannot be read"}};
  const GuardSetting setting = GuardSettingOf(unreadable, "ns", GuardMode::kAudit);
  EXPECT_EQ(setting.mode, GuardMode::kDeny);
  GuardFacts facts = Facts(Deployment(PodSpec()));
  facts.setting = setting;
  EXPECT_THAT(Reasons(JudgeServing(facts)), testing::Contains("PolicyUnreadable"));
}

}  // namespace
}  // namespace countersign
