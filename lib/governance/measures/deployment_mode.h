// deployment_mode.h: the measure `deploymentMode`: the deployment is set up to bear what production
// asks of it (R3.7). It looks at the ModelDeployment alone. Pure.
#pragma once

#include "governance/measures/context.h"

namespace countersign {

[[nodiscard]] Gate DeploymentModeGate(const Context& context,
                                      const DeploymentModeRequirement& requirement);

}  // namespace countersign
