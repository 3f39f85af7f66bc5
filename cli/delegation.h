// delegation.h: the SignOff by which a person lends a role, from what was read for it. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "governance/types/policy.h"

namespace countersign {

struct DelegationInput {
  std::vector<GovernancePolicy> policies;
  std::string name_space;  // the use case's home
  std::string use_case;
  std::string role;
  std::string lender;
  std::string deputy;
  std::vector<std::string> environments;  // all, if empty
  std::string rationale;
  bool withdraw = false;
  std::optional<Seconds> lasts;  // unless it is withdrawn
  Time now{};
};

// Fails when no policy lets the role be lent for so long, or knows an environment. Whether the
// lender holds the role is for admission to say.
[[nodiscard]] Result<Json> MakeDelegation(const DelegationInput& input);

// What the person is asked to confirm, several lines.
[[nodiscard]] std::string DelegationText(const DelegationInput& input, const Json& delegation);

}  // namespace countersign
