// What AIF360, Fairlearn, statsmodels and SciPy say about the same counts
// (testdata/make_vectors.py).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/json.h"
#include "governance/fairness.h"
#include "governance/fairness_interval.h"

namespace countersign::fairness {
namespace {

// The libraries compute in doubles, with a few roundings between counts and result.
constexpr double kTolerance = 1e-11;

class FairnessVectorsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(SOURCE_DIR "/tests/unit/governance/testdata/fairness_vectors.json");
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    auto parsed = ParseJson(text);
    ASSERT_TRUE(parsed.has_value()) << parsed.error().ToString();
    vectors_ = *parsed;
  }

  [[nodiscard]] const Json& At(const char* key) const {
    const Json* found = Find(vectors_, key);
    EXPECT_NE(found, nullptr) << key;
    return *found;
  }

  Json vectors_;
};

ConfusionCounts CountsAt(const Json& counts) {
  return {IntAt(counts, "tp", -1), IntAt(counts, "fp", -1), IntAt(counts, "fn", -1),
          IntAt(counts, "tn", -1)};
}

void ExpectValue(const Value& value, const Json& expected, const std::string& what) {
  if (expected.is_null()) {
    EXPECT_FALSE(value.has_value())
        << what << ": undefined there, " << value->ToFraction() << " here";
    return;
  }
  ASSERT_TRUE(value.has_value()) << what << ": " << UndefinedReasonName(value.error().reason);
  const double wanted = expected.get<double>();
  EXPECT_NEAR(value->ToDouble(), wanted, kTolerance * std::max(1.0, std::abs(wanted))) << what;
}

void ExpectInterval(const std::optional<Interval>& interval, const Json& expected,
                    const std::string& what) {
  if (expected.is_null()) {
    EXPECT_FALSE(interval.has_value()) << what;
    return;
  }
  ASSERT_TRUE(interval.has_value()) << what;
  const auto ends = expected.get<std::vector<double>>();
  ASSERT_EQ(ends.size(), 2U);
  EXPECT_NEAR(interval->lower, ends[0], kTolerance * std::max(1.0, std::abs(ends[0]))) << what;
  EXPECT_NEAR(interval->upper, ends[1], kTolerance * std::max(1.0, std::abs(ends[1]))) << what;
}

TEST_F(FairnessVectorsTest, PairwiseValuesAgreeWithAif360) {
  int defined = 0;
  int undefined = 0;
  for (const Json& pair : At("pairs")) {
    for (const auto& [name, expected] : Find(pair, "values")->items()) {
      const Metric* metric = FindMetric(name);
      ASSERT_NE(metric, nullptr) << name;
      ExpectValue(
          ValueOf(*metric, CountsAt(*Find(pair, "group")), CountsAt(*Find(pair, "reference"))),
          expected, StringAt(pair, "name") + ": " + name);
      ++(expected.is_null() ? undefined : defined);
    }
  }
  EXPECT_GT(defined, 700);
  EXPECT_GT(undefined, 50);
}

TEST_F(FairnessVectorsTest, ValuesAcrossGroupsAgreeWithFairlearn) {
  int compared = 0;
  for (const Json& list : At("lists")) {
    std::vector<ConfusionCounts> groups;
    for (const Json& counts : *Find(list, "groups")) groups.push_back(CountsAt(counts));
    for (const auto& [name, expected] : Find(list, "values")->items()) {
      const Metric* metric = FindMetric(name);
      ASSERT_NE(metric, nullptr) << name;
      ExpectValue(ValueAcross(*metric, groups), expected, StringAt(list, "name") + ": " + name);
      ++compared;
    }
  }
  EXPECT_GE(compared, 40);
}

TEST_F(FairnessVectorsTest, EveryMetricOfTheTableIsComparedWithALibrary) {
  for (const Metric& metric : kMetrics) {
    const bool across = metric.kind() == Kind::kAcrossGroups;
    const Json& cases = At(across ? "lists" : "pairs");
    EXPECT_NE(Find(*Find(cases.front(), "values"), metric.name), nullptr) << metric.name;
  }
}

TEST_F(FairnessVectorsTest, IntervalsAgreeWithStatsmodelsAndSciPy) {
  const Metric& rate = *FindMetric("selectionRate");
  const Metric& difference = *FindMetric("statisticalParityDifference");
  const Metric& ratio = *FindMetric("disparateImpact");
  int without_katz = 0;
  for (const Json& pair : At("pairs")) {
    const ConfusionCounts group = CountsAt(*Find(pair, "group"));
    const ConfusionCounts reference = CountsAt(*Find(pair, "reference"));
    for (const auto& [level, intervals] : Find(pair, "intervals")->items()) {
      const auto confidence = ConfidenceOf(Decimal::Parse(level).value());
      ASSERT_TRUE(confidence.has_value()) << level;
      const std::string what = StringAt(pair, "name") + " at " + level;
      const auto expect = [&](const Metric& metric, const char* key) {
        ExpectInterval(IntervalOf(metric, group, reference, *confidence), *Find(intervals, key),
                       what + ", " + key);
      };
      expect(rate, "wilson");
      expect(difference, "newcombe");
      expect(ratio, "katz");
      without_katz += Find(intervals, "katz")->is_null() ? 1 : 0;
    }
  }
  EXPECT_GT(without_katz, 10);
}

TEST_F(FairnessVectorsTest, QuantilesAgreeWithSciPy) {
  int levels = 0;
  for (const auto& [level, expected] : At("quantiles").items()) {
    EXPECT_DOUBLE_EQ(ZOf(ConfidenceOf(Decimal::Parse(level).value()).value()),
                     expected.get<double>());
    ++levels;
  }
  EXPECT_EQ(levels, 3);
}

}  // namespace
}  // namespace countersign::fairness
