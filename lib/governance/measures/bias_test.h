// bias_test.h: whether the model treats groups alike within the policy's bounds. Pure.
#pragma once

#include "governance/measures/context.h"

namespace countersign {

// The measure `require.biasTest`. Of every protocol and data set the latest result of a believed
// issuer governs, and all of these must pass: there is no choosing the best of many runs. Metrics
// are computed from the counts (governance/fairness_judge.h).
[[nodiscard]] Gate BiasTestGate(const Context& context, const BiasTestRequirement& requirement);

}  // namespace countersign
