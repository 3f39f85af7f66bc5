#include "cli/adoption.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/yaml.h"
#include "cli/adoption_files.h"
#include "cli/adoption_policy.h"
#include "cli/files.h"
#include "cli/handover.h"
#include "governance/in_force.h"

namespace countersign {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const Time kNow = *ParseTime("2026-11-20T00:00:00Z");
const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');
const std::string kC = "sha256:" + std::string(64, 'c');

// A Deployment of image volumes, and its Pod as a node reports it.
std::string Workload(const std::string& name, const std::string& ns, const std::string& spec) {
  return "---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: " + name +
         ", namespace: " + ns + ", uid: d-" + name +
         "}, spec: {replicas: 2, template: {metadata: {labels: {app: " + name +
         "}}, spec: " + spec + "}}}\n";
}

std::string Pod(const std::string& name, const std::string& ns, const std::string& spec,
                const std::string& image_id, const std::string& of = "c") {
  return "---\n{apiVersion: v1, kind: Pod, metadata: {name: " + name + "-1, namespace: " + ns +
         ", uid: p-" + name + image_id.substr(image_id.size() - 1) +
         ", ownerReferences: [{kind: Deployment, name: " + name + ", uid: d-" + name +
         ", controller: true}]}, spec: " + spec + ", status: {containerStatuses: [{name: " + of +
         ", imageID: 'r.example/server@" + image_id + "'}]}}\n";
}

const std::string kByTag =
    "{containers: [{name: c, image: 'r.example/server:1', ports: [{containerPort: 9000}], "
    "volumeMounts: [{name: model, mountPath: /mnt/m}]}], volumes: [{name: model, image: "
    "{reference: 'r.example/m@" +
    kB + "'}}]}";

struct Site {
  Result<ServingProfiles> table = BuiltInServingProfiles();
  World world{{ClaimedMaker(kNow), {}}};
  Estate estate;
  AdoptionSurroundings around;
  AdoptionOptions options;
  ScanScope scope{kNow, GuardMode::kWarn, "countersign-system"};

  explicit Site(const std::string& text) { Add(text); }

  void Add(const std::string& text) {
    auto manifests = ParseManifests("estate.yaml", text);
    ASSERT_TRUE(manifests) << manifests.error().ToString();
    ASSERT_TRUE(world.AddAll(*manifests));
    auto read = EstateFromManifests(*manifests, *table, world, {});
    if (read) estate = std::move(*read);
  }

  Result<Adoption> TryPlan() {
    return PlanAdoption(world, estate, around, PoliciesInForce(world.policies(), kNow), scope,
                        options);
  }

  Adoption Plan() {
    auto plan = TryPlan();
    EXPECT_TRUE(plan) << plan.error().ToString();
    return plan ? std::move(*plan) : Adoption();
  }

  std::vector<Handover> AskHandovers() { return Handovers(world, estate, around, scope); }
};

const Json& OfKind(const Adoption& adoption, const std::string& kind) {
  for (const Json& manifest : adoption.manifests) {
    if (StringAt(manifest, "kind") == kind) return manifest;
  }
  static const Json kNone;
  return kNone;
}

std::string Policy(const std::string& environment) {
  return "---\n{apiVersion: countersign.dev/v1alpha1, kind: GovernancePolicy, metadata: {name: "
         "bank}, spec: {environments: [{name: dev, namespaces: [bank-dev], enforcement: Warn}, " +
         environment +
         "], roles: [{name: v, level: Tactical, subjects: [{kind: Group, name: g}]}], "
         "classification: {signOff: {role: v, count: 1, assurance: Requester}, questions: [{name: "
         "q, options: {a: 1, b: "
         "2}}], classes: [{name: all, when: {otherwise: true}}]}, measures: [{name: validation, "
         "step: PreProduction, accountable: v, applies: {classes: [all]}, require: {signOff: "
         "{role: v, count: 1, assurance: Requester}}}]}}\n";
}

TEST(Adoption, WhatRunsIsNamedByTheDigestsThatNodesPulled) {
  Site site(Workload("chat", "ns", kByTag) + Pod("chat", "ns", kByTag, kA));
  const Adoption plan = site.Plan();
  EXPECT_TRUE(plan.Complete()) << AdoptionText(plan);
  const Json& made = OfKind(plan, "ModelDeployment");
  EXPECT_EQ(StringAt(made, "metadata/name"), "chat-governed");
  EXPECT_EQ(StringAt(made, "spec/model/uri"), "oci://r.example/m@" + kB);
  EXPECT_EQ(StringAt(made, "spec/model/digest"), kB);
  EXPECT_EQ(IntAt(made, "spec/serving/port"), 9000);
  EXPECT_EQ(IntAt(made, "spec/serving/replicas"), 2);
  const Json& pod = *FindPath(made, "spec/serving/template");
  EXPECT_EQ(StringAt(FindPath(pod, "spec/containers")->at(0), "image"), "r.example/server@" + kA);
  EXPECT_EQ(StringAt(pod, "metadata/labels/app"), "chat");
  // The operator's own volume has the name.
  EXPECT_EQ(StringAt(FindPath(pod, "spec/volumes")->at(0), "name"), "adopted-model");
  EXPECT_EQ(StringAt(FindPath(pod, "spec/containers")->at(0).at("volumeMounts").at(0), "name"),
            "adopted-model");
  EXPECT_TRUE(Decode<ModelDeploymentSpec>(made));
}

TEST(Adoption, ItMakesAPolicyThatAuditsAndASkeletonOfAUseCaseAndNoEvidence) {
  Site site(Workload("chat", "ns", kByTag) + Pod("chat", "ns", kByTag, kA));
  const Adoption plan = site.Plan();
  ASSERT_THAT(plan.manifests, SizeIs(3));
  const auto policy = Decode<GovernancePolicySpec>(OfKind(plan, "GovernancePolicy"));
  ASSERT_TRUE(policy) << policy.error().ToString();
  ASSERT_THAT(policy->spec.environments, SizeIs(1));
  EXPECT_EQ(policy->spec.environments[0].enforcement, Enforcement::kAudit);
  EXPECT_EQ(policy->spec.environments[0].guard->mode, GuardMode::kAudit);
  EXPECT_THAT(policy->spec.environments[0].namespaces, ElementsAre("ns"));
  const auto use_case = Decode<UseCaseSpec>(OfKind(plan, "UseCase"));
  ASSERT_TRUE(use_case) << use_case.error().ToString();
  EXPECT_THAT(use_case->spec.answers, IsEmpty());
  EXPECT_THAT(use_case->spec.deploy_to, ElementsAre("ns"));
  ASSERT_THAT(plan.adopted, SizeIs(1));
  EXPECT_FALSE(plan.adopted[0].toward);
  EXPECT_THAT(AdoptionText(plan), HasSubstr("no policy asks for anything in this namespace"));
}

TEST(Adoption, APolicyThatIsThereSaysWhatIsMissingBeforeDenyWhateverItEnforces) {
  Site site(Workload("chat", "ns", kByTag) + Pod("chat", "ns", kByTag, kA) +
            Policy("{name: prod, namespaces: [ns], enforcement: Audit}"));
  const Adoption plan = site.Plan();
  EXPECT_TRUE(OfKind(plan, "GovernancePolicy").is_null());
  EXPECT_THAT(plan.refused, IsEmpty());
  ASSERT_TRUE(plan.adopted.at(0).toward);
  EXPECT_FALSE(plan.adopted[0].toward->Serves());
  EXPECT_THAT(AdoptionText(plan), HasSubstr("before Deny in environment prod: "));
  EXPECT_THAT(AdoptionText(plan), HasSubstr("- validation (SignOffMissing)"));
}

TEST(Adoption, AStricterEnvironmentIsNeverLoosened) {
  for (const std::string stricter :
       {"enforcement: Deny", "enforcement: Warn", "enforcement: Audit, guard: {mode: Warn}",
        "enforcement: Audit, locked: {requesters: [{kind: User, name: u}]}"}) {
    Site site(Workload("chat", "ns", kByTag) + Pod("chat", "ns", kByTag, kA) +
              Policy("{name: prod, namespaces: ['n*'], " + stricter + "}"));
    const Adoption plan = site.Plan();
    EXPECT_TRUE(OfKind(plan, "GovernancePolicy").is_null()) << stricter;
    ASSERT_THAT(plan.refused, SizeIs(1)) << stricter;
    EXPECT_THAT(plan.refused[0], HasSubstr("namespace 'ns' is in environment 'prod' of policy "
                                           "'bank'"));
  }
}

TEST(Adoption, NoNamespaceLeavesAGuardThatDeniesOutsideOfEnvironments) {
  Site site(Workload("chat", "ns", kByTag) + Pod("chat", "ns", kByTag, kA));
  site.scope.elsewhere = GuardMode::kDeny;
  const Adoption plan = site.Plan();
  EXPECT_TRUE(OfKind(plan, "GovernancePolicy").is_null());
  EXPECT_THAT(plan.refused.at(0), HasSubstr("--guard-elsewhere"));
}

TEST(Adoption, WhatCannotBeReadMightBeStricter) {
  Site site(Workload("chat", "ns", kByTag) + Pod("chat", "ns", kByTag, kA));
  Manifest broken;
  broken.source = "GovernancePolicy 'odd'";
  broken.object = {{"kind", "GovernancePolicy"}, {"metadata", {{"name", "odd"}}}};
  site.world.AddUnreadable(broken, {Code::kInvalidArgument, "is odd", {}, {}});
  const Adoption plan = site.Plan();
  EXPECT_TRUE(OfKind(plan, "GovernancePolicy").is_null());
  EXPECT_THAT(plan.refused.at(0), HasSubstr("'odd' cannot be read"));
}

TEST(Adoption, ThePolicyGrowsAndIsNeverWrittenOverOneThatPeopleChanged) {
  const auto plan_of = [](const std::string& policy, const std::string& ns) {
    Site site(Workload("chat", ns, kByTag) + Pod("chat", ns, kByTag, kA) + policy);
    return site.Plan();
  };
  const Json first = OfKind(plan_of("", "one"), "GovernancePolicy");
  const std::string there = "---\n" + DumpYaml(first) + "\n";
  EXPECT_TRUE(OfKind(plan_of(there, "one"), "GovernancePolicy").is_null());
  const Json grown = OfKind(plan_of(there, "two"), "GovernancePolicy");
  EXPECT_EQ(FindPath(grown, "spec/environments")->at(0).at("namespaces"),
            Json::array({"one", "two"}));
  Json changed = first;
  changed["spec"]["environments"][0]["enforcement"] = "Deny";
  const Adoption refused = plan_of("---\n" + DumpYaml(changed) + "\n", "two");
  EXPECT_TRUE(OfKind(refused, "GovernancePolicy").is_null());
  EXPECT_THAT(refused.refused.at(0), HasSubstr("is not as adoption writes it"));
}

TEST(Adoption, AnEnvironmentOfAnotherPolicyIsNotLentItsName) {
  Site site(Workload("chat", "ns", kByTag) + Pod("chat", "ns", kByTag, kA) +
            Policy("{name: adopted, namespaces: [other], enforcement: Deny}"));
  EXPECT_THAT(site.Plan().refused.at(0), HasSubstr("--environment NAME"));
}

TEST(Adoption, NothingIsGuessed) {
  const auto gap = [](const std::string& text) {
    Site site(text);
    const Adoption plan = site.Plan();
    EXPECT_TRUE(OfKind(plan, "ModelDeployment").is_null());
    return AdoptionText(plan);
  };
  const std::string chat = Workload("chat", "ns", kByTag);
  EXPECT_THAT(gap(chat), HasSubstr("no node says which image that is\n    Next: find the digest, "
                                   "with skopeo inspect --format '{{.Digest}}' "
                                   "docker://r.example/server:1, and give it: countersign adopt "
                                   "--image ns/chat/c=r.example/server@sha256:…"));
  EXPECT_THAT(gap(chat + Pod("chat", "ns", kByTag, kA) + Pod("chat", "ns", kByTag, kC)),
              HasSubstr("its Pods do not run one and the same image"));
  // Pods of the template before this one say nothing about it.
  std::string old = kByTag;
  old.replace(old.find("server:1"), 8, "server:0");
  EXPECT_THAT(gap(chat + Pod("chat", "ns", old, kA)),
              HasSubstr("its Pods do not run one and the same image"));
  EXPECT_THAT(
      gap(Workload("hub", "ns",
                   "{containers: [{name: c, image: 'vllm/vllm-openai@" + kA +
                       "', args: [--model, org/m]}]}")),
      HasSubstr("model 'hf://org/m' at spec.template.spec.containers[0].args is named by no "
                "digest"));
  EXPECT_THAT(gap(Workload("two", "ns",
                           "{containers: [{name: c, image: 'r.example/s@" + kA +
                               "'}], volumes: [{name: a, image: {reference: 'r/a@" + kA +
                               "'}}, {name: b, image: {reference: 'r/b@" + kB + "'}}]}")),
              HasSubstr("it serves 2 models"));
  EXPECT_THAT(gap(Workload("at", "ns",
                           "{containers: [{name: c, image: 'r.example/s@" + kA +
                               "', volumeMounts: [{name: w, mountPath: /models/x}]}], "
                               "volumes: [{name: w, emptyDir: {}}, {name: m, image: "
                               "{reference: 'r/a@" +
                               kB + "'}}]}")),
              HasSubstr("/models is where the operator mounts the model"));
}

TEST(Adoption, WhatSomebodySaysOfAModelIsTakenAndWhatItGoesOnNamingIsTold) {
  Site site(Workload(
      "hub", "ns",
      "{containers: [{name: c, image: 'vllm/vllm-openai@" + kA + "', args: [--model, org/m]}]}"));
  site.options.said["ns/hub"].model = "oci://r.example/m@" + kB;
  const Adoption plan = site.Plan();
  EXPECT_EQ(StringAt(OfKind(plan, "ModelDeployment"), "spec/model/digest"), kB);
  EXPECT_THAT(plan.adopted.at(0).notes, Contains(HasSubstr("it goes on naming 'hf://org/m'")));
}

TEST(Adoption, OtherKindsAndExemptNamespacesAreLeftToPeople) {
  Site site(Workload("sys", "kube-system", kByTag) +
            "---\n{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, metadata: {name: "
            "isvc, namespace: ns, uid: i}, spec: {predictor: {model: {storageUri: 's3://m'}}}}\n" +
            "---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: made, namespace: ns, "
            "uid: x, ownerReferences: [{kind: Foo, name: f, uid: f, controller: true}]}, spec: "
            "{template: {spec: " +
            kByTag + "}}}\n");
  const Adoption plan = site.Plan();
  ASSERT_THAT(plan.left_out, SizeIs(3));
  const std::string text = AdoptionText(plan);
  EXPECT_THAT(text, HasSubstr("namespace 'kube-system' is exempt from the guard"));
  EXPECT_THAT(
      text, HasSubstr("InferenceService ns/isvc\n  - only Deployments, StatefulSets and Rollouts"));
  EXPECT_THAT(text, HasSubstr("a controller makes it for another object"));
  // Its namespace still begins under Audit.
  EXPECT_EQ(FindPath(OfKind(plan, "GovernancePolicy"), "spec/environments")->at(0).at("namespaces"),
            Json::array({"ns"}));
}

TEST(Adoption, ARolloutIsBroughtInByItsTemplateAndItsStepsAreSaidToEnd) {
  const std::string rollout =
      "---\n{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: chat, namespace: "
      "ns, "
      "uid: d-chat}, spec: {replicas: 3, strategy: {canary: {steps: [{setWeight: 20}]}}, template: "
      "{metadata: {labels: {app: chat}}, spec: " +
      kByTag + "}}}\n";
  Site site(rollout + Pod("chat", "ns", kByTag, kA));
  const Adoption plan = site.Plan();
  const Json made = OfKind(plan, "ModelDeployment");
  EXPECT_EQ(IntAt(made, "spec/serving/replicas"), 3);
  EXPECT_EQ(StringAt(made, "spec/model/digest"), kB);
  EXPECT_EQ(made["metadata"]["annotations"]["countersign.dev/adopted-from"], "Rollout/chat");
  EXPECT_EQ(FindPath(made, "spec/serving/strategy"), nullptr);
  EXPECT_THAT(plan.adopted.at(0).notes, Contains(HasSubstr("its steps and analyses end with it")));

  site.Add("---\n" + DumpYaml(made) + "\n");
  const std::vector<Handover> handovers =
      Handovers(site.world, site.estate, site.around, site.scope);
  ASSERT_THAT(handovers, SizeIs(1));
  EXPECT_EQ(handovers.at(0).workload, "Rollout/chat");
  EXPECT_FALSE(handovers.at(0).gone);
}

TEST(Adoption, WhatCannotBeServedInItsPlaceIsLeftOutWithItsOwnReason) {
  const auto of = [](const std::string& api, const std::string& kind, const std::string& spec) {
    return "---\n{apiVersion: " + api + ", kind: " + kind +
           ", metadata: {name: x, namespace: ns, " + "uid: u-" + kind + "}, spec: " + spec + "}\n";
  };
  const std::string in_template = "{template: {spec: " + kByTag + "}}";
  Site site(of("apps/v1", "DaemonSet", in_template) +
            of("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet",
               "{leaderWorkerTemplate: {workerTemplate: {spec: " + kByTag + "}}}"));
  const Adoption plan = site.Plan();
  EXPECT_TRUE(OfKind(plan, "ModelDeployment").is_null());
  const std::string text = AdoptionText(plan);
  EXPECT_THAT(text, HasSubstr("DaemonSet ns/x\n  - it runs once on each node"));
  EXPECT_THAT(text,
              HasSubstr("LeaderWorkerSet ns/x\n  - several of its Pods serve one model together"));
}

TEST(Adoption, WhatWasAdoptedStaysAsPeopleHaveItAndNamesAreNotTaken) {
  Site site(Workload("chat", "ns", kByTag) + Pod("chat", "ns", kByTag, kA));
  const Json made = OfKind(site.Plan(), "ModelDeployment");
  site.Add("---\n" + DumpYaml(made) + "\n");
  const Adoption again = site.Plan();
  EXPECT_TRUE(OfKind(again, "ModelDeployment").is_null());
  ASSERT_THAT(again.adopted, SizeIs(1));
  EXPECT_TRUE(again.adopted[0].there);
  Site other(Workload("chat", "ns", kByTag) + Pod("chat", "ns", kByTag, kA));
  Json foreign = made;
  foreign["metadata"].erase("annotations");
  other.Add("---\n" + DumpYaml(foreign) + "\n");
  EXPECT_THAT(AdoptionText(other.Plan()), HasSubstr("'chat-governed' is the name of something"));
}

TEST(Adoption, AUseCaseThatIsNamedMustListTheNamespace) {
  Site site(Workload("chat", "ns", kByTag) + Pod("chat", "ns", kByTag, kA) +
            "---\n{apiVersion: countersign.dev/v1alpha1, kind: UseCase, metadata: {name: desk, "
            "namespace: home}, spec: {title: t, purpose: p, purposeCategory: c, owner: o, "
            "developers: [{kind: Group, name: g}], lifecycle: Active, deployTo: [other]}}\n");
  site.options.use_case = "home/desk";
  EXPECT_THAT(AdoptionText(site.Plan()),
              HasSubstr("use case 'home/desk' does not list namespace 'ns' in spec.deployTo"));
}

TEST(Handover, AWorkloadCanGoWhenTheOperatorsServesBehindTheSameServices) {
  const Json service = ParseYaml(
                           "{apiVersion: v1, kind: Service, metadata: {name: s, namespace: "
                           "ns}, spec: {selector: {app: chat}}}")
                           .value();
  const auto check = [&](const std::string& status, const std::string& labels) {
    Site site(Workload("chat", "ns", kByTag) + Pod("chat", "ns", kByTag, kA));
    Json made = OfKind(site.Plan(), "ModelDeployment");
    made["metadata"]["uid"] = "m";
    site.Add(Workload("chat", "ns", kByTag) + "---\n" + DumpYaml(made) +
             "\n---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: chat-governed, "
             "namespace: ns, uid: c, generation: 2, ownerReferences: [{apiVersion: "
             "countersign.dev/v1alpha1, kind: ModelDeployment, name: "
             "chat-governed, uid: m, controller: true}]}, spec: {template: {metadata: {labels: " +
             labels + "}, spec: " + DumpJson(made["spec"]["serving"]["template"]["spec"]) +
             "}}, status: " + status + "}\n");
    site.around.services = {service};
    const auto all = site.AskHandovers();
    EXPECT_THAT(all, SizeIs(1));
    return HandoverText(all);
  };
  EXPECT_THAT(check("{observedGeneration: 2, availableReplicas: 2}", "{app: chat}"),
              HasSubstr("Next: kubectl delete deployment chat -n ns"));
  EXPECT_THAT(check("{observedGeneration: 2, availableReplicas: 1}", "{app: chat}"),
              HasSubstr("1 Pods of it are available, and Deployment 'chat' has 2"));
  EXPECT_THAT(check("{observedGeneration: 1, availableReplicas: 2}", "{app: chat}"),
              HasSubstr("is still needed"));
  EXPECT_THAT(check("{observedGeneration: 2, availableReplicas: 2}", "{app: other}"),
              HasSubstr("Service 's' does not lead to its Pods"));
}

Site Adopted(const std::string& from, const std::string& ns) {
  Site site(Workload("chat", ns, kByTag) + Pod("chat", ns, kByTag, kA));
  Json made = OfKind(site.Plan(), "ModelDeployment");
  made["metadata"]["annotations"][std::string(kAdoptedFrom)] = from;
  Site adopted("---\n" + DumpYaml(made) + "\n");
  return adopted;
}

TEST(Handover, WhatWasNotLookedAtIsNotKnownToBeGone) {
  Site site = Adopted("Deployment/chat", "ns");
  const auto unknown = site.AskHandovers();
  ASSERT_THAT(unknown, SizeIs(1));
  EXPECT_FALSE(unknown[0].Ready() || unknown[0].gone);
  EXPECT_THAT(HandoverText(unknown), HasSubstr("is not known\n  - not all deployments"));
  EXPECT_THAT(HandoverText(unknown), HasSubstr("kubectl auth can-i list deployments.apps -n ns"));
  EXPECT_FALSE(BoolAt(HandoverJson(unknown).at("workloads").at(0), "known"));
  site.estate.read_whole = {"apps/Deployment"};
  EXPECT_TRUE(site.AskHandovers().at(0).gone);
  EXPECT_THAT(HandoverText(site.AskHandovers()), HasSubstr("is gone"));
}

TEST(Handover, OtherNamespacesThanThoseLookedAtAreNotSpokenOf) {
  Site site = Adopted("Deployment/chat", "b");
  site.estate.read_whole = {"apps/Deployment", "apps/StatefulSet"};
  site.scope.name_space = "a";
  EXPECT_THAT(site.AskHandovers(), IsEmpty());
  EXPECT_THAT(site.Plan().adopted, IsEmpty());
  site.scope.name_space = "b";
  EXPECT_THAT(site.AskHandovers(), SizeIs(1));
  EXPECT_THAT(site.Plan().adopted, SizeIs(1));
}

TEST(Handover, WhatAnAnnotationNamesIsNoCommand) {
  for (const std::string from : {"Deployment/x$(id)", "Secret/chat", "chat"}) {
    Site site = Adopted(from, "ns");
    site.estate.read_whole = {"apps/Deployment", "apps/StatefulSet", "apps/Secret"};
    const auto all = site.AskHandovers();
    EXPECT_FALSE(all.at(0).Ready() || all.at(0).gone) << from;
    EXPECT_THAT(HandoverText(all), HasSubstr("names no Deployment, StatefulSet or Rollout"));
    EXPECT_THAT(HandoverText(all), Not(HasSubstr("kubectl delete"))) << from;
  }
}

TEST(Adoption, NoNameBecomesAPathOrAWordOfACommandThatIsNone) {
  for (const auto& [name, ns] : {std::pair<std::string, std::string>{"chat", "../../../escape"},
                                 {"../chat", "ns"},
                                 {"$(id)", "ns"},
                                 {"chat", "a;b"}}) {
    Site site(Workload("'" + name + "'", "'" + ns + "'", kByTag));
    const Adoption plan = site.Plan();
    EXPECT_THAT(plan.manifests, IsEmpty()) << ns << " " << name;
    ASSERT_THAT(plan.left_out, SizeIs(1));
    EXPECT_THAT(plan.left_out[0].gaps.at(0).what, HasSubstr("no object can have this name"));
  }
}

TEST(Adoption, WhatAUseCaseIsRefusedForLeavesItsWorkloadsOut) {
  Site site(Workload("chat", "ns", kByTag) + Pod("chat", "ns", kByTag, kA));
  site.options.owner = "two words";
  const Adoption plan = site.Plan();
  EXPECT_TRUE(OfKind(plan, "UseCase").is_null());
  EXPECT_TRUE(OfKind(plan, "ModelDeployment").is_null());
  EXPECT_THAT(AdoptionText(plan), HasSubstr("its use case would be refused: UseCase 'ns/chat'"));
  EXPECT_FALSE(plan.Complete());
}

TEST(Adoption, NoUseCaseIsWrittenForAWorkloadThatIsNotBroughtIn) {
  std::string odd = kByTag;
  odd.replace(odd.find("9000"), 4, "99999");
  Site site(Workload("chat", "ns", odd) + Pod("chat", "ns", odd, kA));
  const Adoption plan = site.Plan();
  EXPECT_THAT(AdoptionText(plan), HasSubstr("a ModelDeployment cannot say what runs"));
  EXPECT_TRUE(OfKind(plan, "UseCase").is_null());
}

TEST(Adoption, WhatAnImageIsCalledIsNoCommand) {
  const auto text = [](const std::string& spec) {
    Site site(Workload("chat", "ns", spec));
    return AdoptionText(site.Plan());
  };
  const std::string volume = "volumes: [{name: m, image: {reference: 'r/a@" + kB + "'}}]}";
  const std::string run = text("{containers: [{name: c, image: 'x:v1$(touch /tmp/p)'}], " + volume);
  EXPECT_THAT(run, HasSubstr("Next: correct the workload: that is no name of an image"));
  EXPECT_THAT(run, Not(HasSubstr("docker://x")));
  EXPECT_THAT(text("{containers: [{name: 'c;id', image: 'r/x:1'}], " + volume),
              HasSubstr("--image 'ns/chat/c;id'=r/x@sha256:…"));
  EXPECT_THAT(text("{containers: [{name: c, image: 'x$(id)@" + kA +
                   "', env: [{name: MODEL_PATH, value: /m}, {name: HF_TOKEN, value: x}], args: "
                   "[--model, /m]}]}"),
              Not(HasSubstr("oci://x$")));
}

TEST(Adoption, WhatRegistriesDoNotTakeIsNoImage) {
  const auto next = [](const std::string& image) {
    Site site(Workload("chat", "ns",
                       "{containers: [{name: c, image: \"" + image +
                           "\"}], volumes: [{name: m, image: {reference: 'r/a@" + kB + "'}}]}"));
    return AdoptionText(site.Plan());
  };
  for (const std::string image : {"nginx", "r.example:5000/a/b_c:v1.2-x", "[::1]:5000/a__b/c--d",
                                  "localhost/x", "library/x:1"}) {
    EXPECT_THAT(next(image), HasSubstr("docker://" + image + ", and give it: ")) << image;
  }
  for (const std::string image : {"x;id", "a b", "-x", "A/B", "x:", "x'", "r.example/../x", "x\\n",
                                  "x@sha256:aa", "`id`", "x&y", "~/x"}) {
    EXPECT_THAT(next(image), HasSubstr("correct the workload")) << image;
    EXPECT_THAT(next(image), Not(HasSubstr("docker://"))) << image;
  }
}

TEST(Adoption, RemediesSayTheCommandAgainAsItWasGiven) {
  Site site(Workload("chat", "ns", kByTag) + Pod("chat", "ns", kByTag, kA) +
            Pod("chat", "ns", kByTag, kC) +
            "---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: chat-governed, "
            "namespace: ns, uid: x}, spec: {template: {spec: {containers: [{name: c, image: "
            "plain}]}}}}\n");
  site.options.command.options = {"--filename='my estate.yaml'", "--suffix=-governed"};
  const std::string text = AdoptionText(site.Plan());
  EXPECT_THAT(text, HasSubstr("kubectl rollout restart -n ns deployment/chat, then countersign "
                              "adopt --filename='my estate.yaml' --suffix=-governed\n"));
  EXPECT_THAT(text, HasSubstr("give another suffix: countersign adopt --filename='my "
                              "estate.yaml' --suffix=-governed-2\n"));
}

TEST(Adoption, WhatSomebodySaysOfNothingThereIsIsAnError) {
  Site site(Workload("chat", "ns", kByTag) + Pod("chat", "ns", kByTag, kA));
  site.options.said["ns/typo"].model = "oci://r.example/m@" + kB;
  EXPECT_EQ(site.TryPlan().error().ToString(),
            "--model: speaks of 'ns/typo', which is none of what can be brought in: ns/chat");
  site.options.said.clear();
  site.options.said["ns/chat"].images["typo"] = "r.example/s@" + kC;
  EXPECT_EQ(site.TryPlan().error().ToString(),
            "--image: speaks of 'typo' of 'ns/chat', which is none of its containers and image "
            "volumes: c, model");
  site.options.said["ns/chat"].images = {{"c", "r.example/s@" + kC}, {"model", "r/m@" + kB}};
  const Json made = OfKind(site.Plan(), "ModelDeployment");
  // A second run with the same words changes nothing, also once the workload is gone.
  site.Add("---\n" + DumpYaml(made) + "\n");
  site.estate = {};
  EXPECT_TRUE(site.TryPlan());
}

class AdoptionFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "adoption-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  AdoptionFiles Write(const std::string& ns) {
    Site site(Workload("chat", ns, kByTag) + Pod("chat", ns, kByTag, kA));
    site.options.home = "home";
    manifests_ = site.Plan().manifests;
    auto written = WriteAdoption(folder_, manifests_);
    EXPECT_TRUE(written) << written.error().ToString();
    return written.value_or(AdoptionFiles());
  }

  std::string Read(const std::string& file) const {
    return ReadTextFile(folder_ + "/" + file).value_or("");
  }

  void Change(const std::string& file, const std::string& from, const std::string& to) const {
    std::string text = Read(file);
    ASSERT_NE(text.find(from), std::string::npos) << text;
    text.replace(text.find(from), from.size(), to);
    ASSERT_TRUE(WriteTextFile(folder_ + "/" + file, text));
  }

  std::string folder_;
  std::vector<Json> manifests_;
};

TEST_F(AdoptionFolder, ThePolicyGrowsByTheNamespacesOfEachRun) {
  EXPECT_THAT(Write("one").told, Each(HasSubstr("wrote ")));
  const AdoptionFiles second = Write("two");
  EXPECT_THAT(second.told, Contains("added namespaces to " + folder_ + "/policy-adoption.yaml"));
  const Json both = Json::array({"one", "two"});
  const auto policy = ParseYaml(Read("policy-adoption.yaml"));
  EXPECT_EQ(FindPath(*policy, "spec/environments")->at(0).at("namespaces"), both);
  EXPECT_EQ(FindPath(manifests_.front(), "spec/environments")->at(0).at("namespaces"), both);
  EXPECT_THAT(Write("one").told, Contains("unchanged " + folder_ + "/policy-adoption.yaml"));
}

TEST_F(AdoptionFolder, WhatPeopleEditedIsKeptAndWhatItLacksIsTold) {
  Write("one");
  Change("policy-adoption.yaml", "not classified yet", "to be classified");
  EXPECT_THAT(Write("one").lacking, IsEmpty());
  const std::string before = Read("policy-adoption.yaml");
  const AdoptionFiles second = Write("two");
  EXPECT_EQ(Read("policy-adoption.yaml"), before);
  EXPECT_THAT(second.lacking,
              UnorderedElementsAre(HasSubstr("policy-adoption.yaml' is kept as it is, and does not "
                                             "have namespace 'two'"),
                                   HasSubstr("add it to spec.deployTo")));
  Change("policy-adoption.yaml", "- one", "- 't*'");
  Change("home/usecase-chat.yaml", "- one", "- two");
  EXPECT_THAT(Write("two").lacking, IsEmpty());
  Change("policy-adoption.yaml", "enforcement: Audit", "enforcement: Odd");
  EXPECT_THAT(Write("two").lacking, ElementsAre(HasSubstr("cannot be read")));
}

TEST_F(AdoptionFolder, NothingLeadsOutOfIt) {
  for (const auto& [name, ns] : {std::pair{"x", "../escape"}, {"../x", "ns"}, {"x", ""}}) {
    std::vector<Json> manifests = {
        {{"kind", "UseCase"}, {"metadata", {{"name", name}, {"namespace", ns}}}}};
    EXPECT_FALSE(WriteAdoption(folder_ + "/in", manifests)) << ns << " " << name;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

}  // namespace
}  // namespace countersign
