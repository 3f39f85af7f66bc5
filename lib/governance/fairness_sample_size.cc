#include "governance/fairness_sample_size.h"

#include <cmath>

namespace countersign::fairness {
namespace {

// Halving the range from 1 to 10^6 this often leaves nothing that a head count could show.
constexpr int kBisections = 50;

// nullopt beyond kMaxTotal, which is no advice either.
std::optional<std::int64_t> Grown(std::int64_t size, double growth) {
  const double grown = std::ceil(static_cast<double>(size) * growth);
  if (!(grown <= static_cast<double>(kMaxTotal))) return std::nullopt;
  return static_cast<std::int64_t>(grown);
}

// The smallest growth at which `inside` holds, if it holds at kMaxGrowth.
template <class Inside>
std::optional<double> SmallestGrowth(const Inside& inside) {
  if (inside(1.0)) return 1.0;
  if (!inside(kMaxGrowth)) return std::nullopt;
  // All three intervals are nested: a larger sample at the same rates gives one within the smaller
  // sample's. So there is one point from which on the interval is inside.
  double too_little = 1.0;
  double enough = kMaxGrowth;
  for (int i = 0; i < kBisections; ++i) {
    const double middle = std::sqrt(too_little * enough);
    if (inside(middle)) {
      enough = middle;
    } else {
      too_little = middle;
    }
  }
  return enough;
}

}  // namespace

std::optional<SampleSize> RequiredSampleSize(const Metric& metric, const ConfusionCounts& group,
                                             const ConfusionCounts& reference, const Bounds& bounds,
                                             Confidence confidence) {
  const auto growth = SmallestGrowth([&](double candidate) {
    const auto interval = IntervalOf(metric, group, reference, confidence, candidate);
    return interval && WhollyInside(*interval, bounds);
  });
  if (!growth) return std::nullopt;
  const auto of_group = Grown(ProportionOf(metric.rate, group).of, *growth);
  if (!of_group) return std::nullopt;
  if (metric.interval() == IntervalMethod::kWilson) return SampleSize{*of_group, 0};
  const auto of_reference = Grown(ProportionOf(metric.rate, reference).of, *growth);
  if (!of_reference) return std::nullopt;
  return SampleSize{*of_group, *of_reference};
}

}  // namespace countersign::fairness
