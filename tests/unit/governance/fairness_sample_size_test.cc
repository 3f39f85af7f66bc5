#include "governance/fairness_sample_size.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace countersign::fairness {
namespace {

Bounds B(const char* min, const char* max) {
  Bounds bounds;
  if (min != nullptr) bounds.min = Decimal::Parse(min).value();
  if (max != nullptr) bounds.max = Decimal::Parse(max).value();
  return bounds;
}

ConfusionCounts Selected(std::int64_t selected, std::int64_t total) {
  return {.tp = selected, .fp = 0, .fn = 0, .tn = total - selected};
}

TEST(FairnessSampleSizeTest, KatzHasAClosedFormToCompareWith) {
  // The interval's distance on the logarithmic scale is z sqrt(v / growth).
  const auto sizes = RequiredSampleSize(*FindMetric("disparateImpact"), Selected(42, 100),
                                        Selected(500, 1000), B("0.8", nullptr), Confidence::k95);
  ASSERT_TRUE(sizes.has_value());
  const double variance = 1.0 / 42 - 1.0 / 100 + 1.0 / 500 - 1.0 / 1000;
  const double growth = std::pow(ZOf(Confidence::k95) / std::log(0.84 / 0.8), 2) * variance;
  EXPECT_NEAR(static_cast<double>(sizes->group), 100 * growth, 2);
  EXPECT_NEAR(static_cast<double>(sizes->reference), 1000 * growth, 2);
}

TEST(FairnessSampleSizeTest, EnoughDataNeedsNoMore) {
  const auto sizes = RequiredSampleSize(*FindMetric("disparateImpact"), Selected(5000, 10000),
                                        Selected(6000, 12000), B("0.8", "1.25"), Confidence::k95);
  ASSERT_TRUE(sizes.has_value());
  EXPECT_EQ(sizes->group, 10000);
  EXPECT_EQ(sizes->reference, 12000);
}

TEST(FairnessSampleSizeTest, CountsWhatTheRateIsAShareOf) {
  // 40 and 50 positives among a thousand each.
  constexpr ConfusionCounts group{.tp = 30, .fp = 60, .fn = 10, .tn = 900};
  constexpr ConfusionCounts reference{.tp = 38, .fp = 50, .fn = 12, .tn = 900};
  const auto sizes = RequiredSampleSize(*FindMetric("equalOpportunityDifference"), group, reference,
                                        B("-0.1", "0.1"), Confidence::k95);
  ASSERT_TRUE(sizes.has_value());
  EXPECT_GT(sizes->group, 40);
  EXPECT_LT(sizes->group, 1000);
  EXPECT_NEAR(static_cast<double>(sizes->reference) / static_cast<double>(sizes->group),
              50.0 / 40.0, 0.01);
}

TEST(FairnessSampleSizeTest, ARateNeedsNoReference) {
  const auto sizes = RequiredSampleSize(*FindMetric("selectionRate"), Selected(6, 10), {},
                                        B("0.5", nullptr), Confidence::k95);
  ASSERT_TRUE(sizes.has_value());
  EXPECT_GT(sizes->group, 10);
  EXPECT_EQ(sizes->reference, 0);
}

TEST(FairnessSampleSizeTest, NoNumberWhereNoneWouldDo) {
  const Metric& impact = *FindMetric("disparateImpact");
  const struct {
    const char* why;
    const Metric& metric;
    ConfusionCounts group;
    ConfusionCounts reference;
    Bounds bounds;
  } cases[] = {
      {"on the bound", impact, Selected(40, 100), Selected(50, 100), B("0.8", nullptr)},
      {"outside", impact, Selected(30, 100), Selected(50, 100), B("0.8", nullptr)},
      {"all but on the bound", impact, Selected(400'001, 1'000'000), Selected(500'000, 1'000'000),
       B("0.8", nullptr)},
      {"no interval at 100 %", impact, Selected(3, 3), Selected(500, 1000), B("0.8", nullptr)},
      {"empty", impact, {}, Selected(500, 1000), B("0.8", nullptr)},
      {"no declared interval",
       *FindMetric("averageOddsDifference"),
       {40, 10, 10, 40},
       {40, 10, 10, 40},
       B("-0.1", "0.1")},
      {"more people than can be counted", impact, Selected(42 * (kMaxTotal / 1000), kMaxTotal / 10),
       Selected(1, 2), B("0.8", nullptr)},
  };
  for (const auto& c : cases) {
    EXPECT_FALSE(
        RequiredSampleSize(c.metric, c.group, c.reference, c.bounds, Confidence::k95).has_value())
        << c.why;
  }
}

// The advice is right when it is followed, and not far more than needed.
TEST(FairnessSampleSizeTest, TheAdvisedGrowthIsEnoughAndHardlyMore) {
  std::mt19937 random(10);  // NOLINT(bugprone-random-generator-seed): the same samples every run
  int advised = 0;
  for (int i = 0; i < 2'000; ++i) {
    const auto sample = [&random] {
      const auto total = static_cast<std::int64_t>(10 + random() % 500);
      return Selected(static_cast<std::int64_t>(random()) % (total + 1), total);
    };
    const ConfusionCounts group = sample(), reference = sample();
    for (const auto& [name, bounds] : {std::pair{"disparateImpact", B("0.8", "1.25")},
                                       std::pair{"statisticalParityDifference", B("-0.1", "0.1")},
                                       std::pair{"selectionRate", B("0.3", "0.9")}}) {
      const Metric& metric = *FindMetric(name);
      const auto sizes = RequiredSampleSize(metric, group, reference, bounds, Confidence::k95);
      if (!sizes || sizes->group == group.Total()) continue;
      ++advised;
      const double growth = static_cast<double>(sizes->group) / static_cast<double>(group.Total());
      const auto with = IntervalOf(metric, group, reference, Confidence::k95, growth);
      EXPECT_TRUE(WhollyInside(*with, bounds)) << name << " of " << ToString(group);
      const double less = growth - 2.0 / static_cast<double>(group.Total());
      if (less <= 1.0) continue;
      const auto without = IntervalOf(metric, group, reference, Confidence::k95, less);
      EXPECT_FALSE(WhollyInside(*without, bounds)) << name << " of " << ToString(group);
    }
  }
  EXPECT_GT(advised, 300);
}

}  // namespace
}  // namespace countersign::fairness
