// sum_metrics.h: the bias metrics of counts that are not binary, by name.
//
// A metric compares one statistic of a group's sums with that of the reference group. Some
// statistics have a part for each class. Constant data and pure functions; values are exact
// fractions. Binary metrics are in fairness_metrics.h: outcomes of several classes have those too,
// with the classes that policy favours as the positive one.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "governance/group_sums.h"

namespace countersign::fairness {

// What is computed of one group.
enum class Statistic {
  kExactAccuracy,     // share whose outcome is the label
  kClassAccuracy,     // by class: share of those with that label who got it as outcome
  kOutcomeShare,      // by class: share who got that outcome
  kCalibrationError,  // mean gap between score and share of positives, over the bins
  kMeanError,         // of prediction - truth
  kMeanAbsoluteError,
  kMeanSquaredError,
  kExposure,          // of an item
  kExposurePerMerit,  // exposure for a unit of relevance
};

// How the statistics of group and reference give the value.
enum class SumForm {
  kOwn,                // the group's own
  kLowest,             // the smallest of the group's own parts
  kDifference,         // group - reference
  kLargestDifference,  // the largest |group - reference| of the parts
  kRatio,              // group / reference
  kRootRatio,          // sqrt(group / reference), compared by its square
};

struct SumMetric {
  std::string_view name;  // as in a policy: lowerCamelCase
  CountShape shape;       // the least that it is computed from
  Statistic statistic;
  SumForm form;
  std::optional<int> least;  // its range; none: no limit
  std::optional<int> most;
  std::optional<int> ideal;  // the value of a perfectly fair model; none for a group's own
  bool needs_labels;
  std::string_view formula;
  std::string_view description;
  std::string_view source;

  [[nodiscard]] bool compares() const { return form != SumForm::kOwn && form != SumForm::kLowest; }
};

inline constexpr std::size_t kSumMetricCount = 11;
extern const std::array<SumMetric, kSumMetricCount> kSumMetrics;

// nullptr when there is no such metric; a binary one is not among them.
[[nodiscard]] const SumMetric* FindSumMetric(std::string_view name);

// "mean squared error", for messages.
[[nodiscard]] std::string_view StatisticName(Statistic statistic);
// "Difference", for documentation and messages.
[[nodiscard]] std::string_view SumFormName(SumForm form);

// Whether a metric of that name, binary or not, is computed from such counts. Where labels are
// missing, it may be one that needs them: then it is Insufficient, not out of place.
[[nodiscard]] bool Serves(CountShape shape, std::string_view metric);

// A statistic's parts by class; one without a name, where it has none.
struct Part {
  std::string name;
  Rational value;
};
// Or why there is no value: "nobody has the label 'refused'".
using Parts = tl::expected<std::vector<Part>, std::string>;
[[nodiscard]] Parts PartsOf(Statistic statistic, const GroupSums& sums);

}  // namespace countersign::fairness
