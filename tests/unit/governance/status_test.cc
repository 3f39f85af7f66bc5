// The writer of a gate (GateJson) and the schema of status are two places: they must agree.
#include "governance/types/status.h"

#include <gtest/gtest.h>

namespace countersign {
namespace {

Gate FullGate() {
  Gate gate;
  gate.policy = "consumer-lending";
  gate.measure = "bias";
  gate.step = "Development";
  gate.state = GateState::kExpired;
  gate.reason = "BiasTestExpired";
  gate.message = "The bias test is too old.";
  gate.path = "spec.model.digest";
  gate.evidence = {{"BiasTest", "lending", "holdout", "sha256:" + std::string(64, 'a')}};
  gate.accountable = "ml-engineer";
  gate.remedy = "Repeat the test.";
  gate.valid_until = Time{};
  gate.expired_at = Time{};
  gate.unwaived = UnwaivedGate{GateState::kMissing, "BiasTestMissing"};
  gate.carried_over = CarriedOver{"sha256:" + std::string(64, 'b'), 2, {"DataRefresh"}};
  return gate;
}

TEST(Status, EveryMemberOfAGateIsInTheSchema) {
  const Json gate = GateJson(FullGate());
  const Json status = {{"observedGeneration", 1}, {"gates", Json::array({gate})}};
  auto decoded = DecodeStatus<ModelDeploymentStatus>(status);
  ASSERT_TRUE(decoded) << decoded.error().ToString();
  EXPECT_EQ(EncodeStatus(*decoded).at("gates").at(0), gate);
}

TEST(Status, EveryStateOfAGateIsInTheSchema) {
  for (const GateState state :
       {GateState::kPassed, GateState::kWaived, GateState::kExpired, GateState::kMissing,
        GateState::kInsufficient, GateState::kFailed}) {
    Gate gate = FullGate();
    gate.state = state;
    auto decoded =
        DecodeStatus<ModelDeploymentStatus>(Json{{"gates", Json::array({GateJson(gate)})}});
    ASSERT_TRUE(decoded) << decoded.error().ToString();
    EXPECT_EQ(decoded->gates.at(0).state, state);
  }
}

TEST(Status, AFieldThatIsNotInTheSchemaIsAFault) {
  auto decoded = DecodeStatus<ModelDeploymentStatus>(Json{{"nonsense", 1}});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().ToString(), "status.nonsense: is not a known field");
}

TEST(Status, ClassesAreOneLineThatFits) {
  EXPECT_EQ(ClassSummary({}), "");
  EXPECT_EQ(ClassSummary({"high", "personal"}), "high,personal");
  const std::string longest(63, 'a');
  EXPECT_EQ(ClassSummary({longest, longest, longest, longest, longest}),
            longest + "," + longest + "," + longest + ",+2");
  ModelDeploymentStatus status;
  status.class_summary = ClassSummary(std::vector<std::string>(512, longest));
  EXPECT_TRUE(DecodeStatus<ModelDeploymentStatus>(EncodeStatus(status)));
}

TEST(Status, NobodyHasLookedYetByDefault) {
  EXPECT_EQ(EncodeStatus(GovernancePolicyStatus{}).at("observedGeneration"), -1);
}

}  // namespace
}  // namespace countersign
