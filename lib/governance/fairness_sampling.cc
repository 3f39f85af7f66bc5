#include "governance/fairness_sampling.h"

#include "base/rational.h"

namespace countersign::fairness {

std::int64_t IndependentOf(const std::optional<Sampling>& sampling, std::int64_t counted,
                           std::int64_t total) {
  const auto share = Rational::Fraction(counted, total);
  if (!sampling || !share) return counted;
  const Rational units = *share * Rational(sampling->units);
  // Rounded to a whole number, which the limit on counts keeps within an int64.
  const std::int64_t rounded = std::stoll(units.ToText(0));
  return Rational(rounded) > units ? rounded - 1 : rounded;
}

}  // namespace countersign::fairness
