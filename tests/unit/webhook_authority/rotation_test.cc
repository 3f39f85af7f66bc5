#include "webhook/authority/rotation.h"

#include <gtest/gtest.h>

#include <string>

namespace countersign {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Stored = RotationView::Stored;

constexpr char kName[] = "countersign-webhook.system.svc";
const Time kNow{seconds(1'790'000'000)};
const RotationPolicy kPolicy;

AuthorityState After(RotationStep step, const AuthorityState& state, Time now = kNow) {
  auto after = Advance(step, state, kPolicy, kName, now);
  EXPECT_TRUE(after) << after.error().ToString();
  return after ? *after : state;
}

AuthorityState Fresh(Time now = kNow) { return After(RotationStep::kCreate, {}, now); }

RotationView Seen(const AuthorityState& state, const std::string& name = kName) {
  RotationView view;
  view.stored = Stored::kReadable;
  view.remembered = true;
  auto times = CheckAuthority(state, name);
  EXPECT_TRUE(times) << times.error().ToString();
  if (times) view.times = *times;
  view.has_previous = !state.previous.empty();
  return view;
}

RotationStep StepFor(const RotationView& view, Time now = kNow, double random = 0) {
  return PlanRotation(view, kPolicy, now, random).step;
}

TEST(RotationTest, NothingIsMadeAnewThatIsThereAndGood) {
  const RotationPlan plan = PlanRotation(Seen(Fresh()), kPolicy, kNow, 0.5);
  EXPECT_EQ(plan.step, RotationStep::kNone);
  EXPECT_EQ(plan.look_again, hours(1));
}

TEST(RotationTest, WithoutASecretThereIsAFirstAuthorityAndItsLeafIsForTheName) {
  EXPECT_EQ(StepFor({}), RotationStep::kCreate);
  const AuthorityState state = Fresh();
  const auto times = CheckAuthority(state, kName);
  ASSERT_TRUE(times);
  EXPECT_TRUE(times->names_us);
  EXPECT_EQ(times->leaf.not_after, kNow + kPolicy.leaf_lifetime);
  EXPECT_EQ(times->authority.not_after, kNow + kPolicy.authority_lifetime);
  // API servers whose clock is behind accept it too.
  EXPECT_EQ(times->leaf.not_before, kNow - hours(1));
  EXPECT_FALSE(CheckAuthority(state, "other.system.svc")->names_us);
}

TEST(RotationTest, ASecretThatIsGoneOrSpoiltIsPutBackByWhoRemembersIt) {
  for (const Stored stored : {Stored::kAbsent, Stored::kUnreadable}) {
    RotationView view;
    view.stored = stored;
    EXPECT_EQ(StepFor(view), RotationStep::kCreate);
    view.remembered = true;
    EXPECT_EQ(StepFor(view), RotationStep::kRestore);
  }
}

TEST(RotationTest, ALeafIsRenewedAtTwoThirdsAndEachReplicaAtItsOwnTime) {
  const RotationView view = Seen(Fresh());
  const Time due = DueAt(view.times.leaf, 0);
  EXPECT_NEAR(static_cast<double>((due - kNow).count()),
              static_cast<double>(std::chrono::microseconds(hours(24 * 60)).count()),
              static_cast<double>(std::chrono::microseconds(hours(1)).count()));
  EXPECT_EQ(StepFor(view, due - seconds(1)), RotationStep::kNone);
  EXPECT_EQ(StepFor(view, due), RotationStep::kIssueLeaf);
  EXPECT_EQ(StepFor(view, due, 0.5), RotationStep::kNone);
  EXPECT_EQ(StepFor(view, DueAt(view.times.leaf, 0.5), 0.5), RotationStep::kIssueLeaf);
  // Whoever comes last still has a quarter of the lifetime.
  EXPECT_LT(DueAt(view.times.leaf, 1), view.times.leaf.not_after - kPolicy.leaf_lifetime / 4);
}

TEST(RotationTest, ARenewedLeafIsOfTheSameAuthorityAndValidFromNowOn) {
  const AuthorityState before = Fresh();
  const Time later = DueAt(Seen(before).times.leaf, 0);
  const AuthorityState after = After(RotationStep::kIssueLeaf, before, later);
  EXPECT_EQ(after.authority.certificate, before.authority.certificate);
  EXPECT_NE(after.leaf.certificate, before.leaf.certificate);
  EXPECT_NE(after.leaf.key, before.leaf.key);
  EXPECT_EQ(StepFor(Seen(after), later), RotationStep::kNone);
}

TEST(RotationTest, AnExpiredLeafIsRenewedAtOnceAlsoInTheMiddleOfARotation) {
  const AuthorityState state = Fresh();
  const Time expired = kNow + kPolicy.leaf_lifetime + seconds(1);
  EXPECT_EQ(StepFor(Seen(state), expired, 0.99), RotationStep::kIssueLeaf);
  const AuthorityState prepared = After(RotationStep::kPrepare, state, expired);
  EXPECT_EQ(StepFor(Seen(prepared), expired), RotationStep::kIssueLeaf);
}

TEST(RotationTest, ALeafForAnotherNameIsReplaced) {
  EXPECT_EQ(StepFor(Seen(Fresh(), "renamed.system.svc")), RotationStep::kIssueLeaf);
}

TEST(RotationTest, ALeafThatIsNotValidYetIsReplaced) {
  // It was made where the clock was ahead.
  const RotationView view = Seen(Fresh(kNow + hours(24)));
  EXPECT_EQ(StepFor(view), RotationStep::kPrepare) << "nor is its authority";
  AuthorityState state = Fresh();
  state = After(RotationStep::kIssueLeaf, state, kNow + hours(24));
  EXPECT_EQ(StepFor(Seen(state)), RotationStep::kIssueLeaf);
}

TEST(RotationTest, TheNextAuthorityIsServedOnlyWhenPublishedForLongEnough) {
  const AuthorityState first = Fresh();
  const Time due = DueAt(Seen(first).times.authority, 0);
  // The leaf is renewed on the way there.
  const AuthorityState old = After(RotationStep::kIssueLeaf, first, due);
  EXPECT_EQ(StepFor(Seen(old), due), RotationStep::kPrepare);
  const AuthorityState prepared = After(RotationStep::kPrepare, old, due);
  EXPECT_EQ(prepared.leaf.certificate, old.leaf.certificate) << "the old leaf is served on";
  EXPECT_EQ(prepared.Bundle(), old.authority.certificate + prepared.next->certificate);

  RotationView view = Seen(prepared);
  EXPECT_EQ(StepFor(view, due), RotationStep::kNone) << "not published";
  view.published_for = kPolicy.settle - seconds(1);
  const RotationPlan waits = PlanRotation(view, kPolicy, due, 0);
  EXPECT_EQ(waits.step, RotationStep::kNone);
  EXPECT_EQ(waits.look_again, seconds(1));
  view.published_for = kPolicy.settle;
  EXPECT_EQ(StepFor(view, due), RotationStep::kPromote);

  const AuthorityState promoted = After(RotationStep::kPromote, prepared, due);
  EXPECT_EQ(promoted.authority.certificate, prepared.next->certificate);
  EXPECT_EQ(promoted.Bundle(), prepared.next->certificate + old.authority.certificate);
  EXPECT_TRUE(CheckAuthority(promoted, kName)) << "the leaf is of the new authority";
}

TEST(RotationTest, ThePreviousAuthorityIsTrustedUntilNoReplicaCanServeIt) {
  const AuthorityState prepared = After(RotationStep::kPrepare, Fresh());
  const AuthorityState promoted = After(RotationStep::kPromote, prepared);
  RotationView view = Seen(promoted);
  view.promoted_for = kPolicy.retire - seconds(2);
  const RotationPlan waits = PlanRotation(view, kPolicy, kNow, 0);
  EXPECT_EQ(waits.step, RotationStep::kNone);
  EXPECT_EQ(waits.look_again, seconds(2));
  view.rotation_asked = true;
  EXPECT_EQ(StepFor(view), RotationStep::kNone) << "one rotation at a time";
  view.promoted_for = kPolicy.retire;
  EXPECT_EQ(StepFor(view), RotationStep::kRetire);
  const AuthorityState retired = After(RotationStep::kRetire, promoted);
  EXPECT_EQ(retired.Bundle(), promoted.authority.certificate);
  EXPECT_EQ(retired.leaf.certificate, promoted.leaf.certificate);
}

TEST(RotationTest, NewKeysAreMadeWhenAskedFor) {
  RotationView view = Seen(Fresh());
  view.rotation_asked = true;
  EXPECT_EQ(StepFor(view), RotationStep::kPrepare);
}

TEST(RotationTest, AnExpiredAuthorityIsReplacedWithoutWaitingForWhatNobodyLoses) {
  const AuthorityState state = Fresh();
  const Time expired = kNow + kPolicy.authority_lifetime + hours(1);
  EXPECT_EQ(StepFor(Seen(state), expired), RotationStep::kPrepare);
  const AuthorityState prepared = After(RotationStep::kPrepare, state, expired);
  RotationView view = Seen(prepared);
  EXPECT_EQ(StepFor(view, expired), RotationStep::kNone) << "a leaf that nobody trusts is no help";
  view.published_for = seconds(0);
  EXPECT_EQ(StepFor(view, expired), RotationStep::kPromote);
  EXPECT_EQ(StepFor(Seen(After(RotationStep::kPromote, prepared, expired)), expired),
            RotationStep::kNone);
}

TEST(RotationTest, ANextAuthorityThatWaitedForYearsIsPreparedAnew) {
  const AuthorityState prepared = After(RotationStep::kPrepare, Fresh());
  const Time later = kNow + kPolicy.authority_lifetime + hours(1);
  EXPECT_EQ(StepFor(Seen(prepared), later), RotationStep::kPrepare);
}

TEST(RotationTest, ALeafDoesNotOutliveItsAuthorityAndIsNotRenewedForNothing) {
  const AuthorityState state = Fresh();
  const Time late = kNow + kPolicy.authority_lifetime - hours(48);
  AuthorityState stuck = After(RotationStep::kIssueLeaf, state, late);
  // The operator is away: the next authority stays unpublished.
  stuck = After(RotationStep::kPrepare, stuck, late);
  const RotationView view = Seen(stuck);
  EXPECT_EQ(view.times.leaf.not_after, view.times.authority.not_after);
  EXPECT_EQ(StepFor(view, late + hours(40)), RotationStep::kNone);
}

TEST(RotationTimersTest, PublicationCountsFromWhenItWasSeenAndAnewAfterItWasTakenAway) {
  const AuthorityState prepared = After(RotationStep::kPrepare, Fresh());
  RotationTimers timers;
  const SteadyTime start{hours(1)};
  const auto published_for = [&](bool published, seconds at) {
    RotationView view;
    timers.See(prepared, published, start + at, view);
    return view.published_for;
  };
  EXPECT_EQ(published_for(false, seconds(0)), std::nullopt);
  EXPECT_EQ(published_for(true, seconds(5)), seconds(0));
  EXPECT_EQ(published_for(true, seconds(9)), seconds(4));
  EXPECT_EQ(published_for(false, seconds(10)), std::nullopt);
  EXPECT_EQ(published_for(true, seconds(12)), seconds(0));
}

TEST(RotationTimersTest, APromotionIsAsOldAsThisReplicaHasSeenIt) {
  const AuthorityState promoted =
      After(RotationStep::kPromote, After(RotationStep::kPrepare, Fresh()));
  RotationTimers timers;
  const SteadyTime start{hours(1)};
  const auto promoted_for = [&](const AuthorityState& state, seconds at) {
    RotationView view;
    timers.See(state, false, start + at, view);
    return view.promoted_for;
  };
  EXPECT_EQ(promoted_for(promoted, seconds(0)), seconds(0));
  // A leaf of the same authority that is renewed meanwhile changes nothing for the previous one.
  EXPECT_EQ(promoted_for(After(RotationStep::kIssueLeaf, promoted), seconds(7)), seconds(7));
  EXPECT_EQ(promoted_for(Fresh(), seconds(8)), seconds(0));
}

TEST(RotationPolicyTest, ARotationMustEndBeforeWhatItReplaces) {
  const auto said = [](const RotationPolicy& policy) {
    const Status status = policy.Check();
    return status ? std::string() : status.error().ToString();
  };
  EXPECT_EQ(said({}), "");
  EXPECT_EQ(said({seconds(10), hours(1), seconds(1), seconds(2)}), "");
  EXPECT_EQ(said({hours(25), hours(24)}),
            "--leaf-lifetime: must be at most --ca-lifetime (1d), because no leaf outlives its "
            "authority, is '25h'");
  EXPECT_EQ(said({hours(1), hours(24), hours(2)}),
            "--ca-settle: must be less than --leaf-lifetime (1h), is '2h'");
  EXPECT_EQ(said({minutes(30), hours(1), minutes(14), minutes(1)}), "");
  EXPECT_EQ(
      said({minutes(30), hours(1), minutes(14), minutes(2)}),
      "--ca-settle and --ca-retire together: must be at most a quarter of --ca-lifetime (1h), "
      "or an authority ends before the next one has taken over, is '16m'");
}

TEST(RotationPolicyTest, WhoIsRetiredBeforeASilentReplicaStepsAsideIsAConcern) {
  RotationPolicy policy;
  EXPECT_EQ(policy.Concern(minutes(6)), "");
  policy.retire = minutes(6);
  EXPECT_EQ(policy.Concern(minutes(6)), "");
  policy.retire = seconds(359);
  EXPECT_TRUE(policy.Check());
  EXPECT_EQ(
      policy.Concern(minutes(6)),
      "--ca-retire is '359s', but a replica that does not hear from the API server serves its "
      "certificate for 6m before it is not ready: after a rotation the API server would not "
      "trust it meanwhile");
}

}  // namespace
}  // namespace countersign
