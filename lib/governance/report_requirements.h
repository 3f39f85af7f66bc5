// report_requirements.h: the requirements of types/reports.h, spelt out as what they ask of one
// type of Evidence. Pure.
#pragma once

#include <optional>
#include <string>

#include "governance/types/policy.h"

namespace countersign {

// What the requirement asks for; nullopt when it is not one for a report, or at level None.
[[nodiscard]] std::optional<EvidenceRequirement> ReportRequirementOf(const Requirement& require);

// Whether the requirement is of a level at which nothing is asked.
[[nodiscard]] bool AsksForNothing(const Requirement& require);

// "inputDrift": how the claims about one check of a monitoring plan start.
[[nodiscard]] std::string ClaimPrefix(MonitoringCheck check);

// What the requirement asks, with its defaults filled in.
[[nodiscard]] std::vector<MonitoringCheck> ChecksOf(const MonitoringRequirement& require);
[[nodiscard]] Seconds MaxIntervalOf(const MonitoringRequirement& require);

}  // namespace countersign
