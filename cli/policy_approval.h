// policy_approval.h: the sign-off on a version of a policy, from what was read for it.
//
// It is made in the role that the version before it names in spec.succession, or, to withdraw a
// version, that the version itself names. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "governance/types/policy.h"

namespace countersign {

struct PolicyApproval {
  GovernancePolicy policy;
  Json spec;  // the policy's, as it was read
  // The version that it supersedes and its spec, where there is one.
  std::optional<GovernancePolicy> before;
  Json before_spec;
  std::string name_space;  // of the sign-off
  std::string role;
  std::string username;
  std::string rationale;
  bool reject = false;
  bool withdraw = false;
  std::optional<Time> expires_at;
};

// The SignOff to be created. Fails where nobody's sign-off is asked for, or not this role's.
[[nodiscard]] Result<Json> MakePolicySignOff(const PolicyApproval& input);

// What differs between two specs, a line each; entries of lists go by their names.
[[nodiscard]] std::vector<std::string> ChangesBetween(const Json& before, const Json& after);

// What the person is asked to confirm, several lines.
[[nodiscard]] std::string PolicyApprovalText(const PolicyApproval& input);

}  // namespace countersign
