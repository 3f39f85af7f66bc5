// fairness_bounds.h: what a policy demands of a metric's value, and whether that makes sense.
//
// Bounds are decimals and inclusive: exactly 0.8 passes "min: 0.8". Values are compared with them
// as fractions; only intervals, which are irrational, are compared as doubles. Pure functions.
// `CheckBounds` is meant for the admission of policies; the judge asks it again and passes nothing
// under bounds that it refuses.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/decimal.h"
#include "base/rational.h"
#include "base/result.h"
#include "governance/fairness_interval.h"
#include "governance/fairness_metrics.h"
#include "governance/sum_metrics.h"

namespace countersign::fairness {

struct Bounds {
  std::optional<Decimal> min{};
  std::optional<Decimal> max{};
};

// Which part of what is known must satisfy the bounds.
enum class Rule {
  kPointEstimate,     // the value in the sample; the default
  kWholeInterval,     // the value and the whole confidence interval: enough data to be sure
  kNotWhollyOutside,  // some of the interval: fails only what is surely out of bounds
};
// "PointEstimate", "WholeInterval", "NotWhollyOutside", as in a policy.
[[nodiscard]] std::string_view RuleName(Rule rule);
[[nodiscard]] std::optional<Rule> ParseRule(std::string_view name);

// Fails (kInvalidArgument, path "min", "max", "judge" or none) when there is no bound, when the
// bounds exclude each other, the ideal value or the metric's range, when every value would satisfy
// them, and when `rule` needs an interval that the metric does not have.
[[nodiscard]] Status CheckBounds(const Metric& metric, const Bounds& bounds, Rule rule);
[[nodiscard]] Status CheckBounds(const SumMetric& metric, const Bounds& bounds, Rule rule);

enum class Place { kBelow, kWithin, kAbove };
// Exact.
[[nodiscard]] Place PlaceOf(const Rational& value, const Bounds& bounds);

[[nodiscard]] bool WhollyInside(const Interval& interval, const Bounds& bounds);
// Where an interval lies that has no point within the bounds; kWithin when it has one.
[[nodiscard]] Place PlaceOf(const Interval& interval, const Bounds& bounds);

// "0.8 to 1.25", "at least 0.8", "at most 0.1".
[[nodiscard]] std::string BoundsText(const Bounds& bounds);

// `value` with four decimals, or with as many more as it takes to stand on the right side of the
// bounds: 0.79996 against a minimum of 0.8 is "0.79996", not "0.8000". When nine decimals do not
// tell them apart the fraction follows in brackets.
[[nodiscard]] std::string ValueText(const Rational& value, const Bounds& bounds);

}  // namespace countersign::fairness
