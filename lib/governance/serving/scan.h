// scan.h: from everything that runs to what of it is a shadow deployment, each once.
//
// A Deployment, its ReplicaSets and their Pods are one finding, at the highest of them that nothing
// allows; the rest is counted below it. Pure: who judges one object is given.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "governance/serving/guard.h"

namespace countersign {

struct ScannedObject {
  std::string api_version;
  std::string kind;
  std::string name_space;
  std::string name;
  std::string uid;
  std::string owner_uid;  // of the controlling owner; empty: none
  bool operators_own = false;
  Recognition recognition;
};

struct ScanFinding {
  const ScannedObject* object = nullptr;
  GuardDecision decision;
  std::size_t below = 0;  // objects that belong to it and serve too
};

// `owners` are those among the objects, the nearest first.
using JudgeScanned =
    std::function<GuardDecision(const ScannedObject&, const std::vector<ServingOwner>& owners)>;

// In the order of `objects`, which must outlive the result.
[[nodiscard]] std::vector<ScanFinding> FindShadows(const std::vector<ScannedObject>& objects,
                                                   const JudgeScanned& judge);

}  // namespace countersign
