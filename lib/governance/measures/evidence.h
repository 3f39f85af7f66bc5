// evidence.h: the measure `evidence`: a report of the organisation's own making says what it must
// (R3). The latest report that counts governs: authentic, by an issuer whom the measure believes,
// about this model or use case, made in or for an environment that the measure accepts.
#pragma once

#include "governance/measures/context.h"

namespace countersign {

[[nodiscard]] Gate EvidenceGate(const Context& context, const EvidenceRequirement& requirement);

}  // namespace countersign
