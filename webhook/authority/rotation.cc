#include "webhook/authority/rotation.h"

#include <algorithm>
#include <array>

namespace countersign {
namespace {

using std::chrono::nanoseconds;

constexpr std::string_view kAuthorityName = "countersign webhook authority";
constexpr std::string_view kLeafName = "countersign-webhook";

// Clocks of API servers differ; of a short life a tenth is enough.
Validity From(Time now, Seconds lifetime) {
  const Seconds back = std::min<Seconds>(Seconds(3600), lifetime / 10);
  return {now - back, now + lifetime};
}

bool Usable(const Validity& validity, Time now) {
  return validity.not_before <= now && now < validity.not_after;
}

// A leaf does not outlive its authority.
Validity LeafValidity(const Validity& authority, const RotationPolicy& policy, Time now) {
  Validity leaf = From(now, policy.leaf_lifetime);
  leaf.not_before = std::max(leaf.not_before, authority.not_before);
  leaf.not_after = std::min(leaf.not_after, authority.not_after);
  return leaf;
}

RotationPlan Do(RotationStep step, std::string_view why) { return {step, why, {}}; }

// What cannot wait for anything.
std::optional<RotationPlan> Urgent(const RotationView& view, const RotationPolicy& policy,
                                   Time now) {
  const AuthorityTimes& times = view.times;
  const bool worthless = !Usable(times.authority, now);
  if (times.next && view.published_for && Usable(*times.next, now) &&
      // Nothing is lost by hurrying when nobody accepts what is served now.
      (worthless || *view.published_for >= policy.settle)) {
    return Do(RotationStep::kPromote, "the next authority is published");
  }
  if (!worthless && !Usable(times.leaf, now)) {
    return Do(RotationStep::kIssueLeaf, "the leaf is not valid now");
  }
  if (!worthless && !times.names_us) {
    return Do(RotationStep::kIssueLeaf, "the leaf is for another name");
  }
  if (worthless && !times.next) {
    return Do(RotationStep::kPrepare, "the authority is not valid now");
  }
  if (times.next && !Usable(*times.next, now)) {
    return Do(RotationStep::kPrepare, "the next authority is not valid now");
  }
  return std::nullopt;
}

// Of an authority's lifetime: a third is left when the next one is made, less the jitter.
constexpr int kShareForRotation = 4;

Status TooLong(const char* flag, Seconds value, const std::string& allowed) {
  return Fail(Code::kInvalidArgument, "must be " + allowed + ", is '" + FormatDuration(value) + "'",
              flag);
}

}  // namespace

Status RotationPolicy::Check() const {
  if (leaf_lifetime > authority_lifetime) {
    return TooLong("--leaf-lifetime", leaf_lifetime,
                   "at most --ca-lifetime (" + FormatDuration(authority_lifetime) +
                       "), because no leaf outlives its authority");
  }
  if (settle >= leaf_lifetime) {
    return TooLong("--ca-settle", settle,
                   "less than --leaf-lifetime (" + FormatDuration(leaf_lifetime) + ")");
  }
  if (settle + retire > authority_lifetime / kShareForRotation) {
    return TooLong("--ca-settle and --ca-retire together", settle + retire,
                   "at most a quarter of --ca-lifetime (" + FormatDuration(authority_lifetime) +
                       "), or an authority ends before the next one has taken over");
  }
  return {};
}

std::string RotationPolicy::Concern(Seconds silence) const {
  if (retire >= silence) return {};
  return "--ca-retire is '" + FormatDuration(retire) +
         "', but a replica that does not hear from the "
         "API server serves its certificate for " +
         FormatDuration(silence) +
         " before it is not ready: after a rotation the API server would not trust it meanwhile";
}

std::string_view StepName(RotationStep step) {
  constexpr std::array<std::string_view, kRotationSteps> kNames = {
      "none", "create", "restore", "issue-leaf", "prepare", "promote", "retire"};
  return kNames.at(static_cast<std::size_t>(step));
}

Time DueAt(const Validity& validity, double random) {
  const auto lifetime = validity.not_after - validity.not_before;
  const auto jitter = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::duration<double, std::micro>(static_cast<double>(lifetime.count()) / 20 *
                                                random));
  return validity.not_before + lifetime * 2 / 3 + jitter;
}

void RotationTimers::See(const AuthorityState& state, bool next_published, SteadyTime now,
                         RotationView& view) {
  const std::string next = state.next ? state.next->certificate : "";
  if (!next_published || next != publishing_) published_since_.reset();
  publishing_ = next;
  if (next_published && !next.empty() && !published_since_) published_since_ = now;
  if (published_since_) view.published_for = now - *published_since_;
  if (promoted_ != state.authority.certificate + state.previous) {
    promoted_ = state.authority.certificate + state.previous;
    promoted_since_ = now;
  }
  view.promoted_for = now - promoted_since_;
}

RotationPlan PlanRotation(const RotationView& view, const RotationPolicy& policy, Time now,
                          double random) {
  if (view.stored != RotationView::Stored::kReadable) {
    if (view.remembered) return Do(RotationStep::kRestore, "the Secret is gone or unreadable");
    return Do(RotationStep::kCreate, "there is no authority");
  }
  if (const auto urgent = Urgent(view, policy, now)) return *urgent;
  const AuthorityTimes& times = view.times;
  // One rotation at a time: three authorities at most are trusted.
  const bool free = !times.next && !view.has_previous;
  if (free && view.rotation_asked) return Do(RotationStep::kPrepare, "new keys were asked for");
  if (free && now >= DueAt(times.authority, random)) {
    return Do(RotationStep::kPrepare, "two thirds of the authority's lifetime are over");
  }
  const bool gains = Usable(times.authority, now) &&
                     LeafValidity(times.authority, policy, now).not_after > times.leaf.not_after;
  if (gains && now >= DueAt(times.leaf, random)) {
    return Do(RotationStep::kIssueLeaf, "two thirds of the leaf's lifetime are over");
  }
  if (view.has_previous && !times.next && view.promoted_for >= policy.retire) {
    return Do(RotationStep::kRetire, "no replica can serve a leaf of the previous authority");
  }

  RotationPlan plan;
  const auto by = [&plan](nanoseconds wait) {
    plan.look_again = std::min(plan.look_again, std::max(wait, nanoseconds(0)));
  };
  if (gains) by(DueAt(times.leaf, random) - now);
  if (free) by(DueAt(times.authority, random) - now);
  if (times.next && view.published_for) by(policy.settle - *view.published_for);
  if (view.has_previous && !times.next) by(policy.retire - view.promoted_for);
  return plan;
}

Result<AuthorityState> Advance(RotationStep step, const AuthorityState& state,
                               const RotationPolicy& policy, const std::string& name, Time now) {
  AuthorityState after = state;
  switch (step) {
    case RotationStep::kNone:
    case RotationStep::kRestore: return after;
    case RotationStep::kRetire: after.previous.clear(); return after;
    case RotationStep::kPrepare: {
      auto next = MakeAuthority(std::string(kAuthorityName), From(now, policy.authority_lifetime));
      if (!next) return Fail(next.error());
      after.next = std::move(*next);
      return after;
    }
    case RotationStep::kCreate: {
      auto first = MakeAuthority(std::string(kAuthorityName), From(now, policy.authority_lifetime));
      if (!first) return Fail(first.error());
      after = {std::move(*first), {}, std::nullopt, {}};
      break;
    }
    case RotationStep::kPromote:
      if (!state.next) return Fail(Code::kFailedPrecondition, "there is no next authority");
      after.previous = state.authority.certificate;
      after.authority = *state.next;
      after.next.reset();
      break;
    case RotationStep::kIssueLeaf: break;
  }
  auto validity = ValidityOfCertificate(after.authority.certificate);
  if (!validity) return Fail(validity.error());
  auto leaf = MakeCertificate(after.authority, LeafUse::kServer, std::string(kLeafName), {name},
                              LeafValidity(*validity, policy, now));
  if (!leaf) return Fail(leaf.error());
  after.leaf = std::move(*leaf);
  return after;
}

}  // namespace countersign
