// authority_check.h: the part of policy_check.h on certificate authorities and the names that they
// know people by.
#pragma once

#include <vector>

#include "governance/types/policy.h"

namespace countersign {

void CheckAuthorities(const GovernancePolicySpec& spec, std::vector<Error>& errors);

}  // namespace countersign
