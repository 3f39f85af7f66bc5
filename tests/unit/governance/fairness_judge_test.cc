#include "governance/fairness_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

namespace countersign::fairness {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const Metric& M(std::string_view name) {
  const Metric* metric = FindMetric(name);
  EXPECT_NE(metric, nullptr) << name;
  return *metric;
}

// No minimums, so that a test is about what it is about.
Criteria C(const char* min, const char* max, Rule rule = Rule::kPointEstimate) {
  Criteria criteria{.rule = rule, .minimums = {0, 0, 0, 0}};
  if (min != nullptr) criteria.bounds.min = Decimal::Parse(min).value();
  if (max != nullptr) criteria.bounds.max = Decimal::Parse(max).value();
  return criteria;
}

NamedCounts Selected(const char* name, std::int64_t selected, std::int64_t total) {
  return {name, {.tp = selected, .fp = 0, .fn = 0, .tn = total - selected}};
}

// What a program without exact arithmetic would do.
double Quotient(std::int64_t k1, std::int64_t n1, std::int64_t k2, std::int64_t n2) {
  return (static_cast<double>(k1) / static_cast<double>(n1)) /
         (static_cast<double>(k2) / static_cast<double>(n2));
}

const NamedCounts kAfricanAmerican = {"African-American", {990, 532, 805, 1369}};
const NamedCounts kCaucasian = {"Caucasian", {1139, 461, 349, 505}};
const NamedCounts kOther = {"Other", {208, 90, 36, 43}};
const NamedCounts kNativeAmerican = {"Native American", {5, 1, 3, 9}};
const NamedCounts kAsian = {"Asian", {21, 3, 2, 6}};

TEST(FairnessJudgeTest, ExactlyFourFifthsPassesWhereDoublesSayLess) {
  const struct {
    std::int64_t k1, n1, k2, n2;
  } cases[] = {{6, 10, 45, 60}, {8, 12, 10, 12}, {4, 100, 5, 100}, {8, 100, 5, 50}};
  for (const auto& c : cases) {
    ASSERT_LT(Quotient(c.k1, c.n1, c.k2, c.n2), 0.8)
        << "the case must be one that doubles get wrong";
    const Judgement judgement = JudgeMetric(M("disparateImpact"), Selected("g", c.k1, c.n1),
                                            Selected("r", c.k2, c.n2), C("0.8", nullptr));
    EXPECT_EQ(judgement.verdict, Verdict::kPass) << judgement.message;
    EXPECT_EQ(judgement.value_text, "0.8000");
  }
}

TEST(FairnessJudgeTest, AHairLessThanFourFifthsFailsWhereDoublesSayEnough) {
  // k1/n1 over k2/n2 is 4/5 - 1/(5 n1 k2).
  const struct {
    std::int64_t k1, n1, k2, n2;
  } cases[] = {
      {1300804051091, 2898706131513, 3438540488638, 6129943023785},
      {4166644432291, 5740801255163, 6137386594913, 6764871299205},
      {1400112611579, 9976425443214, 275051163461, 1567889555537},
  };
  for (const auto& c : cases) {
    ASSERT_GE(Quotient(c.k1, c.n1, c.k2, c.n2), 0.8)
        << "the case must be one that doubles get wrong";
    const Judgement judgement = JudgeMetric(M("disparateImpact"), Selected("g", c.k1, c.n1),
                                            Selected("r", c.k2, c.n2), C("0.8", nullptr));
    EXPECT_EQ(judgement.verdict, Verdict::kFail) << judgement.message;
    EXPECT_EQ(judgement.reason, Reason::kBelowMinimum);
    EXPECT_THAT(judgement.value_text, AllOf(HasSubstr("0.800000000 ("), HasSubstr("/")))
        << "0.8000 alone would seem to meet the bound";
  }
}

TEST(FairnessJudgeTest, ADifferenceOnTheBoundPassesAndAHairMoreFails) {
  ASSERT_GT(28 / 100.0 - 18 / 100.0, 0.1);
  EXPECT_EQ(JudgeMetric(M("statisticalParityDifference"), Selected("g", 28, 100),
                        Selected("r", 18, 100), C("-0.1", "0.1"))
                .verdict,
            Verdict::kPass);
  ASSERT_LT(12 / 100.0 - 22 / 100.0, -0.1 + 1e-17);
  EXPECT_EQ(JudgeMetric(M("statisticalParityDifference"), Selected("g", 18, 100),
                        Selected("r", 28, 100), C("-0.1", "0.1"))
                .verdict,
            Verdict::kPass);
  // 1/10 + 1/(10 n1 n2).
  ASSERT_LT(959887300 / 965312513.0 - 227387231 / 254240113.0, 0.1);
  const Judgement more =
      JudgeMetric(M("statisticalParityDifference"), Selected("g", 959887300, 965312513),
                  Selected("r", 227387231, 254240113), C("-0.1", "0.1"));
  EXPECT_EQ(more.verdict, Verdict::kFail);
  EXPECT_EQ(more.reason, Reason::kAboveMaximum);
}

// Every ratio of small counts, against integer cross-multiplication.
TEST(FairnessJudgeTest, AgreesWithCrossMultiplicationOnAllSmallCounts) {
  const Criteria criteria = C("0.8", "1.25");
  int on_a_bound = 0;
  for (std::int64_t n1 = 1; n1 <= 12; ++n1) {
    for (std::int64_t n2 = 1; n2 <= 12; ++n2) {
      for (std::int64_t k1 = 0; k1 <= n1; ++k1) {
        for (std::int64_t k2 = 1; k2 <= n2; ++k2) {
          const std::int64_t left = k1 * n2, right = k2 * n1;
          const bool pass = 5 * left >= 4 * right && 4 * left <= 5 * right;
          on_a_bound += 5 * left == 4 * right || 4 * left == 5 * right ? 1 : 0;
          EXPECT_EQ(JudgeMetric(M("disparateImpact"), Selected("g", k1, n1), Selected("r", k2, n2),
                                criteria)
                        .verdict,
                    pass ? Verdict::kPass : Verdict::kFail)
              << k1 << "/" << n1 << " against " << k2 << "/" << n2;
        }
      }
    }
  }
  EXPECT_GT(on_a_bound, 100);
}

TEST(FairnessJudgeTest, AFailureSaysWhatWasFoundFromWhichCountsAndWhatIsRequired) {
  const Judgement judgement =
      JudgeMetric(M("disparateImpact"), kAfricanAmerican, kCaucasian, C("0.8", "1.25"));
  EXPECT_EQ(judgement.verdict, Verdict::kFail);
  EXPECT_EQ(judgement.reason, Reason::kBelowMinimum);
  EXPECT_EQ(judgement.metric, "disparateImpact");
  EXPECT_EQ(judgement.group, "African-American");
  EXPECT_EQ(judgement.reference, "Caucasian");
  EXPECT_EQ(judgement.value_text, "0.6316");
  EXPECT_EQ(
      judgement.message,
      "disparateImpact of \"African-American\" against \"Caucasian\" is 0.6316 (selection rate "
      "1522/3696 against 1600/2454), below the minimum 0.8");
  EXPECT_THAT(judgement.remedy, Not(IsEmpty()));
}

TEST(FairnessJudgeTest, APassSaysSoAndNeedsNoRemedy) {
  const Judgement judgement =
      JudgeMetric(M("disparateImpact"), kOther, kCaucasian, C("0.8", "1.25"));
  EXPECT_EQ(judgement.verdict, Verdict::kPass);
  EXPECT_EQ(judgement.reason, Reason::kWithinBounds);
  EXPECT_EQ(judgement.message,
            "disparateImpact of \"Other\" against \"Caucasian\" is 1.2124 (selection rate 298/377 "
            "against 1600/2454), required is 0.8 to 1.25");
  EXPECT_THAT(judgement.remedy, IsEmpty());
}

TEST(FairnessJudgeTest, TwoCommonUpperBoundsDisagreeOnRealData) {
  EXPECT_EQ(JudgeMetric(M("disparateImpact"), kOther, kCaucasian, C("0.8", "1.2")).reason,
            Reason::kAboveMaximum);
  EXPECT_EQ(JudgeMetric(M("disparateImpact"), kOther, kCaucasian, C("0.8", "1.25")).verdict,
            Verdict::kPass);
}

TEST(FairnessJudgeTest, OddsMetricsShowBothRates) {
  const Judgement judgement =
      JudgeMetric(M("equalizedOddsDifference"), kAfricanAmerican, kCaucasian, C(nullptr, "0.1"));
  EXPECT_EQ(judgement.verdict, Verdict::kFail);
  EXPECT_THAT(judgement.message,
              HasSubstr("true positive rate 990/1795 against 1139/1488, false positive rate "
                        "532/1901 against 461/966), above the maximum 0.1"));
}

TEST(FairnessJudgeTest, SmallGroupsAreInsufficientWhateverTheirValue) {
  Criteria criteria = C("0.5", nullptr);
  criteria.minimums = Minimums{};
  const Judgement judgement =
      JudgeMetric(M("disparateImpact"), kNativeAmerican, kCaucasian, criteria);
  EXPECT_EQ(judgement.verdict, Verdict::kInsufficient);
  EXPECT_EQ(judgement.reason, Reason::kTooFew);
  EXPECT_EQ(judgement.value_text, "0.5113") << "shown all the same";
  EXPECT_THAT(judgement.message,
              HasSubstr("\"Native American\" has 18 of the 100 members that are required"));
  EXPECT_EQ(judgement.remedy, "test on data with at least 100 members in \"Native American\"");
  // The reference is held to the same.
  const Judgement swapped =
      JudgeMetric(M("disparateImpact"), kCaucasian, kNativeAmerican, criteria);
  EXPECT_EQ(swapped.reason, Reason::kTooFew);
}

TEST(FairnessJudgeTest, EachMinimumIsAskedForByTheMetricsThatDivideByIt) {
  // 1,000 people of whom few are positive, negative or selected.
  const ConfusionCounts few_positives{.tp = 4, .fp = 400, .fn = 3, .tn = 593};
  const ConfusionCounts few_negatives{.tp = 400, .fp = 4, .fn = 593, .tn = 3};
  const ConfusionCounts few_selections{.tp = 4, .fp = 3, .fn = 400, .tn = 593};
  const ConfusionCounts plenty{.tp = 250, .fp = 250, .fn = 250, .tn = 250};
  Criteria criteria;  // the default minimums
  for (const Metric& metric : kMetrics) {
    if (metric.kind() == Kind::kRatio || metric.form == Form::kSmallestRatio) {
      criteria.bounds = C("0.000001", nullptr).bounds;
    } else if (metric.kind() == Kind::kGroupRate) {
      criteria.bounds = C(nullptr, "0.999999").bounds;
    } else {
      criteria.bounds = C(nullptr, "0.999999").bounds;
    }
    const Needs needs = metric.needs();
    const auto expect = [&](const ConfusionCounts& counts, bool needed, const char* what) {
      const Judgement group = JudgeMetric(metric, {"g", counts}, {"r", plenty}, criteria);
      EXPECT_EQ(group.reason == Reason::kTooFew, needed) << metric.name << ": " << group.message;
      if (needed) {
        EXPECT_THAT(group.message, HasSubstr(std::string("\"g\" has 7 of the 10 ") + what));
        const Judgement reference = JudgeMetric(metric, {"g", plenty}, {"r", counts}, criteria);
        EXPECT_THAT(reference.message, HasSubstr(std::string("\"r\" has 7 of the 10 ") + what));
        EXPECT_EQ(reference.verdict, Verdict::kInsufficient);
      } else {
        EXPECT_EQ(group.verdict, Verdict::kPass) << group.message;
      }
    };
    expect(few_positives, needs.positives, "positives");
    expect(few_negatives, needs.negatives, "negatives");
    expect(few_selections, needs.selections, "selections");
  }
}

TEST(FairnessJudgeTest, AMinimumIsReachedByTheVeryNumber) {
  Criteria criteria = C("0.8", nullptr);
  criteria.minimums.group_size = 100;
  EXPECT_EQ(
      JudgeMetric(M("disparateImpact"), Selected("g", 50, 100), Selected("r", 50, 100), criteria)
          .verdict,
      Verdict::kPass);
  EXPECT_EQ(
      JudgeMetric(M("disparateImpact"), Selected("g", 50, 99), Selected("r", 50, 100), criteria)
          .reason,
      Reason::kTooFew);
}

TEST(FairnessJudgeTest, AllShortfallsAreNamedAtOnce) {
  Criteria criteria = C(nullptr, "0.1");
  criteria.minimums = Minimums{};
  const Judgement judgement =
      JudgeMetric(M("equalizedOddsDifference"), kNativeAmerican, kAsian, criteria);
  EXPECT_THAT(judgement.message, AllOf(HasSubstr("\"Native American\" has 18 of the 100 members"),
                                       HasSubstr("\"Native American\" has 8 of the 10 positives"),
                                       HasSubstr("\"Asian\" has 32 of the 100 members"),
                                       HasSubstr("\"Asian\" has 9 of the 10 negatives")));
}

TEST(FairnessJudgeTest, WithoutMinimumsAnUndefinedValueIsStillInsufficient) {
  const ConfusionCounts full{.tp = 5, .fp = 5, .fn = 5, .tn = 5};
  const struct {
    const char* metric;
    NamedCounts group;
    NamedCounts reference;
    const char* message;
  } cases[] = {
      {"disparateImpact",
       {"g", full},
       {"r", {.fn = 5, .tn = 5}},
       "the selection rate of the reference group \"r\" is zero (tp=0 fp=0 fn=5 tn=5)"},
      {"disparateImpact", {"g", {}}, {"r", full}, "\"g\" has no members"},
      {"equalOpportunityDifference",
       {"g", {.fp = 3, .tn = 9}},
       {"r", full},
       "\"g\" has no positives"},
      {"falsePositiveRateDifference",
       {"g", full},
       {"r", {.tp = 3, .fn = 9}},
       "\"r\" has no negatives"},
      {"predictiveParityRatio", {"g", {.fn = 3, .tn = 9}}, {"r", full}, "\"g\" has no selections"},
      {"disparateImpact", {"g", {.tp = -1, .tn = 9}}, {"r", full}, "counts of \"g\" are invalid"},
      {"demographicParityRatio", {"g", {.tn = 9}}, {"r", {.tn = 3}}, "of every group is zero"},
  };
  for (const auto& c : cases) {
    const bool ratio = M(c.metric).ideal == 1;
    const Criteria criteria = ratio ? C("0.000001", nullptr) : C("-0.999999", "0.999999");
    const Judgement judgement = JudgeMetric(M(c.metric), c.group, c.reference, criteria);
    EXPECT_EQ(judgement.verdict, Verdict::kInsufficient) << c.metric;
    EXPECT_EQ(judgement.reason, Reason::kUndefined) << c.metric << ": " << judgement.message;
    EXPECT_EQ(judgement.value_text, "undefined");
    EXPECT_FALSE(judgement.value.has_value());
    EXPECT_FALSE(judgement.interval.has_value());
    EXPECT_THAT(judgement.message, HasSubstr(c.message));
    EXPECT_THAT(judgement.remedy, Not(IsEmpty()));
  }
}

TEST(FairnessJudgeTest, BoundsThatMakeNoSensePassNothing) {
  const NamedCounts same = Selected("g", 500, 1000);
  for (const auto& criteria : {C(nullptr, nullptr), C("1.25", "0.8"), C(nullptr, "0.9")}) {
    const Judgement judgement = JudgeMetric(M("disparateImpact"), same, same, criteria);
    EXPECT_EQ(judgement.verdict, Verdict::kInsufficient);
    EXPECT_EQ(judgement.reason, Reason::kBadCriteria) << judgement.message;
  }
  const ConfusionCounts counts{.tp = 250, .fp = 250, .fn = 250, .tn = 250};
  for (const Rule rule : {Rule::kWholeInterval, Rule::kNotWhollyOutside}) {
    EXPECT_EQ(JudgeMetric(M("averageOddsDifference"), {"g", counts}, {"r", counts},
                          C("-0.1", "0.1", rule))
                  .reason,
              Reason::kBadCriteria)
        << "a metric without an interval cannot satisfy a rule about one";
  }
}

// One sample, three rules.
TEST(FairnessJudgeTest, TheRulesDifferInHowMuchOfTheIntervalMustBeWithin) {
  const auto judge = [](std::int64_t k1, std::int64_t n1, Rule rule) {
    return JudgeMetric(M("disparateImpact"), Selected("g", k1, n1), Selected("r", 500, 1000),
                       C("0.8", nullptr, rule));
  };
  // 0.84, interval about 0.67 to 1.05: inside by the value alone.
  EXPECT_EQ(judge(42, 100, Rule::kPointEstimate).verdict, Verdict::kPass);
  EXPECT_EQ(judge(42, 100, Rule::kNotWhollyOutside).verdict, Verdict::kPass);
  const Judgement wide = judge(42, 100, Rule::kWholeInterval);
  EXPECT_EQ(wide.verdict, Verdict::kInsufficient);
  EXPECT_EQ(wide.reason, Reason::kIntervalTooWide);
  // 0.76, interval about 0.59 to 0.97: not surely outside.
  EXPECT_EQ(judge(38, 100, Rule::kPointEstimate).reason, Reason::kBelowMinimum);
  EXPECT_EQ(judge(38, 100, Rule::kWholeInterval).reason, Reason::kBelowMinimum);
  EXPECT_EQ(judge(38, 100, Rule::kNotWhollyOutside).verdict, Verdict::kPass);
  // 0.4, interval about 0.28 to 0.57: outside by any rule.
  EXPECT_EQ(judge(20, 100, Rule::kPointEstimate).verdict, Verdict::kFail);
  EXPECT_EQ(judge(20, 100, Rule::kWholeInterval).verdict, Verdict::kFail);
  const Judgement outside = judge(20, 100, Rule::kNotWhollyOutside);
  EXPECT_EQ(outside.verdict, Verdict::kFail);
  EXPECT_EQ(outside.reason, Reason::kIntervalBelow);
  EXPECT_THAT(outside.message, HasSubstr("all of it below the minimum 0.8"));
  // 1.0 of many: inside by any rule.
  EXPECT_EQ(judge(5000, 10000, Rule::kWholeInterval).verdict, Verdict::kPass);
}

TEST(FairnessJudgeTest, AnIntervalTooWideNamesTheSampleThatWouldDo) {
  const Judgement judgement =
      JudgeMetric(M("disparateImpact"), Selected("female", 42, 100), Selected("male", 500, 1000),
                  C("0.8", nullptr, Rule::kWholeInterval));
  EXPECT_THAT(judgement.message,
              AllOf(HasSubstr("is 0.8400"), HasSubstr("95 % interval 0.6"),
                    HasSubstr("is within the bounds (at least 0.8), the whole interval is not")));
  EXPECT_THAT(judgement.remedy, AllOf(HasSubstr("members in \"female\" (now 100)"),
                                      HasSubstr("\"male\" (now 1000)")));
}

TEST(FairnessJudgeTest, AValueOnTheBoundIsToldThatNoSampleWouldDo) {
  const Judgement judgement =
      JudgeMetric(M("disparateImpact"), Selected("g", 40, 100), Selected("r", 50, 100),
                  C("0.8", nullptr, Rule::kWholeInterval));
  EXPECT_EQ(judgement.reason, Reason::kIntervalTooWide);
  EXPECT_THAT(judgement.remedy, HasSubstr("no amount of data would do"));
}

TEST(FairnessJudgeTest, ARuleAboutAnIntervalPassesNothingWithoutOne) {
  // 3 of 3 against 500 of 1000: the value is within, Katz has nothing to say.
  for (const Rule rule : {Rule::kWholeInterval, Rule::kNotWhollyOutside}) {
    const Judgement judgement = JudgeMetric(M("disparateImpact"), Selected("g", 3, 3),
                                            Selected("r", 500, 1000), C("0.8", nullptr, rule));
    EXPECT_EQ(judgement.verdict, Verdict::kInsufficient);
    EXPECT_EQ(judgement.reason, Reason::kNoInterval) << judgement.message;
    EXPECT_THAT(judgement.message, HasSubstr("Katz"));
  }
  // Nobody selected is outside already.
  EXPECT_EQ(JudgeMetric(M("disparateImpact"), Selected("g", 0, 50), Selected("r", 500, 1000),
                        C("0.8", nullptr, Rule::kWholeInterval))
                .reason,
            Reason::kBelowMinimum);
}

TEST(FairnessJudgeTest, ALowerConfidenceAsksForLess) {
  Criteria criteria = C("0.8", nullptr, Rule::kWholeInterval);
  const NamedCounts group = Selected("g", 250, 560), reference = Selected("r", 500, 1000);
  criteria.confidence = Confidence::k99;
  EXPECT_EQ(JudgeMetric(M("disparateImpact"), group, reference, criteria).reason,
            Reason::kIntervalTooWide);
  criteria.confidence = Confidence::k90;
  EXPECT_EQ(JudgeMetric(M("disparateImpact"), group, reference, criteria).verdict, Verdict::kPass);
}

TEST(FairnessJudgeTest, ARateIsJudgedForTheGroupAlone) {
  Criteria criteria = C("0.5", nullptr);
  criteria.minimums.group_size = 100;
  const Judgement judgement =
      JudgeMetric(M("selectionRate"), Selected("g", 60, 100), Selected("r", 0, 1), criteria);
  EXPECT_EQ(judgement.verdict, Verdict::kPass) << judgement.message;
  EXPECT_EQ(judgement.message,
            "selectionRate of \"g\" is 0.6000 (selection rate 60/100), required is at least 0.5");
  EXPECT_THAT(judgement.reference, IsEmpty());
}

TEST(FairnessJudgeTest, AcrossGroupsNamesTheExtremes) {
  const std::vector<NamedCounts> groups = {Selected("a", 50, 100), Selected("b", 20, 100),
                                           Selected("c", 60, 120), Selected("d", 90, 100),
                                           Selected("e", 40, 100)};
  const Judgement judgement =
      JudgeAcross(M("demographicParityDifference"), groups, C(nullptr, "0.2"));
  EXPECT_EQ(judgement.verdict, Verdict::kFail);
  EXPECT_EQ(judgement.message,
            "demographicParityDifference across \"a\", \"b\", \"c\", \"d\" and 1 more is 0.7000 "
            "(selection rate from 20/100 in \"b\" to 90/100 in \"d\"), above the maximum 0.2");
  EXPECT_EQ(JudgeAcross(M("disparateImpact"), groups, C("0.8", nullptr)).verdict,
            Verdict::kInsufficient);
  EXPECT_EQ(JudgeAcross(M("demographicParityDifference"), {}, C(nullptr, "0.2")).verdict,
            Verdict::kInsufficient);
}

TEST(FairnessJudgeTest, AnAttributeIsJudgedForEveryGroupButTheReference) {
  const std::vector<NamedCounts> groups = {kAfricanAmerican, kCaucasian, kOther};
  const auto judgements =
      JudgeAttribute(M("disparateImpact"), groups, "Caucasian", C("0.8", "1.25"));
  ASSERT_EQ(judgements.size(), 2U);
  EXPECT_EQ(judgements[0].group, "African-American");
  EXPECT_EQ(judgements[0].verdict, Verdict::kFail);
  EXPECT_EQ(judgements[1].group, "Other");
  EXPECT_EQ(judgements[1].verdict, Verdict::kPass);

  EXPECT_EQ(JudgeAttribute(M("selectionRate"), groups, "Caucasian", C("0.1", nullptr)).size(), 3U);
  const auto across =
      JudgeAttribute(M("demographicParityRatio"), groups, "Caucasian", C("0.8", nullptr));
  ASSERT_EQ(across.size(), 1U);
  EXPECT_EQ(across[0].value_text, "0.5210");
}

TEST(FairnessJudgeTest, AnAttributeWithoutReferenceOrOtherGroupsIsNeverSilentlyFine) {
  const std::vector<NamedCounts> groups = {kAfricanAmerican, kOther};
  const std::vector<NamedCounts> alone = {kCaucasian};
  for (const Metric& metric : kMetrics) {
    for (const auto& judgements :
         {JudgeAttribute(metric, groups, "Caucasian", C("0.000001", nullptr)),
          JudgeAttribute(metric, alone, "Caucasian", C("0.000001", nullptr)),
          JudgeAttribute(metric, {}, "", C("0.000001", nullptr))}) {
      ASSERT_EQ(judgements.size(), 1U) << metric.name;
      EXPECT_EQ(judgements[0].verdict, Verdict::kInsufficient) << metric.name;
    }
  }
}

TEST(FairnessJudgeTest, OnlyAPassIsWithoutARemedyAndGarbageNeverPasses) {
  std::mt19937_64 random(13);  // NOLINT(bugprone-random-generator-seed): the same counts every run
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  const std::int64_t odd[] = {0, 0, 1, 7, 40, 1000, -1, kMaxTotal, kMaxTotal + 1, kMax, kMin};
  const auto counts = [&] {
    const auto pick = [&] { return odd[random() % std::size(odd)]; };
    return ConfusionCounts{pick(), pick(), pick(), pick()};
  };
  int passes = 0;
  for (int i = 0; i < 3'000; ++i) {
    const NamedCounts group{"g", counts()}, reference{"r", counts()};
    for (const Metric& metric : kMetrics) {
      const Criteria criteria = metric.ideal == 1 ? C("0.000001", nullptr) : C(nullptr, "0.999999");
      const Judgement judgement = JudgeMetric(metric, group, reference, criteria);
      EXPECT_EQ(judgement.remedy.empty(), judgement.verdict == Verdict::kPass);
      EXPECT_FALSE(judgement.message.empty());
      if (judgement.verdict != Verdict::kPass) continue;
      ++passes;
      EXPECT_TRUE(IsValid(group.counts)) << metric.name;
      EXPECT_TRUE(IsValid(reference.counts) || metric.kind() == Kind::kGroupRate) << metric.name;
      EXPECT_TRUE(judgement.value.has_value()) << metric.name;
    }
  }
  EXPECT_GT(passes, 100);
}

TEST(FairnessJudgeTest, ADeclaredValueMustAgreeToTheDigitsItIsWrittenWith) {
  const Rational computed = Rational::Fraction(1522 * 2454, 3696 * 1600).value();  // 0.63159…
  for (const char* right : {"0.6316", "0.632", "0.63", "0.63159", "0.631592938", "0.6315929"}) {
    EXPECT_EQ(AgreesWithDeclared(right, computed), true) << right;
  }
  for (const char* wrong : {"0.85", "0.6315", "0.631", "0.64", "0.6", "1", "-0.6316", "1.6902"}) {
    EXPECT_EQ(AgreesWithDeclared(wrong, computed), false) << wrong;
  }
  EXPECT_EQ(AgreesWithDeclared("0.80", Rational::Fraction(805, 1000).value()), true);
  EXPECT_EQ(AgreesWithDeclared("0.800", Rational::Fraction(805, 1000).value()), false);
  EXPECT_EQ(AgreesWithDeclared("1", Rational::Fraction(996, 1000).value()), true);
  EXPECT_FALSE(AgreesWithDeclared("NaN", computed).has_value());
  EXPECT_FALSE(AgreesWithDeclared("", computed).has_value());
}

TEST(FairnessJudgeTest, AJudgementNobodyMadeIsInsufficient) {
  const Judgement judgement;
  EXPECT_EQ(judgement.verdict, Verdict::kInsufficient);
}

// Who asks for failures alone gets the same verdicts, and the same words for what did not pass.
TEST(FairnessJudgeTest, DetailDecidesNothing) {
  std::mt19937 random(7);
  const auto count = [&random] {
    return std::uniform_int_distribution<std::int64_t>(0, 300)(random);
  };
  const auto named = [&](const char* name) {
    return NamedCounts{name, {count(), count(), count(), count()}};
  };
  int passed = 0;
  for (int round = 0; round < 20; ++round) {
    const std::vector<NamedCounts> groups = {named("a"), named("b"), named("r")};
    for (const Metric& metric : kMetrics) {
      for (const Rule rule :
           {Rule::kPointEstimate, Rule::kWholeInterval, Rule::kNotWhollyOutside}) {
        Criteria criteria = C(round % 2 == 0 ? "0.1" : nullptr, "1.2", rule);
        criteria.minimums = {100, 10, 10, 10};
        const auto all = JudgeAttribute(metric, groups, "r", criteria);
        criteria.detail = Detail::kOfFailures;
        const auto failures = JudgeAttribute(metric, groups, "r", criteria);
        ASSERT_EQ(all.size(), failures.size());
        for (std::size_t i = 0; i < all.size(); ++i) {
          EXPECT_EQ(failures[i].verdict, all[i].verdict) << all[i].message;
          EXPECT_EQ(failures[i].reason, all[i].reason) << all[i].message;
          const bool pass = all[i].verdict == Verdict::kPass;
          EXPECT_EQ(failures[i].message, pass ? "" : all[i].message);
          EXPECT_EQ(failures[i].remedy, all[i].remedy);
          passed += pass ? 1 : 0;
        }
      }
    }
  }
  EXPECT_GT(passed, 100);
}

}  // namespace
}  // namespace countersign::fairness
