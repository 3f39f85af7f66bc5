#include "governance/fairness_metrics.h"

#include <algorithm>

namespace countersign::fairness {

// Tool names are those of AIF360 0.6, Fairlearn 0.15 and Aequitas 1.0; the unit tests compare
// values.
constexpr std::array<Metric, kMetricCount> kMetrics = {{
    {"selectionRate", Form::kRate, Rate::kSelection, std::nullopt, "(tp_g + fp_g) / n_g",
     "Share of the group that the model gives the favourable outcome.",
     "Fairlearn selection_rate; AIF360 selection_rate; Aequitas pprev"},
    {"statisticalParityDifference", Form::kDifference, Rate::kSelection, 0, "sel_g - sel_r",
     "Selection rate of the group minus that of the reference. Signed: below 0 the group is "
     "selected less often.",
     "Calders and Verwer 2010; AIF360 statistical_parity_difference; TrustyAI SPD"},
    {"disparateImpact", Form::kRatio, Rate::kSelection, 1, "sel_g / sel_r",
     "Selection rate of the group relative to the reference. The four-fifths rule asks for at "
     "least 0.8.",
     "29 CFR 1607.4(D); Feldman et al. 2015; AIF360 disparate_impact; Aequitas pprev_disparity "
     "(not its ppr_disparity, which scales with group size)"},
    {"equalOpportunityDifference", Form::kDifference, Rate::kTruePositive, 0, "TPR_g - TPR_r",
     "True positive rate of the group minus that of the reference. Signed: below 0, people of the "
     "group who deserve the favourable outcome get it less often.",
     "Hardt, Price and Srebro 2016; AIF360 equal_opportunity_difference"},
    {"averageOddsDifference", Form::kAverageOdds, Rate::kTruePositive, 0,
     "((FPR_g - FPR_r) + (TPR_g - TPR_r)) / 2",
     "Mean of the signed differences in false and true positive rate. Opposite differences cancel, "
     "so 0 does not mean equal odds; averageAbsoluteOddsDifference does not cancel.",
     "AIF360 average_odds_difference"},
    {"averageAbsoluteOddsDifference", Form::kAverageAbsoluteOdds, Rate::kTruePositive, 0,
     "(|FPR_g - FPR_r| + |TPR_g - TPR_r|) / 2",
     "Mean of the sizes of the differences in false and true positive rate. Unsigned.",
     "AIF360 average_abs_odds_difference"},
    {"equalizedOddsDifference", Form::kLargestOddsGap, Rate::kTruePositive, 0,
     "max(|FPR_g - FPR_r|, |TPR_g - TPR_r|)",
     "The larger of the differences in false and true positive rate. Unsigned.",
     "Hardt, Price and Srebro 2016; AIF360 equalized_odds_difference; Fairlearn "
     "equalized_odds_difference of two groups"},
    {"falsePositiveRateRatio", Form::kRatio, Rate::kFalsePositive, 1, "FPR_g / FPR_r",
     "False positive rate of the group relative to the reference.",
     "AIF360 false_positive_rate_ratio; Aequitas fpr_disparity"},
    {"falseNegativeRateRatio", Form::kRatio, Rate::kFalseNegative, 1, "FNR_g / FNR_r",
     "False negative rate of the group relative to the reference.",
     "AIF360 false_negative_rate_ratio; Aequitas fnr_disparity"},
    {"falsePositiveRateDifference", Form::kDifference, Rate::kFalsePositive, 0, "FPR_g - FPR_r",
     "False positive rate of the group minus that of the reference. Signed.",
     "AIF360 false_positive_rate_difference"},
    {"falseNegativeRateDifference", Form::kDifference, Rate::kFalseNegative, 0, "FNR_g - FNR_r",
     "False negative rate of the group minus that of the reference. Signed; the negative of "
     "equalOpportunityDifference.",
     "AIF360 false_negative_rate_difference"},
    {"predictiveParityDifference", Form::kDifference, Rate::kPrecision, 0, "PPV_g - PPV_r",
     "Precision for the group minus that for the reference. Signed.",
     "Chouldechova 2017; the negative of AIF360 false_discovery_rate_difference"},
    {"predictiveParityRatio", Form::kRatio, Rate::kPrecision, 1, "PPV_g / PPV_r",
     "Precision for the group relative to the reference.",
     "Chouldechova 2017; Aequitas precision_disparity"},
    {"accuracyDifference", Form::kDifference, Rate::kAccuracy, 0, "acc_g - acc_r",
     "Accuracy for the group minus that for the reference. Signed.",
     "Berk et al. 2018, overall accuracy equality; the negative of AIF360 error_rate_difference"},
    {"demographicParityDifference", Form::kRange, Rate::kSelection, 0, "max(sel) - min(sel)",
     "Largest minus smallest selection rate over all groups, the reference included. Unsigned.",
     "Fairlearn demographic_parity_difference"},
    {"demographicParityRatio", Form::kSmallestRatio, Rate::kSelection, 1, "min(sel) / max(sel)",
     "Smallest over largest selection rate over all groups, the reference included. Never above 1.",
     "Fairlearn demographic_parity_ratio"},
}};

Kind Metric::kind() const {
  switch (form) {
    case Form::kRate: return Kind::kGroupRate;
    case Form::kDifference:
    case Form::kAverageOdds: return Kind::kPairwiseSigned;
    case Form::kRatio: return Kind::kRatio;
    case Form::kAverageAbsoluteOdds:
    case Form::kLargestOddsGap: return Kind::kPairwiseUnsigned;
    case Form::kRange:
    case Form::kSmallestRatio: break;
  }
  return Kind::kAcrossGroups;
}

bool Metric::compares_odds() const {
  return form == Form::kAverageOdds || form == Form::kAverageAbsoluteOdds ||
         form == Form::kLargestOddsGap;
}

bool Metric::needs_labels() const { return compares_odds() || rate != Rate::kSelection; }

Needs Metric::needs() const {
  if (compares_odds()) return {.positives = true, .negatives = true};
  return {.positives = rate == Rate::kTruePositive || rate == Rate::kFalseNegative,
          .negatives = rate == Rate::kFalsePositive,
          .selections = rate == Rate::kPrecision};
}

IntervalMethod Metric::interval() const {
  switch (form) {
    case Form::kRate: return IntervalMethod::kWilson;
    case Form::kDifference: return IntervalMethod::kNewcombe;
    case Form::kRatio: return IntervalMethod::kKatz;
    // Two dependent rates, or a choice of groups made by looking at the data: no closed form holds.
    case Form::kAverageOdds:
    case Form::kAverageAbsoluteOdds:
    case Form::kLargestOddsGap:
    case Form::kRange:
    case Form::kSmallestRatio: break;
  }
  return IntervalMethod::kNone;
}

const Metric* FindMetric(std::string_view name) {
  const auto* found = std::find_if(kMetrics.begin(), kMetrics.end(),
                                   [name](const Metric& metric) { return metric.name == name; });
  return found == kMetrics.end() ? nullptr : found;
}

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kGroupRate: return "GroupRate";
    case Kind::kPairwiseSigned: return "PairwiseSigned";
    case Kind::kPairwiseUnsigned: return "PairwiseUnsigned";
    case Kind::kRatio: return "Ratio";
    case Kind::kAcrossGroups: return "AcrossGroups";
  }
  return "Unknown";
}

std::string_view IntervalMethodName(IntervalMethod method) {
  switch (method) {
    case IntervalMethod::kNone: return "None";
    case IntervalMethod::kWilson: return "Wilson";
    case IntervalMethod::kNewcombe: return "Newcombe";
    case IntervalMethod::kKatz: return "Katz";
  }
  return "Unknown";
}

}  // namespace countersign::fairness
