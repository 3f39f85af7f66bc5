// bias_requirement.h: what measures may ask of a BiasTest, described once (base/describe.h). For
// policy.cc alone, by way of requirements.h.
#pragma once

#include "governance/types/bias_requirement.h"
#include "governance/types/describe/fields.h"

namespace countersign {

template <>
struct EnumNames<fairness::Rule> {
  static constexpr std::pair<fairness::Rule, std::string_view> kNames[] = {
      {fairness::Rule::kPointEstimate, "PointEstimate"},
      {fairness::Rule::kWholeInterval, "WholeInterval"},
      {fairness::Rule::kNotWhollyOutside, "NotWhollyOutside"}};
};

template <class V>
void Describe(V& v, RequiredAttribute& a) {
  v.Field({.name = "name",
           .doc = "Name of the attribute.",
           .required = true,
           .format = Format::kIdentifier,
           .length = 63},
          a.name);
  v.Field({.name = "groups",
           .doc = "All groups that must be tested; one that is left out is missing "
                  "evidence.",
           .required = true,
           .format = Format::kToken,
           .min = 2,
           .max = 32,
           .length = 63,
           .list = ListType::kSet},
          a.groups);
  v.Field({.name = "reference",
           .doc = "The group that the others are compared with.",
           .required = true,
           .format = Format::kToken,
           .length = 63},
          a.reference);
  v.Field({.name = "bins",
           .doc = "Inner boundaries of a binned number, ascending decimals; the "
                  "test must have used the same.",
           .max = 32},
          a.bins);
  v.Field({.name = "unknownGroup",
           .doc = "Group of the people whose value is not known. They are counted, not judged.",
           .format = Format::kToken,
           .length = 63},
          a.unknown_group);
  v.Field({.name = "minCoverage",
           .doc = "Least share of people whose value is known, a decimal between 0 and 1. Default "
                  "0.95 where there is an unknownGroup."},
          a.min_coverage);
}

template <class V>
void Describe(V& v, MetricBound& m) {
  v.Field({.name = "name",
           .doc = "Name of the metric: see docs/reference/fairness-metrics.md for all of them with "
                  "formulae and sources.",
           .required = true,
           .format = Format::kIdentifier,
           .length = 63},
          m.name);
  v.Field({.name = "min", .doc = "Least allowed value, inclusive, a decimal."}, m.min);
  v.Field({.name = "max", .doc = "Greatest allowed value, inclusive, a decimal."}, m.max);
}

template <class V>
void Describe(V& v, LabelRules& l) {
  v.Field({.name = "sources",
           .doc = "Where labels may come from: ObservedOutcome, HumanAnnotation, ModelJudge or "
                  "Proxy. Any, if left out.",
           .max = 4,
           .list = ListType::kSet},
          l.sources);
  v.Field(
      {.name = "minMaturity",
       .doc = "How long after the decision outcomes must have been waited for, for example 365d: "
              "younger labels are Insufficient."},
      l.min_maturity);
  v.Field({.name = "acceptSelectedOnly",
           .doc = "Whether labels of those alone whom somebody selected before are enough."},
          l.accept_selected_only);
}

template <class V>
void Describe(V& v, JudgeRules& j) {
  v.Field({.name = "minAgreement",
           .doc = "Least share of answers on which people agree with the model, in every group, a "
                  "decimal between 0 and 1. Default 0.8."},
          j.min_agreement);
  v.Field(
      {.name = "minCompared",
       .doc = "Fewest answers of every group that people have looked at, 1 to 10^9. Default 30.",
       .min = 1,
       .max = 1'000'000'000},
      j.min_compared);
  v.Field({.name = "digests",
           .doc = "Digests of the models that are accepted as judge. Any, if left out.",
           .format = Format::kSha256,
           .max = 32,
           .length = 71,
           .list = ListType::kSet},
          j.digests);
}

template <class V>
void Describe(V& v, BiasTestRequirement& r) {
  v.Field(
      {.name = "favorableOutcome",
       .doc = "The outcome people hope for; the positive class. Not needed by metrics of errors "
              "and of exposure alone.",
       .format = Format::kToken,
       .length = 63},
      r.favorable_outcome);
  v.Field({.name = "alsoFavorable",
           .doc = "Further outcomes that count as favourable, where a test counts several.",
           .format = Format::kToken,
           .max = 31,
           .length = 63,
           .list = ListType::kSet},
          r.also_favorable);
  v.Field({.name = "outcomes",
           .doc = "All outcomes that there are, where a test counts several. Needed by metrics of "
                  "single outcomes: merged ones would hide what happens in one.",
           .format = Format::kToken,
           .max = 32,
           .length = 63,
           .list = ListType::kSet},
          r.outcomes);
  v.Field({.name = "judgeModel",
           .doc = "What a model that sorts answers into outcomes must show. With it, answers must "
                  "have been sorted by such a model or by people (HumanAnnotation)."},
          r.judge_model);
  v.Field({.name = "unit",
           .doc = "What one count must be, for example person or decision.",
           .format = Format::kToken,
           .length = 63},
          r.unit);
  v.Field({.name = "errorUnit",
           .doc = "The unit that errors of a regression must be in, for example EUR. Needed by "
                  "meanErrorDifference, whose bounds are in it.",
           .format = Format::kToken,
           .length = 63},
          r.error_unit);
  v.Field({.name = "scoreBins",
           .doc = "Inner boundaries of the bins of a score, ascending decimals between 0 and 1, "
                  "which the test must have used. Needed by metrics of calibration.",
           .max = 32},
          r.score_bins);
  v.Field({.name = "labels", .doc = "What labels must be, for metrics that need them."}, r.labels);
  v.Field({.name = "attributes",
           .doc = "Attributes and groups to be tested.",
           .required = true,
           .min = 1,
           .max = 8,
           .list = ListType::kMap,
           .list_key = "name"},
          r.attributes);
  v.Field({.name = "intersections",
           .doc = "Sets of attributes whose combinations are judged as groups of their own.",
           .format = Format::kIdentifier,
           .max = 8,
           .length = 63},
          r.intersections);
  v.Field({.name = "metrics",
           .doc = "Metrics and their bounds.",
           .required = true,
           .min = 1,
           .max = kMaxMetrics,
           .list = ListType::kMap,
           .list_key = "name"},
          r.metrics);
  v.Field({.name = "judge",
           .doc = "What must lie within the bounds: PointEstimate (the value), WholeInterval (the "
                  "whole confidence interval too) or NotWhollyOutside (some of the interval). "
                  "Default PointEstimate."},
          r.judge);
  v.Field({.name = "confidence", .doc = "Confidence level: 0.9, 0.95 or 0.99. Default 0.95."},
          r.confidence);
  v.Field({.name = "minGroupSize",
           .doc = "Fewest people in a group for it to be judged, 1 to 10^9. Default 100.",
           .min = 1,
           .max = 1'000'000'000},
          r.min_group_size);
  v.Field(
      {.name = "minPositives",
       .doc = "Fewest people with the favourable label in a group, where the metric needs them, "
              "1 to 10^9. Default 10.",
       .min = 1,
       .max = 1'000'000'000},
      r.min_positives);
  v.Field(
      {.name = "minNegatives",
       .doc = "Fewest people with the other label in a group, where the metric needs them, 1 to "
              "10^9. Default 10.",
       .min = 1,
       .max = 1'000'000'000},
      r.min_negatives);
  v.Field({.name = "independentOfTraining",
           .doc = "Whether the test data must be others than the model was made from: their digest "
                  "is none that a ReproducibilitySnapshot of the model names as Training or "
                  "Validation data."},
          r.independent_of_training);
  v.Field(MaxAgeField(), r.max_age);
  v.Field(IssuersField(), r.issuers);
  v.Field(AssuranceField(), r.assurance);
  v.Field(SignersField(), r.signers);
}

}  // namespace countersign
