// rational.h: exact fractions, for the comparisons that must not depend on rounding.
//
// Ratios of counts are compared with decimal bounds as the numbers they are: 28/50 over 35/50 is
// four fifths and passes ">= 0.8", a hair less does not. Doubles get both wrong. The arithmetic is
// GMP's (https://gmplib.org, mpq); its heavy header stays in rational.cc. There is no infinity and
// no NaN: what would divide by zero is `std::nullopt`. Immutable values that share their
// representation; safe to use from any thread that owns them.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/decimal.h"

namespace countersign {

class Rational {
 public:
  Rational() = default;  // zero, and so is a moved-from Rational
  explicit Rational(std::int64_t whole);
  explicit Rational(const Decimal& decimal);

  // numerator/denominator; nullopt when `denominator` is zero.
  [[nodiscard]] static std::optional<Rational> Fraction(std::int64_t numerator,
                                                        std::int64_t denominator);
  // dividend/divisor; nullopt when `divisor` is zero.
  [[nodiscard]] static std::optional<Rational> Quotient(const Rational& dividend,
                                                        const Rational& divisor);

  [[nodiscard]] Rational Abs() const;

  // "298/377" in lowest terms, "2" for a whole number.
  [[nodiscard]] std::string ToFraction() const;

  // Decimal text with exactly `digits` digits (0 or more) after the point, rounded half away from
  // zero: "0.7948". Never "-0.00".
  [[nodiscard]] std::string ToText(int digits) const;

  // For display and for what is approximate anyway; never for a comparison with a bound. GMP cuts
  // instead of rounding, so this is within one unit in the last place.
  [[nodiscard]] double ToDouble() const;

  friend Rational operator+(const Rational& a, const Rational& b);
  friend Rational operator-(const Rational& a, const Rational& b);
  friend Rational operator*(const Rational& a, const Rational& b);
  friend bool operator==(const Rational& a, const Rational& b);
  friend std::strong_ordering operator<=>(const Rational& a, const Rational& b);
  friend bool operator==(const Rational& a, const Decimal& b) { return a == Rational(b); }
  friend std::strong_ordering operator<=>(const Rational& a, const Decimal& b) {
    return a <=> Rational(b);
  }

 private:
  struct Rep;

  explicit Rational(Rep rep);
  [[nodiscard]] const Rep& rep() const;  // zero's when there is none

  std::shared_ptr<const Rep> rep_;
};

}  // namespace countersign
