// A Pod is covered as a whole: by what was approved, and by nothing less and nothing more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/yaml.h"
#include "governance/serving/guard.h"

namespace countersign {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kModel = "sha256:" + std::string(64, 'a');
const std::string kServer = "r.example/server@sha256:" + std::string(64, 'c');
const std::string kTools = "r.example/tools@sha256:" + std::string(64, 'd');
const std::string kGuardrail = "r.example/guardrail@sha256:" + std::string(64, 'e');

// What people approved: a check before, a server, a guardrail beside it.
ModelDeploymentSpec Spec() {
  ModelDeploymentSpec spec;
  spec.model.uri = "oci://r.example/m@" + kModel;
  spec.model.digest = {kModel, DigestType::kOciManifest};
  const Json pod_template =
      ParseYaml("{spec: {serviceAccountName: server, initContainers: [{name: fetch, image: '" +
                kTools + "', args: [fetch]}, {name: verify, image: '" + kTools +
                "', args: [verify, /models]}], containers: [{name: server, image: '" + kServer +
                "', args: [serve, /models], securityContext: {readOnlyRootFilesystem: true}, "
                "volumeMounts: [{name: code, mountPath: /code}, {name: tmp, mountPath: /tmp}]}, "
                "{name: guardrail, image: '" +
                kGuardrail +
                "', args: ['--block-pii']}], volumes: [{name: code, configMap: {name: code}}, "
                "{name: tmp, emptyDir: {}}]}}")
          .value();
  spec.serving.pod_template = RawJson::FromText(DumpJson(pod_template));
  return spec;
}

Cover Approved() {
  Cover cover = CoverOf("guarded", Spec());
  cover.approved = true;
  return cover;
}

// As the operator renders it and the API server stores it.
Json Stored() {
  Json pod = *Find(**Spec().serving.pod_template.Tree(), "spec");
  const Json mount = {{"name", "model"}, {"mountPath", "/models"}, {"readOnly", true}};
  for (const char* list : {"initContainers", "containers"}) {
    for (Json& container : pod[list]) {
      container["volumeMounts"].push_back(mount);
      container.update(ParseYaml("{resources: {}, imagePullPolicy: IfNotPresent, "
                                 "terminationMessagePath: /dev/termination-log, "
                                 "terminationMessagePolicy: File}")
                           .value());
    }
  }
  pod["volumes"][0]["configMap"]["defaultMode"] = 420;
  pod["volumes"].push_back(
      {{"name", "model"},
       {"image", {{"reference", "r.example/m@" + kModel}, {"pullPolicy", "IfNotPresent"}}}});
  pod.update(ParseYaml("{restartPolicy: Always, dnsPolicy: ClusterFirst, serviceAccount: server, "
                       "schedulerName: default-scheduler, securityContext: {}, "
                       "terminationGracePeriodSeconds: 30}")
                 .value());
  return pod;
}

Json DeploymentOf(const Json& pod_spec) {
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", {{"name", "d"}, {"namespace", "ns"}}},
          {"spec", {{"template", {{"spec", pod_spec}}}}}};
}

std::vector<GuardFault> Faults(const Json& object, const std::vector<Cover>& covers) {
  const Recognition serving = Recognise(BuiltInServingProfiles().value(), object);
  EXPECT_TRUE(serving.serves || !object.contains("spec"));
  return NotCovered(serving, covers);
}

// One line each, or none where it is covered.
std::vector<std::string> Missing(const std::function<void(Json&)>& change) {
  Json pod = Stored();
  // It is taken for serving also where nothing names a model.
  pod["containers"][0]["resources"] = ParseYaml("{limits: {nvidia.com/gpu: 1}}").value();
  change(pod);
  std::vector<std::string> lines;
  for (const GuardFault& fault : Faults(DeploymentOf(pod), {Approved()})) {
    lines.push_back("[" + fault.reason + "] " + fault.path + ": " + fault.message);
  }
  return lines;
}

Json& VolumeNamed(Json& pod, const std::string& name) {
  for (Json& volume : pod["volumes"]) {
    if (volume["name"] == name) return volume;
  }
  throw std::runtime_error(name);
}

TEST(Whole, WhatTheOperatorMakesIsCoveredAsItIsStored) {
  EXPECT_THAT(Missing([](Json&) {}), IsEmpty());
  EXPECT_THAT(
      Missing([](Json& pod) {
        for (const char* where : {"nodeSelector", "affinity", "tolerations", "priorityClassName"}) {
          pod[where] = "elsewhere";
        }
        pod["imagePullSecrets"] = Json::array({{{"name", "pull"}}});
        pod["containers"][0]["name"] = "renamed";
        pod["containers"][0]["ports"] = Json::array({{{"containerPort", 8000}}});
        std::swap(pod["containers"][0], pod["containers"][1]);
        VolumeNamed(pod, "model")["name"] = "weights";
        VolumeNamed(pod, "weights")["image"]["reference"] = "mirror.example/m@" + kModel;
        for (const char* list : {"initContainers", "containers"}) {
          for (Json& container : pod[list]) {
            for (Json& mount : container["volumeMounts"]) {
              if (mount["name"] == "model") mount["name"] = "weights";
            }
          }
        }
      }),
      IsEmpty())
      << "where it runs, what things are called and from where the same image comes";
}

TEST(Whole, APodOfItIsCoveredWithWhatTheApiServerMounts) {
  Json pod = Stored();
  pod.update(ParseYaml("{nodeName: n, enableServiceLinks: true, preemptionPolicy: "
                       "PreemptLowerPriority, priority: 0, hostname: d-0, subdomain: d}")
                 .value());
  pod["volumes"].push_back(
      ParseYaml("{name: kube-api-access-x, projected: {defaultMode: 420, sources: "
                "[{serviceAccountToken: {expirationSeconds: 3607, path: token}}, {configMap: "
                "{name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}}, {downwardAPI: "
                "{items: [{path: namespace, fieldRef: {apiVersion: v1, fieldPath: "
                "metadata.namespace}}]}}]}}")
          .value());
  for (const char* list : {"initContainers", "containers"}) {
    for (Json& container : pod[list]) {
      container["volumeMounts"].push_back(
          {{"name", "kube-api-access-x"},
           {"readOnly", true},
           {"mountPath", "/var/run/secrets/kubernetes.io/serviceaccount"}});
    }
  }
  Json object = {{"apiVersion", "v1"}, {"kind", "Pod"}, {"spec", pod}};
  EXPECT_THAT(Faults(object, {Approved()}), IsEmpty());
  // The template asks for no token.
  ModelDeploymentSpec spec = Spec();
  Json told = **spec.serving.pod_template.Tree();
  told["spec"]["automountServiceAccountToken"] = false;
  spec.serving.pod_template = RawJson::FromText(DumpJson(told));
  Cover cover = CoverOf("guarded", spec);
  cover.approved = true;
  object["spec"]["automountServiceAccountToken"] = false;
  EXPECT_THAT(Faults(object, {cover}), testing::Not(IsEmpty()));
}

TEST(Whole, AContainerThatWasApprovedIsNotLeftOut) {
  EXPECT_THAT(Missing([](Json& pod) { pod["containers"].erase(1); }),
              ElementsAre(AllOf(HasSubstr("[ContainerLeftOut] spec.template.spec.containers: "
                                          "ModelDeployment 'guarded' runs container 'guardrail' ("),
                                HasSubstr("which is left out here"))));
  EXPECT_THAT(Missing([](Json& pod) { pod["initContainers"].erase(1); }),
              ElementsAre(HasSubstr("[ContainerLeftOut] spec.template.spec.initContainers")));
  EXPECT_THAT(Missing([](Json& pod) {
                pod["containers"].push_back(pod["initContainers"][1]);
                pod["initContainers"].erase(1);
              }),
              ElementsAre(HasSubstr("[ContainerLeftOut] spec.template.spec.initContainers"),
                          HasSubstr("[NotAsApproved] spec.template.spec.containers[2]")))
      << "nothing waits for it there";
  EXPECT_THAT(Missing([](Json& pod) { pod["initContainers"][1]["restartPolicy"] = "Always"; }),
              ElementsAre(HasSubstr("[NotAsApproved] "
                                    "spec.template.spec.initContainers[1].restartPolicy: is set")))
      << "nor for a sidecar";
  EXPECT_THAT(
      Missing([](Json& pod) { std::swap(pod["initContainers"][0], pod["initContainers"][1]); }),
      ElementsAre(HasSubstr("initContainers: run in another order")));
  EXPECT_THAT(Missing([](Json& pod) { pod["containers"].push_back(pod["containers"][1]); }),
              ElementsAre(HasSubstr("containers[2]: ModelDeployment 'guarded' does not run it")));
}

TEST(Whole, TheModelIsWhereItWasApproved) {
  const auto emptied = Missing([](Json& pod) {
    VolumeNamed(pod, "model").erase("image");
    VolumeNamed(pod, "model")["emptyDir"] = Json::object();
  });
  ASSERT_EQ(emptied.size(), 4U) << "in each container";
  EXPECT_EQ(emptied[2],
            "[NotAsApproved] spec.template.spec.containers[0].volumeMounts: mounts volume 'model' "
            "of emptyDir at '/models', where ModelDeployment 'guarded' mounts image 'r.example/m@" +
                kModel + "'");
  EXPECT_THAT(Missing([](Json& pod) { pod["containers"][0]["volumeMounts"].erase(2); }),
              ElementsAre(HasSubstr("mounts nothing at '/models', where")));
  for (const char* over : {"/models", "//models/", "/x/../models", "/models/lora", "/"}) {
    EXPECT_THAT(
        Missing([&](Json& pod) {
          pod["volumes"].push_back({{"name", "mine"}, {"emptyDir", Json::object()}});
          pod["containers"][0]["volumeMounts"].push_back({{"name", "mine"}, {"mountPath", over}});
        }),
        testing::Not(IsEmpty()))
        << over;
  }
}

TEST(Whole, WhatIsMountedStaysInItsPlace) {
  EXPECT_THAT(
      Missing([](Json& pod) { pod["containers"][0]["volumeMounts"][0]["mountPath"] = "/usr/bin"; }),
      ElementsAre(HasSubstr("mounts nothing at '/code'"),
                  HasSubstr("mounts volume 'code' of configMap at '/usr/bin', where "
                            "ModelDeployment 'guarded' mounts nothing")));
  EXPECT_THAT(
      Missing([](Json& pod) { pod["containers"][0]["volumeMounts"][0]["subPath"] = "other.py"; }),
      ElementsAre(HasSubstr("mounts volume 'code' of configMap otherwise at '/code' than")));
  EXPECT_THAT(Missing([](Json& pod) {
                for (Json& mount : pod["containers"][0]["volumeMounts"]) {
                  if (mount["name"] == "code") mount["name"] = "tmp";
                }
              }),
              ElementsAre(HasSubstr("mounts volume 'tmp' of emptyDir at '/code', where")));
}

TEST(Whole, WhatAPodSaysForAllItsContainersIsAsApproved) {
  for (const char* said :
       {"hostNetwork: true", "hostPID: true", "hostIPC: true", "shareProcessNamespace: true",
        "hostAliases: [{ip: 127.0.0.9, hostnames: [huggingface.co]}]", "dnsPolicy: None",
        "dnsConfig: {nameservers: [10.0.0.9]}", "serviceAccountName: default",
        "serviceAccountName: null", "automountServiceAccountToken: true", "hostUsers: false",
        "enableServiceLinks: false", "securityContext: {runAsUser: 0}", "runtimeClassName: other",
        "resourceClaims: [{name: g, resourceClaimName: g}]", "setHostnameAsFQDN: true",
        "aFieldOfALaterKubernetes: true"}) {
    const std::string field(said, std::string_view(said).find(':'));
    EXPECT_THAT(Missing([&](Json& pod) {
                  pod["serviceAccount"] = nullptr;
                  pod.update(ParseYaml("{" + std::string(said) + "}").value());
                }),
                ElementsAre(HasSubstr("[NotAsApproved] spec.template.spec." + field + ": is")))
        << said;
  }
  for (const char* said :
       {"securityContext: {privileged: true}", "securityContext: null",
        "securityContext: {readOnlyRootFilesystem: true, capabilities: {add: [SYS_ADMIN]}}",
        "terminationMessagePath: /code/server.py"}) {
    EXPECT_THAT(Missing([&](Json& pod) {
                  pod["containers"][0].update(ParseYaml("{" + std::string(said) + "}").value());
                }),
                ElementsAre(HasSubstr("[NotAsApproved] spec.template.spec.containers[0].")))
        << said;
  }
}

TEST(Whole, DefaultsSayNothing) {
  EXPECT_THAT(
      Missing([](Json& pod) {
        pod.update(ParseYaml("{hostNetwork: false, hostPID: false, hostUsers: true, hostAliases: "
                             "[], dnsConfig: {}, shareProcessNamespace: false, "
                             "enableServiceLinks: true}")
                       .value());
        pod["containers"][1]["securityContext"] = ParseYaml("{privileged: false}").value();
        pod["containers"][0]["volumeMounts"][0].update(
            ParseYaml("{readOnly: false, subPath: '', mountPropagation: None, mountPath: /code/}")
                .value());
      }),
      IsEmpty());
}

TEST(Whole, ItIsOneDeploymentThatCoversAllOfIt) {
  // What one leaves out another need not have.
  ModelDeploymentSpec spec = Spec();
  Json bare = **spec.serving.pod_template.Tree();
  bare["spec"]["containers"].erase(1);
  spec.serving.pod_template = RawJson::FromText(DumpJson(bare));
  Cover other = CoverOf("bare", spec);
  Json pod = Stored();
  pod["containers"].erase(1);
  EXPECT_THAT(Faults(DeploymentOf(pod), {Approved(), other}), testing::SizeIs(1));
  other.approved = true;
  EXPECT_THAT(Faults(DeploymentOf(pod), {Approved(), other}), IsEmpty());
}

TEST(Whole, EveryKindThatMakesPodsIsComparedWhereItSaysThem) {
  Json pod = Stored();
  pod["hostNetwork"] = true;
  const auto path = [&](const std::string& version, const std::string& kind, Json spec) {
    const auto faults =
        Faults({{"apiVersion", version}, {"kind", kind}, {"spec", std::move(spec)}}, {Approved()});
    return faults.size() == 1 ? faults[0].path : std::to_string(faults.size());
  };
  EXPECT_EQ(path("v1", "Pod", pod), "spec.hostNetwork");
  const Json templated = {{"template", {{"spec", pod}}}};
  for (const char* kind : {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"}) {
    EXPECT_EQ(path("apps/v1", kind, templated), "spec.template.spec.hostNetwork") << kind;
  }
  EXPECT_EQ(path("v1", "ReplicationController", templated), "spec.template.spec.hostNetwork");
}

TEST(Whole, WhatSaysTooMuchIsTheSameAsNothing) {
  EXPECT_THAT(Missing([](Json& pod) {
                for (int i = 0; i < 3000; ++i) {
                  pod["containers"][0]["volumeMounts"].push_back(
                      {{"name", "tmp"}, {"mountPath", "/tmp/" + std::to_string(i)}});
                }
              }),
              ElementsAre(HasSubstr("more than can be compared")));
}

// A controller's Pod is compared with its owner, as before: what a mesh adds to it is let in.
TEST(Whole, WhatInjectorsAddToAControllersPodIsLetInAsBefore) {
  Json injected = Stored();
  const Json init = {{"name", "istio-init"}, {"image", "istio/proxyv2:1"}};
  injected["initContainers"].insert(injected["initContainers"].begin(), init);
  injected["containers"].push_back({{"name", "istio-proxy"}, {"image", "istio/proxyv2:1"}});
  injected["dnsConfig"] = ParseYaml("{searches: [global]}").value();
  injected["securityContext"] = ParseYaml("{fsGroup: 1337}").value();
  injected["containers"][0]["volumeMounts"].push_back({{"name", "e"}, {"mountPath", "/e"}});
  injected["volumes"].push_back({{"name", "e"}, {"emptyDir", Json::object()}});
  const ServingProfiles table = BuiltInServingProfiles().value();
  for (const bool operators_own : {true, false}) {
    GuardFacts facts;
    facts.kind = "Pod";
    facts.name_space = "ns";
    facts.serving = Recognise(table, {{"apiVersion", "v1"}, {"kind", "Pod"}, {"spec", injected}});
    facts.by_trusted_controller = true;
    facts.owners = {{"ReplicaSet", "d-1", false, Recognise(table, DeploymentOf(Stored()))},
                    {"Deployment", "d", operators_own, Recognise(table, DeploymentOf(Stored()))}};
    facts.covers = {Approved()};
    EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned") << JudgeServing(facts).message;
  }
}

}  // namespace
}  // namespace countersign
