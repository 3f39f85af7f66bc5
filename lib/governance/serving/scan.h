// scan.h: from everything that runs to what of it is a shadow deployment, each once.
//
// A Deployment, its ReplicaSets and their Pods are one finding, at the highest of them that nothing
// allows; the rest is counted below it. Pods that alone show what they serve, such as by what a
// node says of their images, are one finding for each owner. Pure: what is known about namespaces
// is asked of whoever scans, which are the operator and `countersign scan`.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "governance/serving/guard.h"
#include "governance/serving/resolved_images.h"

namespace countersign {

struct ScannedObject {
  std::string api_version;
  std::string kind;
  std::string name_space;
  std::string name;
  std::string uid;
  std::string owner_uid;  // of the controlling owner; empty: none
  std::string owner_kind = {};
  std::string owner_name = {};
  bool operators_own = false;
  MadeFrom made_from = {};  // of a Pod
  bool ending = false;      // it is being deleted
  // An earlier revision that its owner keeps, or what the operator suspended: it asks for no Pods.
  bool idle = false;
  Recognition recognition;
  std::vector<ResolvedImage> resolved = {};  // of a Pod
  // Of a Pod that is not restarted: if what it says of its owner is true.
  std::optional<Recognition> in_batch = {};
};

// Takes for batch the Pods whose owner is among the objects and runs to an end, as a Job does. What
// a Pod says of an owner that is not there, anybody could have written.
void SettleBatch(std::vector<ScannedObject>& objects);

struct ScanFinding {
  const ScannedObject* object = nullptr;
  // The highest owner among the objects, where that shows nothing of it.
  const ScannedObject* of = nullptr;
  GuardDecision decision;
  std::size_t below = 0;           // objects that belong to it and serve too
  std::set<std::string> resolved;  // images of it and of what is below, as nodes pulled them
};

// `owners` are those among the objects, the nearest first.
using JudgeScanned =
    std::function<GuardDecision(const ScannedObject&, const std::vector<ServingOwner>& owners)>;

// In the order of `objects`, which must outlive the result.
[[nodiscard]] std::vector<ScanFinding> FindShadows(const std::vector<ScannedObject>& objects,
                                                   const JudgeScanned& judge);

struct ScanSources {
  std::function<GuardSetting(const std::string& name_space)> setting;
  std::function<std::vector<Cover>(const ScannedObject&, const std::vector<ServingOwner>&)> covers;
  std::function<std::vector<GuardWaiver>(const ScannedObject&)> waivers;
  // Told of each decision, also of those that are no finding; may be empty.
  std::function<void(const ScannedObject&, const GuardDecision&)> decided = {};
};
// As the guard would judge what runs, if it were made now by whom it belongs to.
[[nodiscard]] std::vector<ScanFinding> FindShadows(const std::vector<ScannedObject>& objects,
                                                   const ScanSources& sources);

// What shows one hint alone, and belongs to nothing that shows as much.
[[nodiscard]] std::vector<const ScannedObject*> FindSuspected(
    const std::vector<ScannedObject>& objects);

}  // namespace countersign
