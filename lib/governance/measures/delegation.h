// delegation.h: roles that people lend to deputies, by SignOffs with subject kind Delegation.
//
// A delegation counts for what the deputy signs while it is in force; what was signed then keeps
// counting. Evaluation and admission ask the same function. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "governance/facts.h"

namespace countersign {

// Why a sign-off does not count: the code for programs, the rest for people.
struct Disregarded {
  std::string reason;
  std::string why;
};

// Who acts for whom, in what, and when: from `deputy.first_seen`, which is the date in what they
// signed by a key, to when that was recorded.
struct ActingFor {
  const GovernancePolicySpec& policy;
  const std::string& role;
  const std::string& use_case;
  const std::string& lender;  // an account
  const Provenance& deputy;
  const std::vector<std::string>& environments;  // all of them must be lent; empty: everywhere
};

// Whether the sign-off is its signer's own and the signer may sign at all.
[[nodiscard]] std::optional<Disregarded> WhyNotSigners(const AttestedSignOff& sign_off);

// Whether `by` holds the role by the policy's own list. Offline everybody is taken at their word.
[[nodiscard]] bool HoldsRole(const GovernancePolicySpec& policy, const std::string& role,
                             const Provenance& by);

// The delegation by which the deputy acts, one of `sign_offs` (others are passed over), or why none
// does. Of a lender's words about a deputy the latest one before the deputy signed counts.
[[nodiscard]] tl::expected<const AttestedSignOff*, Disregarded> FindDelegation(
    const ActingFor& acting, const std::vector<const AttestedSignOff*>& sign_offs);

}  // namespace countersign
