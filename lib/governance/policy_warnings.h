// policy_warnings.h: what a policy that is valid most likely does not mean. Pure.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "governance/types/policy.h"

namespace countersign {

// One sentence each, starting with the path: classes that no answers lead to, classes that ask for
// nothing, measures that nobody can owe, environments that share a namespace, measures that only
// the mildest class owes, features of which none is excluded, more signers than there are people,
// people with one printed name. At most kMaxPolicyWarnings; the last one then says how many more.
inline constexpr std::size_t kMaxPolicyWarnings = 16;
[[nodiscard]] std::vector<std::string> PolicyWarnings(const GovernancePolicySpec& policy);

// Keys that another policy lists for somebody else: each policy believes its own list, and one of
// the two is wrong. A person is the same who shares an account.
[[nodiscard]] std::vector<std::string> SharedKeyWarnings(
    const GovernancePolicy& policy,
    const std::vector<std::shared_ptr<const GovernancePolicy>>& others);

}  // namespace countersign
