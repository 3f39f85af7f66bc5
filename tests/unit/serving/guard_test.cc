#include "governance/serving/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "tests/unit/serving/guarded.h"

namespace countersign {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Guard, AKindThatTheTableLacksIsNotLetThroughWhereShadowsAreNot) {
  GuardFacts facts = FactsOf(Recognition());
  facts.kind = "NewKind";
  for (const auto& [mode, verdict] : {std::pair(GuardMode::kDeny, GuardVerdict::kDeny),
                                      std::pair(GuardMode::kWarn, GuardVerdict::kWarn)}) {
    facts.setting.mode = mode;
    const GuardDecision decision = JudgeServing(facts);
    EXPECT_EQ(decision.verdict, verdict);
    EXPECT_EQ(decision.reason, "KindUnknown");
  }
}

TEST(Guard, WhatNobodyApprovedIsRefusedAndTheRefusalSaysWhatToDo) {
  const GuardDecision decision = JudgeServing(FactsOf(Deployment(PodSpec())));
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
  const std::string message = JudgeServing(FactsOf(Deployment(pod))).message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_LT(message.size(), 2048U);
  EXPECT_THAT(message, HasSubstr("kubectl countersign release -n lending-prod"));
}

TEST(Guard, TheModeOfTheEnvironmentDecides) {
  GuardFacts facts = FactsOf(Deployment(PodSpec()));
  facts.setting.mode = GuardMode::kWarn;
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kWarn);
  facts.setting.mode = GuardMode::kAudit;
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kAudit);
  EXPECT_TRUE(JudgeServing(facts).shadow);
}

TEST(Guard, TheOperatorMakesWhatItMakes) {
  GuardFacts facts = FactsOf(Deployment(PodSpec()));
  facts.by_operator = true;
  EXPECT_EQ(JudgeServing(facts).reason, "OperatorMade");
}

TEST(Guard, AnUpdateThatChangesNothingOfWhatIsServedIsNeverRefused) {
  GuardFacts facts = FactsOf(Deployment(PodSpec()));
  facts.before = facts.serving;
  EXPECT_EQ(JudgeServing(facts).reason, "ServingUnchanged");
  facts.before = Deployment(PodSpec(kOther));
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny);
}

TEST(Guard, WhatIsBeingDeletedGoesAlsoWhereItCannotBeCompared) {
  Json odd = PodSpec();
  odd["terminationGracePeriodSeconds"] = 9007199254740993;
  GuardFacts facts = FactsOf(Deployment(odd));
  facts.before = facts.serving;
  EXPECT_EQ(facts.serving.fingerprint, "");
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny);
  facts.only_ends = true;
  EXPECT_EQ(JudgeServing(facts).reason, "ServingUnchanged");
}

TEST(Guard, WhatBeginsToServeByAnUpdateIsJudged) {
  GuardFacts facts = FactsOf(Deployment(PodSpec()));
  facts.before = Recognise(Table(), {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}});
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny);
}

TEST(Guard, APodThatRunsWhatItRanIsUnchanged) {
  const auto pod = [](const Json& spec) {
    return Recognise(Table(), {{"apiVersion", "v1"}, {"kind", "Pod"}, {"spec", spec}});
  };
  Json gated = PodSpec();
  gated["containers"].push_back({{"name", "istio-proxy"}, {"image", "istio/proxyv2:1"}});
  Json open = gated;
  gated["schedulingGates"] = Json::array({{{"name", "kueue.x-k8s.io/admission"}}});
  GuardFacts facts = FactsOf(pod(open));
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
      FactsOf(Recognise(Table(), {{"apiVersion", "v1"}, {"kind", "Pod"}, {"spec", entered}}));
  facts.kind = "Pod";
  facts.covers = {Approved()};
  EXPECT_THAT(JudgeServing(facts).message,
              AllOf(HasSubstr("kubectl debug --copy-to"), Not(HasSubstr("countersign release"))));
  facts.covers.clear();
  EXPECT_THAT(JudgeServing(facts).message, HasSubstr("countersign release"));
}

TEST(Guard, OneWaiverThatDoesNotCountIsShownTheNearest) {
  GuardFacts facts = FactsOf(Deployment(PodSpec()));
  for (int i = 0; i < 60; ++i) {
    facts.waivers.push_back({"tenant/w" + std::to_string(i), false, "no", kModel});
  }
  facts.waivers.push_back({"lending/w", false, "it ended", kModel, true});
  const GuardDecision decision = JudgeServing(facts);
  EXPECT_THAT(Reasons(decision),
              ElementsAre("ModelNotApproved", "ContainerNotApproved", "WaiverNotActive"));
  EXPECT_THAT(decision.message, HasSubstr("waiver 'lending/w' does not count: it ended"));
}

TEST(Guard, ANodeReportsWhatItRunsAlready) {
  GuardFacts facts = FactsOf(Deployment(PodSpec()));
  facts.static_pod = true;
  const GuardDecision decision = JudgeServing(facts);
  EXPECT_EQ(decision.verdict, GuardVerdict::kWarn);
  EXPECT_TRUE(decision.shadow);
}

TEST(Guard, AnActiveWaiverExceptsOneModel) {
  GuardFacts facts = FactsOf(Deployment(PodSpec()));
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
  GuardFacts facts = FactsOf(Deployment(bare));
  facts.covers = {Approved()};
  EXPECT_THAT(Reasons(JudgeServing(facts)), ElementsAre("NotAsApproved"));
  facts.waivers = {{"w", true, "", kModel}};
  EXPECT_EQ(JudgeServing(facts).reason, "Waived");
}

TEST(Guard, AWaiverDoesNotExceptWhatCannotBeNamed) {
  Json more = PodSpec();
  more["volumes"].push_back({{"name", "w"}, {"hostPath", {{"path", "/w"}}}});
  GuardFacts facts = FactsOf(Deployment(more));
  facts.waivers = {{"w", true, "", kModel}};
  EXPECT_EQ(JudgeServing(facts).verdict, GuardVerdict::kDeny);
}

TEST(Guard, OneHintAloneIsAWarning) {
  GuardFacts facts = FactsOf(Recognise(
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
  GuardFacts facts = FactsOf(Deployment(PodSpec()));
  facts.setting = setting;
  EXPECT_THAT(Reasons(JudgeServing(facts)), testing::Contains("PolicyUnreadable"));
}

TEST(Guard, WhoOnlyNamesAHostIsToldHowTo) {
  const auto said = [](const std::string& container) {
    return JudgeServing(FactsOf(Deployment(ParseYaml("{containers: [" + container + "]}").value())))
        .message;
  };
  EXPECT_THAT(
      said("{image: x, command: [x, tritonserver]}"),
      HasSubstr("name its port or domain: tritonserver:8000, tritonserver.lending-prod.svc"));
  EXPECT_THAT(said("{image: x, command: [vllm, serve]}"), Not(HasSubstr("port or domain")));
  EXPECT_THAT(said("{image: ollama/ollama}"), Not(HasSubstr("port or domain")));
}

TEST(Guard, APodOfAControllerThatNobodyTrustsIsToldHowToTrustIt) {
  const auto pod = ParseYaml(
      "{apiVersion: v1, kind: Pod, metadata: {name: p, ownerReferences: [{kind: PyTorchJob, name: "
      "j, uid: u, controller: true}]}, spec: {restartPolicy: Never, containers: [{image: x, "
      "resources: {limits: {nvidia.com/gpu: 1}}}]}}");
  GuardFacts facts = FactsOf(Recognise(Table(), *pod, false));
  facts.kind = "Pod";
  EXPECT_THAT(JudgeServing(facts).message, HasSubstr("--trusted-controller"));
  facts.serving = Recognise(Table(), *pod);
  facts.by_trusted_controller = true;
  EXPECT_EQ(JudgeServing(facts).reason, "ServingSuspected");
}

}  // namespace
}  // namespace countersign
