#include "governance/fairness_interval.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace countersign::fairness {
namespace {

// Published tables give four decimals.
constexpr double kPublished = 5e-5;

constexpr Confidence kLevels[] = {Confidence::k90, Confidence::k95, Confidence::k99};

TEST(FairnessIntervalTest, WilsonReproducesThePublishedExamples) {
  // Newcombe, Stat. Med. 17 (1998) 857-872, table I, method 3.
  const struct {
    Proportion rate;
    double lower;
    double upper;
  } cases[] = {
      {{81, 263}, 0.2553, 0.3662},
      {{15, 148}, 0.0624, 0.1605},
      {{0, 20}, 0.0000, 0.1611},
      {{1, 29}, 0.0061, 0.1718},
  };
  for (const auto& c : cases) {
    const auto interval = Wilson(c.rate, Confidence::k95);
    ASSERT_TRUE(interval.has_value());
    EXPECT_NEAR(interval->lower, c.lower, kPublished) << c.rate.hits << "/" << c.rate.of;
    EXPECT_NEAR(interval->upper, c.upper, kPublished) << c.rate.hits << "/" << c.rate.of;
  }
}

TEST(FairnessIntervalTest, NewcombeReproducesThePublishedExamples) {
  // Newcombe, Stat. Med. 17 (1998) 873-890, table II, method 10, contrasts (a) to (h).
  const struct {
    Proportion first;
    Proportion second;
    double lower;
    double upper;
  } cases[] = {
      {{56, 70}, {48, 80}, 0.0524, 0.3339}, {{9, 10}, {3, 10}, 0.1705, 0.8090},
      {{6, 7}, {2, 7}, 0.0582, 0.8062},     {{5, 56}, {0, 29}, -0.0381, 0.1926},
      {{0, 10}, {0, 20}, -0.1611, 0.2775},  {{0, 10}, {0, 10}, -0.2775, 0.2775},
      {{10, 10}, {0, 20}, 0.6791, 1.0000},  {{10, 10}, {0, 10}, 0.6075, 1.0000},
  };
  for (const auto& c : cases) {
    const auto interval = Newcombe(c.first, c.second, Confidence::k95);
    ASSERT_TRUE(interval.has_value());
    EXPECT_NEAR(interval->lower, c.lower, kPublished) << c.first.hits << "/" << c.first.of;
    EXPECT_NEAR(interval->upper, c.upper, kPublished) << c.first.hits << "/" << c.first.of;
  }
}

TEST(FairnessIntervalTest, KatzReproducesThePublishedExamples) {
  // The example of SciPy's relative_risk, which cites Katz; and Moore, McCabe and Craig,
  // Introduction to the Practice of Statistics, example 8.18 (aspirin and blood clots).
  const auto scipy = Katz({10, 75}, {12, 225}, Confidence::k95);
  ASSERT_TRUE(scipy.has_value());
  EXPECT_NEAR(scipy->lower, 1.1261564003469628, 1e-12);
  EXPECT_NEAR(scipy->upper, 5.549850800541033, 1e-12);
  const auto aspirin = Katz({45, 411}, {73, 411}, Confidence::k95);
  ASSERT_TRUE(aspirin.has_value());
  EXPECT_NEAR(aspirin->lower, 0.4364, kPublished);
  EXPECT_NEAR(aspirin->upper, 0.8707, kPublished);
}

TEST(FairnessIntervalTest, EndsOfTheScaleAreExact) {
  for (const Confidence level : kLevels) {
    for (const std::int64_t n :
         {std::int64_t{1}, std::int64_t{3}, std::int64_t{999'983}, kMaxTotal}) {
      EXPECT_EQ(Wilson({0, n}, level)->lower, 0.0);
      EXPECT_EQ(Wilson({n, n}, level)->upper, 1.0);
      EXPECT_EQ(Newcombe({n, n}, {0, n}, level)->upper, 1.0);
      EXPECT_EQ(Newcombe({0, n}, {n, n}, level)->lower, -1.0);
    }
  }
}

TEST(FairnessIntervalTest, ImpossibleProportionsHaveNone) {
  for (const Proportion& bad :
       {Proportion{0, 0}, Proportion{-1, 5}, Proportion{6, 5}, Proportion{1, -5}}) {
    EXPECT_FALSE(Wilson(bad, Confidence::k95).has_value());
    EXPECT_FALSE(Newcombe(bad, {1, 2}, Confidence::k95).has_value());
    EXPECT_FALSE(Newcombe({1, 2}, bad, Confidence::k95).has_value());
    EXPECT_FALSE(Katz(bad, {1, 2}, Confidence::k95).has_value());
    EXPECT_FALSE(Katz({1, 2}, bad, Confidence::k95).has_value());
  }
}

TEST(FairnessIntervalTest, KatzClaimsNothingAboutRatesOfZeroOrOne) {
  EXPECT_FALSE(Katz({0, 10}, {5, 10}, Confidence::k95).has_value());
  EXPECT_FALSE(Katz({5, 10}, {0, 10}, Confidence::k95).has_value());
  // The formula would give [1, 1] here: certainty from two people.
  EXPECT_FALSE(Katz({1, 1}, {1, 1}, Confidence::k95).has_value());
  EXPECT_FALSE(Katz({3, 3}, {500, 1000}, Confidence::k95).has_value());
  EXPECT_FALSE(Katz({900, 1000}, {3, 3}, Confidence::k95).has_value());
}

TEST(FairnessIntervalTest, MetricsWithoutAClosedFormDeclareNone) {
  constexpr ConfusionCounts counts{.tp = 30, .fp = 20, .fn = 10, .tn = 40};
  for (const Metric& metric : kMetrics) {
    EXPECT_EQ(IntervalOf(metric, counts, counts, Confidence::k95).has_value(),
              metric.interval() != IntervalMethod::kNone)
        << metric.name;
  }
}

TEST(FairnessIntervalTest, InvalidCountsHaveNone) {
  constexpr ConfusionCounts good{.tp = 30, .fp = 20, .fn = 10, .tn = 40};
  constexpr ConfusionCounts bad{.tp = 30, .fp = -20, .fn = 10, .tn = 40};
  for (const Metric& metric : kMetrics) {
    EXPECT_FALSE(IntervalOf(metric, bad, good, Confidence::k95).has_value()) << metric.name;
    if (metric.kind() == Kind::kGroupRate) continue;
    EXPECT_FALSE(IntervalOf(metric, good, bad, Confidence::k95).has_value()) << metric.name;
  }
}

TEST(FairnessIntervalTest, OnlyTheThreeLevelsAreOffered) {
  const auto level = [](const char* text) { return ConfidenceOf(Decimal::Parse(text).value()); };
  EXPECT_EQ(level("0.9"), Confidence::k90);
  EXPECT_EQ(level("0.90"), Confidence::k90);
  EXPECT_EQ(level("0.95"), Confidence::k95);
  EXPECT_EQ(level("0.99"), Confidence::k99);
  for (const char* other : {"0", "0.5", "0.951", "0.949999999", "1", "95", "-0.95"}) {
    EXPECT_FALSE(level(other).has_value()) << other;
  }
}

// Containment, order of the levels, nesting with size, and symmetry, on generated samples.
TEST(FairnessIntervalTest, GeneratedSamplesKeepThePropertiesOfIntervals) {
  std::mt19937 random(1927);  // NOLINT(bugprone-random-generator-seed): the same samples every run
  const auto contains = [](const Interval& i, double x) {
    return i.lower <= x + 1e-15 && x <= i.upper + 1e-15 && std::isfinite(i.lower) &&
           std::isfinite(i.upper);
  };
  const auto within = [](const Interval& a, const Interval& b) {
    return a.lower >= b.lower - 1e-15 && a.upper <= b.upper + 1e-12;
  };
  int with_katz = 0;
  for (int i = 0; i < 3'000; ++i) {
    const auto sample = [&random] {
      const auto of = static_cast<std::int64_t>(1 + random() % (random() % 2 == 0 ? 12 : 3000));
      return Proportion{static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(of + 1)),
                        of};
    };
    const Proportion a = sample(), b = sample();
    const double p = static_cast<double>(a.hits) / static_cast<double>(a.of);
    const double q = static_cast<double>(b.hits) / static_cast<double>(b.of);
    const Proportion a4{4 * a.hits, 4 * a.of}, b4{4 * b.hits, 4 * b.of};

    const Interval wilson = *Wilson(a, Confidence::k95);
    EXPECT_TRUE(contains(wilson, p));
    EXPECT_GE(wilson.lower, 0.0);
    EXPECT_LE(wilson.upper, 1.0);
    EXPECT_TRUE(within(*Wilson(a, Confidence::k90), wilson));
    EXPECT_TRUE(within(wilson, *Wilson(a, Confidence::k99)));
    EXPECT_TRUE(within(*Wilson(a4, Confidence::k95), wilson));
    // Counting misses instead of hits mirrors it.
    EXPECT_NEAR(Wilson({a.of - a.hits, a.of}, Confidence::k95)->lower, 1 - wilson.upper, 1e-14);

    const Interval newcombe = *Newcombe(a, b, Confidence::k95);
    EXPECT_TRUE(contains(newcombe, p - q));
    EXPECT_TRUE(within(newcombe, *Newcombe(a, b, Confidence::k99)));
    EXPECT_TRUE(within(*Newcombe(a4, b4, Confidence::k95), newcombe));
    EXPECT_NEAR(Newcombe(b, a, Confidence::k95)->lower, -newcombe.upper, 1e-14);

    const auto katz = Katz(a, b, Confidence::k95);
    EXPECT_EQ(katz.has_value(), p > 0 && p < 1 && q > 0 && q < 1);
    if (!katz) continue;
    ++with_katz;
    EXPECT_TRUE(contains(*katz, p / q));
    EXPECT_GT(katz->lower, 0.0);
    EXPECT_TRUE(within(*Katz(a4, b4, Confidence::k95), *katz));
    EXPECT_NEAR(Katz(b, a, Confidence::k95)->lower * katz->upper, 1, 1e-12);
  }
  EXPECT_GT(with_katz, 1'000);
}

// The definition that the closed form solves: the score test does not reject what is inside.
TEST(FairnessIntervalTest, WilsonEndsAreWhereTheScoreTestTurns) {
  for (const Confidence level : kLevels) {
    for (const Proportion& rate : {Proportion{3, 10}, Proportion{81, 263}, Proportion{1, 29}}) {
      const double n = static_cast<double>(rate.of);
      const double p = static_cast<double>(rate.hits) / n;
      const Interval interval = *Wilson(rate, level);
      for (const double end : {interval.lower, interval.upper}) {
        EXPECT_NEAR(std::abs(p - end) / std::sqrt(end * (1 - end) / n), ZOf(level), 1e-9);
      }
    }
  }
}

TEST(FairnessIntervalTest, ASuppliedVarianceGivesTheIntervalThatItSays) {
  const Decimal variance = Decimal::Parse("0.0025").value();  // a standard error of 0.05
  const auto at = [&](std::string_view metric, double value) {
    return IntervalFromVariance(*FindMetric(metric), value, variance, Confidence::k95);
  };
  EXPECT_NEAR(at("selectionRate", 0.5)->lower, 0.4020018, 1e-7);
  EXPECT_NEAR(at("statisticalParityDifference", -0.05)->upper, 0.0479982, 1e-7);
  // exp(1.959964 * 0.05 / 0.8) = 1.130317: the endpoints of a ratio multiply to its square.
  EXPECT_NEAR(at("disparateImpact", 0.8)->lower, 0.8 / 1.130317, 1e-6);
  EXPECT_NEAR(at("disparateImpact", 0.8)->upper, 0.8 * 1.130317, 1e-6);
  EXPECT_EQ(at("selectionRate", 0.99)->upper, 1.0);
  EXPECT_EQ(at("statisticalParityDifference", -0.98)->lower, -1.0);
  EXPECT_FALSE(at("disparateImpact", 0.0).has_value());
  EXPECT_FALSE(at("equalizedOddsDifference", 0.1).has_value());
}

}  // namespace
}  // namespace countersign::fairness
