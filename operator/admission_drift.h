// admission_drift.h: where a webhook configuration, an admission policy or its binding differs from
// the one we install, and what puts it right.
//
// Of a policy and a binding the whole spec is compared. Of a webhook configuration what decides
// whether we are asked and what our answer is worth: rules, selectors, match conditions and policy,
// failure policy, timeout, and where the call goes. Not the caBundle (webhook_configurations.h
// tends it, or somebody else), nor labels, nor entries of others. What the API server fills in
// counts as written. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace countersign {

struct Drift {
  std::string path;      // webhooks["admission.countersign.dev"].rules[0].operations
  std::string found;     // JSON; "absent"
  std::string expected;  // likewise

  // "<path> is <found>, must be <expected>"
  [[nodiscard]] std::string Text() const;
  friend bool operator==(const Drift&, const Drift&) = default;
};

struct DriftReport {
  std::vector<Drift> drifts;
  std::string repair;  // shell command; empty without drifts
};

// `found` null: there is none; then `reinstall` is the command.
[[nodiscard]] DriftReport FindDrift(const Json& expected, const Json* found,
                                    const std::string& reinstall);

// The same of a ValidatingAdmissionPolicy or its binding.
[[nodiscard]] DriftReport FindPolicyDrift(const Json& expected, const Json* found,
                                          const std::string& reinstall);

// All of them in a sentence or two.
[[nodiscard]] std::string DriftText(const std::string& configuration, const DriftReport& report);

}  // namespace countersign
