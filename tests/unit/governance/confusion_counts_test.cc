#include "governance/confusion_counts.h"

#include <gtest/gtest.h>

#include <limits>

namespace countersign::fairness {
namespace {

constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
constexpr auto kMin = std::numeric_limits<std::int64_t>::min();

TEST(ConfusionCountsTest, InvalidCountsNameTheFieldAtFault) {
  const struct {
    ConfusionCounts counts;
    const char* path;
  } cases[] = {
      {{-1, 0, 0, 0}, "tp"},
      {{0, kMin, 0, 0}, "fp"},
      {{0, 0, kMaxTotal + 1, 0}, "fn"},
      {{kMax, kMax, kMax, kMax}, "tp"},
      {{0, 0, 0, kMax}, "tn"},
      {{kMaxTotal, 0, 0, 1}, ""},  // each fits, together they do not
  };
  for (const auto& c : cases) {
    const Status status = Validate(c.counts);
    ASSERT_FALSE(status.has_value()) << ToString(c.counts);
    EXPECT_EQ(status.error().code, Code::kInvalidArgument);
    EXPECT_EQ(status.error().path, c.path);
    EXPECT_FALSE(IsValid(c.counts));
  }
  EXPECT_TRUE(IsValid({}));
  EXPECT_TRUE(IsValid({kMaxTotal, 0, 0, 0}));
}

TEST(ConfusionCountsTest, AddingNeverOverflowsOrInvents) {
  const auto sum = Add({1, 2, 3, 4}, {10, 20, 30, 40});
  ASSERT_TRUE(sum.has_value());
  EXPECT_EQ(*sum, (ConfusionCounts{11, 22, 33, 44}));
  EXPECT_FALSE(Add({kMaxTotal, 0, 0, 0}, {0, 0, 0, 1}).has_value());
  EXPECT_FALSE(Add({kMax, 0, 0, 0}, {kMax, 0, 0, 0}).has_value());
  // A negative count must not be able to cancel a real one.
  EXPECT_FALSE(Add({5, 0, 0, 0}, {-5, 0, 0, 0}).has_value());
  EXPECT_FALSE(Add({-5, 0, 0, 0}, {5, 0, 0, 0}).has_value());
}

TEST(ConfusionCountsTest, EachRateIsAShareOfItsOwnDenominator) {
  constexpr ConfusionCounts counts{.tp = 20, .fp = 10, .fn = 5, .tn = 65};
  const struct {
    Rate rate;
    std::int64_t hits;
    std::int64_t of;
    const char* denominator;
  } cases[] = {
      {Rate::kSelection, 30, 100, "members"},      {Rate::kTruePositive, 20, 25, "positives"},
      {Rate::kFalsePositive, 10, 75, "negatives"}, {Rate::kFalseNegative, 5, 25, "positives"},
      {Rate::kPrecision, 20, 30, "selections"},    {Rate::kAccuracy, 85, 100, "members"},
  };
  for (const auto& c : cases) {
    const Proportion proportion = ProportionOf(c.rate, counts);
    EXPECT_EQ(proportion.hits, c.hits) << RateName(c.rate);
    EXPECT_EQ(proportion.of, c.of) << RateName(c.rate);
    EXPECT_EQ(DenominatorName(c.rate), c.denominator) << RateName(c.rate);
  }
}

}  // namespace
}  // namespace countersign::fairness
