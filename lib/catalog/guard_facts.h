// guard_facts.h: what the guard against shadow deployments is told about a namespace: which
// ModelDeployments cover what, and which waivers count. Shared by webhook and operator. Reads
// caches alone.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/revisions.h"
#include "catalog/workloads.h"
#include "governance/serving/guard.h"

namespace countersign {

// What the annotations of a Pod say; those of its template only the operator writes (the policy
// countersign-made-from).
[[nodiscard]] MadeFrom MadeFromOf(const Json& pod);

// The ModelDeployments of `ns` that name anything of what `serving` and `owners` refer to, each as
// approved now or with the reason why not. `made_from` of a Pod, else empty; null `revisions`: no
// earlier one is known.
[[nodiscard]] std::vector<Cover> CoversFor(const Catalog& catalog, const Revisions* revisions,
                                           const PolicySet& policies, const std::string& ns,
                                           const Recognition& serving,
                                           const std::vector<ServingOwner>& owners,
                                           const MadeFrom& made_from, Time now);

// Waivers of the measure kShadowMeasure for one of the digests that `serving` names.
[[nodiscard]] std::vector<GuardWaiver> WaiversFor(const Catalog& catalog, const PolicySet& in_force,
                                                  const std::string& ns, const Recognition& serving,
                                                  Time now);

// The UID of the ModelDeployment of that key; empty if there is none.
using UidOfDeployment = std::function<std::string(const ObjectKey&)>;
// Whether a workload is the child of a ModelDeployment by the name and the owner that the operator
// gives it; the owner is looked up, its UID compared.
[[nodiscard]] bool IsOperatorsOwn(const Workload& workload, const UidOfDeployment& uid_of);
[[nodiscard]] bool IsOperatorsOwn(const Catalog& catalog, const Workload& workload);

// The chain of owners as facts.
[[nodiscard]] std::vector<ServingOwner> OwnersOf(
    const Catalog& catalog, const std::vector<std::shared_ptr<const Workload>>& chain);

}  // namespace countersign
