// What objects of other stacks, and claims beside a pod spec, need for an approved model to cover
// them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "governance/serving/guard.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kModel = "sha256:" + std::string(64, 'a');
const std::string kUri = "'oci://r.example/m@" + kModel + "'";
const std::string kImage = "r.example/server@sha256:" + std::string(64, 'c');

const ServingProfiles& Table() {
  static const ServingProfiles kTable = BuiltInServingProfiles().value();
  return kTable;
}

GuardDecision JudgeBy(const ModelDeploymentSpec& approved, const std::string& object) {
  GuardFacts facts;
  facts.name_space = "lending-prod";
  const auto parsed = ParseYaml(object);
  if (!parsed) throw std::runtime_error(object + parsed.error().ToString());
  facts.kind = StringAt(*parsed, "kind");
  facts.serving = Recognise(Table(), *parsed);
  facts.covers = {CoverOf("scorer", approved)};
  facts.covers[0].approved = true;
  return JudgeServing(facts);
}

// The approved template runs one container, told what `told` says.
GuardDecision Judge(const std::string& object, const std::string& told = "",
                    const std::string& volumes = "") {
  ModelDeploymentSpec spec;
  spec.model.uri = "oci://r.example/m@" + kModel;
  spec.model.digest = {kModel, DigestType::kOciManifest};
  const Json pod_template = ParseYaml("{spec: {containers: [{name: s, image: '" + kImage + "'" +
                                      told + "}], volumes: [" + volumes + "]}}")
                                .value();
  spec.serving.pod_template = RawJson::FromText(DumpJson(pod_template));
  return JudgeBy(spec, object);
}

std::vector<std::string> Reasons(const GuardDecision& decision) {
  std::vector<std::string> reasons;
  for (const GuardFault& fault : decision.faults) reasons.push_back(fault.reason);
  return reasons;
}

std::string KServe(const std::string& spec) {
  return "{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, metadata: {name: k, "
         "namespace: lending-prod}, spec: " +
         spec + "}";
}
std::string Llm(const std::string& spec) {
  return "{apiVersion: serving.kserve.io/v1alpha1, kind: LLMInferenceService, spec: {model: "
         "{uri: " +
         kUri + "}, " + spec + "}}";
}
std::string KubeAi(const std::string& more) {
  return "{apiVersion: kubeai.org/v1, kind: Model, spec: {url: " + kUri +
         ", engine: VLLM, resourceProfile: 'gpu:1', minReplicas: 1" + more + "}}";
}
std::string Seldon(const std::string& predictor) {
  return "{apiVersion: machinelearning.seldon.io/v1, kind: SeldonDeployment, spec: {predictors: "
         "[{name: a, replicas: 2, graph: {name: c, implementation: SKLEARN_SERVER, modelUri: " +
         kUri + "}" + predictor + "}]}}";
}
std::string Nim(const std::string& more) {
  return "{apiVersion: apps.nvidia.com/v1alpha1, kind: NIMService, spec: {image: {repository: "
         "r.example/m, tag: '" +
         kModel + "'}, replicas: 1, authSecret: ngc" + more + "}}";
}

TEST(Stacks, TheDigestCoversAnObjectThatSaysNothingElseOfWhatRuns) {
  for (const std::string& object : {
           KServe("{predictor: {minReplicas: 1, serviceAccountName: reader, labels: {env: prod}, "
                  "nodeSelector: {gpu: a}, model: {modelFormat: {name: sklearn}, runtime: "
                  "kserve-sklearnserver, storageUri: " +
                  kUri + ", resources: {limits: {cpu: '1'}}}}}"),
           KServe("{predictor: {sklearn: {storageUri: " + kUri + ", resources: {}}}}"),
           KServe("{predictor: {model: {storageUri: " + kUri +
                  ", args: [], env: [], volumeMounts: []}, volumes: [{name: tmp, emptyDir: {}}], "
                  "workerSpec: {tensorParallelSize: 2}}}"),
           Llm("replicas: 2, template: {containers: [{name: main, resources: {limits: "
               "{nvidia.com/gpu: '1'}}, livenessProbe: {httpGet: {port: 8000}}}]}"),
           KubeAi(""),
           Seldon(", componentSpecs: [{spec: {containers: [{name: c, resources: {}}]}}]"),
           Nim(", resources: {limits: {nvidia.com/gpu: 1}}, expose: {service: {port: 8000}}"),
           std::string("{apiVersion: serving.kserve.io/v1alpha1, kind: TrainedModel, spec: "
                       "{inferenceService: s, model: {framework: sklearn, storageUri: ") +
               kUri + "}}}",
       }) {
    const GuardDecision decision = Judge(object);
    EXPECT_EQ(decision.reason, "Covered") << object << decision.message;
  }
}

TEST(Stacks, WhatIsMountedBesideTheModelIsRefused) {
  const std::string claim = "volumes: [{name: w, persistentVolumeClaim: {claimName: mine}}]";
  for (const std::string& object : {
           KServe("{predictor: {" + claim + ", model: {storageUri: " + kUri +
                  ", volumeMounts: [{name: w, mountPath: /mnt/models}]}}}"),
           KServe("{predictor: {model: {storageUri: " + kUri + "}, workerSpec: {" + claim + "}}}"),
           Llm("template: {" + claim + "}"),
           Llm("prefill: {template: {" + claim + "}}"),
           Seldon(", componentSpecs: [{spec: {" + claim + "}}]"),
           Nim(", storage: {pvc: {create: true}}"),
           Nim(", storage: {pvc: {name: mine}}"),
           KubeAi(", files: [{path: /usr/lib/python3/sitecustomize.py, content: 'import os'}]"),
           KubeAi(", cacheProfile: shared"),
       }) {
    EXPECT_THAT(Reasons(Judge(object)), ElementsAre("VolumeNotApproved")) << object;
  }
}

TEST(Stacks, ACacheThatIsNotNamedIsNone) {
  const GuardDecision decision = Judge(KubeAi(", cacheProfile: shared"));
  EXPECT_THAT(decision.message, HasSubstr("volume 'shared' of cacheProfile"));
  EXPECT_EQ(Judge(KubeAi(", cacheProfile: ''")).reason, "Covered");
}

TEST(Stacks, WhatIsToldBesideTheModelIsRefused) {
  for (const std::string& object : {
           KServe("{predictor: {model: {storageUri: " + kUri + ", args: ['--model_dir=/other']}}}"),
           KServe("{predictor: {model: {storageUri: " + kUri +
                  ", env: [{name: PYTHONPATH, value: /mine}]}}}"),
           KServe("{predictor: {model: {storageUri: " + kUri +
                  ", envFrom: [{configMapRef: {name: mine}}]}}}"),
           KServe("{predictor: {model: {storageUri: " + kUri + ", workingDir: /mine}}}"),
           KServe("{predictor: {model: {storageUri: " + kUri +
                  ", lifecycle: {postStart: {exec: {command: [sh, -c, x]}}}}}}"),
           KServe("{predictor: {model: {storageUri: " + kUri +
                  ", livenessProbe: {exec: {command: [sh, -c, x]}}}}}"),
           KServe("{predictor: {sklearn: {storageUri: " + kUri + ", args: [x]}}}"),
           KServe("{predictor: {model: {storageUri: " + kUri +
                  "}}, explainer: {art: {type: SquareAttack, env: [{name: A, value: b}]}}}"),
           Llm("template: {containers: [{name: main, args: ['--model=/other']}]}"),
           KubeAi(", args: ['--chat-template=/x']"),
           KubeAi(", env: {PYTHONPATH: /mine}"),
           KubeAi(", envFrom: [{configMapRef: {name: mine}}]"),
           Seldon(", svcOrchSpec: {env: [{name: A, value: b}]}"),
           Nim(", env: [{name: NIM_MODEL_PROFILE, value: other}]"),
           Nim(", args: [x]"),
       }) {
    const GuardDecision decision = Judge(object);
    EXPECT_THAT(Reasons(decision), ElementsAre("ContainerNotApproved")) << object;
    EXPECT_THAT(decision.message, HasSubstr("image '(that of its runtime)' with this command"));
  }
}

// Something approved beside it says nothing of which model it serves.
TEST(Stacks, WhatNamesNoModelIsCoveredByNothingBesideIt) {
  const std::string approved = "{name: s, image: '" + kImage + "'}";
  for (const std::string& object : {
           KServe("{predictor: {model: {modelFormat: {name: huggingface}, runtime: other}, "
                  "containers: [" +
                  approved + "]}}"),
           KServe("{predictor: {containers: [" + approved + "]}}"),
           "{apiVersion: machinelearning.seldon.io/v1, kind: SeldonDeployment, spec: {predictors: "
           "[{name: a, graph: {name: c}, componentSpecs: [{spec: {containers: [" +
               approved + "]}}]}]}}",
       }) {
    EXPECT_THAT(Reasons(Judge(object)), ElementsAre("NamesNoModel")) << object;
  }
  EXPECT_EQ(Judge(KServe("{predictor: {containers: [{name: kserve-container, image: 'r.example/m@" +
                         kModel + "'}]}}"))
                .reason,
            "Covered")
      << "the model is an image that runs by itself";
}

TEST(Stacks, WhatAStackServesByDefaultOrByParametersIsNobodysModel) {
  const std::string server = "implementation: HUGGINGFACE_SERVER";
  const std::string evil =
      "parameters: [{name: pretrained_model, type: STRING, value: evil/model}]";
  const auto graph = [](const std::string& text) {
    return "{apiVersion: machinelearning.seldon.io/v1, kind: SeldonDeployment, spec: {predictors: "
           "[{name: a, graph: " +
           text + ", componentSpecs: [{spec: {containers: [{name: s, image: '" + kImage +
           "'}]}}]}]}}";
  };
  const std::string approved = "{name: c, implementation: TRITON_SERVER, modelUri: " + kUri;
  for (const std::string& object : {
           graph("{name: t, " + server + "}"),
           graph("{name: t, " + server + ", " + evil + "}"),
           graph(approved + ", children: [{name: t, " + server + "}]}"),
           graph(approved + ", " + evil + "}"),
           KServe("{predictor: {model: {storageUri: " + kUri +
                  ", storage: {parameters: {type: s3, bucket: evil}}}}}"),
           "{apiVersion: mlops.seldon.io/v1alpha1, kind: Model, spec: {storageUri: " + kUri + ", " +
               evil + "}}",
       }) {
    EXPECT_THAT(Reasons(Judge(object)), testing::Contains("ModelNotPinned")) << object;
  }
  EXPECT_EQ(Judge(graph(approved + "}")).reason, "Covered");
}

TEST(Stacks, AnImageInPartsIsComparedAsWell) {
  const std::string image = "image: {repository: evil/weights, tag: latest}";
  for (const std::string& object : {
           Nim(", initContainers: [{name: w, " + image + "}]"),
           Nim(", initContainers: [{name: w, command: [cp], " + image + "}]"),
           Nim(", sidecarContainers: [{name: w, " + image + "}]"),
           Nim(", sidecarContainers: [{name: w, image: 'evil/weights:1'}]"),
       }) {
    EXPECT_THAT(Reasons(Judge(object)), ElementsAre("ContainerNotApproved")) << object;
  }
}

TEST(Stacks, WhatTheApprovedContainerIsToldAnotherStackMayTellItsOwn) {
  const std::string told = ", args: ['--max-model-len=8192'], env: [{name: A, value: b}]";
  const std::string volume = "{name: prompts, configMap: {name: prompts}}";
  EXPECT_EQ(Judge(KServe("{predictor: {model: {storageUri: " + kUri + told + "}, volumes: [" +
                         volume + "]}}"),
                  told, volume)
                .reason,
            "Covered");
  EXPECT_THAT(
      Reasons(Judge(
          KServe("{predictor: {model: {storageUri: " + kUri + told + ", command: [sh]}}}"), told)),
      ElementsAre("ContainerNotApproved"));
  EXPECT_THAT(Reasons(Judge(KServe("{predictor: {model: {image: 'mine:1', storageUri: " + kUri +
                                   told + "}}}"),
                            told)),
              ElementsAre("ContainerNotApproved"));
}

TEST(Stacks, WhatAWorkloadClaimsForItsPodsIsNobodysModel) {
  const std::string pod_spec = "{containers: [{name: s, image: '" + kImage +
                               "', volumeMounts: [{name: w, mountPath: /models}]}], volumes: "
                               "[{name: m, image: {reference: 'r.example/m@" +
                               kModel + "'}}]}";
  const std::string claims = "volumeClaimTemplates: [{metadata: {name: w}, spec: {}}]";
  for (const std::string& object :
       {"{apiVersion: apps/v1, kind: StatefulSet, spec: {" + claims +
            ", template: {spec: " + pod_spec + "}}}",
        "{apiVersion: leaderworkerset.x-k8s.io/v1, kind: LeaderWorkerSet, spec: "
        "{leaderWorkerTemplate: {" +
            claims + ", workerTemplate: {spec: " + pod_spec + "}}}}"}) {
    const GuardDecision decision = Judge(object);
    EXPECT_THAT(Reasons(decision), ElementsAre("VolumeNotApproved"));
    EXPECT_THAT(decision.message, HasSubstr("volume 'w' of volumeClaimTemplates"));
    // An approved template that mounts such a claim for one Pod alone is another thing.
    EXPECT_THAT(Reasons(Judge(object, "",
                              "{name: w, ephemeral: {volumeClaimTemplate: {metadata: {name: w}, "
                              "spec: {}}}}")),
                ElementsAre("VolumeNotApproved"));
  }
  EXPECT_EQ(Judge("{apiVersion: apps/v1, kind: StatefulSet, spec: {template: {spec: {containers: "
                  "[{name: s, image: '" +
                  kImage +
                  "', volumeMounts: [{name: m, mountPath: /models, readOnly: true}]}], volumes: "
                  "[{name: m, image: {reference: 'r.example/m@" +
                  kModel + "'}}]}}}}")
                .reason,
            "Covered");
}

TEST(Stacks, ThePodOfAStatefulSetIsNotCoveredForItsOwner) {
  const std::string container = "containers: [{name: s, image: '" + kImage + "'}]";
  const std::string model = "{name: m, image: {reference: 'r.example/m@" + kModel + "'}}";
  ModelDeploymentSpec spec;
  spec.model.digest = {kModel, DigestType::kOciManifest};
  spec.serving.pod_template =
      RawJson::FromText(DumpJson(ParseYaml("{spec: {" + container + "}}").value()));
  GuardFacts facts;
  facts.kind = "Pod";
  facts.name_space = "lending-prod";
  facts.by_trusted_controller = true;
  facts.serving = Recognise(
      Table(), ParseYaml("{apiVersion: v1, kind: Pod, spec: {" + container + ", volumes: [" +
                         model + ", {name: w, persistentVolumeClaim: {claimName: w-s-0}}]}}")
                   .value());
  const auto set = [&](const std::string& claims) {
    return Recognise(Table(),
                     ParseYaml("{apiVersion: apps/v1, kind: StatefulSet, spec: {" + claims +
                               "template: {spec: {" + container + ", volumes: [" + model + "]}}}}")
                         .value());
  };
  facts.owners = {
      {"StatefulSet", "s", false, set("volumeClaimTemplates: [{metadata: {name: w}}], ")}};
  facts.covers = {CoverOf("scorer", spec)};
  facts.covers[0].approved = true;
  EXPECT_THAT(Reasons(JudgeServing(facts)), ElementsAre("VolumeNotApproved"));
}

// Who fetches a model, whether anybody does, and what is taken beside it.
TEST(Stacks, AModelOfTheHubIsCoveredOnlyAsItIsFetched) {
  const std::string commit(40, '1');
  ModelDeploymentSpec spec;
  Component hub;
  hub.name = "hub";
  hub.hosted = HostedModel{.provider = "huggingface", .model = "org/m", .snapshot = commit};
  spec.model.components.push_back(hub);
  const auto cache = [&](const std::string& from) {
    return "{apiVersion: apps.nvidia.com/v1alpha1, kind: NIMCache, spec: {source: {hf: {"
           "namespace: org, modelName: m, revision: '" +
           commit + "'" + from + "}}";
  };
  const auto runtime = [&](const std::string& more) {
    return "{apiVersion: production-stack.vllm.ai/v1alpha1, kind: VLLMRuntime, spec: {model: "
           "{modelURL: 'hf://org/m:" +
           commit + "'}" + more + "}}";
  };
  const auto llm = [&](const std::string& more) {
    return "{apiVersion: serving.kserve.io/v1alpha2, kind: LLMInferenceService, spec: {model: "
           "{uri: "
           "'hf://org/m:" +
           commit + "'}" + more + "}}";
  };
  for (const std::string& object :
       {cache("}}"), cache(", endpoint: 'https://huggingface.co'}}"), runtime(""), llm(""),
        llm(", storageInitializer: {enabled: true}")}) {
    EXPECT_EQ(JudgeBy(spec, object).reason, "Covered") << object;
  }
  for (const std::string& object :
       {cache(", endpoint: 'https://other.example'}}"), cache(", modelPuller: 'other/puller:1'}}"),
        cache("}}, env: [{name: HF_ENDPOINT, value: 'https://other.example'}]"),
        cache("}}, proxy: {httpsProxy: 'https://other.example'}"), cache("}}, proxy: {}"),
        cache("}}, certConfig: {name: mine, mountPath: /etc/ssl}"),
        runtime(", lmCacheConfig: {remoteUrl: 'lm://other.example'}"),
        runtime(", deploymentConfig: {sidecarConfig: {image: {name: 'other/beside:1'}}}"),
        llm(", storageInitializer: {enabled: false}")}) {
    EXPECT_THAT(Reasons(JudgeBy(spec, object)), ElementsAre("ModelNotPinned")) << object;
  }
}

// As its CRD requires: the puller is named, and approved like a model.
TEST(Stacks, ANimCacheOfTheHubIsCoveredWholeAsItsDefinitionAsksForIt) {
  const std::string commit(40, '1');
  const auto cache = [&](const std::string& ns, const std::string& name) {
    return "{apiVersion: apps.nvidia.com/v1alpha1, kind: NIMCache, metadata: {name: c}, spec: "
           "{source: {hf: {endpoint: 'https://huggingface.co', namespace: '" +
           ns + "', modelName: '" + name + "', authSecret: hf, pullSecret: ngc, revision: '" +
           commit + "', modelPuller: 'nvcr.io/nvidia/puller@" + kModel +
           "'}}, storage: {pvc: {create: true, size: 10Gi}}}}";
  };
  ModelDeploymentSpec spec;
  Component hub;
  hub.name = "hub";
  hub.hosted = HostedModel{.provider = "huggingface", .model = "org/m", .snapshot = commit};
  Component puller;
  puller.name = "puller";
  puller.artifact = ComponentArtifact{.uri = "oci://nvcr.io/nvidia/puller@" + kModel,
                                      .digest = {kModel, DigestType::kOciManifest}};
  spec.model.components = {hub, puller};
  EXPECT_EQ(JudgeBy(spec, cache("org", "m")).reason, "Covered");
  // The hub is asked for the two together, whatever one of them alone looks like.
  for (const auto& [ns, name] :
       std::vector<std::pair<std::string, std::string>>{{"other", "m"},
                                                        {"org", "other"},
                                                        {"other", "org/m"},
                                                        {"hf:/", "org/m:" + commit},
                                                        {"", "org/m"},
                                                        {"org", ""}}) {
    EXPECT_EQ(Reasons(JudgeBy(spec, cache(ns, name))).size(), 1U) << ns << " and " << name;
  }
}

TEST(Stacks, AnExperimentSendsTrafficToApprovedModelsAlone) {
  const std::string experiment =
      "{apiVersion: mlops.seldon.io/v1alpha1, kind: Experiment, spec: {default: scorer, "
      "candidates: [{name: scorer, weight: 50}";
  EXPECT_EQ(Judge(experiment + "]}}").reason, "Covered");
  EXPECT_THAT(Reasons(Judge(experiment + ", {name: other, weight: 50}]}}")),
              ElementsAre("RouteNotApproved"));
  EXPECT_THAT(Reasons(Judge(experiment + "], mirror: {name: other}}}")),
              ElementsAre("RouteNotApproved"));
}

}  // namespace
}  // namespace countersign
