// in_force.h: which policies count at a time, and why.
//
// A policy with spec.version is a published version. The first of its line counts at once; each
// later one from when people in the roles of the version before it have signed off its digest, not
// before its effectiveFrom. That is worked out anew each time from what people signed and when they
// did: once a version has taken effect, later decisions do not undo it, a further version or a
// withdrawal does. A policy without spec.version counts as it stands.
// docs/decisions/2026-11-29-policy-versions.md says why. Pure.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "governance/decision.h"
#include "governance/facts.h"

namespace countersign {

enum class PolicyState {
  kUnversioned,   // counts as it stands
  kInForce,       // counts
  kInTransition,  // counts; what met the version before it is only alerted about
  kEnding,        // superseded, counts until the transition is over
  kApproved,      // signed off, its time has not come
  kPending,       // waits for sign-offs, or for the version before it
  kRejected,      // somebody in the role said no
  kSuperseded,
  kWithdrawn,
  kOrphaned,  // nobody can approve it: what it supersedes is not there or not in force any more
};
[[nodiscard]] std::string_view PolicyStateName(PolicyState state);

struct PolicyStanding {
  std::shared_ptr<const GovernancePolicy> policy;
  PolicyState state = PolicyState::kUnversioned;
  std::string reason;                  // upper-camel code
  std::string message;                 // for people
  std::string remedy;                  // who can do what to put it in force, where somebody can
  std::vector<EvidenceRef> sign_offs;  // that put it in force, or count so far
  bool took_effect = false;            // at some time
  bool in_transition = false;          // as kInTransition, also where it is kEnding already
  std::optional<Time> since;           // when that was, if known
  std::optional<Time> until;           // of kInTransition and kEnding, when that ends
  std::optional<Time> next_change;     // when time alone changes this
  std::vector<std::string> warnings;

  [[nodiscard]] bool Counts() const { return state <= PolicyState::kEnding; }
  // The policy that this one supersedes; empty if it is none's successor.
  [[nodiscard]] const std::string& Supersedes() const;
};

// All policies of the set, by name. Equal arguments give equal standings in any order of the set.
[[nodiscard]] std::vector<PolicyStanding> PolicyStandings(const PolicySet& policies, Time now);

// The set with the policies alone that count, each without its spec.version, so that they count as
// they stand wherever the set goes. Their digests stay.
[[nodiscard]] PolicySet PoliciesInForce(const PolicySet& policies, Time now);

// Why a version that somebody deletes has to stay: it counts, or will, or another one rests on it.
// nullopt: nothing is lost with it.
[[nodiscard]] std::optional<std::string> KeptBecause(const std::vector<PolicyStanding>& standings,
                                                     const std::string& name);

}  // namespace countersign
