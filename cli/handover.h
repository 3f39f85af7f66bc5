// handover.h: whether a workload that was adopted can go, because its ModelDeployment
// serves in its place.
//
// It can once the operator's Deployment has as many Pods available as it has itself, and every
// Service that leads to it leads to those too. What was not looked at is not known to be gone. Says
// so and deletes nothing. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/adoption.h"

namespace countersign {

struct Handover {
  std::string name_space;
  std::string workload;    // "Deployment/chat"
  std::string deployment;  // the ModelDeployment
  bool gone = false;       // the workload is not there any more
  bool known = true;       // whether that could be seen
  std::vector<AdoptionGap> missing;
  [[nodiscard]] bool Ready() const { return missing.empty(); }
};

// Of each ModelDeployment in `scope` that was made by adoption.
[[nodiscard]] std::vector<Handover> Handovers(const World& world, const Estate& estate,
                                              const AdoptionSurroundings& around,
                                              const ScanScope& scope);

[[nodiscard]] std::string HandoverText(const std::vector<Handover>& handovers);
[[nodiscard]] Json HandoverJson(const std::vector<Handover>& handovers);

}  // namespace countersign
