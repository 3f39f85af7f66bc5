// reproducibility.h: whether the model can be made again, and whether somebody has. Pure.
#pragma once

#include "governance/measures/context.h"

namespace countersign {

// The measure `require.reproducibility`. The latest snapshot of a believed issuer for this very
// model governs; repetitions are snapshots that name it in `reproductionOf`.
[[nodiscard]] Gate ReproducibilityGate(const Context& context,
                                       const ReproducibilityRequirement& requirement);

}  // namespace countersign
