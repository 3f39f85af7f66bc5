#include "operator/conditions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace countersign {
namespace {

const Time kNow{std::chrono::hours(24 * 365 * 50)};

Decision DecisionWith(Verdict verdict, GateState state, bool final = false) {
  Decision decision;
  decision.verdict = verdict;
  Gate gate;
  gate.measure = "bias";
  gate.state = state;
  gate.reason = "BiasTestMissing";
  gate.message = "a bias test is required";
  gate.remedy = "create one";
  gate.final = final;
  decision.gates.push_back(gate);
  return decision;
}

Plan PlanIn(Phase phase, const std::string& reason) {
  Plan plan;
  plan.phase = phase;
  plan.reason = reason;
  plan.explanation = "because";
  return plan;
}

// "Type=Status/Reason", sorted, as the table writes it.
std::string Text(const std::vector<Condition>& conditions) {
  std::map<std::string, std::string> sorted;
  for (const Condition& c : conditions) sorted[c.type] = c.status + "/" + c.reason;
  std::string text;
  for (const auto& [type, rest] : sorted) text += (text.empty() ? "" : " ") + type + "=" + rest;
  return text;
}

const Rollout kUp{true, true, 3, 3, 3, {}};
const Rollout kRolling{true, true, 3, 3, 2, {}};
const Rollout kUnseen{true, false, 3, 3, 3, {}};
const Rollout kFailed{true, true, 3, 1, 0, "exceeded quota"};
const Rollout kGone{};

TEST(Conditions, ShowAnEmergencyWhateverElseIsTheCase) {
  Decision decision = DecisionWith(Verdict::kWarn, GateState::kWaived);
  decision.emergencies.push_back({"bank",
                                  "lending",
                                  "inc-1",
                                  "otto",
                                  "INC-1",
                                  {"bias"},
                                  kNow,
                                  false,
                                  "group 'model-risk' can close it"});
  const Plan plan = PlanIn(Phase::kServing, "Serving");
  const auto open = DeploymentConditions(decision, plan, kUp, std::nullopt);
  EXPECT_THAT(Text(open), testing::HasSubstr("Emergency=True/EmergencyOpen"));
  decision.emergencies.front().overdue = true;
  const auto overdue = DeploymentConditions(decision, plan, kUp, Obstacle{"RenderRefused", "no"});
  EXPECT_THAT(Text(overdue), testing::HasSubstr("Emergency=True/EmergencyOverdue"));
  EXPECT_THAT(Text(overdue), testing::HasSubstr("Ready=False/RenderRefused"));
  for (const Condition& condition : overdue) {
    if (condition.type != "Emergency") continue;
    EXPECT_EQ(condition.message, "emergency Waiver 'inc-1' by 'otto' (INC-1) for bias ended at " +
                                     FormatTime(kNow) +
                                     " and is not signed off: group 'model-risk' can close it");
  }
}

TEST(Conditions, FollowTheKstatusTable) {
  const Decision ok = DecisionWith(Verdict::kAllow, GateState::kPassed);
  const Decision flagged = DecisionWith(Verdict::kWarn, GateState::kMissing);
  const Decision held = DecisionWith(Verdict::kHold, GateState::kMissing);
  const Decision final = DecisionWith(Verdict::kDeny, GateState::kFailed, true);
  const struct {
    const char* name;
    const Decision& decision;
    Plan plan;
    Rollout rollout;
    std::optional<Obstacle> obstacle;
    const char* want;
  } cases[] = {
      {"serving",
       ok,
       PlanIn(Phase::kServing, "Approved"),
       kUp,
       {},
       "Governed=True/Approved Ready=True/Serving"},
      {"serving, flagged",
       flagged,
       PlanIn(Phase::kServing, "ApprovedWithWarnings"),
       kUp,
       {},
       "Governed=True/ApprovedWithWarnings Ready=True/Serving"},
      {"serving although evidence is gone",
       held,
       PlanIn(Phase::kServing, "Alert"),
       kUp,
       {},
       "Governed=False/BiasTestMissing Ready=True/Serving"},
      {"rolling out",
       ok,
       PlanIn(Phase::kServing, "Approved"),
       kRolling,
       {},
       "Governed=True/Approved Ready=False/RollingOut Reconciling=True/RollingOut"},
      {"old numbers of the Deployment do not count",
       ok,
       PlanIn(Phase::kServing, "Approved"),
       kUnseen,
       {},
       "Governed=True/Approved Ready=False/RollingOut Reconciling=True/RollingOut"},
      {"rollout failed",
       ok,
       PlanIn(Phase::kServing, "Approved"),
       kFailed,
       {},
       "Governed=True/Approved Ready=False/RolloutFailed Stalled=True/RolloutFailed"},
      {"scaled to zero is what was asked for",
       ok,
       PlanIn(Phase::kServing, "Approved"),
       {true, true, 0, 0, 0, {}},
       {},
       "Governed=True/Approved Ready=True/ScaledToZero"},
      {"waiting for a person",
       held,
       PlanIn(Phase::kNothing, "AwaitingEvidence"),
       kGone,
       {},
       "Governed=False/BiasTestMissing Ready=False/AwaitingEvidence "
       "Reconciling=True/AwaitingEvidence"},
      {"an update waits",
       held,
       PlanIn(Phase::kHeld, "AwaitingEvidence"),
       kUp,
       {},
       "Governed=False/BiasTestMissing Ready=False/AwaitingEvidence "
       "Reconciling=True/AwaitingEvidence"},
      {"refused for good",
       final,
       PlanIn(Phase::kNothing, "AwaitingEvidence"),
       kGone,
       {},
       "Governed=False/BiasTestMissing Ready=False/GateBlocked Stalled=True/GateBlocked"},
      {"rolled back",
       held,
       PlanIn(Phase::kRolledBack, "RolledBack"),
       kUp,
       {},
       "Governed=False/BiasTestMissing Ready=False/RolledBack Stalled=True/RolledBack"},
      {"suspended",
       held,
       PlanIn(Phase::kSuspended, "Suspended"),
       kUp,
       {},
       "Governed=False/BiasTestMissing Ready=False/Suspended Stalled=True/Suspended"},
      {"an obstacle is what stalls", ok, PlanIn(Phase::kServing, "Approved"), kUp,
       Obstacle{"RenderRefused", "no"},
       "Governed=True/Approved Ready=False/RenderRefused Stalled=True/RenderRefused"},
      {"one that ends by itself does not", ok, PlanIn(Phase::kServing, "Approved"), kUp,
       Obstacle{"RenderRefused", "not yet", true},
       "Governed=True/Approved Ready=False/RenderRefused Reconciling=True/RenderRefused"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Text(DeploymentConditions(c.decision, c.plan, c.rollout, c.obstacle)), c.want)
        << c.name;
  }
}

TEST(Conditions, NameTheGateAndItsRemedy) {
  const auto list = DeploymentConditions(DecisionWith(Verdict::kHold, GateState::kMissing),
                                         PlanIn(Phase::kNothing, "AwaitingEvidence"), kGone, {});
  EXPECT_EQ(list.front().message,
            "0/1 gates pass; bias: a bias test is required. Remedy: create one");
}

TEST(Conditions, KeepTheTimeOfTheLastChangeOfStatus) {
  auto fresh = CheckedConditions("Valid", "fine");
  const auto first = MergeConditions({}, fresh, 1, kNow + std::chrono::milliseconds(700));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].last_transition, kNow);
  // Same status, other words and generation: no transition.
  const auto second =
      MergeConditions(first, CheckedConditions("Valid", "finer"), 2, kNow + std::chrono::hours(1));
  EXPECT_EQ(second[0].last_transition, kNow);
  EXPECT_EQ(second[0].observed_generation, 2);
  const auto third = MergeConditions(second, CheckedConditions("", "broken", "Invalid"), 2,
                                     kNow + std::chrono::hours(2));
  EXPECT_EQ(Text(third), "Ready=False/Invalid Stalled=True/Invalid");
  EXPECT_EQ(third[0].last_transition, kNow + std::chrono::hours(2));
}

TEST(Conditions, DoNotBelieveATimeThatHasNotCome) {
  auto stored = MergeConditions({}, CheckedConditions("Valid", "fine"), 1, kNow);
  stored[0].last_transition = kNow + std::chrono::hours(24 * 365);
  const auto merged = MergeConditions(stored, CheckedConditions("Valid", "fine"), 1, kNow);
  EXPECT_EQ(merged[0].last_transition, kNow);
}

TEST(Conditions, ComeBackFromJsonAsTheyWere) {
  const auto merged = MergeConditions({}, CheckedConditions("", "x", "Invalid"), 4, kNow);
  const Json status = {{"conditions", ConditionsJson(merged)}};
  EXPECT_EQ(ConditionsJson(DecodeConditions(status)), ConditionsJson(merged));
  EXPECT_TRUE(DecodeConditions(Json{{"conditions", {1, "x", Json::object()}}}).empty());
}

TEST(Conditions, CutLongMessagesBetweenCharacters) {
  std::string text;
  while (text.size() < 2 * kMaxConditionMessage) text += "ü";
  const auto merged = MergeConditions({}, CheckedConditions("Valid", text), 1, kNow);
  EXPECT_LE(merged[0].message.size(), kMaxConditionMessage);
  EXPECT_TRUE(CanonicalJson(merged[0].message).has_value()) << "valid UTF-8";
}

}  // namespace
}  // namespace countersign
