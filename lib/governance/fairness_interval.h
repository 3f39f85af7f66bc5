// fairness_interval.h: closed-form confidence intervals for rates, their differences and ratios.
//
// Closed forms, because a verdict must be the same for everybody who computes it: a bootstrap would
// need a shared random stream. They speak of chance in the sample alone, not of a biased sample.
// Intervals are doubles (they hold square roots and logarithms); the point estimates they surround
// are exact and live in fairness.h. Endpoints may differ in the last bits between machines.
//
//   Wilson    one rate         E. B. Wilson, JASA 22 (1927) 209-212: the score interval without
//                              continuity correction, method 3 of Newcombe, Stat. Med. 17 (1998)
//                              857.
//   Newcombe  rate_1 - rate_2  R. G. Newcombe, Stat. Med. 17 (1998) 873-890, method 10: hybrid
//   score. Katz      rate_1 / rate_2  D. Katz et al., Biometrics 34 (1978) 469-474, method C: log
//   ratio.
//   Wald      with a supplied variance: value +- z sqrt(v) for a rate or a difference; for a ratio
//             exp(log r +- z sqrt(v) / r), the delta method on the scale of its logarithm. For
//             weighted and clustered counts, whose variance no count shows (L. Kish, Survey
//             Sampling, 1965; K. Wolter, Introduction to Variance Estimation, 2007).
// Pure functions; nullopt is "there is no such interval", never a guess.
#pragma once

#include <optional>
#include <string_view>

#include "base/decimal.h"
#include "governance/confusion_counts.h"
#include "governance/fairness_metrics.h"

namespace countersign::fairness {

enum class Confidence { k90, k95, k99 };

// The two-sided standard normal quantile: Phi^-1((1 + confidence) / 2).
[[nodiscard]] double ZOf(Confidence confidence);
// "95 %", for messages.
[[nodiscard]] std::string_view ConfidenceText(Confidence confidence);
// The level that a policy writes as 0.9, 0.95 or 0.99; nullopt for any other.
[[nodiscard]] std::optional<Confidence> ConfidenceOf(const Decimal& level);

struct Interval {
  double lower = 0;
  double upper = 0;
};

// Of one rate; exactly 0 below no hits and exactly 1 above no misses. nullopt for an impossible
// proportion (nobody, negative, more hits than people), as in all three.
[[nodiscard]] std::optional<Interval> Wilson(const Proportion& rate, Confidence confidence);

// Of first - second, within -1 to 1.
[[nodiscard]] std::optional<Interval> Newcombe(const Proportion& first, const Proportion& second,
                                               Confidence confidence);

// Of first / second. nullopt when either rate is 0 % or 100 %: the logarithm does not exist at 0,
// and at 100 % the formula gives that group no uncertainty at all, so that three people out of
// three would look like perfect knowledge.
[[nodiscard]] std::optional<Interval> Katz(const Proportion& first, const Proportion& second,
                                           Confidence confidence);

// The interval that `metric` declares; nullopt when it declares none or it does not exist here.
// `growth` answers "what if every count were this many times as large, at the same rates".
[[nodiscard]] std::optional<Interval> IntervalOf(const Metric& metric, const ConfusionCounts& group,
                                                 const ConfusionCounts& reference,
                                                 Confidence confidence, double growth = 1.0);

// The interval of a value of `metric` whose variance the report supplies, within the metric's
// range; nullopt when the metric declares none, and for a ratio of 0.
[[nodiscard]] std::optional<Interval> IntervalFromVariance(const Metric& metric, double value,
                                                           const Decimal& variance,
                                                           Confidence confidence);

}  // namespace countersign::fairness
