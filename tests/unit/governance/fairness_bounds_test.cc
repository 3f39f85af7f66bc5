#include "governance/fairness_bounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace countersign::fairness {
namespace {

using testing::HasSubstr;

Bounds B(const char* min, const char* max) {
  Bounds bounds;
  if (min != nullptr) bounds.min = Decimal::Parse(min).value();
  if (max != nullptr) bounds.max = Decimal::Parse(max).value();
  return bounds;
}

Rational R(std::int64_t numerator, std::int64_t denominator) {
  return Rational::Fraction(numerator, denominator).value();
}

TEST(FairnessBoundsTest, SensibleBoundsAreAccepted) {
  const struct {
    const char* metric;
    Bounds bounds;
    Rule rule;
  } cases[] = {
      {"disparateImpact", B("0.8", "1.25"), Rule::kPointEstimate},
      {"disparateImpact", B("0.8", nullptr), Rule::kWholeInterval},
      {"disparateImpact", B(nullptr, "1.25"), Rule::kNotWhollyOutside},
      {"disparateImpact", B("1", "1"), Rule::kPointEstimate},
      {"equalOpportunityDifference", B("-0.1", "0.1"), Rule::kWholeInterval},
      {"averageOddsDifference", B("-0.1", "0.1"), Rule::kPointEstimate},
      {"equalizedOddsDifference", B(nullptr, "0.1"), Rule::kPointEstimate},
      {"demographicParityRatio", B("0.8", nullptr), Rule::kPointEstimate},
      {"selectionRate", B("0.2", nullptr), Rule::kWholeInterval},
  };
  for (const auto& c : cases) {
    const Status status = CheckBounds(*FindMetric(c.metric), c.bounds, c.rule);
    EXPECT_TRUE(status.has_value()) << c.metric << ": " << status.error().ToString();
  }
}

TEST(FairnessBoundsTest, BoundsThatCannotBeMeantAreRefusedWithTheReason) {
  const struct {
    const char* metric;
    Bounds bounds;
    Rule rule;
    const char* path;
    const char* message;
  } cases[] = {
      {"disparateImpact", B(nullptr, nullptr), Rule::kPointEstimate, "", "found neither"},
      {"disparateImpact", B("1.25", "0.8"), Rule::kPointEstimate, "", "must not exceed"},
      {"disparateImpact", B("-0.1", nullptr), Rule::kPointEstimate, "min",
       "from 0 upwards (Ratio)"},
      // Bounds of a signed metric copied to an unsigned one, and of a ratio to one that ends at 1.
      {"equalizedOddsDifference", B("-0.1", "0.1"), Rule::kPointEstimate, "min", "from 0 to 1"},
      {"demographicParityRatio", B("0.8", "1.25"), Rule::kPointEstimate, "max", "from 0 to 1"},
      {"equalOpportunityDifference", B("-0.1", "1.1"), Rule::kPointEstimate, "max", "from -1 to 1"},
      {"disparateImpact", B(nullptr, "0.8"), Rule::kPointEstimate, "", "ideal value 1"},
      {"equalOpportunityDifference", B("0.05", nullptr), Rule::kPointEstimate, "", "ideal value 0"},
      {"equalizedOddsDifference", B("0", nullptr), Rule::kPointEstimate, "", "ask for something"},
      {"equalOpportunityDifference", B("-1", "1"), Rule::kPointEstimate, "", "ask for something"},
      {"disparateImpact", B("0", nullptr), Rule::kPointEstimate, "", "ask for something"},
      {"averageOddsDifference", B("-0.1", "0.1"), Rule::kWholeInterval, "judge",
       "no declared interval"},
      {"demographicParityRatio", B("0.8", nullptr), Rule::kNotWhollyOutside, "judge",
       "no declared interval"},
  };
  for (const auto& c : cases) {
    const Status status = CheckBounds(*FindMetric(c.metric), c.bounds, c.rule);
    ASSERT_FALSE(status.has_value()) << c.metric << " " << BoundsText(c.bounds);
    EXPECT_EQ(status.error().code, Code::kInvalidArgument);
    EXPECT_EQ(status.error().path, c.path) << c.metric << " " << BoundsText(c.bounds);
    EXPECT_THAT(status.error().message, HasSubstr(c.message));
  }
}

TEST(FairnessBoundsTest, BoundsAreInclusiveForValuesAndIntervals) {
  const Bounds bounds = B("0.8", "1.25");
  EXPECT_EQ(PlaceOf(R(4, 5), bounds), Place::kWithin);
  EXPECT_EQ(PlaceOf(R(5, 4), bounds), Place::kWithin);
  EXPECT_EQ(PlaceOf(R(799'999'999, 1'000'000'000), bounds), Place::kBelow);
  EXPECT_EQ(PlaceOf(R(1'250'000'001, 1'000'000'000), bounds), Place::kAbove);

  EXPECT_TRUE(WhollyInside({0.8, 1.25}, bounds));
  EXPECT_FALSE(WhollyInside({0.79, 1.0}, bounds));
  EXPECT_FALSE(WhollyInside({1.0, 1.26}, bounds));
  EXPECT_EQ(PlaceOf(Interval{0.5, 0.8}, bounds), Place::kWithin);
  EXPECT_EQ(PlaceOf(Interval{1.25, 2.0}, bounds), Place::kWithin);
  EXPECT_EQ(PlaceOf(Interval{0.5, 0.79}, bounds), Place::kBelow);
  EXPECT_EQ(PlaceOf(Interval{1.26, 2.0}, bounds), Place::kAbove);
  EXPECT_EQ(PlaceOf(Interval{0.1, 9.0}, bounds), Place::kWithin);
}

TEST(FairnessBoundsTest, AnIntervalThatIsNotANumberIsNeverInside) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const Interval& interval : {Interval{nan, nan}, Interval{nan, 1.0}, Interval{1.0, nan}}) {
    EXPECT_FALSE(WhollyInside(interval, B("0.8", nullptr)));
    EXPECT_FALSE(WhollyInside(interval, B(nullptr, "1.25")));
    EXPECT_NE(PlaceOf(interval, B("0.8", "1.25")), Place::kWithin);
  }
}

TEST(FairnessBoundsTest, TheShownValueStandsOnTheRightSideOfItsBound) {
  EXPECT_EQ(ValueText(R(7948, 10'000), B("0.8", nullptr)), "0.7948");
  EXPECT_EQ(ValueText(R(4, 5), B("0.8", nullptr)), "0.8000");
  EXPECT_EQ(ValueText(R(79'996, 100'000), B("0.8", nullptr)), "0.79996");
  EXPECT_EQ(ValueText(R(1'250'004, 1'000'000), B("0.8", "1.25")), "1.250004");
  // Nearer than nine decimals can show: the fraction settles it.
  EXPECT_EQ(ValueText(R(799'999'999'999, 1'000'000'000'000), B("0.8", nullptr)),
            "0.800000000 (799999999999/1000000000000)");
  // Beyond what a Decimal holds, and far above any bound.
  EXPECT_EQ(ValueText(R(1'000'000'000'000, 1), B("0.8", "1.25")), "1000000000000.0000");
}

TEST(FairnessBoundsTest, RulesAreNamedAsInAPolicy) {
  for (const Rule rule : {Rule::kPointEstimate, Rule::kWholeInterval, Rule::kNotWhollyOutside}) {
    EXPECT_EQ(ParseRule(RuleName(rule)), rule);
  }
  EXPECT_FALSE(ParseRule("pointEstimate").has_value());
  EXPECT_FALSE(ParseRule("").has_value());
}

}  // namespace
}  // namespace countersign::fairness
