// Evidently, Great Expectations, feature importance and model cards.

#include <gmock/gmock.h>

#include "tests/unit/importers/samples.h"

namespace countersign::importing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

ImportOptions NotPersonal() {
  ImportOptions options;
  options.claims = {{"personalData", "false"}};
  return options;
}

ImportOptions Explained() {
  ImportOptions options;
  options.claims = {{"level", "Explained"}};
  return options;
}

ImportOptions Documented() {
  ImportOptions options;
  options.claims = {{"level", "Automatic"}};
  return options;
}

// --- Evidently ---

TEST(Evidently, BothLayoutsTellTheSameDrift) {
  for (const char* name : {"evidently-old-drift.json", "evidently-new-drift.json"}) {
    const auto report = ReportOf(ImportText1("evidently", Sample(name)));
    EXPECT_EQ(report->type, "DataDrift") << name;
    EXPECT_EQ(ClaimText(report, "driftedColumns"), "1") << name;
    EXPECT_EQ(ClaimText(report, "driftedShare"), "0.333333333 share") << name;
    EXPECT_EQ(ClaimText(report, "driftShareThreshold"), "0.5 share") << name;
    EXPECT_EQ(ClaimText(report, "driftDetected"), "false") << name;
    EXPECT_EQ(ClaimText(report, "driftedFeatures"), "income") << name;
  }
}

TEST(Evidently, MissingValuesAreAShareOfValuesInBothLayouts) {
  // Ten of 200 x 3 values; since 0.7 the tool's own share is 10/200.
  for (const char* name : {"evidently-old-quality.json", "evidently-new-summary.json"}) {
    const auto report = ReportOf(ImportText1("evidently", Sample(name), NotPersonal()));
    EXPECT_EQ(report->type, "DataQuality") << name;
    EXPECT_EQ(ClaimText(report, "completeness"), "0.983333333 share") << name;
  }
  EXPECT_THAT(Wrong(ImportText1("evidently", Sample("evidently-new-summary.json"))),
              HasSubstr("--claim personalData=…: is required"));
}

TEST(Evidently, MissingValuesWithoutRowsAreNotGuessed) {
  const std::string text =
      R"({"metrics":[{"metric_name":"x","config":{"type":"evidently:metric_v2:DatasetMissingValueCount"},
          "value":{"count":10.0,"share":0.05}}],"tests":[]})";
  EXPECT_THAT(Wrong(ImportText1("evidently", text, NotPersonal())), HasSubstr("add RowCount"));
}

TEST(Evidently, WhichColumnsDriftedTheirTestsSayWhateverTheirNames) {
  const std::string chosen = Sample("evidently-new-method.json");
  EXPECT_EQ(ClaimText(ReportOf(ImportText1("evidently", chosen)), "driftedFeatures"), "income")
      << "'ks' is a p-value too";
  const auto by = [&](const std::string& method, const std::string& age,
                      const std::string& income) {
    std::string text = chosen;
    for (int i = 0; i < 2; ++i) {
      text = Replaced(text, "    \"method\": \"ks\",\n    \"threshold\"",
                      "    \"method\": \"" + method + "\",\n    \"threshold\"");
    }
    text = Replaced(Replaced(text, "0.9959525402092277", age), "3.8276630598532274e-64", income);
    return ClaimText(ReportOf(ImportText1("evidently", text)), "driftedFeatures");
  };
  for (const char* low : {"t_test", "mannw", "anderson", "Cramer-von Mises", "TVD", "es"}) {
    EXPECT_EQ(by(low, "0.9", "0.01"), "income") << low;
  }
  for (const char* high : {"psi", "Wasserstein distance (normed)", "ed", "hellinger"}) {
    EXPECT_EQ(by(high, "0.9", "0.01"), "age") << high;
  }
  EXPECT_EQ(by("ks", "0.050000000001", "0.05"), "income") << "to the last digit";
  EXPECT_EQ(by("custom function 'mine'", "0.9", "0.01"), "none") << "nobody knows how it decides";
}

TEST(Evidently, TheDataSetsDriftStandsThereOnceAndIsOfAllColumns) {
  const std::string text = Sample("evidently-new-drift.json");
  const std::string of_age =
      R"({"metric_name":"x","config":{"type":"evidently:metric_v2:DriftedColumnsCount","drift_share":0.5,
          "columns":["age"]},"value":{"count":0.0,"share":0.0}})";
  const std::string of_all = Replaced(of_age, "[\"age\"]", "null");
  const auto with = [&](const std::string& metric) {
    return Wrong(ImportText1("evidently",
                             Replaced(text, "\"metrics\": [", "\"metrics\": [" + metric + ",")));
  };
  EXPECT_THAT(with(of_age), HasSubstr("metrics[0].config.columns: must be left out"));
  EXPECT_THAT(with(of_all), HasSubstr("metrics[1]: is the second of its kind"));
  EXPECT_EQ(Wrong(ImportText1("evidently", R"({"metrics":[)" + of_all + "]}")), "");
  const std::string old = Sample("evidently-old-drift.json");
  const auto json = ParseJson(old);
  Json twice = *json;
  twice["metrics"].push_back(twice["metrics"][0]);
  EXPECT_THAT(Wrong(ImportText1("evidently", DumpJson(twice))),
              HasSubstr("is the second of its kind"));
}

TEST(Evidently, AReportWithBothIsAskedAbout) {
  auto drift = ParseJson(Sample("evidently-old-drift.json"));
  const auto quality = ParseJson(Sample("evidently-old-quality.json"));
  const Json* metrics = Find(*quality, "metrics");
  for (const Json& metric : *metrics) drift->find("metrics")->push_back(metric);
  const std::string both = DumpJson(*drift);
  EXPECT_THAT(Wrong(ImportText1("evidently", both)), HasSubstr("--type: is required"));
  ImportOptions options = NotPersonal();
  options.type = "DataQuality";
  EXPECT_EQ(ReportOf(ImportText1("evidently", both, options))->type, "DataQuality");
  options = {};
  options.type = "DataDrift";
  EXPECT_EQ(ReportOf(ImportText1("evidently", both, options))->type, "DataDrift");
}

TEST(Evidently, ContradictionsAndOtherReportsAreRefused) {
  const std::string old = Sample("evidently-old-drift.json");
  EXPECT_THAT(Wrong(ImportText1("evidently", Replaced(old, "\"dataset_drift\": false",
                                                      "\"dataset_drift\": true"))),
              HasSubstr("dataset_drift: must be false"));
  EXPECT_THAT(Wrong(ImportText1("evidently", Replaced(old, "0.3333333333333333", "1.5"))),
              HasSubstr("a share between 0 and 1"));
  EXPECT_THAT(Wrong(ImportText1("evidently", R"({"metrics":[]})")), HasSubstr("has neither"));
  EXPECT_THAT(Wrong(ImportText1("evidently", "{}")), HasSubstr("in: metrics"));
  EXPECT_THAT(Wrong(ImportText1("evidently", old.substr(0, 900))), HasSubstr("in: "));
}

// --- Great Expectations ---

TEST(GreatExpectations, ResultsAreCounted) {
  const auto imported = ImportText1("great-expectations", Sample("gx-failed.json"), NotPersonal());
  const auto report = ReportOf(imported);
  EXPECT_EQ(report->type, "DataQuality");
  EXPECT_EQ(ClaimText(report, "result"), "Failed");
  EXPECT_EQ(ClaimText(report, "expectationsEvaluated"), "4");
  EXPECT_EQ(ClaimText(report, "expectationsFailed"), "1");
  EXPECT_EQ(ClaimText(report, "expectationsMet"), "0.75 share");
  EXPECT_EQ(imported->tool_version, "1.24.1");
  EXPECT_TRUE(imported->performed_at);
  EXPECT_EQ(ClaimText(ReportOf(ImportText1("great-expectations", Sample("gx-passed.json"),
                                           NotPersonal())),
                      "result"),
            "Passed");
}

TEST(GreatExpectations, AVerdictThatIsNotThatOfItsResultsIsRefused) {
  const std::string text = Sample("gx-failed.json");
  const auto said = [](const std::string& changed) {
    return Wrong(ImportText1("great-expectations", changed, NotPersonal()));
  };
  EXPECT_THAT(said(Replaced(text, "{\n \"success\": false", "{\n \"success\": true")),
              HasSubstr("in: success: must be what the results give"));
  EXPECT_THAT(
      said(Replaced(text, "\"unsuccessful_expectations\": 1", "\"unsuccessful_expectations\": 0")),
      HasSubstr("statistics.unsuccessful_expectations"));
  EXPECT_THAT(said(Replaced(Sample("gx-passed.json"), "\"raised_exception\": false",
                            "\"raised_exception\": true")),
              HasSubstr("the expectation raised an exception"));
  EXPECT_THAT(said(R"({"success":true,"results":[],"statistics":{}})"), HasSubstr("at least one"));
  EXPECT_THAT(said(R"({"run_results":{}})"), HasSubstr("one by one"));
}

// --- importance ---

TEST(Shap, FeaturesAreRankedByTheMeanOfTheirSizes) {
  const auto imported = ImportText1("shap", Sample("shap.json"), Explained());
  const auto report = ReportOf(imported);
  EXPECT_EQ(report->type, "Explainability");
  EXPECT_EQ(ClaimText(report, "methods"), "SHAP");
  EXPECT_EQ(ClaimText(report, "topFeatures"), "income,age,postcode");
  EXPECT_EQ(ClaimText(report, "samples"), "4");
  EXPECT_THAT(imported->artifacts, ElementsAre("explanation"));
}

TEST(Shap, AClassIsOfSeveral) {
  ImportOptions options = Explained();
  options.output_class = "7";
  EXPECT_THAT(Wrong(ImportText1("shap", Sample("shap.json"), options)),
              HasSubstr("--output-class: must be left out: the values are of one class"));
}

TEST(Shap, SizesBeyondEveryNumberAreNotRanked) {
  EXPECT_THAT(
      Wrong(ImportText1("shap",
                        R"({"feature_names":["a","b"],"values":[[1e308,1.7e308],[1e308,1.7e308]]})",
                        Explained())),
      HasSubstr("in: values[1][0]: must be a value whose sizes can be added up"));
}

TEST(Shap, WhichClassIsAskedFor) {
  const std::string text = Sample("shap-classes.json");
  ImportOptions options = Explained();
  EXPECT_THAT(Wrong(ImportText1("shap", text, options)),
              HasSubstr("--output-class: is required: values are of 2 classes"));
  options.output_class = "2";
  EXPECT_THAT(Wrong(ImportText1("shap", text, options)), HasSubstr("--output-class"));
  options.output_class = "1";
  EXPECT_EQ(ClaimText(ReportOf(ImportText1("shap", text, options)), "topFeatures"),
            "income,age,postcode");
}

TEST(Shap, ValuesThatDoNotFitAreRefused) {
  const auto said = [](const std::string& text) {
    return Wrong(ImportText1("shap", text, Explained()));
  };
  EXPECT_THAT(said(R"({"values":[[1]]})"), HasSubstr("feature_names"));
  EXPECT_THAT(said(R"({"feature_names":["a","b"],"values":[[1]]})"),
              HasSubstr("each of 2 features"));
  EXPECT_THAT(said(R"({"feature_names":["a"],"values":[]})"), HasSubstr("at least one sample"));
  EXPECT_THAT(said(R"({"feature_names":["a"],"values":[["x"]]})"), HasSubstr("in: values[0][0]"));
  EXPECT_THAT(said(R"({"feature_names":["a"],"values":[[NaN]]})"), HasSubstr("in: "));
  EXPECT_THAT(said(R"({"feature_names":[7],"values":[[1]]})"), HasSubstr("in: feature_names[0]"));
  EXPECT_THAT(said(R"({"feature_names":["a","b","a"],"values":[[1,2,3]]})"),
              HasSubstr("in: feature_names[2]: must be a name that stands there once"));
}

TEST(PermutationImportance, IsRankedByItsMean) {
  const std::string text = Sample("permutation-importance.json");
  const auto report = ReportOf(ImportText1("permutation-importance", text, Explained()));
  EXPECT_EQ(ClaimText(report, "methods"), "PermutationImportance");
  EXPECT_EQ(ClaimText(report, "topFeatures"), "income,age,postcode");
  EXPECT_THAT(Wrong(ImportText1("permutation-importance", text)), HasSubstr("--claim level=…"));
  EXPECT_THAT(
      Wrong(ImportText1("permutation-importance",
                        R"({"feature_names":["a"],"importances_mean":[1,2]})", Explained())),
      HasSubstr("in: importances_mean"));
}

TEST(PermutationImportance, MoreFeaturesThanFitAreSaid) {
  Json names = Json::array();
  Json means = Json::array();
  for (int i = 0; i < 300; ++i) {
    names.push_back("f" + std::to_string(i));
    means.push_back(i);
  }
  const auto imported =
      ImportText1("permutation-importance",
                  DumpJson({{"feature_names", names}, {"importances_mean", means}}), Explained());
  EXPECT_THAT(ClaimText(ReportOf(imported), "topFeatures"), ::testing::StartsWith("f299,f298"));
  EXPECT_THAT(imported->notes, Contains(HasSubstr("first 256 of 300")));
}

// --- model cards ---

TEST(ModelCards, FilledFieldsAreSectionsAndCompleteness) {
  const auto toolkit =
      ImportText1("model-card-toolkit", Sample("model-card-toolkit.json"), Documented());
  EXPECT_EQ(ReportOf(toolkit)->type, "Documentation");
  EXPECT_EQ(ClaimText(ReportOf(toolkit), "completeness"), "0.625 share") << "10 of 16 fields";
  EXPECT_THAT(toolkit->artifacts,
              ElementsAre("algorithm", "data", "experiments", "intended-use", "limits", "owner"));
  const auto bom = ImportText1("cyclonedx", Sample("cyclonedx-ml-bom.json"), Documented());
  EXPECT_EQ(ClaimText(ReportOf(bom), "completeness"), "0.5 share") << "10 of 20 fields";
  EXPECT_THAT(bom->artifacts,
              ElementsAre("algorithm", "data", "experiments", "intended-use", "limits", "owner"));
  EXPECT_EQ(bom->tool, "bom-maker");
  EXPECT_EQ(FormatTime(*bom->performed_at), "2026-11-20T08:00:00Z");
}

// As the CycloneDX library for Java has one.
TEST(ModelCards, OfTheJavaLibrary) {
  const auto bom = ImportText1("cyclonedx", Sample("cyclonedx-core-java.json"), Documented());
  EXPECT_EQ(ClaimText(ReportOf(bom), "completeness"), "0.6 share") << "12 of 20 fields";
  EXPECT_THAT(bom->artifacts,
              ElementsAre("algorithm", "data", "experiments", "intended-use", "limits", "owner"));
  EXPECT_EQ(bom->tool, "bom-maker");
}

TEST(ModelCards, ProseIsNotInterpreted) {
  const std::string text = Sample("huggingface-card.md");
  const auto card = ImportText1("huggingface-card", text, Documented());
  EXPECT_THAT(card->artifacts, ElementsAre("data", "experiments")) << "'## Limits' is prose";
  ImportOptions options = Documented();
  options.sections = {"limits"};
  EXPECT_THAT(ImportText1("huggingface-card", text, options)->artifacts, Contains("limits"));
  options.sections = {"mood"};
  EXPECT_THAT(Wrong(ImportText1("huggingface-card", text, options)),
              HasSubstr("--section: must be"));
  EXPECT_THAT(Wrong(ImportText1("huggingface-card", "---\nlicense: mit\n---\n", Documented())),
              HasSubstr("--section NAME"));
}

// As huggingface_hub writes one from its template, with headings for everything and little under
// them.
TEST(ModelCards, OfTheHubsOwnTemplate) {
  const auto card =
      ImportText1("huggingface-card", Sample("huggingface-hub-card.md"), Documented());
  EXPECT_THAT(card->artifacts, ElementsAre("data", "experiments"));
  EXPECT_EQ(ClaimText(ReportOf(card), "completeness"), "0.666666667 share") << "6 of 9 fields";
}

TEST(ModelCards, EmptyFieldsAreNotFilled) {
  const std::string text = Replaced(Sample("model-card-toolkit.json"), "Not for businesses", "  ");
  EXPECT_THAT(ImportText1("model-card-toolkit", text, Documented())->artifacts,
              ::testing::Not(Contains("limits")));
}

TEST(ModelCards, OneModelOfABillOfMaterials) {
  auto bom = ParseJson(Sample("cyclonedx-ml-bom.json"));
  Json other = (*bom->find("components"))[1];
  *other.find("name") = "guard";
  bom->find("components")->push_back(other);
  const std::string two = DumpJson(*bom);
  ImportOptions options = Documented();
  EXPECT_THAT(Wrong(ImportText1("cyclonedx", two, options)),
              HasSubstr("--component: is required: which of credit-scorer, guard"));
  options.component = "guard";
  EXPECT_TRUE(ReportOf(ImportText1("cyclonedx", two, options)));
  options.component = "numpy";
  EXPECT_THAT(Wrong(ImportText1("cyclonedx", two, options)), HasSubstr("called 'numpy'"));
}

TEST(ModelCards, OtherFilesAreRefused) {
  EXPECT_THAT(Wrong(ImportText1("cyclonedx", R"({"spdxVersion":"SPDX-2.3"})", Documented())),
              HasSubstr("in: bomFormat"));
  EXPECT_THAT(Wrong(ImportText1("model-card-toolkit", "{}", Documented())),
              HasSubstr("in: model_details"));
  EXPECT_THAT(Wrong(ImportText1("huggingface-card", "# Title\n", Documented())),
              HasSubstr("two lines '---'"));
  EXPECT_THAT(Wrong(ImportText1("huggingface-card", "---\nlicense: &a mit\n---\n", Documented())),
              AllOf(HasSubstr("in"), HasSubstr("anchor")));
  EXPECT_THAT(Wrong(ImportText1("huggingface-card", "---\nlicense: mit\nlicense: mit\n---\n",
                                Documented())),
              HasSubstr("in: "));
}

TEST(GreatExpectations, ACheckpointOfOneXIsNamedAsSuch) {
  EXPECT_THAT(Wrong(ImportText1("great-expectations",
                                R"({"success": true, "validation_results": [{}]})", NotPersonal())),
              HasSubstr("is the result of a checkpoint"));
}

}  // namespace
}  // namespace countersign::importing
