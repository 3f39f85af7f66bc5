// fairness.h: the values of bias metrics, exactly, from counts.
//
// Nothing is rounded: a value is a fraction of counts. What has no value says why (`Undefined`)
// instead of being NaN or infinity: an empty group, a rate without a denominator, a reference rate
// of zero. Declared values of reports are never used here. Pure functions, safe from any thread.
// Whether a value is good enough is fairness_judge.h's to say.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <tl/expected.hpp>

#include "base/rational.h"
#include "governance/confusion_counts.h"
#include "governance/fairness_metrics.h"

namespace countersign::fairness {

enum class UndefinedReason {
  kInvalidCounts,      // negative or beyond kMaxTotal
  kTooFewGroups,       // fewer than two groups to compare
  kWrongKind,          // the metric compares with a reference and none was given
  kEmptyGroup,         // nobody in it
  kNoPositives,        // nobody with the favourable outcome in the label
  kNoNegatives,        // nobody without
  kNoSelections,       // nobody selected
  kReferenceRateZero,  // a ratio to nothing
  kAllRatesZero,       // the smallest and the largest rate are zero
};

struct Undefined {
  UndefinedReason reason = UndefinedReason::kInvalidCounts;
  // Whose counts are at fault: 0 is the group, 1 the reference; the position in the list across
  // groups.
  std::size_t group = 0;
  ConfusionCounts counts;
};

using Value = tl::expected<Rational, Undefined>;

// The rate of one group.
[[nodiscard]] Value RateOf(Rate rate, const ConfusionCounts& counts);

// `metric` of `group` against `reference`. A plain rate looks at `group` alone; a metric across
// groups takes the two as all there are.
[[nodiscard]] Value ValueOf(const Metric& metric, const ConfusionCounts& group,
                            const ConfusionCounts& reference);

// `metric` over all `groups` (the reference is one of them); kWrongKind unless it is AcrossGroups.
[[nodiscard]] Value ValueAcross(const Metric& metric, std::span<const ConfusionCounts> groups);

// Positions of the lowest and the highest rate, the first of equals.
struct Extremes {
  std::size_t lowest = 0;
  std::size_t highest = 0;
};
[[nodiscard]] tl::expected<Extremes, Undefined> ExtremesOf(Rate rate,
                                                           std::span<const ConfusionCounts> groups);

// "NoPositives", for reports.
[[nodiscard]] std::string_view UndefinedReasonName(UndefinedReason reason);

}  // namespace countersign::fairness
