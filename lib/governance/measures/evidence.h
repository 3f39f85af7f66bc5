// evidence.h: the measure `evidence`: a report of the organisation's own making says what it must
// (R3). The latest report that counts governs: authentic, by an issuer whom the measure believes,
// about this model or use case, made in or for an environment that the measure accepts. The same
// function judges the reports of well-known types (types/reports.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "governance/measures/context.h"
#include "governance/records.h"

namespace countersign {

struct UsableReportsResult {
  std::vector<const AttestedEvidence*> usable;
  std::vector<const AttestedEvidence*> revoked;  // by keys that have ended, see revoked.h
  // When there is none: why each of this type does not count, and the code of the first.
  std::vector<std::string> notes;
  std::string reason;
};
[[nodiscard]] UsableReportsResult UsableReports(const Context& context,
                                                const EvidenceRequirement& requirement);

// Those that would count, also by keys that have ended, were whoever made them independent.
[[nodiscard]] EvidenceIndex::ReportList DependentReports(const Context& context,
                                                         const EvidenceRequirement& requirement);

// The report that governs although it was deleted, later than those of `usable`, if there is one.
[[nodiscard]] std::optional<PastResult> GoneReport(
    const Context& context, const EvidenceRequirement& requirement,
    const std::vector<const AttestedEvidence*>& usable);

[[nodiscard]] Gate EvidenceGate(const Context& context, const EvidenceRequirement& requirement);

}  // namespace countersign
