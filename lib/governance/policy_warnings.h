// policy_warnings.h: what a policy that is valid most likely does not mean. Pure.
#pragma once

#include <string>
#include <vector>

#include "governance/types/policy.h"

namespace countersign {

// One sentence each, starting with the path: classes that no answers lead to, classes that ask for
// nothing, measures that nobody can owe, environments that share a namespace, measures that only
// the mildest class owes, features of which none is excluded. At most kMaxPolicyWarnings; the last
// one then says how many more.
inline constexpr std::size_t kMaxPolicyWarnings = 16;
[[nodiscard]] std::vector<std::string> PolicyWarnings(const GovernancePolicySpec& policy);

}  // namespace countersign
