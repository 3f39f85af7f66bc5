// plan.h: which revision serves, and with how many pods.
//
// Pure: the decision on the spec that is asked for, the revisions that were approved before (each
// judged again now), what serves at the moment and the time go in; one Plan with its reason in a
// sentence comes out. Nothing that was not approved once is ever in it: `revisions` are the
// verified ones, and a spec becomes one only through NeedsRevision.
//
// The rules, in this order:
//   the wanted spec's gates let it serve        -> serve it, unless it cannot be put in place
//   nothing was ever approved                   -> serve nothing
//   nobody knows what serves now                -> newest revision that passes, else no pods
//   what serves now still passes                -> keep it (the wanted spec is held)
//   its gates ask for Rollback                  -> newest earlier revision that passes,
//                                                  else suspend
//   they ask for Suspend                        -> no pods until it passes again
//   they ask for Alert or Hold                  -> keep it, flagged; what is suspended stays so
//
// So no rule ever starts pods of a revision that does not pass: Alert and Hold only let go on what
// runs already. That they do whoever scales or deletes it meanwhile: the operator, while it runs,
// puts back what it was. What it finds scaled to nothing when it starts counts as suspended.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "governance/decision.h"

namespace countersign {

// A verified revision, as far as planning needs it.
struct ApprovedRevision {
  std::int64_t number = 0;
  std::string governed_digest;
  std::int64_t replicas = 0;
};

enum class Phase {
  kNothing,     // no revision was ever approved
  kServing,     // what is asked for serves
  kHeld,        // an earlier revision keeps serving, what is asked for waits
  kRolledBack,  // an earlier revision serves again, what is asked for was approved once
  kSuspended,   // a revision is kept at no pods
};
[[nodiscard]] std::string_view PhaseName(Phase phase);

struct PlanInput {
  const Decision& wanted;
  std::int64_t wanted_replicas = 0;
  const std::vector<ApprovedRevision>& revisions;  // by number, ascending
  std::optional<std::int64_t> serving;             // what serves now, if anything does
  Time now{};
  // Judges a revision with the facts of now. Asked only for those that matter.
  std::function<Decision(const ApprovedRevision&)> judge;
  // What was tried in this round and cannot be put in place: the API server refuses it, or its
  // configuration is missing.
  bool wanted_unusable = false;
  std::vector<std::int64_t> unusable{};
  // What serves has no pods, because it was suspended.
  bool suspended = false;
};

struct Plan {
  Phase phase = Phase::kNothing;
  // Number; nullopt: nothing, or, if suspended, whatever is there, without pods.
  std::optional<std::int64_t> serve;
  std::int64_t replicas = 0;
  std::optional<Reaction> reaction;  // what the gates of the served revision ask for
  std::string reason;                // upper-camel
  std::string explanation;           // one sentence
  std::optional<Time> next_change;   // when time alone may change this plan
};

// Whether the wanted spec is approved and not yet the newest revision: then it is recorded first.
[[nodiscard]] bool NeedsRevision(const Decision& wanted,
                                 const std::vector<ApprovedRevision>& revisions);

[[nodiscard]] Plan MakePlan(const PlanInput& input);

// The gate that a person should look at first: null when all pass.
[[nodiscard]] const Gate* FirstUnmet(const Decision& decision);

}  // namespace countersign
