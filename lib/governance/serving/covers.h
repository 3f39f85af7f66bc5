// covers.h: what ModelDeployments and waivers say for the guard about what serves.
//
// One function each for webhook, operator and `countersign scan`; they differ in where the facts
// come from, which are gathered only for what concerns the object. Pure.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "governance/serving/guard.h"

namespace countersign {

// What was approved of a ModelDeployment before.
struct EarlierRevisions {
  std::vector<Facts> facts;  // of each with the digest that the Pod says it was made from
  bool unknown = false;      // there are others, and none has that digest
  // Why there may be others than those that are known, in a sentence; empty: there are not.
  std::string silent = {};
};

struct CoverLookups {
  // Of the ModelDeployment as it stands.
  std::function<Facts()> gather;
  // Where the Pod says that it was made from another than the spec that stands; unset: nobody
  // knows.
  std::function<EarlierRevisions()> earlier = {};
};

// nullopt: the ModelDeployment names nothing of what `serving` and `owners` refer to, and none of
// `owners` is its child. Else it is covering if it would serve now. `made_from` of a Pod, else
// empty.
[[nodiscard]] std::optional<Cover> CoverFor(const PolicySet& policies,
                                            const ModelDeployment& deployment,
                                            const Recognition& serving,
                                            const std::vector<ServingOwner>& owners,
                                            const MadeFrom& made_from, const CoverLookups& lookups);

struct WaiverLookups {
  std::function<std::shared_ptr<const UseCase>(const UseCaseRef&)> use_case;
  // The facts of the use case of a deployment that nobody made.
  std::function<Facts(std::shared_ptr<const ModelDeployment>)> gather;
};

// nullopt: it is no waiver of kShadowMeasure for a digest that `serving` names, or its use case is
// not for `name_space`.
[[nodiscard]] std::optional<GuardWaiver> WaiverFor(const PolicySet& in_force,
                                                   const std::string& name_space,
                                                   const Recognition& serving,
                                                   const AttestedWaiver& waiver,
                                                   const WaiverLookups& lookups);

}  // namespace countersign
