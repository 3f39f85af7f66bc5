// policy_check.h: what a policy's schema cannot say: references between its parts, one person's
// accounts, bounds that make sense. Pure; errors carry the path.
#pragma once

#include <vector>

#include "governance/types/policy.h"

namespace countersign {

void CheckPolicy(const GovernancePolicySpec& spec, std::vector<Error>& errors);

}  // namespace countersign
