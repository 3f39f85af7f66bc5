// Fairlearn, AIF360, Aequitas and TrustyAI, by what the tools themselves wrote.

#include <gmock/gmock.h>

#include "tests/unit/importers/samples.h"

namespace countersign::importing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

ImportOptions Options() {
  ImportOptions options;
  options.favorable = options.favorable_name = "approved";
  options.positive = "favorable";
  return options;
}

ImportOptions OfSex() {
  ImportOptions options = Options();
  options.attributes = {{"sex", "sex"}};
  return options;
}

// --- Fairlearn ---

constexpr const char* kCross =
    "north,female: 30 5 10 15\n"
    "north,male: 40 8 6 26\n"
    "south,female: 20 4 8 8\n"
    "south,male: 25 5 5 5\n";

TEST(Fairlearn, TheTableSaysItsAttributes) {
  EXPECT_EQ(
      Cells(BiasTestOf(ImportText1("fairlearn", Sample("fairlearn-counts-table.json"), Options()))),
      kCross);
}

TEST(Fairlearn, RecordsAndSplitDoNot) {
  const std::string records = Sample("fairlearn-counts-records.json");
  EXPECT_THAT(Wrong(ImportText1("fairlearn", records, Options())),
              AllOf(HasSubstr("--attribute"), HasSubstr("'sex'"), HasSubstr("'region'")));
  ImportOptions options = Options();
  options.attributes = {{"sex", "sex"}, {"region", "region"}};
  EXPECT_EQ(Cells(BiasTestOf(ImportText1("fairlearn", records, options))), kCross);
  options.attributes = {{"level_0", "sex"}, {"level_1", "region"}};
  EXPECT_EQ(
      Cells(BiasTestOf(ImportText1("fairlearn", Sample("fairlearn-counts-split.json"), options))),
      kCross);
}

TEST(Fairlearn, AnAttributeLeftOutIsSummedOver) {
  EXPECT_EQ(
      Cells(BiasTestOf(ImportText1("fairlearn", Sample("fairlearn-counts-table.json"), OfSex()))),
      "female: 50 9 18 23\nmale: 65 13 11 31\n");
}

TEST(Fairlearn, CountAndRateGiveWhoIsSelected) {
  for (const char* name : {"fairlearn-rates-table.json", "fairlearn-rates-records.json"}) {
    EXPECT_EQ(Cells(BiasTestOf(ImportText1("fairlearn", Sample(name), OfSex()))),
              "female: 59 100\nmale: 78 120\n")
        << name;
  }
  ImportOptions options = Options();
  options.attributes = {{"level_0", "sex"}};
  EXPECT_EQ(
      Cells(BiasTestOf(ImportText1("fairlearn", Sample("fairlearn-rates-index.json"), options))),
      "female: 59 100\nmale: 78 120\n");
}

TEST(Fairlearn, PositiveIsNotTakenForFavorable) {
  const std::string text = Sample("fairlearn-counts-table.json");
  ImportOptions options = OfSex();
  options.positive.clear();
  EXPECT_THAT(Wrong(ImportText1("fairlearn", text, options)), HasSubstr("--positive: is required"));
  options.positive = "unfavorable";
  EXPECT_EQ(Cells(BiasTestOf(ImportText1("fairlearn", text, options))),
            "female: 23 18 9 50\nmale: 31 11 13 65\n");
  EXPECT_EQ(
      Cells(BiasTestOf(ImportText1("fairlearn", Sample("fairlearn-rates-table.json"), options))),
      "female: 41 100\nmale: 42 120\n");
}

TEST(Fairlearn, AGroupWithoutPeopleIsNobody) {
  const std::string text =
      R"([{"sex":"f","age":"old","tp":1,"fp":0,"fn":0,"tn":0},
          {"sex":"m","age":"young","tp":2,"fp":0,"fn":0,"tn":0},
          {"sex":"m","age":"old","tp":null,"fp":null,"fn":null,"tn":null}])";
  ImportOptions options = Options();
  options.attributes = {{"sex", "sex"}, {"age", "age"}};
  EXPECT_EQ(Cells(BiasTestOf(ImportText1("fairlearn", text, options))),
            "old,f: 1 0 0 0\nold,m: 0 0 0 0\nyoung,m: 2 0 0 0\nyoung,f: 0 0 0 0\n");
}

TEST(Fairlearn, AGroupHasOneRow) {
  const std::string table = Sample("fairlearn-counts-table.json");
  auto twice = *ParseJson(table);
  twice["data"].push_back(twice["data"][1]);
  twice["data"].back()["tp"] = 1;
  EXPECT_THAT(Wrong(ImportText1("fairlearn", DumpJson(twice), OfSex())),
              HasSubstr("in: row 5: is of the group of row 2: must have one row a group"));
  // Records do not say which of their columns are groups.
  const auto said = [](const std::string& more) {
    return Wrong(ImportText1("fairlearn",
                             R"([{"sex":"f","age":1,"tp":1,"fp":0,"fn":0,"tn":0,"accuracy":0.75},
                                 {"sex":"f","age":2,"tp":1,"fp":0,"fn":0,"tn":0,"accuracy":0.5},)" +
                                 more + "]",
                             OfSex()));
  };
  EXPECT_THAT(said(R"({"sex":"f","age":2,"tp":9,"fp":0,"fn":0,"tn":0,"accuracy":0.25})"),
              HasSubstr("in: row 3: is of the group of row 2"));
  EXPECT_EQ(said(R"({"sex":"m","age":2,"tp":9,"fp":0,"fn":0,"tn":0,"accuracy":0.25})"), "");
  // Numbers of rows are no groups, unless they are asked for.
  const std::string split = R"({"columns":["sex","tp","fp","fn","tn"],"index":[0,1],
                                "data":[["f",1,0,0,0],["f",2,0,0,0]]})";
  EXPECT_THAT(Wrong(ImportText1("fairlearn", split, OfSex())), HasSubstr("row 2: is of the group"));
  ImportOptions numbered = Options();
  numbered.attributes = {{"level_0", "sex"}};
  EXPECT_EQ(Wrong(ImportText1("fairlearn", split, numbered)), "");
}

TEST(Fairlearn, WhatCannotBeCountsIsRefused) {
  const auto said = [](const std::string& text) {
    return Wrong(ImportText1("fairlearn", text, OfSex()));
  };
  EXPECT_THAT(said(R"([{"sex":"f","selection_rate":0.5}])"), HasSubstr("tp, fp, fn and tn"));
  EXPECT_THAT(said(R"([{"sex":"f","count":10,"selection_rate":0.55}])"),
              HasSubstr("a whole number of people"));
  EXPECT_THAT(said(R"([{"sex":"f","count":10,"selection_rate":1.5}])"), HasSubstr("divided by"));
  EXPECT_THAT(said(R"([{"sex":"f","count":3,"tp":1,"fp":1,"fn":0,"tn":0}])"),
              HasSubstr("the sum of tp, fp, fn and tn, 2"));
  EXPECT_THAT(said(R"([{"sex":"f","tp":-1,"fp":1,"fn":0,"tn":0}])"), HasSubstr("0 to 10^12"));
  EXPECT_THAT(said(R"([{"sex":"f","tp":1.5,"fp":1,"fn":0,"tn":0}])"), HasSubstr("0 to 10^12"));
  EXPECT_THAT(said(R"([{"sex":"f","tp":1e300,"fp":1,"fn":0,"tn":0}])"), HasSubstr("0 to 10^12"));
  EXPECT_THAT(said(R"([{"sex":"f","tp":NaN,"fp":1,"fn":0,"tn":0}])"), HasSubstr("in: "));
  EXPECT_THAT(said(R"([{"sex":"f","tp":1,"tp":2,"fp":1,"fn":0,"tn":0}])"), HasSubstr("in: "));
  EXPECT_THAT(said(R"({"count":{"f":1},"selection_rate":{"f":1}})"), HasSubstr("orient='table'"));
  EXPECT_THAT(said(R"([{"sex":"f","tp":1)"), HasSubstr("in: "));
  EXPECT_THAT(said("[1]"), HasSubstr("a row, an object"));
  EXPECT_THAT(said("7"), HasSubstr("a table"));
}

TEST(Fairlearn, AFrameBesideOtherMembersIsAskedForAlone) {
  EXPECT_THAT(Wrong(ImportText1("fairlearn", R"({"overall":{"count":2},"by_group":[{"sex":"f"}]})",
                                OfSex())),
              AllOf(HasSubstr("has by_group beside other members"), HasSubstr("orient='table'")));
}

TEST(Fairlearn, RatesAloneSayWhereCountsAreToBeHad) {
  EXPECT_THAT(
      Wrong(ImportText1("fairlearn", R"([{"sex":"f","false_positive_rate":0.5}])", OfSex())),
      AllOf(HasSubstr("in: must have the metrics tp, fp, fn and tn"),
            HasSubstr("docs/importing.md")));
}

// --- AIF360 ---

ImportOptions Named() {
  ImportOptions options = OfSex();
  options.unprivileged = "female";
  options.privileged = "male";
  return options;
}

TEST(Aif360, OddsAndErrorRatesHaveAllFourCounts) {
  for (const char* name :
       {"aif360-average-odds-difference.json", "aif360-error-rate-difference.json"}) {
    EXPECT_EQ(Cells(BiasTestOf(ImportText1("aif360", Sample(name), Named()))),
              "female: 50 9 18 23\nmale: 65 13 11 31\n")
        << name;
  }
}

TEST(Aif360, SelectionHasWhoIsSelected) {
  EXPECT_EQ(
      Cells(BiasTestOf(ImportText1("aif360", Sample("aif360-disparate-impact.json"), Named()))),
      "female: 59 100\nmale: 78 120\n");
}

TEST(Aif360, WhetherLabelsOrPredictionsWereCountedIsAskedFor) {
  const std::string text = Sample("aif360-statistical-parity-difference.json");
  ImportOptions options = Named();
  EXPECT_THAT(Wrong(ImportText1("aif360", text, options)), HasSubstr("--counted: is required"));
  options.counted = "labels";
  EXPECT_THAT(Wrong(ImportText1("aif360", text, options)), HasSubstr("nothing about the model"));
  options.counted = "predictions";
  EXPECT_EQ(Cells(BiasTestOf(ImportText1("aif360", text, options))),
            "female: 59 100\nmale: 78 120\n");
}

TEST(Aif360, CountsThatAreOfSomethingElseThanTheValueAreFound) {
  // The tool itself: a difference of predictions beside counts of labels.
  ImportOptions options = Named();
  options.counted = "predictions";
  EXPECT_THAT(Wrong(ImportText1("aif360", Sample("aif360-mean-difference.json"), options)),
              HasSubstr("states -0.060000, and its counts give 0.046667"));
}

TEST(Aif360, MetricsWithoutCountsPointToOneThatHas) {
  for (const char* name :
       {"aif360-equal-opportunity-difference.json", "aif360-false-positive-rate-ratio.json"}) {
    EXPECT_THAT(Wrong(ImportText1("aif360", Sample(name), Named())),
                HasSubstr("explain average_odds_difference instead"))
        << name;
  }
}

TEST(Aif360, WhichGroupIsWhichIsAskedFor) {
  const std::string text = Sample("aif360-average-odds-difference.json");
  ImportOptions options = Named();
  options.privileged.clear();
  EXPECT_THAT(Wrong(ImportText1("aif360", text, options)), HasSubstr("--privileged: is required"));
  options.privileged = "female";
  EXPECT_THAT(Wrong(ImportText1("aif360", text, options)), HasSubstr("another group"));
  options = Named();
  options.attributes.clear();
  EXPECT_THAT(Wrong(ImportText1("aif360", text, options)), HasSubstr("--attribute: is required"));
  options = Named();
  options.positive = "maybe";
  EXPECT_THAT(Wrong(ImportText1("aif360", text, options)), HasSubstr("--positive: is required"));
}

TEST(Aif360, ImpossibleCountsAreRefused) {
  const std::string text = Sample("aif360-average-odds-difference.json");
  EXPECT_THAT(Wrong(ImportText1("aif360", Replaced(text, "50.0", "69.0"), Named())),
              HasSubstr("numTruePositives must not be above numPositives"));
  EXPECT_THAT(Wrong(ImportText1("aif360", Replaced(text, "50.0", "-1"), Named())),
              HasSubstr("0 to 10^12"));
  EXPECT_THAT(Wrong(ImportText1("aif360", text.substr(0, 200), Named())), HasSubstr("in: "));
}

// --- Aequitas ---

TEST(Aequitas, CountsOfOneAttribute) {
  for (const char* name : {"aequitas-crosstab.csv", "aequitas-fairness.csv"}) {
    const auto test = BiasTestOf(ImportText1("aequitas", Sample(name), OfSex()));
    EXPECT_EQ(Cells(test), "female: 50 9 18 23\nmale: 65 13 11 31\n") << name;
    EXPECT_TRUE(test->declared.empty());
  }
}

TEST(Aequitas, StatisticalParityOfItsOwnIsNotOurs) {
  ImportOptions options = OfSex();
  options.reference = "male";
  const auto test = BiasTestOf(ImportText1("aequitas", Sample("aequitas-fairness.csv"), options));
  ASSERT_TRUE(test) << Wrong(test);
  ASSERT_EQ(test->declared.size(), 1U);
  EXPECT_EQ(test->declared[0].metric, "disparateImpact");
  EXPECT_EQ(test->declared[0].group, "female");
  // pprev_disparity 59/100 : 78/120, and not ppr_disparity, 59 : 78.
  EXPECT_EQ(test->declared[0].value.ToString(), "0.907692308");
  options.reference = "female";
  EXPECT_THAT(Wrong(ImportText1("aequitas", Sample("aequitas-fairness.csv"), options)),
              HasSubstr("the group that the file compares with, 'male'"));
  options.reference = "male";
  EXPECT_THAT(Wrong(ImportText1("aequitas", Sample("aequitas-crosstab.csv"), options)),
              HasSubstr("no pprev_disparity"));
  options.positive = "unfavorable";
  const auto turned = ImportText1("aequitas", Sample("aequitas-fairness.csv"), options);
  EXPECT_TRUE(BiasTestOf(turned)->declared.empty());
  EXPECT_THAT(turned->notes, ::testing::Contains(HasSubstr("no disparity is declared")));
}

TEST(Aequitas, ItsPositiveIsMostlyThePunishedOne) {
  ImportOptions options = OfSex();
  options.positive.clear();
  EXPECT_THAT(Wrong(ImportText1("aequitas", Sample("aequitas-crosstab.csv"), options)),
              HasSubstr("--positive: is required"));
  options.positive = "unfavorable";
  EXPECT_EQ(Cells(BiasTestOf(ImportText1("aequitas", Sample("aequitas-crosstab.csv"), options))),
            "female: 23 18 9 50\nmale: 31 11 13 65\n");
}

TEST(Aequitas, OneAttributeOneModelOneThreshold) {
  const std::string text = Sample("aequitas-crosstab.csv");
  ImportOptions options = Options();
  EXPECT_THAT(Wrong(ImportText1("aequitas", text, options)),
              AllOf(HasSubstr("--attribute: is required, one"), HasSubstr("region, sex")));
  options.attributes = {{"sex", "sex"}, {"region", "region"}};
  EXPECT_THAT(Wrong(ImportText1("aequitas", text, options)), HasSubstr("import the predictions"));
  options.attributes = {{"race", "race"}};
  EXPECT_THAT(Wrong(ImportText1("aequitas", text, options)),
              HasSubstr("must be one of region, sex"));
  const std::string two =
      Replaced(text, "\n0,binary 0/1,137,sex,male", "\n1,binary 0/1,137,sex,male");
  EXPECT_THAT(Wrong(ImportText1("aequitas", two, OfSex())), HasSubstr("--rows-of model_id=…"));
  options = OfSex();
  options.rows_of = {{"model_id", "7"}};
  EXPECT_THAT(Wrong(ImportText1("aequitas", two, options)), HasSubstr("--rows-of"));
}

TEST(Aequitas, AByteOrderMarkHidesNoColumn) {
  const std::string mark = "\xEF\xBB\xBF";
  const std::string two =
      mark +
      "model_id,score_threshold,attribute_name,attribute_value,tp,fp,fn,tn\n"
      "1,binary 0/1,sex,female,60,20,10,10\n2,binary 0/1,sex,male,10,20,60,10\n";
  EXPECT_THAT(Wrong(ImportText1("aequitas", two, OfSex())), HasSubstr("--rows-of model_id=…"));
  ImportOptions options = OfSex();
  options.rows_of = {{"model_id", "1"}};
  EXPECT_EQ(Cells(BiasTestOf(ImportText1("aequitas", two, options))), "female: 60 20 10 10\n");
  EXPECT_EQ(
      Cells(BiasTestOf(ImportText1("aequitas", mark + Sample("aequitas-crosstab.csv"), OfSex()))),
      "female: 50 9 18 23\nmale: 65 13 11 31\n");
}

TEST(Aequitas, RatesThatAreNotThoseOfTheCountsAreFound) {
  const std::string text = Sample("aequitas-crosstab.csv");
  EXPECT_THAT(Wrong(ImportText1("aequitas",
                                Replaced(text, ",0.59,9,18,23,50,", ",0.49,9,18,23,50,"), OfSex())),
              HasSubstr("female: pprev: is 0.49, and the counts give 0.59"));
  EXPECT_THAT(
      Wrong(ImportText1("aequitas", Replaced(text, ",9,18,23,50,", ",-9,18,23,50,"), OfSex())),
      HasSubstr("must be a count, is '-9'"));
  EXPECT_THAT(
      Wrong(ImportText1("aequitas", Replaced(text, ",9,18,23,50,", ",nan,18,23,50,"), OfSex())),
      HasSubstr("must be a count, is 'nan'"));
  EXPECT_THAT(Wrong(ImportText1("aequitas", text.substr(0, text.size() / 2), OfSex())),
              HasSubstr("fields, has"));
  EXPECT_THAT(Wrong(ImportText1("aequitas", "a,b\n1,2\n", OfSex())),
              HasSubstr("must be a crosstab"));
}

// --- TrustyAI ---

TEST(TrustyAi, AValueWithBoundsIsEvidenceAndNoBiasTest) {
  const auto imported = ImportText1("trustyai", Sample("trustyai-spd.json"));
  const auto report = ReportOf(imported);
  EXPECT_EQ(report->type, "FairnessMetric");
  EXPECT_EQ(ClaimText(report, "metric"), "SPD");
  EXPECT_EQ(ClaimText(report, "value"), "-0.0636");
  EXPECT_EQ(ClaimText(report, "lowerBound"), "-0.1");
  EXPECT_EQ(ClaimText(report, "outsideBounds"), "false");
  EXPECT_EQ(FormatTime(*imported->performed_at), "2026-11-20T14:52:25Z");
}

TEST(TrustyAi, OlderVersionsSayThreshold) {
  EXPECT_EQ(ClaimText(ReportOf(ImportText1("trustyai", Replaced(Sample("trustyai-spd.json"),
                                                                "thresholds", "threshold"))),
                      "upperBound"),
            "0.1");
}

TEST(TrustyAi, TimesAreAlsoMilliseconds) {
  const std::string text = Sample("trustyai-spd.json");
  const auto at = [&](const char* time) {
    return ImportText1("trustyai", Replaced(text, "\"2026-11-20T14:52:25.678+00:00\"", time));
  };
  EXPECT_EQ(FormatTime(*at("1763650345678")->performed_at), "2025-11-20T14:52:25Z");
  for (const char* wrong : {"1763650345", "1763650345678.5", "-1", "1e300", "true"}) {
    EXPECT_THAT(Wrong(at(wrong)), HasSubstr("in: timestamp: must be a time (RFC 3339)")) << wrong;
  }
}

TEST(TrustyAi, TheServiceInPythonSaysFairnessAndNoTime) {
  const auto imported = ImportText1("trustyai", Sample("trustyai-python-dir.json"));
  const auto report = ReportOf(imported);
  EXPECT_EQ(ClaimText(report, "metric"), "DIR");
  EXPECT_EQ(ClaimText(report, "upperBound"), "1.2");
  EXPECT_EQ(ClaimText(report, "outsideBounds"), "true");
  EXPECT_FALSE(imported->performed_at);
}

TEST(TrustyAi, OneValueOfSeveralIsNotChosen) {
  const std::string text = Sample("trustyai-spd.json");
  const std::string several =
      Replaced(Replaced(text, "\"value\": -0.0636", "\"value\": null"), "\"namedValues\": null",
               R"("namedValues": {"a": 1, "b": 2})");
  EXPECT_THAT(Wrong(ImportText1("trustyai", several)),
              AllOf(HasSubstr("has several values by name (namedValues)"),
                    HasSubstr("import a metric that has one")));
  EXPECT_THAT(Wrong(ImportText1("trustyai", Replaced(text, "\"SPD\"", "\"\""))),
              HasSubstr("in: name: must be the metric's name, SPD or DIR"));
  EXPECT_THAT(Wrong(ImportText1("trustyai", Replaced(text, "lowerBound", "lower"))),
              HasSubstr("in: thresholds.lowerBound: is required"));
}

TEST(TrustyAi, AnAnswerThatContradictsItselfIsRefused) {
  const std::string text = Sample("trustyai-spd.json");
  EXPECT_THAT(Wrong(ImportText1("trustyai", Replaced(text, "-0.0636", "-0.2"))),
              HasSubstr("in: thresholds.outsideBounds: must be true"));
  EXPECT_THAT(Wrong(ImportText1("trustyai", Replaced(text, "-0.0636", "\"NaN\""))),
              HasSubstr("in: value: must be a number"));
  EXPECT_THAT(Wrong(ImportText1("trustyai", Replaced(text, "\"metric\"", "\"other\""))),
              HasSubstr("in: type"));
}

}  // namespace
}  // namespace countersign::importing
