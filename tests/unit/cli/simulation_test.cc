#include "cli/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/files.h"

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
  const PolicySet replaced = WithPolicies(world.policies(), {{changed}, {}});
  ASSERT_EQ(replaced.policies.size(), 1U);
  EXPECT_EQ(replaced.policies.front()->spec_digest, "new");
  auto other = std::make_shared<GovernancePolicy>(*changed);
  other->meta.name = "other";
  EXPECT_EQ(WithPolicies(world.policies(), {{other}, {}}).policies.size(), 2U);
}

}  // namespace
}  // namespace countersign
