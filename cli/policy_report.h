// policy_report.h: which version of each policy is in force at a time and why, as text and JSON.
//
// From what governance/in_force.h says; nothing is judged here. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "governance/in_force.h"

namespace countersign {

struct PolicyReport {
  Time at{};
  std::vector<PolicyStanding> standings;
  std::map<std::string, Provenance> made_by;  // by name
  std::vector<std::string> unreadable;
  std::vector<std::string> assumptions;
};

// `policies` as they were at `at`, as far as what is left of them tells: without those that are
// known to have been made later.
[[nodiscard]] PolicyReport ReportOn(PolicySet policies, Time at);

[[nodiscard]] std::string PolicyReportText(const PolicyReport& report);
[[nodiscard]] Json PolicyReportJson(const PolicyReport& report);

}  // namespace countersign
