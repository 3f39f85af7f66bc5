// made_for.h: whether what a controller made is what its owner says.
//
// Controllers of Kubernetes make Pods as a template has them; others add sidecars on the way. So
// what the owner runs must be there as it is, and what serves, or brings code or weights to what
// the owner runs, must be the owner's. A ReplicaSet or a Pod may be left from a time, or made from
// a revision, that its owner says nothing of. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "governance/serving/guard.h"

namespace countersign {

// `kind` is that of what was made, `above` are the owners of the owner, the nearest first; nullopt:
// it is. Other stacks make of an object what they like, so that of theirs only the models are
// compared. Of a Pod that owns something, the LeaderWorkerSet above it says what the group runs.
[[nodiscard]] std::optional<GuardFault> NotAsOwnerSays(const std::string& kind,
                                                       const Recognition& made,
                                                       const ServingOwner& owner,
                                                       std::span<const ServingOwner> above = {});

}  // namespace countersign
