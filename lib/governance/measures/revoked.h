// revoked.h: what a result still says whose maker's key was revoked.
//
// It does not let a model through. But revoking a key must not either: a failure that its owner
// reported keeps the results before it from governing, as a rejection stays one, until somebody who
// is believed makes a later result. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "governance/measures/context.h"
#include "governance/signers.h"

namespace countersign {

// Those of `all` that count for nothing because a key was revoked, as they would have counted.
template <class Spec>
[[nodiscard]] std::vector<Attested<Spec>> RevokedOf(const GovernancePolicySpec& policy,
                                                    const std::vector<const Attested<Spec>*>& all) {
  std::vector<Attested<Spec>> found;
  for (const Attested<Spec>* one : all) {
    auto by = DespiteRevocation(policy, one->by, SignedDate(one->object->spec));
    if (by) found.push_back({one->object, *std::move(by)});
  }
  return found;
}

inline constexpr std::string_view kRevokedText =
    "; the key that signed it is revoked, which takes back nothing that speaks against the model: "
    "who is believed now makes a later result";

// `gate`, or what `judge` makes of the worst of those of `all` from `since` on that would `count`
// but for a revoked key, where that does not pass.
template <class Spec, class Counts, class Judge>
[[nodiscard]] Gate WithRevoked(const GovernancePolicySpec& policy, Time since,
                               const std::vector<const Attested<Spec>*>& all, const Counts& counts,
                               const Judge& judge, Gate gate) {
  for (const Attested<Spec>& one : RevokedOf(policy, all)) {
    if (one.by.first_seen < since || !counts(one)) continue;
    Gate against = judge(one);
    // What it lacks, or that it is old, says nothing against the model.
    if (against.state <= GateState::kMissing || against.state <= gate.state) continue;
    against.message += kRevokedText;
    gate = std::move(against);
  }
  return gate;
}

}  // namespace countersign
