#include "governance/fairness_metrics.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace countersign::fairness {
namespace {

TEST(FairnessMetricsTest, NamesAreFoundExactlyAsWritten) {
  for (const Metric& metric : kMetrics) EXPECT_EQ(FindMetric(metric.name), &metric);
  for (const char* name : {"", "DisparateImpact", "disparate_impact", "disparateImpact ", "SPD"}) {
    EXPECT_EQ(FindMetric(name), nullptr) << name;
  }
}

TEST(FairnessMetricsTest, EveryMetricIsNamedOnceAndDocumented) {
  std::set<std::string_view> names;
  for (const Metric& metric : kMetrics) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    EXPECT_FALSE(metric.formula.empty()) << metric.name;
    EXPECT_FALSE(metric.description.empty()) << metric.name;
    EXPECT_FALSE(metric.source.empty()) << metric.name;
  }
}

TEST(FairnessMetricsTest, KindNeedsAndIntervalAreWhatADocumentationWouldSay) {
  const struct {
    const char* name;
    const char* kind;
    const char* needs;
    const char* interval;
  } cases[] = {
      {"selectionRate", "GroupRate", "", "Wilson"},
      {"statisticalParityDifference", "PairwiseSigned", "", "Newcombe"},
      {"disparateImpact", "Ratio", "", "Katz"},
      {"equalOpportunityDifference", "PairwiseSigned", "positives ", "Newcombe"},
      {"averageOddsDifference", "PairwiseSigned", "positives negatives ", "None"},
      {"averageAbsoluteOddsDifference", "PairwiseUnsigned", "positives negatives ", "None"},
      {"equalizedOddsDifference", "PairwiseUnsigned", "positives negatives ", "None"},
      {"falsePositiveRateRatio", "Ratio", "negatives ", "Katz"},
      {"falseNegativeRateRatio", "Ratio", "positives ", "Katz"},
      {"falsePositiveRateDifference", "PairwiseSigned", "negatives ", "Newcombe"},
      {"falseNegativeRateDifference", "PairwiseSigned", "positives ", "Newcombe"},
      {"predictiveParityDifference", "PairwiseSigned", "selections ", "Newcombe"},
      {"predictiveParityRatio", "Ratio", "selections ", "Katz"},
      {"accuracyDifference", "PairwiseSigned", "", "Newcombe"},
      {"demographicParityDifference", "AcrossGroups", "", "None"},
      {"demographicParityRatio", "AcrossGroups", "", "None"},
  };
  ASSERT_EQ(std::size(cases), kMetrics.size());
  for (const auto& c : cases) {
    const Metric* metric = FindMetric(c.name);
    ASSERT_NE(metric, nullptr) << c.name;
    EXPECT_EQ(KindName(metric->kind()), c.kind) << c.name;
    EXPECT_EQ(IntervalMethodName(metric->interval()), c.interval) << c.name;
    const Needs needs = metric->needs();
    EXPECT_EQ(std::string(needs.positives ? "positives " : "") +
                  (needs.negatives ? "negatives " : "") + (needs.selections ? "selections " : ""),
              c.needs)
        << c.name;
    const bool ratio = metric->kind() == Kind::kRatio || metric->form == Form::kSmallestRatio;
    if (metric->kind() == Kind::kGroupRate) {
      EXPECT_FALSE(metric->ideal.has_value());
    } else {
      EXPECT_EQ(metric->ideal, ratio ? 1 : 0) << c.name;
    }
  }
}

TEST(FairnessMetricsTest, TheDescriptionsWarnOfWhatCancelsAndWhatIsUnsigned) {
  EXPECT_NE(FindMetric("averageOddsDifference")->description.find("cancel"),
            std::string_view::npos);
  for (const Metric& metric : kMetrics) {
    if (metric.kind() == Kind::kPairwiseUnsigned || metric.form == Form::kRange) {
      EXPECT_NE(metric.description.find("Unsigned"), std::string_view::npos) << metric.name;
    }
  }
}

}  // namespace
}  // namespace countersign::fairness
