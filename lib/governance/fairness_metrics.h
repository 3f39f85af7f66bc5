// fairness_metrics.h: the bias metrics that a policy can ask for, by name.
//
// One table says what each metric is: how it is formed, from which rate, where perfect fairness
// lies, and where the definition comes from. Signed and unsigned variants are different metrics
// with different names, because tools that share a name differ here (Fairlearn's differences are
// unsigned and know no reference group, AIF360's are signed and pairwise). Constant data and pure
// functions. The values are computed in fairness.h.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "governance/confusion_counts.h"

namespace countersign::fairness {

// How a metric is formed from rates. g is the group under test, r the reference group.
enum class Form {
  kRate,                 // rate_g
  kDifference,           // rate_g - rate_r
  kRatio,                // rate_g / rate_r
  kAverageOdds,          // ((FPR_g - FPR_r) + (TPR_g - TPR_r)) / 2
  kAverageAbsoluteOdds,  // (|FPR_g - FPR_r| + |TPR_g - TPR_r|) / 2
  kLargestOddsGap,       // max(|FPR_g - FPR_r|, |TPR_g - TPR_r|)
  kRange,                // max - min of the rate over all groups
  kSmallestRatio,        // min / max of the rate over all groups
};

// What kind of number results, and what it is about.
enum class Kind {
  kGroupRate,         // one group alone, 0 to 1
  kPairwiseSigned,    // group against reference, -1 to 1, negative: the group has less
  kPairwiseUnsigned,  // group against reference, 0 to 1
  kRatio,             // group against reference, 0 upwards
  kAcrossGroups,      // all groups together, 0 to 1, no reference
};

// The closed-form confidence interval of a metric; sources in fairness_interval.h.
enum class IntervalMethod { kNone, kWilson, kNewcombe, kKatz };

// Which people a group must have for the metric to say anything, beyond having members at all.
struct Needs {
  bool positives = false;
  bool negatives = false;
  bool selections = false;
};

struct Metric {
  std::string_view name;  // as in a policy: lowerCamelCase
  Form form;
  Rate rate;                 // the rate compared; the odds forms compare TPR and FPR, both
  std::optional<int> ideal;  // the value of a perfectly fair model; none for a plain rate
  std::string_view formula;
  std::string_view description;
  std::string_view source;

  [[nodiscard]] Kind kind() const;
  [[nodiscard]] Needs needs() const;
  [[nodiscard]] IntervalMethod interval() const;
  [[nodiscard]] bool compares_odds() const;
  // Whether it asks who deserved the outcome, and not only who got it.
  [[nodiscard]] bool needs_labels() const;
};

inline constexpr std::size_t kMetricCount = 16;
extern const std::array<Metric, kMetricCount> kMetrics;

// nullptr when there is no such metric. Names are exact: no aliases, no case folding.
[[nodiscard]] const Metric* FindMetric(std::string_view name);

// "PairwiseSigned", "Newcombe"…, for documentation and reports.
[[nodiscard]] std::string_view KindName(Kind kind);
[[nodiscard]] std::string_view IntervalMethodName(IntervalMethod method);

}  // namespace countersign::fairness
