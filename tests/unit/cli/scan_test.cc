#include "cli/scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/files.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

const Time kNow = *ParseTime("2026-11-20T00:00:00Z");

constexpr char kChat[] = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: chat, namespace: lending-prod, uid: d}
spec: {template: {spec: {containers: [{name: c, image: "vllm/vllm-openai:v0.9", args: [--model, org/m]}]}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: chat-1
  namespace: lending-prod
  uid: p
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: chat, uid: d, controller: true}]
spec: {containers: [{name: c, image: "vllm/vllm-openai:v0.9", args: [--model, org/m]}]}
status: {containerStatuses: [{name: c, imageID: "docker.io/vllm/vllm-openai@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: "we\e[31mb", namespace: web, uid: w}
spec: {template: {spec: {containers: [{name: c, image: nginx, env: [{name: HF_TOKEN, value: x}]}]}}}
)";

struct Site {
  Result<ServingProfiles> table = BuiltInServingProfiles();
  World world{{ClaimedMaker(kNow), {}}};
  Estate estate;
};

std::unique_ptr<Site> Scanned(const std::string& text) {
  auto site = std::make_unique<Site>();
  const auto samples =
      ReadTextFile(std::string(SOURCE_DIR) + "/tests/unit/governance/testdata/samples.yaml");
  EXPECT_TRUE(site->world.AddAll(ParseManifests("samples.yaml", samples.value_or("")).value()));
  auto estate = EstateFromManifests(ParseManifests("estate.yaml", text).value(), *site->table,
                                    site->world, {});
  EXPECT_TRUE(estate) << estate.error().ToString();
  if (estate) site->estate = std::move(*estate);
  return site;
}

TEST(ScanCommand, SaysWhatServesWhereByWhatItWasKnownAndWhatItLacks) {
  const auto site = Scanned(kChat);
  const ScanReport report = MakeScan(site->world, site->estate, {kNow, GuardMode::kWarn, "own"});
  ASSERT_THAT(report.found, SizeIs(1));
  EXPECT_EQ(report.found[0].finding.object->name, "chat");
  EXPECT_EQ(report.looked_at, 3U);
  const std::string text = ScanText(report);
  EXPECT_THAT(text, HasSubstr("Deployment lending-prod/chat, and 1 object that belongs to it"));
  EXPECT_THAT(text, HasSubstr("hf://org/m (not pinned)"));
  EXPECT_THAT(text, HasSubstr("taken for serving by image '*vllm/vllm*': 'vllm/vllm-openai:v0.9' "
                              "at spec.template.spec.containers[0].image"));
  EXPECT_THAT(text, HasSubstr("pulled: docker.io/vllm/vllm-openai@sha256:aaaa"));
  EXPECT_THAT(text, HasSubstr("[ModelNotPinned]"));
  EXPECT_THAT(text, HasSubstr("3 objects looked at: 1 serves a model outside of Countersign."));
  EXPECT_THAT(text, HasSubstr("May serve a model, by one hint alone:\n- Deployment web/we"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(ScanCommand, AJobThatHasEndedServesNothing) {
  const auto found = [](const std::string& version, const std::string& condition) {
    const auto site = Scanned(
        std::string(kChat) + "---\n{apiVersion: " + version +
        ", kind: Job, metadata: {name: once, namespace: web, uid: j}, spec: {template: "
        "{spec: {restartPolicy: Never, containers: [{name: c, image: 'vllm/vllm-openai:v1', "
        "args: [serve, org/m]}]}}}, status: {conditions: [" +
        condition + "]}}\n");
    for (const ScannedObject& object : site->estate.objects) {
      if (object.kind == "Job") return true;
    }
    return false;
  };
  EXPECT_TRUE(found("batch/v1", ""));
  EXPECT_TRUE(found("batch/v1", "{type: Suspended, status: 'True'}"));
  EXPECT_TRUE(found("batch/v1", "{type: Complete, status: 'False'}"));
  EXPECT_FALSE(found("batch/v1",
                     "{type: Suspended, status: 'False'}, {type: Complete, status: "
                     "'True'}"));
  EXPECT_FALSE(found("batch/v1", "{type: Failed, status: 'True'}"));
}

TEST(ScanCommand, JsonHasTheSame) {
  const auto site = Scanned(kChat);
  const Json json =
      ScanJson(MakeScan(site->world, site->estate, {kNow, GuardMode::kAudit, "lending-prod"}));
  EXPECT_EQ(StringAt(json, "kind"), "ScanResult");
  const Json& found = Find(json, "found")->at(0);
  EXPECT_EQ(StringAt(found, "namespace"), "lending-prod");
  EXPECT_EQ(StringAt(found, "guard"), "exempt");
  EXPECT_EQ(StringAt(Find(found, "models")->at(0), "reference"), "hf://org/m");
  EXPECT_FALSE(BoolAt(Find(found, "models")->at(0), "pinned"));
  EXPECT_EQ(Find(found, "pulled")->size(), 1U);
  EXPECT_EQ(StringAt(Find(found, "notCovered")->at(0), "reason"), "ModelNotPinned");
}

// A Pod with a GPU that nobody restarts, of the owner that `owner` says.
std::string GpuPod(const std::string& name, const std::string& owner) {
  return "---\n{apiVersion: v1, kind: Pod, metadata: {name: " + name +
         ", namespace: lending-prod, uid: " + name + ", ownerReferences: [{" + owner +
         ", controller: true}]}, spec: {restartPolicy: Never, containers: [{name: c, image: "
         "'r.example/x:1', resources: {limits: {nvidia.com/gpu: 1}}}]}}\n";
}

TEST(ScanCommand, APodTrainsOnlyWhereAJobThatIsThereOwnsIt) {
  const auto site = Scanned(
      GpuPod("forged", "kind: ConfigMap, name: x, uid: x") +
      GpuPod("of-no-job", "kind: Job, name: gone, uid: gone") +
      GpuPod("of-a-deployment", "kind: Deployment, name: web, uid: web") +
      GpuPod("trains", "kind: Job, name: train, uid: train") +
      "---\n{apiVersion: batch/v1, kind: Job, metadata: {name: train, namespace: lending-prod, "
      "uid: "
      "train}, spec: {template: {spec: {containers: [{name: c, image: 'r.example/x:1'}]}}}}\n"
      "---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: lending-prod, "
      "uid: web}, spec: {template: {spec: {containers: [{name: c, image: 'r.example/x:1'}]}}}}\n");
  const ScanReport report = MakeScan(site->world, site->estate, {kNow, GuardMode::kWarn, "own"});
  std::vector<std::string> found;
  for (const ScanLine& line : report.found) found.push_back(line.finding.object->name);
  EXPECT_THAT(found, ElementsAre("forged", "of-no-job", "of-a-deployment"));
  ASSERT_THAT(report.suspected, SizeIs(1));
  EXPECT_EQ(report.suspected[0]->name, "trains");
}

TEST(ScanCommand, AManifestWithoutANamespaceIsToldWhereItStands) {
  const auto site = Scanned(kChat);
  const auto manifests =
      ParseManifests("x.yaml", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}");
  const auto estate = EstateFromManifests(*manifests, *site->table, site->world, {});
  ASSERT_FALSE(estate);
  EXPECT_THAT(estate.error().ToString(), HasSubstr("x.yaml"));
  EXPECT_TRUE(EstateFromManifests(*manifests, *site->table, site->world, "ns"));
  EXPECT_FALSE(EstateFromManifests({}, *site->table, site->world, "ns"));
}

}  // namespace
}  // namespace countersign
