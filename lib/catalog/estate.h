// estate.h: everything that runs and may serve a model, read past all caches for a scan.
//
// Shared by the operator's scan and `countersign scan`. Objects come page by page, so that a large
// cluster is never in memory as a whole.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "catalog/guard_facts.h"
#include "governance/serving/scan.h"
#include "kube/client.h"

namespace countersign {

// All objects of one kind of the table, with the kind and version that items of lists lack, by the
// first of its versions that the API server serves, or else one that the table does not know; those
// of Pods and Jobs that have ended are left out. No error if its CRD is not installed. `ns` empty:
// everywhere.
[[nodiscard]] ApiStatus ReadKind(const KubeClient& client, const ServingProfile& profile,
                                 const std::string& ns, const Call& call,
                                 const std::function<void(const Json&)>& each);
// The same of a selector. What it says in a version that the table does not know nobody can tell,
// so that then it is not read, with kFailedPrecondition.
[[nodiscard]] ApiStatus ReadKind(const KubeClient& client, const ServingSelector& selector,
                                 const std::string& ns, const Call& call,
                                 const std::function<void(const Json&)>& each);
// Whether it will never run again.
[[nodiscard]] bool HasEnded(const Json& object);

// What the ModelDeployments name, for RunningFacts.
void AddModels(const ModelDeployment& deployment, RunningFacts& facts);

// Once all are there, SettleBatch is called for them.
[[nodiscard]] ScannedObject ScannedOf(const ServingProfiles& table, const RunningFacts& facts,
                                      const Json& object, const UidOfDeployment& uid_of);

}  // namespace countersign
