// report_checks.h: what a report of a well-known type must hold beyond single claims: features that
// must not matter, intervals, personal data, time served (types/reports.h). Pure.
#pragma once

#include <vector>

#include "governance/measures/context.h"
#include "governance/measures/shortfall.h"

namespace countersign {

// `usable` are the reports that count, `latest` the one of them that governs.
void CheckReport(const Context& context, const std::vector<const AttestedEvidence*>& usable,
                 const AttestedEvidence& latest, Shortfall& shortfall);

}  // namespace countersign
