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
}};

const SumMetric* FindSumMetric(std::string_view name) {
  const auto* found = std::find_if(kSumMetrics.begin(), kSumMetrics.end(),
                                   [name](const SumMetric& metric) { return metric.name == name; });
  return found == kSumMetrics.end() ? nullptr : found;
}

std::string_view SumFormName(SumForm form) {
  switch (form) {
    case SumForm::kLowest: return "Lowest";
    case SumForm::kDifference: return "Difference";
    case SumForm::kLargestDifference: return "LargestDifference";
  }
  return "Unknown";
}

bool Serves(CountShape shape, std::string_view metric) {
  const SumMetric* sum = FindSumMetric(metric);
  if (sum == nullptr) return FindMetric(metric) != nullptr;
  return shape == sum->shape ||
         (shape == CountShape::kMatrix && sum->shape == CountShape::kOutcomes);
}

Parts PartsOf(Statistic statistic, const GroupSums& sums) {
  switch (statistic) {
    case Statistic::kExactAccuracy: return ExactAccuracy(sums);
    case Statistic::kClassAccuracy: return ClassAccuracies(sums);
    case Statistic::kOutcomeShare: return OutcomeShares(sums);
  }
  return tl::unexpected(std::string("nobody knows it"));
}

}  // namespace countersign::fairness
