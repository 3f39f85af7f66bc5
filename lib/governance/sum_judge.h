// sum_judge.h: fairness_judge.h for metrics of sums: the same three outcomes, exact comparisons, no
// intervals. Pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "governance/fairness_judge.h"
#include "governance/sum_metrics.h"

namespace countersign::fairness {

struct NamedSums {
  std::string name;
  GroupSums sums;
  std::optional<Sampling> sampling = std::nullopt;
};

// One judgement for each group but the reference, for each including it when the metric compares
// nothing. Never empty: without the reference, or a group to compare with it, the one judgement is
// Insufficient.
[[nodiscard]] std::vector<Judgement> JudgeSums(const SumMetric& metric,
                                               std::span<const NamedSums> groups,
                                               std::string_view reference,
                                               const Criteria& criteria);

// Why a value that a report declares is not what its sums give, to the digits it is written with as
// in AgreesWithDeclared; empty if it is.
[[nodiscard]] std::string DisagreementOf(const SumMetric& metric, const Decimal& declared,
                                         const NamedSums& group, const NamedSums& reference);

}  // namespace countersign::fairness
