#include "cli/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/files.h"
#include "governance/in_force.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Time kNow = *ParseTime("2026-11-20T00:00:00Z");

std::vector<Manifest> Samples() {
  auto text =
      ReadTextFile(std::string(SOURCE_DIR) + "/tests/unit/governance/testdata/samples.yaml");
  return ParseManifests("samples.yaml", text.value_or("")).value();
}

World Sampled() {
  World world({ClaimedMaker(kNow), {}});
  EXPECT_TRUE(world.AddAll(Samples()));
  return world;
}

Manifest Broken(const std::string& kind, const std::string& ns) {
  Manifest manifest;
  manifest.source = kind + " 'x'";
  manifest.object = {{"kind", kind}, {"metadata", {{"name", "x"}, {"namespace", ns}}}};
  return manifest;
}

TEST(Simulation, NothingChangesWithoutAChange) {
  const World world = Sampled();
  const Simulation same = Simulate(world, world.policies(), kNow, kNow);
  ASSERT_EQ(same.deployments.size(), 1U);
  EXPECT_FALSE(same.deployments[0].Changed());
  EXPECT_FALSE(same.ForTheWorse());
  EXPECT_THAT(SimulationText(same), HasSubstr("1 deployment: 1 unchanged, 0 changed"));
}

TEST(Simulation, WhatCannotBeReadIsUnknownAndNotGood) {
  const Error odd{Code::kInvalidArgument, "is odd", {}, {}};
  const auto unknown = [](const World& world) {
    return world.FactsOf(world.deployments().front(), kNow).unknown.size();
  };
  World home = Sampled();
  home.AddUnreadable(Broken("SignOff", "lending"), odd);
  EXPECT_EQ(unknown(home), 1U);
  World elsewhere = Sampled();
  elsewhere.AddUnreadable(Broken("SignOff", "other"), odd);
  EXPECT_EQ(unknown(elsewhere), 0U);
  World policies = Sampled();
  policies.AddUnreadable(Broken("GovernancePolicy", ""), odd);
  const Simulation with = Simulate(Sampled(), policies.policies(), kNow, kNow);
  EXPECT_TRUE(with.ForTheWorse()) << SimulationText(with);
}

TEST(Simulation, SaysWhereTheOperatorHasSeenSomethingElse) {
  World world({ClaimedMaker(kNow), {}});
  for (Manifest manifest : Samples()) {
    if (StringAt(manifest.object, "kind") == "ModelDeployment") {
      SetPath(manifest.object, "status/verdict", "Allow");
    }
    ASSERT_TRUE(world.Add(manifest));
  }
  EXPECT_THAT(SimulationText(Simulate(world, world.policies(), kNow, kNow)),
              HasSubstr("its status says Allow, this simulation Deny"));
  EXPECT_THAT(SimulationText(Simulate(Sampled(), world.policies(), kNow, kNow)),
              Not(HasSubstr("its status says")));
}

TEST(Simulation, APolicyTakesThePlaceOfItsNamesake) {
  const World world = Sampled();
  auto changed = std::make_shared<GovernancePolicy>(*world.policies().policies.front());
  changed->spec_digest = "new";
  const PolicySet replaced = WithPolicies(world.policies(), {{changed}, {}}, kNow);
  ASSERT_EQ(replaced.policies.size(), 1U);
  EXPECT_EQ(replaced.policies.front()->spec_digest, "new");
  auto other = std::make_shared<GovernancePolicy>(*changed);
  other->meta.name = "other";
  EXPECT_EQ(WithPolicies(world.policies(), {{other}, {}}, kNow).policies.size(), 2U);
}

TEST(Simulation, AVersionIsJudgedAsIfItWereInForce) {
  const World world = Sampled();
  const auto named = [](const PolicySet& set) {
    std::vector<std::string> names;
    for (const auto& policy : set.policies) names.push_back(policy->meta.name);
    return names;
  };
  auto next = std::make_shared<GovernancePolicy>(*world.policies().policies.front());
  next->meta.name = "next";
  next->spec.version = PolicyVersion{"2", "sample", *ParseTime("2027-01-01T00:00:00Z"), {}};
  const PolicySet after = WithPolicies(world.policies(), {{next}, {}}, kNow);
  EXPECT_THAT(named(after), ::testing::ElementsAre("next")) << "and what it supersedes is not";
  EXPECT_THAT(named(PoliciesInForce(after, kNow)), ::testing::ElementsAre("next"))
      << "although nobody signed it";
  EXPECT_EQ(named(WithPolicies(world.policies(), {}, kNow)), named(world.policies()))
      << "without new policies these go their own way";
}

}  // namespace
}  // namespace countersign
