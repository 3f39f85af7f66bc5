// Ways in which something that serves could pass for something that does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "governance/serving/match_condition.h"
#include "governance/serving/recognise.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

Recognition Pod(const std::string& spec, const std::string& metadata = "{name: p}",
                bool owned = true) {
  return Recognise(
      BuiltInServingProfiles().value(),
      ParseYaml("{apiVersion: v1, kind: Pod, metadata: " + metadata + ", spec: " + spec + "}")
          .value(),
      owned);
}

TEST(Signs, APodOfSomebodysOwnThatIsNotRestartedServesByItsGpu) {
  const std::string gpu =
      "containers: [{name: c, image: 'r.example/x:1', resources: {limits: {nvidia.com/gpu: 1}}}]";
  const std::string of_job =
      "{name: p, ownerReferences: [{apiVersion: batch/v1, kind: Job, name: j, uid: u, controller: "
      "true}]}";
  for (const char* policy : {"OnFailure", "Never"}) {
    const std::string spec = "{restartPolicy: " + std::string(policy) + ", " + gpu + "}";
    EXPECT_TRUE(Pod(spec).serves) << policy;
    EXPECT_FALSE(Pod(spec, of_job).serves) << policy;
    EXPECT_TRUE(Pod(spec, of_job).suspected) << policy;
    EXPECT_TRUE(Pod(spec, of_job, false).serves) << "nobody but its maker says so";
  }
}

TEST(Signs, NothingButAPodRunsToAnEndByWhatItSaysOfRestarts) {
  const auto set = ParseYaml(
      "{apiVersion: leaderworkerset.x-k8s.io/v1, kind: LeaderWorkerSet, metadata: {name: l, "
      "ownerReferences: [{kind: Job, name: j, uid: u, controller: true}]}, spec: {restartPolicy: "
      "Never, leaderWorkerTemplate: {workerTemplate: {spec: {containers: [{image: 'r.example/x:1', "
      "resources: {limits: {nvidia.com/gpu: 1}}}]}}}}}");
  EXPECT_TRUE(Recognise(BuiltInServingProfiles().value(), *set).serves);
}

TEST(Signs, AGpuThatIsNotAskedForIsAHint) {
  for (const char* way :
       {"runtimeClassName: nvidia, containers: [{image: x%}]",
        "volumes: [{name: d, hostPath: {path: /dev/nvidia0}}], containers: [{image: x%}]",
        "containers: [{image: x, env: [{name: NVIDIA_VISIBLE_DEVICES, value: all}]%}]"}) {
    std::string alone = "{" + std::string(way) + "}";
    std::string with_model = alone;
    alone.erase(alone.find('%'), 1);
    with_model.replace(with_model.find('%'), 1, ", args: [--model, a]");
    EXPECT_FALSE(Pod(alone).serves) << way;
    EXPECT_TRUE(Pod(alone).suspected) << way;
    EXPECT_TRUE(Pod(with_model).serves) << way;
  }
  const std::string cel = ServingMatchExpression(BuiltInServingProfiles()->signals);
  for (const char* term : {"'runtimeClass/' + p.runtimeClassName", "'hostPath' + v.hostPath.path",
                           "'variables/' + e.name"}) {
    EXPECT_THAT(cel, HasSubstr(term));
  }
}

TEST(Signs, ACommandLineThatIsTooLongToLookThroughIsOne) {
  const Recognition found = Pod("{containers: [{image: 'r.example/x:1', args: ['" +
                                std::string(kMaxEmbeddedBytes + 1, 'x') + "', vllm, serve]}]}");
  EXPECT_TRUE(found.serves);
  EXPECT_THAT(found.faults, SizeIs(1));
  EXPECT_THAT(WhyServing(found), HasSubstr("longer than the 262144 bytes"));
}

}  // namespace
}  // namespace countersign
