#include "governance/fairness.h"

#include <algorithm>
#include <array>
#include <optional>

namespace countersign::fairness {
namespace {

// Both rates of a comparison.
struct Pair {
  Rational group;
  Rational reference;

  [[nodiscard]] Rational Difference() const { return group - reference; }
};

UndefinedReason NoDenominator(Rate rate) {
  switch (rate) {
    case Rate::kTruePositive:
    case Rate::kFalseNegative: return UndefinedReason::kNoPositives;
    case Rate::kFalsePositive: return UndefinedReason::kNoNegatives;
    case Rate::kPrecision: return UndefinedReason::kNoSelections;
    case Rate::kSelection:
    case Rate::kAccuracy: break;
  }
  return UndefinedReason::kEmptyGroup;
}

Value RateAt(Rate rate, const ConfusionCounts& counts, std::size_t position) {
  const auto undefined = [&](UndefinedReason reason) {
    return tl::unexpected(Undefined{reason, position, counts});
  };
  if (!IsValid(counts)) return undefined(UndefinedReason::kInvalidCounts);
  if (counts.Total() == 0) return undefined(UndefinedReason::kEmptyGroup);
  const Proportion proportion = ProportionOf(rate, counts);
  const auto value = Rational::Fraction(proportion.hits, proportion.of);
  if (!value) return undefined(NoDenominator(rate));
  return *value;
}

tl::expected<Pair, Undefined> RatesOf(Rate rate, const ConfusionCounts& group,
                                      const ConfusionCounts& reference) {
  Value of_group = RateAt(rate, group, 0);
  if (!of_group) return tl::unexpected(of_group.error());
  Value of_reference = RateAt(rate, reference, 1);
  if (!of_reference) return tl::unexpected(of_reference.error());
  return Pair{*of_group, *of_reference};
}

Value Odds(Form form, const ConfusionCounts& group, const ConfusionCounts& reference) {
  const auto true_positive = RatesOf(Rate::kTruePositive, group, reference);
  if (!true_positive) return tl::unexpected(true_positive.error());
  const auto false_positive = RatesOf(Rate::kFalsePositive, group, reference);
  if (!false_positive) return tl::unexpected(false_positive.error());

  const Rational tpr = true_positive->Difference();
  const Rational fpr = false_positive->Difference();
  if (form == Form::kLargestOddsGap) return std::max(fpr.Abs(), tpr.Abs());
  const Rational sum = form == Form::kAverageOdds ? fpr + tpr : fpr.Abs() + tpr.Abs();
  return *Rational::Quotient(sum, Rational(2));
}

Value Across(const Metric& metric, std::span<const ConfusionCounts> groups) {
  const auto extremes = ExtremesOf(metric.rate, groups);
  if (!extremes) return tl::unexpected(extremes.error());
  Value lowest = RateOf(metric.rate, groups[extremes->lowest]);
  Value highest = RateOf(metric.rate, groups[extremes->highest]);
  if (metric.form == Form::kRange) return *highest - *lowest;
  const auto ratio = Rational::Quotient(*lowest, *highest);
  if (!ratio) {
    return tl::unexpected(
        Undefined{UndefinedReason::kAllRatesZero, extremes->highest, groups[extremes->highest]});
  }
  return *ratio;
}

}  // namespace

Value RateOf(Rate rate, const ConfusionCounts& counts) { return RateAt(rate, counts, 0); }

Value ValueOf(const Metric& metric, const ConfusionCounts& group,
              const ConfusionCounts& reference) {
  switch (metric.form) {
    case Form::kRate: return RateOf(metric.rate, group);
    case Form::kDifference: {
      const auto rates = RatesOf(metric.rate, group, reference);
      if (!rates) return tl::unexpected(rates.error());
      return rates->Difference();
    }
    case Form::kRatio: {
      const auto rates = RatesOf(metric.rate, group, reference);
      if (!rates) return tl::unexpected(rates.error());
      const auto ratio = Rational::Quotient(rates->group, rates->reference);
      if (ratio) return *ratio;
      return tl::unexpected(Undefined{UndefinedReason::kReferenceRateZero, 1, reference});
    }
    case Form::kAverageOdds:
    case Form::kAverageAbsoluteOdds:
    case Form::kLargestOddsGap: return Odds(metric.form, group, reference);
    case Form::kRange:
    case Form::kSmallestRatio: return Across(metric, std::array{group, reference});
  }
  return tl::unexpected(Undefined{UndefinedReason::kWrongKind, 0, group});
}

Value ValueAcross(const Metric& metric, std::span<const ConfusionCounts> groups) {
  if (metric.kind() != Kind::kAcrossGroups) {
    return tl::unexpected(Undefined{UndefinedReason::kWrongKind, 0, {}});
  }
  return Across(metric, groups);
}

tl::expected<Extremes, Undefined> ExtremesOf(Rate rate, std::span<const ConfusionCounts> groups) {
  // One group alone would be perfectly fair to itself.
  if (groups.size() < 2) return tl::unexpected(Undefined{UndefinedReason::kTooFewGroups, 0, {}});
  Extremes extremes;
  std::optional<Rational> lowest;
  std::optional<Rational> highest;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    Value value = RateAt(rate, groups[i], i);
    if (!value) return tl::unexpected(value.error());
    if (!lowest || *value < *lowest) {
      lowest = *value;
      extremes.lowest = i;
    }
    if (!highest || *value > *highest) {
      highest = *value;
      extremes.highest = i;
    }
  }
  return extremes;
}

std::string_view UndefinedReasonName(UndefinedReason reason) {
  switch (reason) {
    case UndefinedReason::kInvalidCounts: return "InvalidCounts";
    case UndefinedReason::kTooFewGroups: return "TooFewGroups";
    case UndefinedReason::kWrongKind: return "WrongKind";
    case UndefinedReason::kEmptyGroup: return "EmptyGroup";
    case UndefinedReason::kNoPositives: return "NoPositives";
    case UndefinedReason::kNoNegatives: return "NoNegatives";
    case UndefinedReason::kNoSelections: return "NoSelections";
    case UndefinedReason::kReferenceRateZero: return "ReferenceRateZero";
    case UndefinedReason::kAllRatesZero: return "AllRatesZero";
  }
  return "Unknown";
}

}  // namespace countersign::fairness
