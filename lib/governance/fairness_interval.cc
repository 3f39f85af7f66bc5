#include "governance/fairness_interval.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace countersign::fairness {
namespace {

// Phi^-1((1 + confidence) / 2) to the last digit of a double, as SciPy's norm.ppf gives it.
struct Level {
  Confidence confidence;
  std::int64_t percent;
  std::string_view text;
  double z;
};
constexpr std::array<Level, 3> kLevels = {{
    {Confidence::k90, 90, "90 %", 1.6448536269514722},
    {Confidence::k95, 95, "95 %", 1.959963984540054},
    {Confidence::k99, 99, "99 %", 2.5758293035489004},
}};

const Level& LevelOf(Confidence confidence) {
  for (const Level& level : kLevels) {
    if (level.confidence == confidence) return level;
  }
  return kLevels.back();  // a value outside of the enum gets the widest interval
}

// A rate seen in a sample of real size, so that samples can be imagined larger than they are.
struct Sample {
  double rate = 0;
  double size = 0;
};

std::optional<Sample> SampleOf(const Proportion& proportion, double growth = 1.0) {
  if (proportion.of <= 0 || proportion.hits < 0 || proportion.hits > proportion.of) {
    return std::nullopt;
  }
  const auto size = static_cast<double>(proportion.of);
  // Exactly 0 or 1 when there are no hits or no misses: counts are exact in doubles (kMaxTotal).
  return Sample{static_cast<double>(proportion.hits) / size, size * growth};
}

Interval WilsonAt(const Sample& sample, double z) {
  const double p = sample.rate;
  const double z2 = z * z / sample.size;  // z^2 / n
  const double center = (p + z2 / 2) / (1 + z2);
  const double half = std::sqrt(p * (1 - p) * z2 + z2 * z2 / 4) / (1 + z2);
  // At the ends the formula gives 0 and 1 but for rounding, and comparisons should see just that.
  return {p == 0 ? 0 : std::max(0.0, center - half), p == 1 ? 1 : std::min(1.0, center + half)};
}

// Not std::hypot: both are at most 1, and square roots are the same on every machine.
double RootOfSquares(double a, double b) { return std::sqrt(a * a + b * b); }

Interval NewcombeAt(const Sample& first, const Sample& second, double z) {
  const Interval a = WilsonAt(first, z);
  const Interval b = WilsonAt(second, z);
  const double difference = first.rate - second.rate;
  const double below = RootOfSquares(first.rate - a.lower, b.upper - second.rate);
  const double above = RootOfSquares(a.upper - first.rate, second.rate - b.lower);
  return {std::max(-1.0, difference - below), std::min(1.0, difference + above)};
}

std::optional<Interval> KatzAt(const Sample& first, const Sample& second, double z) {
  for (const double rate : {first.rate, second.rate}) {
    if (rate <= 0 || rate >= 1) return std::nullopt;
  }
  // (1 - p) / (n p) = 1/hits - 1/n, the variance of the logarithm of a rate.
  const double variance = (1 - first.rate) / (first.size * first.rate) +
                          (1 - second.rate) / (second.size * second.rate);
  const double factor = std::exp(z * std::sqrt(variance));
  const double ratio = first.rate / second.rate;
  return Interval{ratio / factor, ratio * factor};
}

}  // namespace

double ZOf(Confidence confidence) { return LevelOf(confidence).z; }

std::string_view ConfidenceText(Confidence confidence) { return LevelOf(confidence).text; }

std::optional<Confidence> ConfidenceOf(const Decimal& level) {
  for (const Level& known : kLevels) {
    if (level.billionths() == known.percent * kBillionthsPerOne / 100) return known.confidence;
  }
  return std::nullopt;
}

std::optional<Interval> Wilson(const Proportion& rate, Confidence confidence) {
  const auto sample = SampleOf(rate);
  if (!sample) return std::nullopt;
  return WilsonAt(*sample, ZOf(confidence));
}

std::optional<Interval> Newcombe(const Proportion& first, const Proportion& second,
                                 Confidence confidence) {
  const auto a = SampleOf(first);
  const auto b = SampleOf(second);
  if (!a || !b) return std::nullopt;
  return NewcombeAt(*a, *b, ZOf(confidence));
}

std::optional<Interval> Katz(const Proportion& first, const Proportion& second,
                             Confidence confidence) {
  const auto a = SampleOf(first);
  const auto b = SampleOf(second);
  if (!a || !b) return std::nullopt;
  return KatzAt(*a, *b, ZOf(confidence));
}

std::optional<Interval> IntervalOf(const Metric& metric, const ConfusionCounts& group,
                                   const ConfusionCounts& reference, Confidence confidence,
                                   double growth) {
  const IntervalMethod method = metric.interval();
  if (method == IntervalMethod::kNone || !IsValid(group)) return std::nullopt;
  const auto a = SampleOf(ProportionOf(metric.rate, group), growth);
  if (!a) return std::nullopt;
  if (method == IntervalMethod::kWilson) return WilsonAt(*a, ZOf(confidence));

  if (!IsValid(reference)) return std::nullopt;
  const auto b = SampleOf(ProportionOf(metric.rate, reference), growth);
  if (!b) return std::nullopt;
  if (method == IntervalMethod::kNewcombe) return NewcombeAt(*a, *b, ZOf(confidence));
  return KatzAt(*a, *b, ZOf(confidence));
}

std::optional<Interval> IntervalFromVariance(const Metric& metric, double value,
                                             const Decimal& variance, Confidence confidence) {
  if (variance <= Decimal()) return std::nullopt;
  const double reach = ZOf(confidence) * std::sqrt(variance.ToDouble());
  switch (metric.interval()) {
    case IntervalMethod::kWilson:
      return Interval{std::max(0.0, value - reach), std::min(1.0, value + reach)};
    case IntervalMethod::kNewcombe:
      return Interval{std::max(-1.0, value - reach), std::min(1.0, value + reach)};
    case IntervalMethod::kKatz: {
      if (value <= 0) return std::nullopt;
      const double factor = std::exp(reach / value);
      return Interval{value / factor, value * factor};
    }
    case IntervalMethod::kNone: break;
  }
  return std::nullopt;
}

}  // namespace countersign::fairness
