#include "operator/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace countersign {
namespace {

using ::testing::HasSubstr;

const Time kNow{std::chrono::hours(24 * 365 * 50)};

Decision Approved(const std::string& digest) {
  Decision decision;
  decision.verdict = Verdict::kAllow;
  decision.governed_digest = digest;
  Gate gate;
  gate.measure = "bias";
  gate.state = GateState::kPassed;
  decision.gates.push_back(gate);
  return decision;
}

Decision Refused(const std::string& digest, Reaction reaction,
                 GateState state = GateState::kFailed) {
  Decision decision = Approved(digest);
  decision.verdict = Verdict::kDeny;
  Gate gate;
  gate.measure = "validation";
  gate.state = state;
  gate.reason = "SignOffMissing";
  gate.message = "2 sign-offs are required";
  gate.on_violation = reaction;
  decision.gates.push_back(gate);
  return decision;
}

// What the plan is made from; revisions are "a" (1), "b" (2), … as listed.
struct Case {
  const char* name;
  Decision wanted;
  std::vector<Decision> revisions;
  std::optional<std::int64_t> serving;
  Phase phase;
  std::optional<std::int64_t> serve;
  std::int64_t replicas;
  const char* reason;
};

Plan PlanOf(const Case& c, bool wanted_unusable = false, std::vector<std::int64_t> unusable = {}) {
  std::vector<ApprovedRevision> revisions;
  for (const Decision& decision : c.revisions) {
    const auto number = static_cast<std::int64_t>(revisions.size()) + 1;
    revisions.push_back({number, decision.governed_digest, 10 + number});
  }
  return MakePlan({c.wanted, 5, revisions, c.serving, kNow,
                   [&](const ApprovedRevision& r) {
                     return c.revisions.at(static_cast<std::size_t>(r.number - 1));
                   },
                   wanted_unusable, std::move(unusable)});
}

TEST(Plan, ReactsAsTheMeasuresSay) {
  const Case cases[] = {
      {"nothing was ever approved",
       Refused("a", Reaction::kAlert),
       {},
       {},
       Phase::kNothing,
       {},
       0,
       "AwaitingEvidence"},
      {"what is asked for is approved",
       Approved("b"),
       {Approved("a"), Approved("b")},
       1,
       Phase::kServing,
       2,
       5,
       "Approved"},
      {"what is asked for is approved but not recorded",
       Approved("b"),
       {Approved("a")},
       1,
       Phase::kNothing,
       {},
       0,
       "RevisionNotRecorded"},
      {"a return to an earlier spec uses its newest revision",
       Approved("a"),
       {Approved("a"), Approved("b"), Approved("a")},
       2,
       Phase::kServing,
       3,
       5,
       "Approved"},
      {"an unapproved update leaves the old one serving with its own replicas",
       Refused("b", Reaction::kSuspend),
       {Approved("a")},
       1,
       Phase::kHeld,
       1,
       11,
       "AwaitingEvidence"},
      {"after a restart the newest revision is taken for what serves",
       Refused("c", Reaction::kSuspend),
       {Approved("a"), Approved("b")},
       {},
       Phase::kHeld,
       2,
       12,
       "AwaitingEvidence"},
      {"an alert keeps what is asked for serving",
       Refused("a", Reaction::kAlert),
       {Refused("a", Reaction::kAlert)},
       1,
       Phase::kServing,
       1,
       5,
       "Alert"},
      {"a hold keeps what is asked for serving",
       Refused("a", Reaction::kHold),
       {Refused("a", Reaction::kHold)},
       1,
       Phase::kServing,
       1,
       5,
       "Held"},
      {"a rollback takes the newest earlier revision that passes",
       Refused("d", Reaction::kRollback),
       {Approved("a"), Approved("b"), Refused("c", Reaction::kHold),
        Refused("d", Reaction::kRollback)},
       4,
       Phase::kRolledBack,
       2,
       12,
       "RolledBack"},
      {"a rollback does not go back to the same spec under an older number",
       Refused("b", Reaction::kRollback),
       {Approved("a"), Refused("b", Reaction::kRollback), Refused("b", Reaction::kRollback)},
       3,
       Phase::kRolledBack,
       1,
       11,
       "RolledBack"},
      {"a rollback without anything to go back to suspends",
       Refused("b", Reaction::kRollback),
       {Refused("a", Reaction::kAlert), Refused("b", Reaction::kRollback)},
       2,
       Phase::kSuspended,
       2,
       0,
       "Suspended"},
      {"a suspension takes the pods away",
       Refused("a", Reaction::kSuspend),
       {Refused("a", Reaction::kSuspend)},
       1,
       Phase::kSuspended,
       1,
       0,
       "Suspended"},
      {"what was rolled back to stays although the newer one only alerts by now",
       Refused("b", Reaction::kAlert),
       {Approved("a"), Refused("b", Reaction::kAlert)},
       1,
       Phase::kRolledBack,
       1,
       11,
       "RolledBack"},
      {"a suspended revision serves again when its gates pass again",
       Refused("b", Reaction::kHold),
       {Approved("a")},
       1,
       Phase::kHeld,
       1,
       11,
       "AwaitingEvidence"},
      {"a number that is no verified revision counts for nothing",
       Refused("b", Reaction::kHold),
       {Approved("a")},
       9,
       Phase::kHeld,
       1,
       11,
       "AwaitingEvidence"},
      {"the held update does not save a served revision that must be suspended",
       Refused("b", Reaction::kAlert),
       {Refused("a", Reaction::kSuspend)},
       1,
       Phase::kSuspended,
       1,
       0,
       "Suspended"},
  };
  for (const Case& c : cases) {
    const Plan plan = PlanOf(c);
    EXPECT_EQ(PhaseName(plan.phase), PhaseName(c.phase)) << c.name;
    EXPECT_EQ(plan.serve, c.serve) << c.name;
    EXPECT_EQ(plan.replicas, c.replicas) << c.name;
    EXPECT_EQ(plan.reason, c.reason) << c.name;
    EXPECT_FALSE(plan.explanation.empty()) << c.name;
  }
}

TEST(Plan, KeepsAndJudgesWhatServesWhileAnApprovedSpecCannotBePutInPlace) {
  const Case passes{"", Approved("b"), {Approved("a"), Approved("b")}, 1, {}, {}, 0, ""};
  const Plan kept = PlanOf(passes, true, {2});
  EXPECT_EQ(kept.phase, Phase::kHeld);
  EXPECT_EQ(kept.serve, 1);
  EXPECT_EQ(kept.replicas, 11) << "those that were approved with it";
  EXPECT_EQ(kept.reason, "NotRolledOut");

  const Case withdrawn{
      "", Approved("b"), {Refused("a", Reaction::kSuspend), Approved("b")}, 1, {}, {}, 0, ""};
  const Plan suspended = PlanOf(withdrawn, true, {2});
  EXPECT_EQ(suspended.phase, Phase::kSuspended);
  EXPECT_EQ(suspended.serve, 1);
  EXPECT_EQ(suspended.replicas, 0);

  const Case alert{"", Approved("b"), {Refused("a", Reaction::kAlert), Approved("b")}, 1, {}, {}, 0,
                   ""};
  EXPECT_THAT(PlanOf(alert, true, {2}).explanation, HasSubstr("revision 1 itself no longer meets"));
}

Plan SuspendedPlanOf(const Case& c) {
  std::vector<ApprovedRevision> revisions;
  for (const Decision& decision : c.revisions) {
    const auto number = static_cast<std::int64_t>(revisions.size()) + 1;
    revisions.push_back({number, decision.governed_digest, 10 + number});
  }
  PlanInput input{c.wanted, 5, revisions, c.serving, kNow, [&](const ApprovedRevision& r) {
                    return c.revisions.at(static_cast<std::size_t>(r.number - 1));
                  }};
  input.suspended = true;
  return MakePlan(input);
}

TEST(Plan, WhatIsSuspendedStaysSoUntilItPasses) {
  for (const Reaction reaction :
       {Reaction::kAlert, Reaction::kHold, Reaction::kRollback, Reaction::kSuspend}) {
    const Case c{"", Refused("a", reaction), {Refused("a", reaction)}, 1, {}, {}, 0, ""};
    const Plan plan = SuspendedPlanOf(c);
    EXPECT_EQ(plan.phase, Phase::kSuspended) << NameOf(reaction);
    EXPECT_EQ(plan.serve, 1) << NameOf(reaction);
    EXPECT_EQ(plan.replicas, 0) << NameOf(reaction);
    EXPECT_THAT(plan.explanation, HasSubstr("2 sign-offs are required")) << NameOf(reaction);
  }
  // Also while another spec is asked for.
  const Case held{"", Refused("b", Reaction::kAlert), {Refused("a", Reaction::kHold)}, 1, {}, {}, 0,
                  ""};
  EXPECT_EQ(SuspendedPlanOf(held).replicas, 0);

  const Case passes{"", Approved("a"), {Approved("a")}, 1, {}, {}, 0, ""};
  EXPECT_EQ(SuspendedPlanOf(passes).replicas, 5);
  const Case earlier{"", Refused("b", Reaction::kHold), {Approved("a")}, 1, {}, {}, 0, ""};
  EXPECT_EQ(SuspendedPlanOf(earlier).replicas, 11);
  const Case rollback{"",
                      Refused("b", Reaction::kRollback),
                      {Approved("a"), Refused("b", Reaction::kRollback)},
                      2,
                      {},
                      {},
                      0,
                      ""};
  EXPECT_EQ(SuspendedPlanOf(rollback).serve, 1) << "it passes";
}

TEST(Plan, StartsNothingThatDoesNotPassInPlaceOfWhatIsLost) {
  // Revision 3 served and is gone.
  const Case older{"",
                   Refused("d", Reaction::kHold),
                   {Approved("a"), Refused("b", Reaction::kHold)},
                   3,
                   {},
                   {},
                   0,
                   ""};
  EXPECT_EQ(PlanOf(older).serve, 1);
  EXPECT_EQ(PlanOf(older, false, {1}).phase, Phase::kSuspended);

  for (const Reaction reaction : {Reaction::kAlert, Reaction::kHold, Reaction::kSuspend}) {
    const Case none{"", Refused("d", Reaction::kHold), {Refused("a", reaction)}, 3, {}, {}, 0, ""};
    const Plan plan = PlanOf(none);
    EXPECT_EQ(plan.phase, Phase::kSuspended);
    EXPECT_EQ(plan.serve, std::nullopt) << "whatever is there stays, without pods";
    EXPECT_EQ(plan.reason, "Suspended");
    EXPECT_THAT(plan.explanation, HasSubstr("no approved revision meets policy; revision 1"));
  }
}

TEST(Plan, RollsBackToNothingThatCannotBePutInPlace) {
  const Case c{"",
               Refused("c", Reaction::kRollback),
               {Approved("a"), Approved("b"), Refused("c", Reaction::kRollback)},
               3,
               {},
               {},
               0,
               ""};
  EXPECT_EQ(PlanOf(c).serve, 2);
  EXPECT_EQ(PlanOf(c, false, {2}).serve, 1);
  EXPECT_EQ(PlanOf(c, false, {2, 1}).phase, Phase::kSuspended);
}

TEST(Plan, SaysWhichGateIsWhy) {
  const Case held{"", Refused("b", Reaction::kHold), {Approved("a")}, 1, Phase::kHeld, 1, 11, ""};
  EXPECT_EQ(PlanOf(held).explanation,
            "revision 1 keeps serving, because the spec is not approved: validation: 2 sign-offs "
            "are required");
}

TEST(Plan, ExpiryReactsByItsOwnRuleAndChangesWhenTheGraceEnds) {
  Decision expired = Refused("a", Reaction::kSuspend, GateState::kExpired);
  Gate& gate = expired.gates.back();
  gate.expired_at = kNow - std::chrono::hours(1);
  gate.on_expiry = {Reaction::kAlert, std::chrono::hours(2), Reaction::kSuspend};
  expired.next_change = kNow + std::chrono::hours(1);
  const Case within{"", expired, {expired}, 1, Phase::kServing, 1, 5, "Alert"};
  const Plan plan = PlanOf(within);
  EXPECT_EQ(plan.reason, "Alert");
  EXPECT_EQ(plan.next_change, kNow + std::chrono::hours(1));

  gate.expired_at = kNow - std::chrono::hours(2);
  const Case after{"", expired, {expired}, 1, Phase::kSuspended, 1, 0, "Suspended"};
  EXPECT_EQ(PlanOf(after).reason, "Suspended");
}

TEST(Plan, WakesForTheServedRevisionEvenIfOnlyAnotherSpecIsAskedFor) {
  Decision serving = Approved("a");
  serving.next_change = kNow + std::chrono::seconds(3);
  Decision wanted = Refused("b", Reaction::kHold);
  wanted.next_change = kNow + std::chrono::hours(1);
  const Case c{"", wanted, {serving}, 1, Phase::kHeld, 1, 11, ""};
  EXPECT_EQ(PlanOf(c).next_change, kNow + std::chrono::seconds(3));
}

TEST(Plan, RecordsARevisionOnceAndAgainOnAReturn) {
  EXPECT_TRUE(NeedsRevision(Approved("a"), {}));
  EXPECT_FALSE(NeedsRevision(Approved("a"), {{1, "a", 1}}));
  EXPECT_TRUE(NeedsRevision(Approved("a"), {{1, "a", 1}, {2, "b", 1}}));
  EXPECT_FALSE(NeedsRevision(Refused("c", Reaction::kAlert), {{1, "a", 1}}));
}

TEST(Plan, NamesTheFinalGateFirst) {
  Decision decision = Refused("a", Reaction::kHold);
  Gate gate;
  gate.measure = "digest-binding";
  gate.state = GateState::kFailed;
  gate.final = true;
  decision.gates.push_back(gate);
  EXPECT_EQ(FirstUnmet(decision)->measure, "digest-binding");
  EXPECT_EQ(FirstUnmet(Approved("a")), nullptr);
}

}  // namespace
}  // namespace countersign
