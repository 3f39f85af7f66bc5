#include "base/rational.h"

#include <gmpxx.h>

#include <utility>

namespace countersign {
namespace {

// gmpxx takes `long`, which is what int64_t is on every platform we build for.
static_assert(sizeof(long) == sizeof(std::int64_t));

}  // namespace

struct Rational::Rep {
  mpq_class value;  // canonical: lowest terms, positive denominator
};

Rational::Rational(Rep rep) : rep_(std::make_shared<const Rep>(std::move(rep))) {}

const Rational::Rep& Rational::rep() const {
  static const Rep kZero;
  return rep_ ? *rep_ : kZero;
}

Rational::Rational(std::int64_t whole) : Rational(Rep{mpq_class(mpz_class(whole))}) {}

Rational::Rational(const Decimal& decimal) {
  mpq_class value(mpz_class(decimal.billionths()), mpz_class(kBillionthsPerOne));
  value.canonicalize();
  *this = Rational(Rep{std::move(value)});
}

std::optional<Rational> Rational::Fraction(std::int64_t numerator, std::int64_t denominator) {
  // GMP answers a zero denominator with SIGFPE.
  if (denominator == 0) return std::nullopt;
  mpq_class value(mpz_class{numerator}, mpz_class{denominator});
  value.canonicalize();
  return Rational(Rep{std::move(value)});
}

std::optional<Rational> Rational::Quotient(const Rational& dividend, const Rational& divisor) {
  if (sgn(divisor.rep().value) == 0) return std::nullopt;
  return Rational(Rep{dividend.rep().value / divisor.rep().value});
}

Rational Rational::Abs() const { return Rational(Rep{abs(rep().value)}); }

std::string Rational::ToFraction() const { return rep().value.get_str(); }

std::string Rational::ToText(int digits) const {
  const mpq_class& value = rep().value;
  mpz_class scale;
  mpz_ui_pow_ui(scale.get_mpz_t(), 10, digits < 0 ? 0UL : static_cast<unsigned long>(digits));
  // floor(|value| * scale + 1/2), in integers.
  const mpz_class numerator = abs(value.get_num()) * scale * 2 + value.get_den();
  const mpz_class units = numerator / (value.get_den() * 2);

  std::string text = units.get_str();
  if (digits > 0) {
    const auto width = static_cast<std::size_t>(digits);
    if (text.size() <= width) text.insert(0, width + 1 - text.size(), '0');
    text.insert(text.size() - width, ".");
  }
  if (sgn(value) < 0 && units != 0) text.insert(0, "-");
  return text;
}

double Rational::ToDouble() const { return rep().value.get_d(); }

Rational operator+(const Rational& a, const Rational& b) {
  return Rational(Rational::Rep{a.rep().value + b.rep().value});
}

Rational operator-(const Rational& a, const Rational& b) {
  return Rational(Rational::Rep{a.rep().value - b.rep().value});
}

Rational operator*(const Rational& a, const Rational& b) {
  return Rational(Rational::Rep{a.rep().value * b.rep().value});
}

bool operator==(const Rational& a, const Rational& b) { return a.rep().value == b.rep().value; }

std::strong_ordering operator<=>(const Rational& a, const Rational& b) {
  return cmp(a.rep().value, b.rep().value) <=> 0;
}

}  // namespace countersign
