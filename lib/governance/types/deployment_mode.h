// deployment_mode.h: what a policy may ask of the way a model is deployed (R3.7), judged by the
// ModelDeployment itself. Part of GovernancePolicy (policy.h).
#pragma once

#include <cstdint>
#include <optional>

namespace countersign {

struct DeploymentModeRequirement {
  std::int64_t min_replicas = 1;
  std::optional<std::int64_t> max_replicas;
  bool autoscaling = false;
  bool topology_spread = false;
  bool resources = false;
  bool readiness_probe = false;
  bool disruption_budget = false;
};

}  // namespace countersign
