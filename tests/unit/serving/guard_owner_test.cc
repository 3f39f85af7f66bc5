// What a controller makes for its owner.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/serving/guarded.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;

ServingOwner Owner(Recognition recognition, bool operators_own = false) {
  return {"ReplicaSet", "d-1", operators_own, std::move(recognition)};
}

const std::vector<JoinedService> kJoined = {{"live", "metadata.labels"}};

ServingOwner Child() { return {"Deployment", "live", true, Deployment(PodSpec())}; }

TEST(Guard, AControllerActsForWhatTheOperatorMade) {
  GuardFacts facts = FactsOf(Deployment(PodSpec()));
  facts.kind = "Pod";
  facts.serving.joins = kJoined;
  facts.owners = {Owner(Deployment(PodSpec())), Child()};
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny) << "not a trusted controller";
  facts.by_trusted_controller = true;
  EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned");
  facts.kind = "ReplicaSet";
  facts.owners = {Child()};
  EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned");
}

// Whoever may make objects may write owners into them.
TEST(Guard, WhatNoDeploymentMakesIsNotOfTheOperatorsMakingForNamingItsChild) {
  const auto reason = [](const std::string& kind, std::vector<ServingOwner> owners,
                         const std::vector<JoinedService>& joins = kJoined) {
    GuardFacts facts = FactsOf(Deployment(PodSpec()));
    facts.serving.joins = joins;
    facts.kind = kind;
    facts.owners = std::move(owners);
    facts.by_trusted_controller = true;
    return JudgeServing(facts).reason;
  };
  const ServingOwner set{"StatefulSet", "s", false, Deployment(PodSpec())};
  const ServingOwner replicas = Owner(Deployment(PodSpec()));
  EXPECT_EQ(reason("Pod", {Child()}), "ShadowDeployment");
  for (const char* kind : {"StatefulSet", "Job", "Deployment"}) {
    EXPECT_EQ(reason(kind, {Child()}), "ShadowDeployment") << kind;
    EXPECT_EQ(reason(kind, {replicas, Child()}), "ShadowDeployment") << kind;
  }
  EXPECT_EQ(reason("Pod", {set, Child()}), "ShadowDeployment");
  EXPECT_EQ(reason("Pod", {set, replicas, Child()}), "ShadowDeployment");
  EXPECT_EQ(reason("Pod", {replicas, replicas, Child()}), "ShadowDeployment");
  // What its selector does not find goes on when it is scaled down.
  EXPECT_EQ(reason("ReplicaSet", {Child()}, {}), "ShadowDeployment");
  EXPECT_EQ(reason("Pod", {replicas, Child()}, {{"other", "metadata.labels"}}), "ShadowDeployment");
}

TEST(Guard, AControllerActsForWhatIsCovered) {
  Json injected = PodSpec();
  injected["containers"].push_back({{"name", "proxy"}, {"image", "istio/proxyv2:1"}});
  GuardFacts facts = FactsOf(Deployment(injected));
  facts.by_trusted_controller = true;
  facts.owners = {Owner(Deployment(PodSpec()))};
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny) << "its owner is covered by nothing";
  facts.covers = {Approved()};
  EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned");
}

TEST(Guard, AModelThatTheOwnerDoesNotNameIsRefused) {
  GuardFacts facts = FactsOf(Deployment(PodSpec(kOther)));
  facts.by_trusted_controller = true;
  facts.owners = {Owner(Deployment(PodSpec()), true)};
  EXPECT_EQ(Reasons(JudgeServing(facts)).front(), "OwnerDoesNotNameModel");
}

// Made by the StatefulSet controller for one that is covered, from a revision that somebody wrote.
GuardDecision MadeFor(const Json& made, const Json& template_spec, const std::string& kind,
                      bool operators_own = false) {
  GuardFacts facts = FactsOf(Recognise(
      Table(),
      {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", "p"}}}, {"spec", made}}));
  facts.kind = "Pod";
  facts.by_trusted_controller = true;
  facts.owners = {{kind, "d-1", false, Deployment(template_spec)}};
  facts.covers = {Approved()};
  if (operators_own) {
    facts.owners.push_back({"Deployment", "d", true, Deployment(template_spec)});
    facts.serving.joins = {{"d", "metadata.labels"}};
    facts.owners[0].recognition.joins = {{"d", "spec.template.metadata.labels"}};
  }
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
    EXPECT_EQ(MadeFor(hooked, hooked, "ReplicaSet", true).reason, "OwnerGoverned") << hook;
  }
  // As a mesh rewrites those that ask over HTTP.
  EXPECT_EQ(MadeFor(PodSpec(kModel,
                            ", livenessProbe: {httpGet: {port: 15020}}, lifecycle: "
                            "{preStop: {httpGet: {port: 15020}}}"),
                    PodSpec(kModel, ", livenessProbe: {httpGet: {port: 8080}}"), "ReplicaSet", true)
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
      GuardFacts facts = FactsOf(Deployment(shadow));
      facts.by_trusted_controller = true;
      facts.owners = {{kind, "old", false, Deployment(shadow)},
                      {"Deployment", "live", operators_own, Deployment(PodSpec())}};
      facts.covers = {Approved()};
      EXPECT_EQ(Reasons(JudgeServing(facts)).front(), "OwnerDoesNotRun") << kind << operators_own;
    }
  }
}

TEST(Guard, AnEarlierRevisionOfTheSameModelStillComesUp) {
  GuardFacts facts = FactsOf(Deployment(PodSpec(kModel, ", args: ['--before']")));
  facts.kind = "Pod";
  facts.serving.joins = kJoined;
  facts.by_trusted_controller = true;
  facts.owners = {{"ReplicaSet", "live-1", false, facts.serving},
                  {"Deployment", "live", true, Deployment(PodSpec())}};
  EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned");
  facts.owners[1].operators_own = false;
  facts.covers = {Approved()};
  EXPECT_EQ(Reasons(JudgeServing(facts)).front(), "OwnerDoesNotRun")
      << "nobody approved of what it was before";
}

TEST(Guard, AnOwnerThatIsNotKnownIsSaid) {
  GuardFacts facts = FactsOf(Deployment(PodSpec()));
  facts.by_trusted_controller = true;
  facts.owners_unknown = "its owner ReplicaSet 'x' is not known (yet)";
  const GuardDecision decision = JudgeServing(facts);
  EXPECT_EQ(Reasons(decision).front(), "OwnerUnknown");
  EXPECT_EQ(decision.verdict, GuardVerdict::kDeny);
}

}  // namespace
}  // namespace countersign
