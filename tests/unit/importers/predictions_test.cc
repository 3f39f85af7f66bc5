// Predictions as CSV and JSON lines: counts by group, and what is asked for.

#include <gmock/gmock.h>

#include "tests/unit/importers/samples.h"

namespace countersign::importing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// What the samples of testdata/predictions.* count, by hand: make_fairness.py has the numbers.
constexpr const char* kCells =
    "north,female: 30 5 10 15\n"
    "south,female: 20 4 8 8\n"
    "north,male: 40 8 6 26\n"
    "south,male: 25 5 5 5\n";

ImportOptions Options() {
  ImportOptions options;
  options.label = "y_true";
  options.prediction = "y_pred";
  options.favorable = "1";
  options.favorable_name = "approved";
  options.attributes = {{"sex", "sex"}, {"region", "region"}};
  return options;
}

std::string Sorted(std::string text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  text.clear();
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TEST(Predictions, AreCountedForTheFullCross) {
  const auto test =
      BiasTestOf(ImportText1("predictions-csv", Sample("predictions.csv"), Options()));
  EXPECT_EQ(Sorted(Cells(test)), Sorted(kCells));
  EXPECT_EQ(test->favorable_outcome, "approved");
  EXPECT_EQ(test->data_set.rows, 220);
}

TEST(Predictions, AsLinesOfJsonGiveTheSame) {
  ImportOptions options = Options();
  options.label = "label_value";
  options.prediction = "score";
  const auto test =
      BiasTestOf(ImportText1("predictions-jsonl", Sample("predictions.jsonl"), options));
  EXPECT_EQ(Sorted(Cells(test)), Sorted(kCells));
}

TEST(Predictions, OtherFavorableOutcomeTurnsTheCounts) {
  ImportOptions options = Options();
  options.favorable = "0";
  options.attributes = {{"sex", "sex"}};
  EXPECT_EQ(Cells(BiasTestOf(ImportText1("predictions-csv", Sample("predictions.csv"), options))),
            "female: 23 18 9 50\nmale: 31 11 13 65\n");
}

TEST(Predictions, WhatIsNotSaidIsAskedFor) {
  const std::string text = Sample("predictions.csv");
  const auto without = [&](auto&& change) {
    ImportOptions options = Options();
    change(options);
    return Wrong(ImportText1("predictions-csv", text, options));
  };
  EXPECT_THAT(without([](ImportOptions& o) { o.label.clear(); }), HasSubstr("--label"));
  EXPECT_THAT(without([](ImportOptions& o) { o.prediction.clear(); }), HasSubstr("--prediction"));
  EXPECT_THAT(without([](ImportOptions& o) { o.favorable.clear(); }),
              AllOf(HasSubstr("--favorable"), HasSubstr("'0', '1'")));
  EXPECT_THAT(without([](ImportOptions& o) { o.favorable = "yes"; }),
              HasSubstr("--favorable: is no outcome of 'in', which has '0', '1'"));
  EXPECT_THAT(without([](ImportOptions& o) { o.attributes.clear(); }),
              AllOf(HasSubstr("--attribute"), HasSubstr("'sex', 'region', 'y_true', 'y_pred'")));
  EXPECT_THAT(without([](ImportOptions& o) { o.attributes = {{"gender", "gender"}}; }),
              HasSubstr("--attribute gender: must be one column"));
  EXPECT_THAT(without([](ImportOptions& o) { o.attributes = {{"y_true", "y_true"}}; }),
              HasSubstr("y_true=NAME"));
  EXPECT_THAT(without([](ImportOptions& o) { o.claims = {{"level", "x"}}; }), HasSubstr("--claim"));
}

TEST(Predictions, ScoreNeedsThresholdAndDirection) {
  const std::string text = "g,y,score\na,1,0.9\na,0,0.5\nb,1,0.49\nb,0,0.1\n";
  ImportOptions options = Options();
  options.label = "y";
  options.prediction.clear();
  options.score = "score";
  options.attributes = {{"g", "group"}};
  const auto said = [&] { return Wrong(ImportText1("predictions-csv", text, options)); };
  EXPECT_THAT(said(), HasSubstr("--threshold: is required"));
  options.threshold = "0.5";
  EXPECT_THAT(said(), HasSubstr("--selected: is required: at-least or at-most"));
  options.selected = "at-least";
  const auto high = BiasTestOf(ImportText1("predictions-csv", text, options));
  EXPECT_EQ(Cells(high), "a: 1 1 0 0\nb: 0 0 1 1\n");
  EXPECT_EQ(high->decision_threshold->ToString(), "0.5");
  options.selected = "at-most";
  const auto low = BiasTestOf(ImportText1("predictions-csv", text, options));
  EXPECT_EQ(Cells(low), "a: 0 1 1 0\nb: 1 1 0 0\n");
  EXPECT_FALSE(low->decision_threshold) << "it is no threshold from which on people are selected";
}

TEST(Predictions, ScoresAreComparedAsTheyAreWritten) {
  ImportOptions options = Options();
  options.label = "y";
  options.prediction.clear();
  options.score = "score";
  options.threshold = "0.5";
  options.selected = "at-least";
  options.attributes = {{"g", "group"}};
  const auto csv = [&](const std::string& score) {
    const auto test = ImportText1("predictions-csv", "g,y,score\na,1," + score + "\n", options);
    return test ? Cells(BiasTestOf(test)) : Wrong(test);
  };
  constexpr const char* kSelected = "a: 1 0 0 0\n";
  constexpr const char* kNot = "a: 0 0 1 0\n";
  // As pandas and scikit-learn write them.
  EXPECT_EQ(csv("0.8333333333333334"), kSelected);
  EXPECT_EQ(csv("0.49999999999999994"), kNot) << "the double below 0.5";
  EXPECT_EQ(csv("0.49999999999999999999"), kNot) << "not even as a double it would be 0.5";
  EXPECT_EQ(csv("0.50000000000000000001"), kSelected);
  EXPECT_EQ(csv("1e-05"), kNot);
  EXPECT_EQ(csv("5e-1"), kSelected);
  EXPECT_EQ(csv("9.99e+02"), kSelected);
  EXPECT_EQ(csv("-1e300"), kNot);
  for (const char* none : {"NaN", "inf", "1e401", "1e", "0x1p-1", ".5", "1_0", "+1", "01"}) {
    EXPECT_THAT(csv(none), HasSubstr("record 2: 'score' must be a number")) << none;
  }
  EXPECT_EQ(Cells(BiasTestOf(ImportText1("predictions-jsonl",
                                         "{\"g\":\"a\",\"y\":1,\"score\":0.8333333333333334}\n"
                                         "{\"g\":\"a\",\"y\":0,\"score\":1e-05}\n",
                                         options))),
            "a: 1 0 0 1\n");
}

TEST(Predictions, WeightsOfAnyPrecisionAddUpExactly) {
  ImportOptions options = Options();
  options.attributes = {{"g", "group"}};
  options.weight = "w";
  const auto sums = [&](const std::string& first, const std::string& second) {
    const auto test =
        ImportText1("predictions-csv",
                    "g,y_true,y_pred,w\na,1,1," + first + "\na,1,1," + second + "\n", options);
    return test ? std::to_string(BiasTestOf(test)->cells.front().tp.value_or(-1)) : Wrong(test);
  };
  EXPECT_EQ(sums("0.8333333333333334", "0.6666666666666666"), "2") << "1.5 in full";
  EXPECT_EQ(sums("0.8333333333333333", "0.6666666666666666"), "1") << "a hair less";
  EXPECT_EQ(sums("1.25e2", "2"), "127");
  EXPECT_THAT(sums("1e9", "1"), HasSubstr("'w' must be a weight, from 0 to below 10^9"));
  EXPECT_THAT(sums("-1e-20", "1"), HasSubstr("'w' must be a weight"));
}

TEST(Predictions, WhoHasNoGroupIsCountedAsUnknown) {
  const std::string text = "g,y_true,y_pred\na,1,1\n,1,0\nNaN,0,0\nb,0,1\n";
  ImportOptions options = Options();
  options.attributes = {{"g", "group"}};
  const auto said = [&] { return Wrong(ImportText1("predictions-csv", text, options)); };
  EXPECT_THAT(said(), AllOf(HasSubstr("--unknown-group: is required"), HasSubstr("record 3")));
  options.unknown_group = "unknown";
  EXPECT_THAT(said(), HasSubstr("--group 'g:NaN=NAME' or --missing 'NaN'"));
  options.missing = {"NaN"};
  EXPECT_EQ(Cells(BiasTestOf(ImportText1("predictions-csv", text, options))),
            "a: 1 0 0 0\nb: 0 1 0 0\nunknown: 0 0 1 1\n");
  options.missing.clear();
  options.groups = {{"g:NaN", "nan-people"}};
  EXPECT_THAT(Cells(BiasTestOf(ImportText1("predictions-csv", text, options))),
              HasSubstr("nan-people: 0 0 0 1"));
}

TEST(Predictions, NamesOfGroupsAreNotMadeUp) {
  const std::string text = "g,y_true,y_pred\nNative American,1,1\nb,0,0\n";
  ImportOptions options = Options();
  options.attributes = {{"g", "group"}};
  EXPECT_THAT(Wrong(ImportText1("predictions-csv", text, options)),
              HasSubstr("--group 'g:Native American=NAME'"));
  options.groups = {{"g:Native American", "native"}};
  EXPECT_EQ(Cells(BiasTestOf(ImportText1("predictions-csv", text, options))),
            "b: 0 0 0 1\nnative: 1 0 0 0\n");
}

TEST(Predictions, WithoutLabelsCountWhoIsSelected) {
  ImportOptions options = Options();
  options.label.clear();
  options.no_label = true;
  options.attributes = {{"sex", "sex"}};
  EXPECT_EQ(Cells(BiasTestOf(ImportText1("predictions-csv", Sample("predictions.csv"), options))),
            "female: 59 100\nmale: 78 120\n");
}

TEST(Predictions, RowsWithoutLabelAreNotGuessed) {
  ImportOptions options = Options();
  options.attributes = {{"g", "group"}};
  EXPECT_THAT(Wrong(ImportText1("predictions-csv", "g,y_true,y_pred\na,,1\n", options)),
              AllOf(HasSubstr("in: record 2: has no 'y_true'"), HasSubstr("--no-label")));
  EXPECT_THAT(
      Wrong(ImportText1("predictions-jsonl", R"({"g":"a","y_true":1,"y_pred":null})", options)),
      HasSubstr("in: line 1: has no 'y_pred'"));
}

TEST(Predictions, WhatMayBeNoOutcomeIsNotCountedAsOne) {
  ImportOptions options = Options();
  options.attributes = {{"g", "group"}};
  const auto said = [&](const std::string& label, const std::string& prediction) {
    return Wrong(ImportText1("predictions-csv",
                             "g,y_true,y_pred\na,1,1\na," + label + "," + prediction + "\n",
                             options));
  };
  EXPECT_THAT(said("NaN", "1"),
              HasSubstr("in: record 3: 'NaN' in 'y_true' may be an outcome, or mean that there is "
                        "none: take such rows out, or write the outcome otherwise"));
  EXPECT_THAT(said("1", "<NA>"), HasSubstr("'<NA>' in 'y_pred' may be an outcome"));
  options.missing = {"-1"};
  EXPECT_THAT(said("-1", "1"), HasSubstr("has no 'y_true'"));
  options.label.clear();
  options.no_label = true;
  EXPECT_THAT(said("", "null"), HasSubstr("'null' in 'y_pred' may be an outcome"));
  options.no_label = false;
  options.label = "y_true";
  options.prediction.clear();
  options.score = "y_pred";
  options.threshold = "0.5";
  options.selected = "at-least";
  EXPECT_THAT(said("nan", "0.9"), HasSubstr("'nan' in 'y_true' may be an outcome"));
}

TEST(Predictions, AnOutcomeThatPeopleHopeForIsOne) {
  ImportOptions options = Options();
  options.favorable = options.favorable_name = "none";
  options.attributes = {{"g", "group"}};
  EXPECT_EQ(Cells(BiasTestOf(ImportText1("predictions-csv",
                                         "g,y_true,y_pred\na,none,none\na,fine,none\n", options))),
            "a: 1 1 0 0\n");
}

TEST(Predictions, SeveralOutcomesAreAskedForAndCounted) {
  const std::string text =
      "g,y_true,y_pred\na,granted,granted\na,referred,refused\nb,refused,refused\nb,granted,"
      "referred\n";
  ImportOptions options = Options();
  options.favorable = options.favorable_name = "granted";
  options.attributes = {{"g", "group"}};
  EXPECT_THAT(Wrong(ImportText1("predictions-csv", text, options)), HasSubstr("--classes"));
  options.classes = true;
  const auto test = BiasTestOf(ImportText1("predictions-csv", text, options));
  EXPECT_EQ(Cells(test),
            "a: granted/granted=1 refused/referred=1\nb: referred/granted=1 refused/refused=1\n");
  EXPECT_THAT(test->outcomes, ::testing::ElementsAre("granted", "referred", "refused"));
}

TEST(Predictions, WeightsAreAddedExactlyAndSaidSo) {
  const std::string text = "g,y_true,y_pred,w\na,1,1,0.1\na,1,1,0.2\na,1,1,0.2\nb,0,0,2\n";
  ImportOptions options = Options();
  options.attributes = {{"g", "group"}};
  options.weight = "w";
  const auto imported = ImportText1("predictions-csv", text, options);
  const auto test = BiasTestOf(imported);
  EXPECT_EQ(Cells(test), "a: 1 0 0 0 3\nb: 0 0 0 2 1\n")
      << "0.5 is rounded up, in doubles it is not";
  EXPECT_TRUE(test->counting->weighted);
  EXPECT_THAT(imported->notes, ::testing::Contains(HasSubstr("spec.variances")));
  EXPECT_THAT(Wrong(ImportText1("predictions-csv", Replaced(text, "0.1", "-1"), options)),
              HasSubstr("record 2: 'w' must be a weight"));
}

TEST(Predictions, NumbersAreTheSameHoweverTheyAreWritten) {
  ImportOptions options = Options();
  options.attributes = {{"g", "group"}};
  EXPECT_EQ(Cells(BiasTestOf(
                ImportText1("predictions-csv", "g,y_true,y_pred\na,1,1.0\na,0.0,0\n", options))),
            "a: 1 0 0 1\n");
}

TEST(Predictions, ByteOrderMarkAndQuotedLineBreaksDoNotMatter) {
  ImportOptions options = Options();
  options.attributes = {{"g", "group"}};
  const std::string text = "\xEF\xBB\xBFg,\"a\nnote\",y_true,y_pred\r\na,\"x,\ny\",1,1\r\n";
  EXPECT_EQ(Cells(BiasTestOf(ImportText1("predictions-csv", text, options))), "a: 1 0 0 0\n");
}

TEST(Predictions, WhatIsSaidAboutTheCountsIsKept) {
  ImportOptions options = Options();
  options.unit = "person";
  options.label_source = "ObservedOutcome";
  options.label_window = "365d";
  options.selection = "SelectedOnly";
  options.bins = {{"sex", {*Decimal::Parse("1")}}};
  const auto test = BiasTestOf(ImportText1("predictions-csv", Sample("predictions.csv"), options));
  ASSERT_TRUE(test) << Wrong(test);
  EXPECT_EQ(test->counting->unit, "person");
  EXPECT_EQ(test->counting->label_source, LabelSource::kObservedOutcome);
  EXPECT_EQ(test->counting->selection, LabelSelection::kSelectedOnly);
  EXPECT_EQ(test->attributes.front().bins.size(), 1U);
  options.label_source = "Somebody";
  EXPECT_THAT(Wrong(ImportText1("predictions-csv", Sample("predictions.csv"), options)),
              HasSubstr("--label-source: must be one of ObservedOutcome"));
}

TEST(Predictions, HostileTextIsRefusedWithItsPlace) {
  ImportOptions options = Options();
  options.attributes = {{"g", "group"}};
  const auto csv = [&](const std::string& text) {
    return Wrong(ImportText1("predictions-csv", text, options));
  };
  const auto lines = [&](const std::string& text) {
    return Wrong(ImportText1("predictions-jsonl", text, options));
  };
  EXPECT_THAT(csv(""), HasSubstr("--attribute g"));
  EXPECT_THAT(csv("g,y_true,y_pred\n"), HasSubstr("must have rows"));
  EXPECT_THAT(csv("g,y_true,y_pred\na,1\n"), HasSubstr("record 2: must have 3 fields, has 2"));
  EXPECT_THAT(csv("g,y_true,y_true,y_pred\na,1,1,1\n"), HasSubstr("must have one column 'y_true'"));
  EXPECT_THAT(csv("g,y_true,y_pred\na,1,\"1"), HasSubstr("is no CSV"));
  EXPECT_THAT(csv("g,y_true,y_pred\n\xff,1,1\n"), HasSubstr("cannot name a group"));
  EXPECT_THAT(lines("{\"g\":\"a\",\"y_true\":1,\"y_pred\":1}\n{\"g\":\"a\","),
              HasSubstr("in: line 2"));
  EXPECT_THAT(lines(R"({"g":"a","g":"b","y_true":1,"y_pred":1})"), HasSubstr("line 1"));
  EXPECT_THAT(lines(R"({"g":"a","y_true":NaN,"y_pred":1})"), HasSubstr("line 1"));
  EXPECT_THAT(lines(R"({"g":"a","y_true":1e999,"y_pred":1})"), HasSubstr("line 1"));
  EXPECT_THAT(lines(R"({"g":["a"],"y_true":1,"y_pred":1})"), HasSubstr("'g' must be a text"));
  std::string many = "g,y_true,y_pred\n";
  for (int i = 0; i < 600; ++i) many += "p" + std::to_string(i) + ",1,1\n";
  EXPECT_THAT(csv(many), HasSubstr("at most 512 combinations"));
}

TEST(Predictions, TenMebibytesAreCounted) {
  std::string text = "g,y_true,y_pred\n";
  while (text.size() < (std::size_t{10} << 20U)) text += "female,1,0\nmale,0,0\n";
  ImportOptions options = Options();
  options.attributes = {{"g", "group"}};
  const auto test = BiasTestOf(ImportText1("predictions-csv", text, options));
  ASSERT_TRUE(test) << Wrong(test);
  EXPECT_EQ(test->cells.size(), 2U);
  EXPECT_GT(test->data_set.rows, 1'000'000);
}

TEST(Predictions, OutcomesThatAreWrittenDifferentlyAreNoticed) {
  ImportOptions options = Options();
  options.attributes = {{"sex", "sex"}};
  EXPECT_THAT(
      Wrong(ImportText1("predictions-csv", "sex,y_true,y_pred\nf,True,1\nm,True,1\n", options)),
      HasSubstr("in: has 'True' in 'y_true' and '1' in 'y_pred', nothing in common"));
  EXPECT_EQ(Cells(BiasTestOf(
                ImportText1("predictions-csv", "sex,y_true,y_pred\nf,1,1.0\nm,1,1\n", options))),
            "f: 1 0 0 0\nm: 1 0 0 0\n");
}

TEST(Predictions, TheGroupOfTheUnknownIsNoOneElses) {
  ImportOptions options = Options();
  options.attributes = {{"sex", "sex"}};
  options.unknown_group = "m";
  const std::string text = "sex,y_true,y_pred\nf,1,1\nm,1,1\n,1,0\n";
  EXPECT_THAT(Wrong(ImportText1("predictions-csv", text, options)),
              HasSubstr("--unknown-group: is a value of 'sex'"));
  options.missing = {"m"};
  EXPECT_EQ(Cells(BiasTestOf(ImportText1("predictions-csv", text, options))),
            "f: 1 0 0 0\nm: 1 0 1 0\n");
}

TEST(Predictions, OptionsOfAScoreGoWithIt) {
  ImportOptions options = Options();
  options.threshold = "0.5";
  EXPECT_THAT(Wrong(ImportText1("predictions-csv", Sample("predictions.csv"), options)),
              HasSubstr("--threshold: goes with --score"));
  options.threshold.clear();
  options.selected = "at-least";
  EXPECT_THAT(Wrong(ImportText1("predictions-csv", Sample("predictions.csv"), options)),
              HasSubstr("--selected: goes with --score"));
}

TEST(Import, OptionsThatTheFormatDoesNotLookAtAreRefused) {
  ImportOptions options = Options();
  options.positive = "unfavorable";
  EXPECT_THAT(Wrong(ImportText1("predictions-csv", Sample("predictions.csv"), options)),
              HasSubstr("--positive: does not go with predictions-csv, but with fairlearn"));
  options = {};
  options.privileged = "x";
  EXPECT_THAT(Wrong(ImportText1("k6", Sample("k6-handle-summary.json"), options)),
              HasSubstr("--privileged: does not go with k6, but with aif360"));
}

// What is given counts: an option about a value that is not there is a slip of the pen.
TEST(Import, OptionsThatNameNothingAreRefusedWithWhatThereIs) {
  const auto said = [](const auto& change) {
    ImportOptions options = Options();
    change(options);
    return Wrong(ImportText1("predictions-csv", Sample("predictions.csv"), options));
  };
  EXPECT_EQ(said([](ImportOptions& o) {
              o.bins["region"] = {Decimal()};
              o.groups = {{"sex:female", "f"}, {"region:north", "n"}};
              o.missing = {"male"};
              o.unknown_group = "unknown";
            }),
            "");
  EXPECT_EQ(said([](ImportOptions& o) { o.bins["age"] = {Decimal()}; }),
            "--bins age: must be of an attribute, by the name that --attribute gives it: 'sex', "
            "'region'");
  EXPECT_EQ(said([](ImportOptions& o) { o.groups["sex:q"] = "z"; }),
            "--group sex:q: must be a value of 'sex', which has 'female', 'male'");
  EXPECT_EQ(said([](ImportOptions& o) { o.groups["y_pred:1"] = "z"; }),
            "--group y_pred:1: must be COLUMN:VALUE=NAME of a column of --attribute, which are "
            "'sex', 'region'");
  EXPECT_EQ(said([](ImportOptions& o) { o.missing = {"zz"}; }),
            "--missing zz: must be a value that is there: 'sex' has 'female', 'male'; 'region' "
            "has 'north', 'south'");
  EXPECT_EQ(said([](ImportOptions& o) {
              o.missing = {"male"};
              o.unknown_group = "unknown";
              o.groups["sex:male"] = "m";
            }),
            "--group sex:male: 'male' cannot be a group and among --missing");
}

TEST(Import, OptionsThatNameNothingAreRefusedOfCountsByGroup) {
  ImportOptions options;
  options.favorable = options.favorable_name = "approved";
  options.positive = "favorable";
  options.attributes = {{"sex", "sex"}};
  for (const auto& [format, sample] : {std::pair{"fairlearn", "fairlearn-counts-table.json"},
                                       {"aequitas", "aequitas-fairness.csv"}}) {
    options.groups = {{"sex:male", "m"}};
    EXPECT_EQ(Wrong(ImportText1(format, Sample(sample), options)), "") << format;
    options.groups = {{"sex:q", "z"}};
    EXPECT_THAT(Wrong(ImportText1(format, Sample(sample), options)),
                HasSubstr("--group sex:q: must be a value of 'sex', which has 'female', 'male'"))
        << format;
    options.groups.clear();
  }
}

}  // namespace
}  // namespace countersign::importing
