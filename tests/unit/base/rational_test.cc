#include "base/rational.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <utility>

namespace countersign {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

Rational R(std::int64_t numerator, std::int64_t denominator) {
  return Rational::Fraction(numerator, denominator).value();
}
Decimal D(const char* text) { return Decimal::Parse(text).value(); }

TEST(RationalTest, AZeroDenominatorIsNoValueRatherThanACrash) {
  EXPECT_FALSE(Rational::Fraction(1, 0).has_value());
  EXPECT_FALSE(Rational::Fraction(0, 0).has_value());
  EXPECT_FALSE(Rational::Quotient(R(1, 2), Rational()).has_value());
  EXPECT_FALSE(Rational::Quotient(Rational(), R(1, 2) - R(2, 4)).has_value());
}

TEST(RationalTest, DefaultAndMovedFromValuesAreZero) {
  Rational value = R(3, 4);
  const Rational moved = std::move(value);
  EXPECT_EQ(moved, R(3, 4));
  EXPECT_EQ(value, Rational(0));  // NOLINT(bugprone-use-after-move): the promise under test
  EXPECT_EQ(Rational(), D("0"));
  EXPECT_EQ(Rational().ToFraction(), "0");
}

TEST(RationalTest, FractionsAreInLowestTermsWithTheSignOnTop) {
  EXPECT_EQ(R(298, 377).ToFraction(), "298/377");
  EXPECT_EQ(R(2, -4).ToFraction(), "-1/2");
  EXPECT_EQ(R(-6, -3).ToFraction(), "2");
  EXPECT_EQ(R(0, -7).ToFraction(), "0");
}

TEST(RationalTest, ComparesWithDecimalsExactly) {
  EXPECT_EQ(R(4, 5), D("0.8"));
  EXPECT_EQ(R(-1, 8), D("-0.125"));
  EXPECT_LT(R(1, 3), D("0.333333334"));
  EXPECT_GT(R(1, 3), D("0.333333333"));
  // The nearest double of both is 0.8.
  EXPECT_LT(R(799'999'999'999'999'999, 1'000'000'000'000'000'000), D("0.8"));
  EXPECT_GT(R(800'000'000'000'000'001, 1'000'000'000'000'000'000), D("0.8"));
}

TEST(RationalTest, ArithmeticIsExactWhereDoublesAreNot) {
  EXPECT_EQ(R(3, 10) - R(2, 10), D("0.1"));  // 0.3 - 0.2 < 0.1 in doubles
  EXPECT_EQ(R(1, 10) + R(2, 10), D("0.3"));
  EXPECT_EQ(R(2, 3) * R(9, 4), D("1.5"));
  EXPECT_EQ(Rational::Quotient(R(28, 50), R(35, 50)), R(4, 5));
  EXPECT_EQ((R(1, 7) - R(2, 7)).Abs(), R(1, 7));
}

TEST(RationalTest, ExtremesDoNotOverflow) {
  const Rational big = R(kMax, 1) * R(kMax, 1);
  EXPECT_EQ(big.ToFraction(), "85070591730234615847396907784232501249");
  EXPECT_EQ(R(kMin, kMin), Rational(1));
  EXPECT_EQ(R(kMin, 1).Abs().ToFraction(), "9223372036854775808");
  EXPECT_LT(R(kMax - 1, kMax), R(kMax, kMax));
}

TEST(RationalTest, TextIsRoundedHalfAwayFromZero) {
  const struct {
    Rational value;
    int digits;
    const char* text;
  } cases[] = {
      {R(1522 * 2454, 3696 * 1600), 4, "0.6316"},
      {R(4, 5), 4, "0.8000"},
      {R(1, 8), 2, "0.13"},
      {R(-1, 8), 2, "-0.13"},
      {R(-1, 1000), 2, "0.00"},
      {R(999, 1000), 2, "1.00"},
      {R(5, 2), 0, "3"},
      {R(-5, 2), 0, "-3"},
      {R(-1, 3), 0, "0"},
      {R(1, 1000), 3, "0.001"},
      {Rational(12), 1, "12.0"},
      {R(1, 3), 20, "0.33333333333333333333"},
  };
  for (const auto& c : cases) EXPECT_EQ(c.value.ToText(c.digits), c.text);
}

TEST(RationalTest, DoublesAreCloseEnoughForDisplay) {
  EXPECT_DOUBLE_EQ(R(1, 3).ToDouble(), 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(R(-298, 377).ToDouble(), -298.0 / 377.0);
}

// Small enough that 128-bit integers are an independent way to the same answer.
TEST(RationalTest, AgreesWithCrossMultiplicationInIntegers) {
  __extension__ typedef __int128 Wide;
  std::mt19937_64 random(8);  // NOLINT(bugprone-random-generator-seed): the same numbers every run
  for (int i = 0; i < 5'000; ++i) {
    const auto draw = [&random] {
      return static_cast<std::int64_t>(random() % 2'000'001) - 1'000'000;
    };
    const std::int64_t a = draw(), c = draw();
    const std::int64_t b = 1 + std::abs(draw()), d = 1 + std::abs(draw());
    const Wide left = Wide{a} * d;
    const Wide right = Wide{c} * b;
    EXPECT_EQ(R(a, b) < R(c, d), left < right);
    EXPECT_EQ(R(a, b) == R(c, d), left == right);
    const auto sum = static_cast<std::int64_t>(left + right);
    EXPECT_EQ(R(a, b) + R(c, d), R(sum, b * d));
  }
}

}  // namespace
}  // namespace countersign
