// fairness_sample_size.h: how much data a `WholeInterval` rule would need.
//
// Advice, not a verdict: it assumes that more data would show the same rates in the same
// proportions of group and reference, which is the only thing that can be assumed. Pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "governance/confusion_counts.h"
#include "governance/fairness_bounds.h"
#include "governance/fairness_interval.h"
#include "governance/fairness_metrics.h"

namespace countersign::fairness {

// More than a million times the data is not advice any more: the value is too close to the bound.
inline constexpr double kMaxGrowth = 1e6;

// How many of what the metric's rate is a share of (DenominatorName: members, positives, …) each
// side would need; for a plain rate the reference's number is zero.
struct SampleSize {
  std::int64_t group = 0;
  std::int64_t reference = 0;
};

// About how large both sides would have to be, grown alike, for the whole interval to lie within
// `bounds` at the present point estimate; the present sizes when it does already. nullopt when no
// size would do (the estimate is on or outside of a bound, or all but on it) and when the metric
// has no interval here.
[[nodiscard]] std::optional<SampleSize> RequiredSampleSize(const Metric& metric,
                                                           const ConfusionCounts& group,
                                                           const ConfusionCounts& reference,
                                                           const Bounds& bounds,
                                                           Confidence confidence);

}  // namespace countersign::fairness
