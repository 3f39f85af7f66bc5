// pod_difference.h: in what a Pod is not the one that was approved. Pure.
#pragma once

#include <string>
#include <vector>

#include "governance/serving/guard.h"
#include "governance/serving/pod_shape.h"

namespace countersign {

// Each container that is left out and each thing that is said or mounted otherwise; empty if it is
// the same. `deployment` is the name of the ModelDeployment that `approved` is of.
[[nodiscard]] std::vector<GuardFault> DifferencesFrom(const PodShape& approved,
                                                      const std::string& deployment,
                                                      const PodShape& here);

}  // namespace countersign
