#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "governance/serving/guard.h"

namespace countersign {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kModel = "sha256:" + std::string(64, 'a');
const std::string kNow = "sha256:" + std::string(64, '1');
const std::string kBefore = "sha256:" + std::string(64, '0');
const std::string kImage = "r.example/server@sha256:" + std::string(64, 'c');

Json PodSpec() {
  return ParseYaml("{containers: [{name: s, image: '" + kImage +
                   "', volumeMounts: [{name: model, mountPath: /models, readOnly: true}]}], "
                   "volumes: [{name: model, image: {reference: 'r.example/m@" +
                   kModel + "'}}]}")
      .value();
}

Recognition Recognised(const Json& object) {
  static const ServingProfiles kTable = BuiltInServingProfiles().value();
  return Recognise(kTable, object);
}

Recognition Template(const std::string& kind, const Json& pod_spec) {
  return Recognised(
      {{"apiVersion", "apps/v1"}, {"kind", kind}, {"spec", {{"template", {{"spec", pod_spec}}}}}});
}

Cover Suspended() {
  ModelDeploymentSpec spec;
  spec.model.uri = "oci://r.example/m@" + kModel;
  spec.model.digest = {kModel, DigestType::kOciManifest};
  spec.serving.pod_template =
      RawJson::FromText(R"({"spec":{"containers":[{"name":"s","image":")" + kImage + R"("}]}})");
  Cover cover = CoverOf("live", spec);
  cover.why_not = "7/8 gates pass";
  cover.suspended = true;
  cover.governed_digest = kNow;
  return cover;
}

// A Pod that the ReplicaSet controller makes for the child of ModelDeployment 'live'.
GuardFacts Made(const Json& pod_spec) {
  GuardFacts facts;
  facts.kind = "Pod";
  facts.name_space = "lending-prod";
  facts.name = "live-1-x";
  facts.by_trusted_controller = true;
  const Json labels = {{"app.kubernetes.io/managed-by", "countersign-operator"},
                       {"app.kubernetes.io/instance", "live"}};
  facts.serving = Recognised({{"apiVersion", "v1"},
                              {"kind", "Pod"},
                              {"metadata", {{"labels", labels}}},
                              {"spec", pod_spec}});
  facts.owners = {{"ReplicaSet", "live-1", false, Template("ReplicaSet", pod_spec)},
                  {"Deployment", "live", true, Template("Deployment", pod_spec), "live"}};
  facts.setting.environment = "prod";
  facts.made_from.governed_digest = kNow;
  return facts;
}

TEST(Suspended, NoPodStartsWhateverTheGuardsMode) {
  GuardFacts facts = Made(PodSpec());
  facts.covers = {Suspended()};
  for (const GuardMode mode : {GuardMode::kAudit, GuardMode::kWarn, GuardMode::kDeny}) {
    facts.setting.mode = mode;
    const GuardDecision decision = JudgeServing(facts);
    EXPECT_EQ(decision.verdict, GuardVerdict::kDeny);
    EXPECT_EQ(decision.reason, "DeploymentSuspended");
    EXPECT_THAT(decision.message,
                AllOf(HasSubstr("ModelDeployment 'live'"), HasSubstr("7/8 gates pass"),
                      Not(HasSubstr("outside of Countersign"))));
  }
}

TEST(Suspended, WhatMayGoOnComesUpAgain) {
  GuardFacts facts = Made(PodSpec());
  facts.covers = {Suspended()};
  facts.covers[0].suspended = false;
  EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned") << "not approved, and held or flagged";
}

TEST(Suspended, NeitherWaiverNorAnotherApprovedOneStartsIt) {
  GuardFacts facts = Made(PodSpec());
  facts.covers = {Suspended(), Suspended()};
  facts.covers[1].name = "twin";
  facts.covers[1].approved = true;
  facts.waivers = {{"lending/w", true, "", kModel, true}};
  EXPECT_EQ(JudgeServing(facts).reason, "DeploymentSuspended");
}

TEST(Suspended, OnlyPodsRun) {
  GuardFacts facts = Made(PodSpec());
  facts.covers = {Suspended()};
  facts.kind = "ReplicaSet";
  facts.owners.erase(facts.owners.begin());
  EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned") << "it may be kept without Pods";
}

TEST(Suspended, WhatIsBeingTakenDownIsNoFinding) {
  GuardFacts facts = Made(PodSpec());
  facts.covers = {Suspended()};
  facts.ending = true;
  EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned");
}

// The wanted spec may ask for Suspend because nobody approved of it yet, and differ in nothing that
// runs.
TEST(Suspended, AnEarlierRevisionGoesOn) {
  GuardFacts facts = Made(PodSpec());
  facts.covers = {Suspended()};
  facts.made_from.governed_digest = kBefore;
  EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned");
  facts.made_from.governed_digest.clear();
  EXPECT_EQ(JudgeServing(facts).reason, "DeploymentSuspended") << "it does not say that it is one";
}

TEST(Suspended, AnEarlierRevisionThatAsksForItItselfDoesNot) {
  GuardFacts facts = Made(PodSpec());
  facts.covers = {Suspended()};
  facts.covers[0].earlier_ended = "the earlier spec no longer meets policy, validation: one of two";
  facts.made_from.governed_digest = kBefore;
  for (const bool suspended : {true, false}) {
    facts.covers[0].suspended = suspended;
    const GuardDecision decision = JudgeServing(facts);
    EXPECT_EQ(decision.reason, "DeploymentSuspended") << "whatever stands there now";
    EXPECT_THAT(decision.message,
                AllOf(HasSubstr("validation: one of two"), Not(HasSubstr("7/8 gates pass"))));
  }
  facts.made_from.governed_digest = kNow;
  EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned") << "that of now may serve";
}

TEST(Suspended, AnIncidentAboutWhatItRunsHoldsWhateverSpecItIsOf) {
  GuardFacts facts = Made(PodSpec());
  facts.covers = {Suspended()};
  facts.covers[0].suspended = false;
  facts.covers[0].quarantined = "incident: quarantined by Incident 'wrong'";
  facts.made_from.governed_digest = kBefore;
  const GuardDecision decision = JudgeServing(facts);
  EXPECT_EQ(decision.reason, "DeploymentSuspended");
  EXPECT_THAT(decision.message, HasSubstr("Incident 'wrong'"));
}

TEST(Suspended, WhatTheOperatorIsTakingDownIsNoFinding) {
  GuardFacts facts = Made(PodSpec());
  facts.covers = {Suspended()};
  facts.owners[1].idle = true;
  EXPECT_EQ(JudgeServing(facts).reason, "OwnerGoverned");
}

TEST(Suspended, NothingOfWhatIsBeingDeletedComesUp) {
  GuardFacts facts = Made(PodSpec());
  facts.covers = {Suspended()};
  facts.covers[0].governed_digest.clear();
  facts.made_from.governed_digest = kBefore;
  EXPECT_EQ(JudgeServing(facts).reason, "DeploymentSuspended");
}

}  // namespace
}  // namespace countersign
