// BiasTests that contradict themselves: refused when they are decoded, with the path.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "situation.h"

namespace countersign::testing {
namespace {

// Patches of the bias test of base.yaml. Its cells come in the order of names: black-female,
// black-male, unknown-female, unknown-male, white-female, white-male.
struct Fault {
  std::string name;
  std::string patch;
  std::string message;
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

class BiasFaults : public ::testing::TestWithParam<Fault> {};

TEST_P(BiasFaults, AreSaidWithTheirPath) {
  const Json base = ReadCases("base.yaml");
  Json situation = base;
  auto patch = ParseYaml("{evidence: {bias-holdout: {spec: " + GetParam().patch + "}}}");
  ASSERT_TRUE(patch) << patch.error().ToString();
  MergePatch(situation, *patch);
  std::string said = "nothing";
  try {
    (void)MakeSituation(situation, base);
  } catch (const std::runtime_error& error) {
    said = error.what();
  }
  EXPECT_THAT(said, ::testing::HasSubstr(GetParam().message));
}

constexpr char kEmptyCell[] = "tp: null, fp: null, fn: null, tn: null";

INSTANTIATE_TEST_SUITE_P(
    All, BiasFaults,
    ::testing::Values(
        Fault{"ACellWithoutCounts", "{cells: {black-male: {" + std::string(kEmptyCell) + "}}}",
              "spec.cells[1]: must have counts"},
        Fault{"ACellThatLacksOneOfFour", "{cells: {black-male: {fn: null}}}",
              "spec.cells[1].fn: is required: the four counts belong together"},
        Fault{"ACellWithTwoKindsOfCounts", "{cells: {black-male: {selected: 5, count: 9}}}",
              "spec.cells[1]: must have one kind of counts, has tp, fp, fn and tn and selected of "
              "count"},
        Fault{"CellsOfDifferentKinds",
              "{cells: {black-male: {" + std::string(kEmptyCell) + ", selected: 5, count: 9}}}",
              "spec.cells[1]: must have the same kind of counts as the first cell, tp, fp, fn and "
              "tn, has selected of count"},
        Fault{"SelectedOfAnUnknownNumber",
              "{cells: {black-female: {" + std::string(kEmptyCell) + ", selected: 5}}}",
              "spec.cells[0].count: is required"},
        Fault{"MoreSelectedThanThereAre",
              "{cells: {black-female: {" + std::string(kEmptyCell) + ", selected: 5, count: 4}}}",
              "spec.cells[0].selected: must be at most count, 4, is 5"},
        Fault{"ANumberThatIsNotTheSum", "{cells: {black-male: {count: 99}}}",
              "spec.cells[1].count: must be the sum of the cell's counts, which is 100, is 99"},
        Fault{"RowsThatAreNotTheSum", "{dataSet: {rows: 407}}",
              "spec.dataSet.rows: must be the sum of all cells, which is 408, is 407"},
        Fault{"WeightedCountsOfAnUnknownNumberOfPeople", "{counting: {weighted: true}}",
              "spec.cells[0].unweighted: is required"},
        Fault{"UnweightedBesideCountsWithoutWeights", "{cells: {black-male: {unweighted: 90}}}",
              "spec.cells[1].unweighted: is for weighted counts alone"},
        Fault{"WeightsOfNobody",
              "{counting: {weighted: true}, cells: {black-female: {unweighted: 0}}}",
              "spec.cells[0].unweighted: must be 0 where the counts are, and only there"},
        Fault{"ClustersInOneCellAlone", "{cells: {black-female: {clusters: 9}}}",
              "spec.cells[1].clusters: must be given for all cells or for none"},
        Fault{"MoreClustersThanRows", "{cells: {black-female: {clusters: 101}}}",
              "spec.cells[0].clusters: must be from 1 to the cell's number of rows, 100"},
        Fault{"NoClustersOfSomeRows", "{cells: {black-female: {clusters: 0}}}",
              "or 0 in an empty one, is 0"},
        Fault{"AVarianceOfIndependentCounts",
              "{variances: [{metric: disparateImpact, groups: {race: black}, variance: '0.1'}]}",
              "spec.variances: are for weighted counts"},
        Fault{"OutcomesThatNobodyCounts", "{outcomes: [approved, refused]}",
              "spec.outcomes: is for cells that count outcomes"},
        Fault{"CountedOutcomesThatNobodyLists",
              "{cells: {black-female: {" + std::string(kEmptyCell) +
                  ", outcomes: [{outcome: approved, count: 1}]}}}",
              "spec.outcomes: must list all outcomes that there are"},
        Fault{"OutcomesWithoutTheFavorableOne",
              "{outcomes: [granted, refused], cells: {black-female: {" + std::string(kEmptyCell) +
                  ", outcomes: [{outcome: granted, count: 1}]}}}",
              "spec.outcomes: must include favorableOutcome, 'approved'"},
        Fault{"AnOutcomeAndALabelThatAreNotListed",
              "{outcomes: [approved, refused], cells: {black-female: {" + std::string(kEmptyCell) +
                  ", outcomes: [{outcome: granted, label: due, count: 1}]}}}",
              "spec.cells[0].outcomes[0].outcome: 'granted' is not listed in spec.outcomes; "
              "spec.cells[0].outcomes[0].label: 'due' is not listed"},
        Fault{"OutcomesOfWhichSomeHaveLabels",
              "{outcomes: [approved, refused], cells: {black-female: {" + std::string(kEmptyCell) +
                  ", outcomes: [{outcome: approved, count: 1}, {outcome: refused, label: refused, "
                  "count: 1}]}}}",
              "spec.cells[0].outcomes[1].label: must be given for all entries or for none"},
        Fault{"AnOutcomeCountedTwice",
              "{outcomes: [approved, refused], cells: {black-female: {" + std::string(kEmptyCell) +
                  ", outcomes: [{outcome: approved, count: 1}, {outcome: approved, count: 1}]}}}",
              "spec.cells[0].outcomes[1]: counts the same outcome and label a second time"},
        Fault{"AJudgeModelThatTheLabelsAreNotBy",
              "{judge: {name: j, digest: 'sha256:" + std::string(64, '1') + "'}}",
              "spec.counting.labelSource: must be ModelJudge where there is a spec.judge"},
        Fault{"LabelsByAModelThatNobodyNames", "{counting: {labelSource: ModelJudge}}",
              "spec.judge: is required where spec.counting.labelSource is ModelJudge"},
        Fault{"AJudgeModelThatNobodyChecked",
              "{counting: {labelSource: ModelJudge}, judge: {name: j, digest: 'sha256:" +
                  std::string(64, '1') + "'}}",
              "spec.cells[0].compared: and agreed are required"},
        Fault{"AgreementWithNoJudgeModel", "{cells: {black-female: {compared: 3}}}",
              "spec.cells[0].compared: and agreed are for answers sorted by a spec.judge"},
        Fault{"MoreAgreementsThanComparisons",
              "{counting: {labelSource: ModelJudge}, judge: {name: j, digest: 'sha256:" +
                  std::string(64, '1') + "'}, cells: {black-female: {compared: 3, agreed: 4}}}",
              "spec.cells[0].agreed: must be at most compared, 3, is 4"},
        Fault{"ScoreBinsThatNobodyCounts", "{scoreBins: ['0.5']}",
              "spec.scoreBins: is for cells that count score bins"},
        Fault{"CountedBinsWithoutBoundaries",
              "{cells: {black-female: {" + std::string(kEmptyCell) +
                  ", bins: [{count: 1, scores: '0.1', positives: 0}]}}}",
              "spec.scoreBins: is required: where the bins of the cells begin and end"},
        Fault{"BoundariesThatDoNotAscend",
              "{scoreBins: ['0.5', '0.5'], cells: {black-female: {" + std::string(kEmptyCell) +
                  ", bins: [{count: 1, scores: '0.1', positives: 0}]}}}",
              "spec.scoreBins: must be ascending and between 0 and 1"},
        Fault{"ABinTooFew",
              "{scoreBins: ['0.5'], cells: {black-female: {" + std::string(kEmptyCell) +
                  ", bins: [{count: 1, scores: '0.1', positives: 0}]}}}",
              "spec.cells[0].bins: must have one entry for each of the 2 bins of spec.scoreBins, "
              "has 1"},
        Fault{"ScoresThatCannotBeInTheirBin",
              "{scoreBins: ['0.5'], cells: {black-female: {" + std::string(kEmptyCell) +
                  ", bins: [{count: 2, scores: '1.1', positives: 3}, {count: 2, scores: '0.9', "
                  "positives: "
                  "0}]}}}",
              "spec.cells[0].bins[0].positives: must be at most count, 2, is 3; "
              "spec.cells[0].bins[0].scores: must be from 0.0000 to 1.0000 for 2 scores in this "
              "bin, is 1.1; spec.cells[0].bins[1].scores: must be from 1.0000 to 2.0000"},
        Fault{"ErrorsOfAnUnknownNumber",
              "{cells: {black-female: {" + std::string(kEmptyCell) +
                  ", errors: {sum: '1', sumOfAbsolute: '1', sumOfSquares: '1'}}}}",
              "spec.cells[0].count: is required"},
        Fault{"ErrorsThatContradictEachOther",
              "{cells: {black-female: {" + std::string(kEmptyCell) +
                  ", count: 100, errors: {sum: '-11', sumOfAbsolute: '10', sumOfSquares: '0.9'}}}}",
              "spec.cells[0].errors.sumOfAbsolute: must be at least the size of sum, -11, is 10; "
              "spec.cells[0].errors.sumOfSquares: is less than such errors can have"},
        Fault{"RankingsForAnUnknownNumberOfQueries",
              "{cells: {black-female: {" + std::string(kEmptyCell) +
                  ", count: 100, ranking: {exposure: '5'}}}}",
              "spec.cells[0].clusters: is required: how many queries the items were ranked for"},
        Fault{"ExposureBelowNothing",
              "{cells: {black-female: {" + std::string(kEmptyCell) +
                  ", count: 100, clusters: 9, ranking: {exposure: '-5', merit: '-1'}}}}",
              "spec.cells[0].ranking.exposure: must not be negative; spec.cells[0].ranking.merit: "
              "must not be negative"},
        Fault{"CountsOfNoOutcome", "{favorableOutcome: null}",
              "spec.favorableOutcome: is required where cells count tp, fp, fn and tn"},
        Fault{"ALabelSourceThatNobodyKnows", "{counting: {labelSource: Guess}}",
              "spec.counting.labelSource: must be one of 'ObservedOutcome'"},
        Fault{"ALabelWindowThatIsNoDuration", "{counting: {labelWindow: a year}}",
              "spec.counting.labelWindow"}),
    [](const auto& fault) { return fault.param.name; });

// With clusters everywhere, so that variances are looked at.
TEST(BiasVariances, AreOfKnownGroupsAboveZeroAndSaidOnce) {
  const Json base = ReadCases("base.yaml");
  const auto said = [&](const std::string& variances) {
    Json situation = base;
    Json& spec = situation["evidence"]["bias-holdout"]["spec"];
    for (Json& cell : spec["cells"]) cell["clusters"] = 1;
    spec["variances"] = ParseYaml(variances).value();
    try {
      (void)MakeSituation(situation, base);
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string good = "{metric: disparateImpact, groups: {race: black}, variance: '0.1'}";
  EXPECT_EQ(said("[" + good + "]"), "");
  EXPECT_THAT(said("[{metric: disparateImpact, groups: {race: black}, variance: '0'}]"),
              ::testing::HasSubstr("spec.variances[0].variance: must be above 0, is 0"));
  EXPECT_THAT(said("[{metric: disparateImpact, groups: {age: old}, variance: '0.1'}]"),
              ::testing::HasSubstr("spec.variances[0].groups: 'age' is not listed"));
  EXPECT_THAT(
      said("[" + good + ", " + good + "]"),
      ::testing::HasSubstr("spec.variances[1]: says the variance of this metric and group a "
                           "second time"));
}

}  // namespace
}  // namespace countersign::testing
