#include "governance/sum_metrics.h"

#include <algorithm>

#include "governance/fairness_metrics.h"

namespace countersign::fairness {
namespace {

Parts ClassAccuracies(const GroupSums& sums) {
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> classes;  // right, all
  for (const auto& [entry, count] : sums.matrix) {
    auto& [right, all] = classes[entry.first];
    all += count;
    if (entry.first == entry.second) right += count;
  }
  std::vector<Part> parts;
  for (const auto& [name, counts] : classes) {
    const auto share = Rational::Fraction(counts.first, counts.second);
    if (!share) return tl::unexpected("nobody has the label '" + name + "'");
    parts.push_back({name, *share});
  }
  if (parts.empty()) return tl::unexpected(std::string("there are no labels"));
  return parts;
}

Parts OutcomeShares(const GroupSums& sums) {
  std::vector<Part> parts;
  for (const auto& [name, count] : sums.outcomes) {
    const auto share = Rational::Fraction(count, sums.n);
    if (!share) return tl::unexpected(std::string("there is nobody"));
    parts.push_back({name, *share});
  }
  if (parts.empty()) return tl::unexpected(std::string("there are no outcomes"));
  return parts;
}

Parts Single(const std::optional<Rational>& value, const char* why_not) {
  if (!value) return tl::unexpected(std::string(why_not));
  return std::vector<Part>{{"", *value}};
}

Parts ExactAccuracy(const GroupSums& sums) {
  std::int64_t right = 0;
  for (const auto& [entry, count] : sums.matrix) {
    if (entry.first == entry.second) right += count;
  }
  return Single(Rational::Fraction(right, sums.n), "there is nobody");
}

Parts MeanOf(const Rational& sum, const GroupSums& sums) {
  return Single(Rational::Quotient(sum, Rational(sums.n)), "there is nobody");
}

// sum_b n_b / n |positives_b / n_b - scores_b / n_b|: the bins' sizes cancel.
Parts CalibrationError(const GroupSums& sums) {
  Rational gaps;
  for (const ScoreBinSums& bin : sums.bins) {
    gaps = gaps + (Rational(bin.positives) - bin.scores).Abs();
  }
  return MeanOf(gaps, sums);
}

}  // namespace

constexpr std::array<SumMetric, kSumMetricCount> kSumMetrics = {{
    {"exactAccuracyDifference", CountShape::kMatrix, Statistic::kExactAccuracy,
     SumForm::kDifference, -1, 1, 0, true, "sum_k M_g[k,k] / n_g - sum_k M_r[k,k] / n_r",
     "Share of the group whose outcome is the label, of all classes, minus that of the reference. "
     "Signed.",
     "Berk et al. 2018, overall accuracy equality; Fairlearn MetricFrame of accuracy_score"},
    {"classAccuracyDifference", CountShape::kMatrix, Statistic::kClassAccuracy,
     SumForm::kLargestDifference, 0, 1, 0, true,
     "max_k |M_g[k,k] / M_g[k,.] - M_r[k,k] / M_r[k,.]|",
     "Largest difference, over all classes, in the share of those with the label who got it as "
     "outcome: equal opportunity for every class. Unsigned.",
     "Hardt, Price and Srebro 2016, for several classes as in Putzel and Lee 2022 (CEUR-WS 3087)"},
    {"lowestClassAccuracy", CountShape::kMatrix, Statistic::kClassAccuracy, SumForm::kLowest, 0, 1,
     std::nullopt, true, "min_k M_g[k,k] / M_g[k,.]",
     "The group's share of right outcomes in the class that is got right least often.",
     "scikit-learn recall_score(average=None), its minimum"},
    {"outcomeShareDifference", CountShape::kOutcomes, Statistic::kOutcomeShare,
     SumForm::kLargestDifference, 0, 1, 0, false, "max_k |O_g[k] / n_g - O_r[k] / n_r|",
     "Largest difference, over all outcomes, in the share of the group that gets it: of answers "
     "refused, harmful, evasive… Unsigned.",
     "Statistical parity for every outcome; Fairlearn MetricFrame of selection_rate per class"},
    {"expectedCalibrationError", CountShape::kScoreBins, Statistic::kCalibrationError,
     SumForm::kOwn, 0, 1, 0, true, "sum_b |Y_gb - S_gb| / n_g",
     "Mean distance, over the bins, between the group's scores and its share of positives.",
     "Naeini, Cooper and Hauskrecht 2015 (AAAI); Guo et al. 2017 (ICML)"},
    {"expectedCalibrationErrorDifference", CountShape::kScoreBins, Statistic::kCalibrationError,
     SumForm::kDifference, -1, 1, 0, true, "sum_b |Y_gb - S_gb| / n_g - sum_b |Y_rb - S_rb| / n_r",
     "How much worse scores are calibrated for the group than for the reference. Signed: above 0 "
     "they are worse.",
     "Calibration within groups, Kleinberg, Mullainathan and Raghavan 2017, by the error of Naeini "
     "et al. 2015"},
    {"meanErrorDifference", CountShape::kErrors, Statistic::kMeanError, SumForm::kDifference,
     std::nullopt, std::nullopt, 0, true, "sum e_g / n_g - sum e_r / n_r, e = prediction - truth",
     "How much more the group is over-estimated than the reference, in the unit of what is "
     "estimated. Signed.",
     "Calders et al. 2013 (ICDM), balanced residuals; Fairlearn MetricFrame of mean error"},
    {"meanAbsoluteErrorRatio", CountShape::kErrors, Statistic::kMeanAbsoluteError, SumForm::kRatio,
     0, std::nullopt, 1, true, "(sum |e_g| / n_g) / (sum |e_r| / n_r)",
     "Mean absolute error for the group relative to the reference.",
     "Agarwal, Dudik and Wu 2019 (ICML), bounded group loss; Fairlearn "
     "MetricFrame of mean_absolute_error"},
    {"rootMeanSquaredErrorRatio", CountShape::kErrors, Statistic::kMeanSquaredError,
     SumForm::kRootRatio, 0, std::nullopt, 1, true, "sqrt((sum e_g^2 / n_g) / (sum e_r^2 / n_r))",
     "Root mean squared error for the group relative to the reference.",
     "Agarwal, Dudik and Wu 2019 (ICML), bounded group loss; Fairlearn MetricFrame of "
     "root_mean_squared_error"},
    {"exposureRatio", CountShape::kRanking, Statistic::kExposure, SumForm::kRatio, 0, std::nullopt,
     1, false, "(E_g / n_g) / (E_r / n_r)",
     "Mean exposure of the group's items in rankings relative to the reference's.",
     "Singh and Joachims 2018 (KDD), demographic parity of exposure"},
    {"exposurePerMeritRatio", CountShape::kRanking, Statistic::kExposurePerMerit, SumForm::kRatio,
     0, std::nullopt, 1, true, "(E_g / U_g) / (E_r / U_r)",
     "Exposure of the group's items for their relevance, relative to the reference's.",
     "Singh and Joachims 2018 (KDD), disparate treatment ratio"},
}};

const SumMetric* FindSumMetric(std::string_view name) {
  const auto* found = std::find_if(kSumMetrics.begin(), kSumMetrics.end(),
                                   [name](const SumMetric& metric) { return metric.name == name; });
  return found == kSumMetrics.end() ? nullptr : found;
}

std::string_view SumFormName(SumForm form) {
  switch (form) {
    case SumForm::kOwn: return "Own";
    case SumForm::kLowest: return "Lowest";
    case SumForm::kDifference: return "Difference";
    case SumForm::kLargestDifference: return "LargestDifference";
    case SumForm::kRatio: return "Ratio";
    case SumForm::kRootRatio: return "RootRatio";
  }
  return "Unknown";
}

bool Serves(CountShape shape, std::string_view metric) {
  const SumMetric* sum = FindSumMetric(metric);
  if (sum == nullptr) {
    const bool decides = shape == CountShape::kBinary || shape == CountShape::kSelected ||
                         shape == CountShape::kOutcomes || shape == CountShape::kMatrix;
    return decides && FindMetric(metric) != nullptr;
  }
  return shape == sum->shape ||
         (shape == CountShape::kMatrix && sum->shape == CountShape::kOutcomes);
}

std::string_view StatisticName(Statistic statistic) {
  switch (statistic) {
    case Statistic::kExactAccuracy: return "exact accuracy";
    case Statistic::kClassAccuracy: return "class accuracy";
    case Statistic::kOutcomeShare: return "share";
    case Statistic::kCalibrationError: return "calibration error";
    case Statistic::kMeanError: return "mean error";
    case Statistic::kMeanAbsoluteError: return "mean absolute error";
    case Statistic::kMeanSquaredError: return "mean squared error";
    case Statistic::kExposure: return "exposure of an item";
    case Statistic::kExposurePerMerit: return "exposure per merit";
  }
  return "unknown statistic";
}

Parts PartsOf(Statistic statistic, const GroupSums& sums) {
  switch (statistic) {
    case Statistic::kExactAccuracy: return ExactAccuracy(sums);
    case Statistic::kClassAccuracy: return ClassAccuracies(sums);
    case Statistic::kOutcomeShare: return OutcomeShares(sums);
    case Statistic::kCalibrationError: return CalibrationError(sums);
    case Statistic::kMeanError: return MeanOf(sums.errors, sums);
    case Statistic::kMeanAbsoluteError: return MeanOf(sums.absolute_errors, sums);
    case Statistic::kMeanSquaredError: return MeanOf(sums.squared_errors, sums);
    case Statistic::kExposure: return MeanOf(sums.exposure, sums);
    case Statistic::kExposurePerMerit:
      return Single(Rational::Quotient(sums.exposure, sums.merit), "there is no merit");
  }
  return tl::unexpected(std::string("nobody knows it"));
}

}  // namespace countersign::fairness
