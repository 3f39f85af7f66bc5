// bias_check.h: what the schema of a biasTest requirement cannot say. Part of policy_check.h; who
// the issuers are is checked there. Pure; errors carry the path, which starts with `path`.
#pragma once

#include <string>
#include <vector>

#include "governance/types/bias_requirement.h"

namespace countersign {

void CheckBias(const BiasTestRequirement& r, const std::string& path, std::vector<Error>& errors);

}  // namespace countersign
