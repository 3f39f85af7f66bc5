// Versions of policies: what tests/cases/versions.yaml cannot say with one decision.
#include "governance/in_force.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "case_files.h"
#include "governance/evaluate.h"

namespace countersign::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

Situation Named(const std::string& name) {
  for (const Case& c : AllCases()) {
    if (c.name == name) return MakeSituation(SituationOf(c), BaseSituation());
  }
  ADD_FAILURE() << "there is no case '" << name << "'";
  return {};
}

std::string Shown(const std::vector<PolicyStanding>& standings) {
  std::string text;
  for (const PolicyStanding& one : standings) {
    text += one.policy->meta.name + " " + std::string(PolicyStateName(one.state)) + " " +
            one.reason + " " + one.message + " " + one.remedy + "\n";
  }
  return text;
}

std::optional<std::string> Kept(const std::string& name, const std::string& policy) {
  const Situation made = Named(name);
  return KeptBecause(PolicyStandings(made.policies, made.facts.now), policy);
}

TEST(InForce, DoesNotDependOnTheOrderOfWhatIsKnown) {
  std::mt19937 random(6);  // NOLINT(bugprone-random-generator-seed): the same orders every run
  int versioned = 0;
  for (const Case& c : AllCases()) {
    if (c.file != "versions.yaml") continue;
    ++versioned;
    Situation made = MakeSituation(SituationOf(c), BaseSituation());
    const std::string first = Shown(PolicyStandings(made.policies, made.facts.now));
    for (int round = 0; round < 5; ++round) {
      std::shuffle(made.policies.policies.begin(), made.policies.policies.end(), random);
      std::shuffle(made.policies.sign_offs.begin(), made.policies.sign_offs.end(), random);
      ASSERT_EQ(Shown(PolicyStandings(made.policies, made.facts.now)), first) << c.name;
    }
  }
  EXPECT_GT(versioned, 20);
}

// Of every situation there is: a version of no matter which policy that nobody approved leaves the
// verdict and every gate as they were.
TEST(InForce, AVersionThatNobodyApprovedChangesNoVerdict) {
  const Situation pending = Named("a version that nobody signed off changes nothing");
  const auto lax = std::find_if(pending.policies.policies.begin(), pending.policies.policies.end(),
                                [](const auto& policy) { return policy->meta.name == "bank-2"; });
  ASSERT_NE(lax, pending.policies.policies.end());
  for (const Case& c : AllCases()) {
    const Situation made = MakeSituation(SituationOf(c), BaseSituation());
    const Decision before = Evaluate(made.policies, made.facts);
    for (const auto& policy : made.policies.policies) {
      auto more = std::make_shared<GovernancePolicy>(**lax);
      more->meta.name = "another";
      more->spec_digest = "sha256:" + std::string(64, 'e');
      more->spec.version->supersedes = policy->meta.name;
      Situation with = made;
      with.policies.policies.push_back(more);
      const Decision after = Evaluate(with.policies, with.facts);
      ASSERT_EQ(after.verdict, before.verdict) << c.file << ": " << c.name;
      ASSERT_EQ(after.gates.size(), before.gates.size()) << c.file << ": " << c.name;
      for (std::size_t i = 0; i < after.gates.size(); ++i) {
        ASSERT_EQ(after.gates[i].state, before.gates[i].state) << c.file << ": " << c.name;
        ASSERT_EQ(after.gates[i].reason, before.gates[i].reason) << c.file << ": " << c.name;
      }
    }
  }
}

TEST(InForce, NamesThePoliciesThatCount) {
  const Situation made =
      Named("a version that is signed off takes effect and ends the one before it");
  const auto names = [&](Time now) {
    std::vector<std::string> found;
    for (const auto& policy : PoliciesInForce(made.policies, now).policies) {
      found.push_back(policy->meta.name);
    }
    return found;
  };
  EXPECT_EQ(names(made.facts.now), std::vector<std::string>{"bank-2"});
  EXPECT_EQ(names(ParseTime("2026-11-20T11:59:59Z").value()), std::vector<std::string>{"bank"});
  EXPECT_EQ(names(ParseTime("2026-11-20T12:00:00Z").value()), std::vector<std::string>{"bank-2"});
}

// The clocks of those who stamp and of those who judge differ.
TEST(InForce, WaitsForASignOffFromALaterClock) {
  const Situation made =
      Named("a version that is signed off takes effect and ends the one before it");
  const auto standings = PolicyStandings(made.policies, ParseTime("2026-11-20T11:59:59Z").value());
  EXPECT_THAT(standings[1].next_change, Optional(ParseTime("2026-11-20T12:00:00Z").value()));
  EXPECT_EQ(standings[1].state, PolicyState::kPending);
}

TEST(InForce, KeepsWhatCountsAndWhatOthersRestOn) {
  EXPECT_THAT(Kept("a version that nobody signed off changes nothing", "bank"),
              Optional(HasSubstr("it is in force")));
  EXPECT_THAT(Kept("it takes effect when it says, if that is later", "bank-2"),
              Optional(HasSubstr("it is signed off and will take effect")));
  const std::string effective =
      "a version that is signed off takes effect and ends the one before it";
  EXPECT_THAT(Kept(effective, "bank"),
              Optional(std::string("'bank-2', which is in force, rests on its roles")));
  EXPECT_THAT(Kept("and follows it once that is signed off", "bank"),
              Optional(std::string("'bank-3', which is in force, rests on its roles")));
}

TEST(InForce, LetsGoOfWhatChangesNothing) {
  EXPECT_EQ(Kept("a policy without a version counts as it stands", "bank"), std::nullopt);
  EXPECT_EQ(Kept("a version that nobody signed off changes nothing", "bank-2"), std::nullopt);
  EXPECT_EQ(Kept("a version whose predecessor is missing is not in force", "bank-2"), std::nullopt);
  EXPECT_EQ(Kept("a withdrawn version counts no longer and leaves no environment", "bank"),
            std::nullopt);
}

// A line that is withdrawn goes from its beginning on: without its end, the version before would
// count again.
TEST(InForce, LetsGoOfAWithdrawnLineFromItsBeginning) {
  Situation made = Named("a version that is signed off takes effect and ends the one before it");
  const AttestedSignOff& approval = made.policies.sign_offs.front();
  auto withdrawal = std::make_shared<SignOff>(*approval.object);
  withdrawal->meta.name = "withdrawal";
  withdrawal->spec.subject.withdraw = true;
  withdrawal->spec.role = "board";
  withdrawal->spec.signer.username = "bo@bank.example";
  Provenance by = approval.by;
  by.user = "bo@bank.example";
  by.groups = {"board"};
  by.first_seen += Seconds{3600};
  made.policies.sign_offs.push_back({withdrawal, by});
  auto standings = PolicyStandings(made.policies, made.facts.now);
  EXPECT_EQ(standings[1].state, PolicyState::kWithdrawn);
  EXPECT_EQ(KeptBecause(standings, "bank"), std::nullopt);
  EXPECT_THAT(KeptBecause(standings, "bank-2"),
              Optional(std::string("without it 'bank' would be in force again: delete that one "
                                   "first")));
  std::erase_if(made.policies.policies,
                [](const auto& policy) { return policy->meta.name == "bank"; });
  standings = PolicyStandings(made.policies, made.facts.now);
  EXPECT_FALSE(standings.front().Counts());
  EXPECT_EQ(KeptBecause(standings, "bank-2"), std::nullopt);
}

}  // namespace
}  // namespace countersign::testing
