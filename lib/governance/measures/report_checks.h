// report_checks.h: what a report of a well-known type must hold beyond single claims: features that
// must not matter, intervals, personal data, time served (types/reports.h). Pure.
#pragma once

#include "governance/measures/evidence.h"
#include "governance/measures/shortfall.h"

namespace countersign {

// `latest` is the one of `reports` that governs.
void CheckReport(const Context& context, const UsableReportsResult& reports,
                 const AttestedEvidence& latest, Shortfall& shortfall);

}  // namespace countersign
