#include "governance/fairness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::fairness {
namespace {

const Metric& M(std::string_view name) {
  const Metric* metric = FindMetric(name);
  EXPECT_NE(metric, nullptr) << name;
  return *metric;
}

Rational R(std::int64_t numerator, std::int64_t denominator) {
  return Rational::Fraction(numerator, denominator).value();
}

// A group of which only the selections matter: `selected` of `total`.
ConfusionCounts Selected(std::int64_t selected, std::int64_t total) {
  return {.tp = selected, .fp = 0, .fn = 0, .tn = total - selected};
}

// ProPublica's COMPAS cohort ("Compas Analysis.ipynb"), favourable outcome: a low score.
constexpr ConfusionCounts kAfricanAmerican{.tp = 990, .fp = 532, .fn = 805, .tn = 1369};
constexpr ConfusionCounts kCaucasian{.tp = 1139, .fp = 461, .fn = 349, .tn = 505};
constexpr ConfusionCounts kOther{.tp = 208, .fp = 90, .fn = 36, .tn = 43};

// The same people with the high score as the positive class.
ConfusionCounts Flipped(const ConfusionCounts& c) {
  return {.tp = c.tn, .fp = c.fn, .fn = c.fp, .tn = c.tp};
}

TEST(FairnessTest, EveryFormulaOnCountsThatCanBeCheckedByHand) {
  // g: 100 people, 40 positives, selects 30. r: 200 people, 100 positives, selects 120.
  constexpr ConfusionCounts g{.tp = 20, .fp = 10, .fn = 20, .tn = 50};
  constexpr ConfusionCounts r{.tp = 80, .fp = 40, .fn = 20, .tn = 60};
  const struct {
    const char* metric;
    Rational value;
  } cases[] = {
      {"selectionRate", R(30, 100)},
      {"statisticalParityDifference", R(-3, 10)},
      {"disparateImpact", R(1, 2)},
      {"equalOpportunityDifference", R(-3, 10)},  // 1/2 - 4/5
      {"averageOddsDifference", R(-4, 15)},       // (1/6 - 2/5 + 1/2 - 4/5) / 2
      {"averageAbsoluteOddsDifference", R(4, 15)},
      {"equalizedOddsDifference", R(3, 10)},
      {"falsePositiveRateRatio", R(5, 12)},  // (1/6) / (2/5)
      {"falseNegativeRateRatio", R(5, 2)},   // (1/2) / (1/5)
      {"falsePositiveRateDifference", R(-7, 30)},
      {"falseNegativeRateDifference", R(3, 10)},
      {"predictiveParityDifference", R(0, 1)},  // 2/3 - 2/3
      {"predictiveParityRatio", R(1, 1)},
      {"accuracyDifference", R(0, 1)},  // 70/100 - 140/200
      {"demographicParityDifference", R(3, 10)},
      {"demographicParityRatio", R(1, 2)},
  };
  ASSERT_EQ(std::size(cases), kMetrics.size());
  for (const auto& c : cases) {
    const Value value = ValueOf(M(c.metric), g, r);
    ASSERT_TRUE(value.has_value()) << c.metric;
    EXPECT_EQ(*value, c.value) << c.metric << " is " << value->ToFraction();
  }
}

TEST(FairnessTest, CompasFailsOnlyWhenTheFavourableOutcomeIsTheRightOne) {
  const Metric& impact = M("disparateImpact");
  EXPECT_EQ(ValueOf(impact, kAfricanAmerican, kCaucasian)->ToText(4), "0.6316");
  EXPECT_EQ(ValueOf(impact, Flipped(kAfricanAmerican), Flipped(kCaucasian))->ToText(4), "1.6902");
  EXPECT_EQ(ValueOf(impact, kOther, kCaucasian)->ToText(4), "1.2124");
  // The ratio of the false positive rates 44.85 and 23.45 of ProPublica's table.
  EXPECT_EQ(ValueOf(M("falsePositiveRateRatio"), Flipped(kAfricanAmerican), Flipped(kCaucasian))
                ->ToText(4),
            "1.9121");
}

TEST(FairnessTest, AverageOddsCancelsWhereItsUnsignedRelativesDoNot) {
  constexpr ConfusionCounts g{.tp = 60, .fp = 20, .fn = 40, .tn = 80};
  constexpr ConfusionCounts r{.tp = 40, .fp = 40, .fn = 60, .tn = 60};
  EXPECT_EQ(ValueOf(M("averageOddsDifference"), g, r), R(0, 1));
  EXPECT_EQ(ValueOf(M("averageAbsoluteOddsDifference"), g, r), R(1, 5));
  EXPECT_EQ(ValueOf(M("equalizedOddsDifference"), g, r), R(1, 5));
}

TEST(FairnessTest, WhatHasNoValueSaysWhyAndWhose) {
  constexpr ConfusionCounts full{.tp = 5, .fp = 5, .fn = 5, .tn = 5};
  constexpr ConfusionCounts empty{};
  constexpr ConfusionCounts no_positives{.fp = 3, .tn = 9};
  constexpr ConfusionCounts no_negatives{.tp = 3, .fn = 9};
  constexpr ConfusionCounts no_selections{.fn = 3, .tn = 9};
  constexpr ConfusionCounts negative{.tp = 3, .fp = -1, .fn = 4, .tn = 4};
  constexpr ConfusionCounts huge{.tp = kMaxTotal, .fp = 1};
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  constexpr ConfusionCounts overflowing{kMax, kMax, kMax, kMax};
  const struct {
    const char* metric;
    ConfusionCounts group;
    ConfusionCounts reference;
    UndefinedReason reason;
    std::size_t whose;
  } cases[] = {
      {"selectionRate", empty, full, UndefinedReason::kEmptyGroup, 0},
      {"statisticalParityDifference", full, empty, UndefinedReason::kEmptyGroup, 1},
      {"disparateImpact", full, no_selections, UndefinedReason::kReferenceRateZero, 1},
      {"disparateImpact", no_selections, no_selections, UndefinedReason::kReferenceRateZero, 1},
      {"equalOpportunityDifference", no_positives, full, UndefinedReason::kNoPositives, 0},
      {"equalOpportunityDifference", full, no_positives, UndefinedReason::kNoPositives, 1},
      {"equalOpportunityDifference", empty, full, UndefinedReason::kEmptyGroup, 0},
      {"averageOddsDifference", no_positives, full, UndefinedReason::kNoPositives, 0},
      {"averageOddsDifference", full, no_negatives, UndefinedReason::kNoNegatives, 1},
      {"averageAbsoluteOddsDifference", no_negatives, full, UndefinedReason::kNoNegatives, 0},
      {"equalizedOddsDifference", full, no_positives, UndefinedReason::kNoPositives, 1},
      {"falsePositiveRateRatio", no_negatives, full, UndefinedReason::kNoNegatives, 0},
      {"falsePositiveRateRatio", full, {.tp = 1, .tn = 1}, UndefinedReason::kReferenceRateZero, 1},
      {"falseNegativeRateRatio", full, {.tp = 1, .tn = 1}, UndefinedReason::kReferenceRateZero, 1},
      {"falseNegativeRateDifference", full, no_positives, UndefinedReason::kNoPositives, 1},
      {"falsePositiveRateDifference", no_negatives, full, UndefinedReason::kNoNegatives, 0},
      {"predictiveParityDifference", no_selections, full, UndefinedReason::kNoSelections, 0},
      {"predictiveParityRatio", full, no_selections, UndefinedReason::kNoSelections, 1},
      {"predictiveParityRatio", full, {.fp = 4, .fn = 1}, UndefinedReason::kReferenceRateZero, 1},
      {"accuracyDifference", empty, full, UndefinedReason::kEmptyGroup, 0},
      {"demographicParityDifference", full, empty, UndefinedReason::kEmptyGroup, 1},
      {"demographicParityRatio", no_selections, no_selections, UndefinedReason::kAllRatesZero, 0},
      {"selectionRate", negative, full, UndefinedReason::kInvalidCounts, 0},
      {"disparateImpact", full, negative, UndefinedReason::kInvalidCounts, 1},
      {"disparateImpact", huge, full, UndefinedReason::kInvalidCounts, 0},
      {"averageOddsDifference", full, overflowing, UndefinedReason::kInvalidCounts, 1},
      {"demographicParityRatio", full, overflowing, UndefinedReason::kInvalidCounts, 1},
  };
  for (const auto& c : cases) {
    const Value value = ValueOf(M(c.metric), c.group, c.reference);
    ASSERT_FALSE(value.has_value()) << c.metric;
    EXPECT_EQ(UndefinedReasonName(value.error().reason), UndefinedReasonName(c.reason)) << c.metric;
    EXPECT_EQ(value.error().group, c.whose) << c.metric;
    EXPECT_EQ(value.error().counts, c.whose == 0 ? c.group : c.reference) << c.metric;
  }
}

TEST(FairnessTest, AZeroRateOfTheGroupIsAValue) {
  EXPECT_EQ(ValueOf(M("disparateImpact"), Selected(0, 10), Selected(5, 10)), R(0, 1));
  EXPECT_EQ(ValueOf(M("demographicParityRatio"), Selected(0, 10), Selected(5, 10)), R(0, 1));
}

TEST(FairnessTest, AcrossGroupsFindsTheExtremesAmongAll) {
  const std::vector<ConfusionCounts> groups = {Selected(5, 10), Selected(9, 10), Selected(1, 10),
                                               Selected(1, 10)};
  EXPECT_EQ(ValueAcross(M("demographicParityDifference"), groups), R(8, 10));
  EXPECT_EQ(ValueAcross(M("demographicParityRatio"), groups), R(1, 9));
  const auto extremes = ExtremesOf(Rate::kSelection, groups);
  ASSERT_TRUE(extremes.has_value());
  EXPECT_EQ(extremes->lowest, 2U);
  EXPECT_EQ(extremes->highest, 1U);
}

TEST(FairnessTest, AcrossGroupsNeedsTwoGroupsAndAMetricOfThatKind) {
  const std::vector<ConfusionCounts> one = {Selected(5, 10)};
  const Metric& range = M("demographicParityDifference");
  EXPECT_EQ(ValueAcross(range, one).error().reason, UndefinedReason::kTooFewGroups);
  EXPECT_EQ(ValueAcross(range, {}).error().reason, UndefinedReason::kTooFewGroups);
  const std::vector<ConfusionCounts> two = {Selected(5, 10), Selected(5, 10)};
  EXPECT_EQ(ValueAcross(M("disparateImpact"), two).error().reason, UndefinedReason::kWrongKind);
  const std::vector<ConfusionCounts> third_empty = {Selected(5, 10), Selected(5, 10), {}};
  EXPECT_EQ(ValueAcross(range, third_empty).error().reason, UndefinedReason::kEmptyGroup);
  EXPECT_EQ(ValueAcross(range, third_empty).error().group, 2U);
}

// ---- Generated counts against an oracle that knows people, not formulas over counts.

struct Person {
  bool favourable;  // in the label
  bool selected;    // by the model
};

std::vector<Person> PeopleOf(const ConfusionCounts& counts) {
  std::vector<Person> people;
  people.insert(people.end(), static_cast<std::size_t>(counts.tp), {true, true});
  people.insert(people.end(), static_cast<std::size_t>(counts.fp), {false, true});
  people.insert(people.end(), static_cast<std::size_t>(counts.fn), {true, false});
  people.insert(people.end(), static_cast<std::size_t>(counts.tn), {false, false});
  return people;
}

// Share of those for whom `hit` holds among those for whom `among` holds.
template <class Among, class Hit>
std::optional<long double> Share(const std::vector<Person>& people, Among among, Hit hit) {
  long double hits = 0;
  long double all = 0;
  for (const Person& person : people) {
    if (!among(person)) continue;
    all += 1;
    if (hit(person)) hits += 1;
  }
  if (all == 0) return std::nullopt;
  return hits / all;
}

std::optional<long double> NaiveRate(std::string_view rate, const std::vector<Person>& people) {
  const auto all = [](const Person&) { return true; };
  const auto favourable = [](const Person& p) { return p.favourable; };
  const auto unfavourable = [](const Person& p) { return !p.favourable; };
  const auto selected = [](const Person& p) { return p.selected; };
  const auto refused = [](const Person& p) { return !p.selected; };
  if (rate == "sel") return Share(people, all, selected);
  if (rate == "tpr") return Share(people, favourable, selected);
  if (rate == "fpr") return Share(people, unfavourable, selected);
  if (rate == "fnr") return Share(people, favourable, refused);
  if (rate == "ppv") return Share(people, selected, favourable);
  return Share(people, all, [](const Person& p) { return p.selected == p.favourable; });
}

std::optional<long double> NaiveValue(std::string_view metric, const std::vector<Person>& g,
                                      const std::vector<Person>& r) {
  using Maybe = std::optional<long double>;
  const auto difference = [&](std::string_view rate) -> Maybe {
    const Maybe a = NaiveRate(rate, g), b = NaiveRate(rate, r);
    return a && b ? Maybe(*a - *b) : std::nullopt;
  };
  const auto ratio = [&](std::string_view rate) -> Maybe {
    const Maybe a = NaiveRate(rate, g), b = NaiveRate(rate, r);
    return a && b && *b != 0 ? Maybe(*a / *b) : std::nullopt;
  };
  const Maybe tpr = difference("tpr"), fpr = difference("fpr"), sel = difference("sel");
  if (metric == "selectionRate") return NaiveRate("sel", g);
  if (metric == "statisticalParityDifference") return sel;
  if (metric == "disparateImpact") return ratio("sel");
  if (metric == "equalOpportunityDifference") return tpr;
  if (metric == "falsePositiveRateRatio") return ratio("fpr");
  if (metric == "falseNegativeRateRatio") return ratio("fnr");
  if (metric == "falsePositiveRateDifference") return fpr;
  if (metric == "falseNegativeRateDifference") return difference("fnr");
  if (metric == "predictiveParityDifference") return difference("ppv");
  if (metric == "predictiveParityRatio") return ratio("ppv");
  if (metric == "accuracyDifference") return difference("acc");
  if (metric == "demographicParityDifference") return sel ? Maybe(std::abs(*sel)) : std::nullopt;
  if (metric == "demographicParityRatio") {
    const Maybe a = NaiveRate("sel", g), b = NaiveRate("sel", r);
    if (!a || !b || std::max(*a, *b) == 0) return std::nullopt;
    return std::min(*a, *b) / std::max(*a, *b);
  }
  if (!tpr || !fpr) return std::nullopt;
  if (metric == "averageOddsDifference") return (*fpr + *tpr) / 2;
  if (metric == "averageAbsoluteOddsDifference") return (std::abs(*fpr) + std::abs(*tpr)) / 2;
  return std::max(std::abs(*fpr), std::abs(*tpr));
}

// Zeros are frequent: that is where definitions end.
ConfusionCounts Generated(std::mt19937& random) {
  const auto count = [&random] {
    return random() % 3 == 0 ? std::int64_t{0} : static_cast<std::int64_t>(random() % 40);
  };
  return {count(), count(), count(), count()};
}

TEST(FairnessTest, AgreesWithCountingPeopleOneByOne) {
  std::mt19937 random(4321);  // NOLINT(bugprone-random-generator-seed): the same cases every run
  int defined = 0;
  int undefined = 0;
  for (int i = 0; i < 2'000; ++i) {
    const ConfusionCounts g = Generated(random);
    const ConfusionCounts r = Generated(random);
    const auto people_g = PeopleOf(g), people_r = PeopleOf(r);
    for (const Metric& metric : kMetrics) {
      const Value value = ValueOf(metric, g, r);
      const auto expected = NaiveValue(metric.name, people_g, people_r);
      ASSERT_EQ(value.has_value(), expected.has_value())
          << metric.name << " of " << ToString(g) << " against " << ToString(r);
      if (!expected) {
        ++undefined;
        continue;
      }
      ++defined;
      EXPECT_NEAR(value->ToDouble(), static_cast<double>(*expected),
                  1e-13 * std::max(1.0, std::abs(value->ToDouble())))
          << metric.name << " of " << ToString(g) << " against " << ToString(r);
    }
  }
  EXPECT_GT(defined, 20'000);
  EXPECT_GT(undefined, 1'000);
}

TEST(FairnessTest, ExchangingGroupAndReferenceMirrorsTheValue) {
  std::mt19937 random(77);  // NOLINT(bugprone-random-generator-seed): the same cases every run
  for (int i = 0; i < 1'000; ++i) {
    const ConfusionCounts g = Generated(random);
    const ConfusionCounts r = Generated(random);
    for (const Metric& metric : kMetrics) {
      const Value there = ValueOf(metric, g, r);
      const Value back = ValueOf(metric, r, g);
      if (!there || !back) continue;
      switch (metric.kind()) {
        case Kind::kPairwiseSigned: EXPECT_EQ(*there, Rational() - *back) << metric.name; break;
        case Kind::kPairwiseUnsigned:
        case Kind::kAcrossGroups: EXPECT_EQ(*there, *back) << metric.name; break;
        case Kind::kRatio: EXPECT_EQ(*there * *back, Rational(1)) << metric.name; break;
        case Kind::kGroupRate: break;
      }
    }
  }
}

TEST(FairnessTest, IdentitiesBetweenMetricsHoldExactly) {
  std::mt19937 random(99);  // NOLINT(bugprone-random-generator-seed): the same cases every run
  int checked = 0;
  for (int i = 0; i < 1'000; ++i) {
    const ConfusionCounts g = Generated(random);
    const ConfusionCounts r = Generated(random);
    for (const Metric& metric : kMetrics) {
      const Value self = ValueOf(metric, g, g);
      if (self && metric.ideal) {
        EXPECT_EQ(*self, Rational(*metric.ideal)) << metric.name;
      }
    }
    const Value average = ValueOf(M("averageOddsDifference"), g, r);
    if (!average) continue;
    ++checked;
    const Rational tpr = *ValueOf(M("equalOpportunityDifference"), g, r);
    const Rational fpr = *ValueOf(M("falsePositiveRateDifference"), g, r);
    const Rational absolute = *ValueOf(M("averageAbsoluteOddsDifference"), g, r);
    EXPECT_EQ(*average + *average, tpr + fpr);
    EXPECT_EQ(*ValueOf(M("falseNegativeRateDifference"), g, r), Rational() - tpr);
    EXPECT_LE(average->Abs(), absolute);
    EXPECT_LE(absolute, *ValueOf(M("equalizedOddsDifference"), g, r));
    // Turning the classes around exchanges the two rates.
    EXPECT_EQ(ValueOf(M("equalOpportunityDifference"), Flipped(g), Flipped(r)), Rational() - fpr);
  }
  EXPECT_GT(checked, 300);
}

}  // namespace
}  // namespace countersign::fairness
