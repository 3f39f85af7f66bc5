// authority_check.h: the part of policy_check.h on other installations, and on certificate
// authorities and the names that they know people by.
#pragma once

#include <vector>

#include "governance/types/policy.h"

namespace countersign {

void CheckInstallations(const GovernancePolicySpec& spec, std::vector<Error>& errors);
void CheckAuthorities(const GovernancePolicySpec& spec, std::vector<Error>& errors);

}  // namespace countersign
