#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "governance/serving/guard.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;

const std::string kModel = "sha256:" + std::string(64, 'a');
const std::string kImage = "r.example/server@sha256:" + std::string(64, 'c');

const ServingProfiles& Table() {
  static const ServingProfiles kTable = BuiltInServingProfiles().value();
  return kTable;
}

Json PodSpec(const std::string& mounts = "", const std::string& containers = "",
             const std::string& volumes = "") {
  return ParseYaml("{containers: [{name: c, image: '" + kImage +
                   "', volumeMounts: [{name: model, mountPath: /models, readOnly: true}" + mounts +
                   "]}" + containers +
                   "], volumes: [{name: model, image: {reference: 'r.example/m@" + kModel + "'}}" +
                   volumes + "]}")
      .value();
}

Json StatefulSet(const Json& pod_spec) {
  return {{"apiVersion", "apps/v1"},
          {"kind", "StatefulSet"},
          {"spec", {{"template", {{"spec", pod_spec}}}}}};
}

Json Group(const Json& worker) {
  return {
      {"apiVersion", "leaderworkerset.x-k8s.io/v1"},
      {"kind", "LeaderWorkerSet"},
      {"spec",
       {{"leaderWorkerTemplate",
         {{"leaderTemplate", {{"spec", PodSpec()}}}, {"workerTemplate", {{"spec", worker}}}}}}}};
}

// What is decided of a leader's workers, where what runs the model by itself is approved.
GuardDecision Judge(const Json& workers, const Json& group = Group(PodSpec())) {
  GuardFacts facts;
  facts.kind = "StatefulSet";
  facts.name_space = "lending-prod";
  facts.name = "group-0";
  facts.setting.environment = "prod";
  facts.by_trusted_controller = true;
  facts.serving = Recognise(Table(), workers);
  facts.owners = {
      {"Pod", "group-0", false,
       Recognise(Table(), {{"apiVersion", "v1"}, {"kind", "Pod"}, {"spec", PodSpec()}})},
      {"StatefulSet", "group", false, Recognise(Table(), StatefulSet(PodSpec()))}};
  if (!group.is_null()) {
    facts.owners.push_back({"LeaderWorkerSet", "group", false, Recognise(Table(), group)});
  }
  ModelDeploymentSpec spec;
  spec.model.uri = "oci://r.example/m@" + kModel;
  spec.model.digest = {kModel, DigestType::kOciManifest};
  spec.serving.pod_template = RawJson::FromText(
      "{\"spec\":{\"containers\":[{\"name\":\"s\",\"image\":\"" + kImage + "\"}]}}");
  facts.covers = {CoverOf("scorer", spec)};
  facts.covers[0].approved = true;
  return JudgeServing(facts);
}

std::string First(const GuardDecision& decision) {
  return decision.faults.empty() ? decision.reason : decision.faults.front().reason;
}

// Not covered by themselves, since a variable was added to them.
Json Workers(Json pod_spec) {
  pod_spec["containers"][0]["env"] = Json::array({{{"name", "LWS_GROUP_SIZE"}, {"value", "2"}}});
  return StatefulSet(pod_spec);
}

TEST(Group, WorkersAreWhatTheirLeaderWorkerSetSays) {
  EXPECT_EQ(First(Judge(Workers(PodSpec()))), "OwnerGoverned");
}

TEST(Group, APodOwnsNothingWithoutAGroup) {
  const GuardDecision decision = Judge(Workers(PodSpec()), Json());
  EXPECT_EQ(First(decision), "OwnerDoesNotRun");
  EXPECT_THAT(decision.message, HasSubstr("leads no group"));
}

TEST(Group, WorkersMountWhatTheirLeaderWorkerSetSays) {
  const Json claim = PodSpec(", {name: w, mountPath: /models/a}", "",
                             ", {name: w, persistentVolumeClaim: {claimName: evil}}");
  EXPECT_EQ(First(Judge(Workers(claim))), "OwnerDoesNotMount");
  Json claiming = Workers(PodSpec(", {name: w, mountPath: /models/a}"));
  const Json claims = ParseYaml("[{metadata: {name: w}, spec: {}}]").value();
  claiming["spec"]["volumeClaimTemplates"] = claims;
  EXPECT_EQ(First(Judge(claiming)), "OwnerDoesNotMount");
  // Then they are as it says; nobody approved of that.
  Json group = Group(PodSpec(", {name: w, mountPath: /models/a}"));
  group["spec"]["leaderWorkerTemplate"]["volumeClaimTemplates"] = claims;
  EXPECT_EQ(First(Judge(claiming, group)), "ContainerNotApproved");
}

TEST(Group, WorkersRunAllThatTheirLeaderWorkerSetSays) {
  const Json guarded =
      PodSpec("", ", {name: filter, image: '" + kImage + "', args: ['--served-model-name']}");
  EXPECT_EQ(First(Judge(Workers(PodSpec()), Group(guarded))), "OwnerDoesNotRun");
  // Of what the leader alone runs they run nothing.
  Json group = Group(PodSpec());
  group["spec"]["leaderWorkerTemplate"]["leaderTemplate"]["spec"] = guarded;
  Json workers = Workers(PodSpec());
  workers["spec"]["template"]["spec"]["containers"].push_back(guarded["containers"][1]);
  EXPECT_EQ(First(Judge(workers, group)), "OwnerDoesNotRun");
}

TEST(Group, AnApprovedLeaderMakesNoGroupApproved) {
  const Json other = PodSpec("", ", {name: x, image: 'ollama/ollama:1'}");
  const GuardDecision decision = Judge(Workers(other), Group(other));
  EXPECT_EQ(decision.verdict, GuardVerdict::kDeny);
  EXPECT_EQ(First(decision), "ContainerNotApproved");
}

}  // namespace
}  // namespace countersign
