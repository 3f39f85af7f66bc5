// bias_requirement.h: what a measure asks of a BiasTest, part of policy.h. See object.h for
// threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "governance/fairness_bounds.h"
#include "governance/types/common.h"
#include "governance/types/counting.h"

namespace countersign {

struct RequiredAttribute {
  std::string name;
  std::vector<std::string> groups;
  std::string reference;
  std::vector<Decimal> bins;
  std::string unknown_group;
  std::optional<Decimal> min_coverage;
};

struct MetricBound {
  std::string name;
  std::optional<Decimal> min;
  std::optional<Decimal> max;
};

// What labels must be for metrics that need them (all but those of selection).
struct LabelRules {
  std::vector<LabelSource> sources;  // any, if empty
  std::optional<Seconds> min_maturity;
  bool accept_selected_only = false;
};

// What a model that sorts answers into outcomes must show.
struct JudgeRules {
  std::optional<Decimal> min_agreement;  // share of answers on which people agree; 0.8
  std::int64_t min_compared = 30;        // answers of each group that people looked at
  std::vector<std::string> digests;      // any model, if empty
};

struct BiasTestRequirement {
  std::string favorable_outcome;
  std::vector<std::string> also_favorable;  // of several outcomes
  std::vector<std::string> outcomes;        // all; any, if empty
  std::optional<JudgeRules> judge_model;
  std::string unit;        // any, if empty
  std::string error_unit;  // any, if empty
  std::vector<Decimal> score_bins;
  std::optional<LabelRules> labels;
  std::vector<RequiredAttribute> attributes;
  std::vector<std::vector<std::string>> intersections;
  std::vector<MetricBound> metrics;
  fairness::Rule judge = fairness::Rule::kPointEstimate;
  std::optional<Decimal> confidence;
  std::int64_t min_group_size = 100;
  std::int64_t min_positives = 10;
  std::int64_t min_negatives = 10;
  bool independent_of_training = false;
  std::optional<Seconds> max_age;
  std::vector<Subject> issuers;
  Assurance assurance = Assurance::kRequester;
  std::int64_t signers = 1;
};

}  // namespace countersign
