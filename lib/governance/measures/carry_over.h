// carry_over.h: lets evidence about an earlier model count for the next one, within the policy's
// bounds (design, "Change is normal"). Pure.
//
// It counts only where nothing believed exists about the new model, where every kind of change
// since is one that the measure lists, and where each model in between ran healthily in this
// environment and is neither rejected nor quarantined. How many changes and how much time may have
// passed since the evidence, spec.changes of the policy says.
#pragma once

#include <functional>

#include "governance/measures/context.h"

namespace countersign {

// `gate` as it is, or as the measure judges it for an earlier model when that may count; with a
// word about why nothing is carried over when the snapshots name a model before. `run` judges the
// measure for another context.model.
[[nodiscard]] Gate ApplyCarryOver(const Context& context, Gate gate,
                                  const std::function<Gate(const Context&)>& run);

}  // namespace countersign
