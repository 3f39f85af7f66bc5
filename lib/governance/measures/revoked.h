// revoked.h: what a result still says whose maker's key has ended: revoked, or past its time.
//
// It does not let a model through. But ending a key must not either: a failure that its owner
// reported keeps the results before it from governing, as a rejection stays one, until somebody who
// is believed makes a later result. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "governance/measures/context.h"

namespace countersign {

// Those that `counts` only because `ever` knows whose the keys were that have ended. `all` and
// `ever`: one list of an index and of its Ever().
template <class Spec, class Counts>
[[nodiscard]] std::vector<const Attested<Spec>*> RevokedOf(
    const std::vector<const Attested<Spec>*>& all, const std::vector<const Attested<Spec>*>& ever,
    const Counts& counts) {
  std::vector<const Attested<Spec>*> found;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i] != ever[i] && !counts(*all[i]) && counts(*ever[i])) found.push_back(ever[i]);
  }
  return found;
}

inline constexpr std::string_view kRevokedText =
    "; a key that signed it is revoked or has ended, which takes back nothing that speaks against "
    "the model: who is believed now makes a later result";

// `gate`, or what `judge` makes of the worst of `revoked` from `since` on, where that does not
// pass.
template <class Spec, class Judge>
[[nodiscard]] Gate WithRevoked(Time since, const std::vector<const Attested<Spec>*>& revoked,
                               const Judge& judge, Gate gate) {
  for (const Attested<Spec>* one : revoked) {
    if (one->by.first_seen < since) continue;
    Gate against = judge(*one);
    // What it lacks, or that it is old, says nothing against the model.
    if (against.state <= GateState::kMissing || against.state <= gate.state) continue;
    against.message += kRevokedText;
    gate = std::move(against);
  }
  return gate;
}

}  // namespace countersign
