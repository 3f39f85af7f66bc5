#include "importers/row_number.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace countersign {
namespace {

Rational PowerOfTen(int exponent) {
  Rational power(1);
  Rational base(10);
  for (int left = exponent; left > 0; left /= 2) {
    if (left % 2 == 1) power = power * base;
    base = base * base;
  }
  return power;
}

Rational WholeNumber(std::string_view digits) {
  constexpr std::size_t kPiece = 18;  // what an int64 has
  Rational number;
  while (!digits.empty()) {
    const std::string piece(digits.substr(0, kPiece));
    digits.remove_prefix(piece.size());
    number = number * PowerOfTen(static_cast<int>(piece.size())) + Rational(std::stoll(piece));
  }
  return number;
}

}  // namespace

Result<RowNumber> RowNumber::Parse(std::string_view text) {
  if (auto decimal = Decimal::Parse(text); decimal) return RowNumber{*decimal, {}};
  static const RE2 kNumber(
      R"re((-?)(0|[1-9][0-9]{0,63})(?:\.([0-9]{1,64}))?(?:[eE]([-+]?[0-9]{1,3}))?)re");
  constexpr int kMostExponent = 400;
  std::string sign;
  std::string whole;
  std::string fraction;
  std::string power;
  const bool matches = RE2::FullMatch(text, kNumber, &sign, &whole, &fraction, &power);
  const int exponent = power.empty() ? 0 : std::atoi(power.c_str());
  if (!matches || std::abs(exponent) > kMostExponent) {
    return Fail(Code::kInvalidArgument,
                "must be a number such as 0.8, -12.5 or 1e-05 (at most 64 digits before and after "
                "the point), found '" +
                    Excerpt(text, 32) + "'");
  }
  const int places = exponent - static_cast<int>(fraction.size());
  Rational value = WholeNumber(whole + fraction);
  if (places >= 0) {
    value = value * PowerOfTen(places);
  } else {
    value = Rational::Quotient(value, PowerOfTen(-places)).value_or(Rational());
  }
  return RowNumber{{}, sign.empty() ? value : Rational() - value};
}

std::strong_ordering RowNumber::Compare(const Decimal& other) const {
  return finer ? *finer <=> other : decimal <=> other;
}

void WeightSum::Add(const RowNumber& weight) {
  if (weight.finer) finer_ = finer_.value_or(Rational()) + *weight.finer;
  whole_ += weight.decimal.billionths() / kBillionthsPerOne;
  rest_ += weight.decimal.billionths() % kBillionthsPerOne;
  Carry();
}

void WeightSum::Add(const WeightSum& other) {
  if (other.finer_) finer_ = finer_.value_or(Rational()) + *other.finer_;
  whole_ += other.whole_;
  rest_ += other.rest_;
  Carry();
}

std::int64_t WeightSum::Rounded() const {
  if (!finer_) return whole_ + (rest_ * 2 >= kBillionthsPerOne ? 1 : 0);
  const Rational rest = Rational::Fraction(rest_, kBillionthsPerOne).value_or(Rational());
  return std::stoll((*finer_ + Rational(whole_) + rest).ToText(0));
}

void WeightSum::Carry() {
  whole_ += rest_ / kBillionthsPerOne;
  rest_ %= kBillionthsPerOne;
}

}  // namespace countersign
