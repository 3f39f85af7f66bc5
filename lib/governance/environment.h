// environment.h: which of a policy's environments a namespace is in. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "governance/types/policy.h"

namespace countersign {

// `*` stands for any characters, also none.
[[nodiscard]] bool GlobMatches(std::string_view pattern, std::string_view text);

// The environments that list `name_space`: those that name it exactly, or else those whose pattern
// matches it. Several are possible; then what all of them demand adds up.
[[nodiscard]] std::vector<const PolicyEnvironment*> EnvironmentsOf(
    const GovernancePolicySpec& policy, const std::string& name_space);

// Where drafts may run: the first environment, as long as it only warns or audits.
[[nodiscard]] bool IsSandbox(const GovernancePolicySpec& policy, const PolicyEnvironment& e);

// What the guard against shadow deployments does there: as said, or as strict as enforcement.
[[nodiscard]] GuardMode GuardModeOf(const PolicyEnvironment& e);

}  // namespace countersign
