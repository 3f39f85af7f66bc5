// What evaluation does with specs that cannot come out of Decode, because checks elsewhere refuse
// them: should such a check be lost, nothing may be allowed.
#include <gtest/gtest.h>

#include <functional>

#include "governance/evaluate.h"
#include "situation.h"

namespace countersign::testing {
namespace {

using Change = std::function<void(GovernancePolicySpec&, ModelDeploymentSpec&, BiasTestSpec&)>;

// The reason of the gate `measure` after `change`, of the base situation.
std::string ReasonAfter(const std::string& measure, const Change& change, GateState& state,
                        Verdict& verdict) {
  const Json base = ReadCases("base.yaml");
  Situation made = MakeSituation(base, base);
  auto policy = std::make_shared<GovernancePolicy>(*made.policies.policies.front());
  auto deployment = std::make_shared<ModelDeployment>(*made.facts.deployment);
  auto test = std::make_shared<BiasTest>(*made.facts.bias_tests.front().object);
  change(policy->spec, deployment->spec, test->spec);
  made.policies.policies.front() = policy;
  made.facts.deployment = deployment;
  made.facts.bias_tests.Change([&](auto& all) { all.front().object = test; });
  const Decision decision = Evaluate(made.policies, made.facts);
  verdict = decision.verdict;
  for (const Gate& gate : decision.gates) {
    if (gate.measure != measure) continue;
    state = gate.state;
    return gate.reason;
  }
  return "no gate";
}

BiasTestRequirement& BiasOf(GovernancePolicySpec& policy) {
  for (Measure& measure : policy.measures) {
    if (measure.require.bias_test) return *measure.require.bias_test;
  }
  throw std::runtime_error("the base situation has no bias measure");
}

struct Defence {
  std::string name;
  std::string measure;
  std::string reason;
  GateState state;
  Change change;
};

class Defences : public ::testing::TestWithParam<Defence> {};

TEST_P(Defences, AllowNothing) {
  GateState state{};
  Verdict verdict{};
  EXPECT_EQ(ReasonAfter(GetParam().measure, GetParam().change, state, verdict), GetParam().reason);
  EXPECT_EQ(state, GetParam().state);
  EXPECT_EQ(verdict, Verdict::kDeny);
}

INSTANTIATE_TEST_SUITE_P(
    All, Defences,
    ::testing::Values(
        Defence{"AMeasureThatRequiresNothing", "acceptance", "RequirementUnknown",
                GateState::kFailed,
                [](auto& policy, auto&, auto&) {
                  for (Measure& m : policy.measures) {
                    if (m.name == "acceptance") m.require = {};
                  }
                }},
        Defence{"APodTemplateThatIsNoJson", "digest-binding", "TemplateUnreadable",
                GateState::kFailed,
                [](auto&, auto& deployment, auto&) {
                  deployment.serving.pod_template = RawJson::FromText("{");
                }},
        Defence{"AMetricThatNobodyKnows", "bias", "MetricUnknown", GateState::kInsufficient,
                [](auto& policy, auto&, auto&) { BiasOf(policy).metrics.front().name = "luck"; }},
        Defence{"ANegativeCount", "bias", "BiasCellMissing", GateState::kMissing,
                [](auto&, auto&, auto& test) { test.cells.front().tp = -1; }},
        Defence{"CountsWhoseSumOverflows", "bias", "BiasCellMissing", GateState::kMissing,
                [](auto&, auto&, auto& test) {
                  for (BiasCell& cell : test.cells) cell.tp = INT64_MAX / 2;
                }},
        Defence{"CellsWithoutAnAttribute", "bias", "BiasCellMissing", GateState::kMissing,
                [](auto&, auto&, auto& test) { test.cells.front().groups.erase("sex"); }},
        Defence{
            "AnIntersectionOfAnAttributeThatIsNotThere", "bias", "BiasCountsInvalid",
            GateState::kInsufficient,
            [](auto& policy, auto&, auto&) { BiasOf(policy).intersections = {{"race", "age"}}; }}),
    [](const auto& defence) { return defence.param.name; });

}  // namespace
}  // namespace countersign::testing
