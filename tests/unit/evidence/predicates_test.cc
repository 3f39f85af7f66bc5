#include "evidence/predicates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign {
namespace {

using ::testing::HasSubstr;

const std::string kHex(64, 'a');

Json Statement(const std::string& type, Json predicate) {
  return {{"_type", "https://in-toto.io/Statement/v1"},
          {"subject", Json::array({{{"name", "model.onnx"}, {"digest", {{"sha256", kHex}}}}})},
          {"predicateType", type},
          {"predicate", std::move(predicate)}};
}

Json TestResult() {
  return Statement("https://in-toto.io/attestation/test-result/v0.1", Json::parse(R"({
    "result": "FAILED", "url": "https://ci.example/7",
    "configuration": [{"uri": "git+https://git.example/tests", "digest": {"gitCommit": "abc"}}],
    "passedTests": ["a", "b"], "failedTests": ["c"], "unknown": {"x": 1}})"));
}

// The Evidence that says what the statement says.
Json SpecOf(const Json& statement) {
  Json spec = EvidenceOfStatement(statement).value();
  spec["useCase"] = "credit";
  spec["model"] = {{"digest", "sha256:" + kHex}, {"digestType", "file"}};
  return spec;
}

Json Claim(const Json& evidence, const std::string& name) {
  for (const Json& claim : evidence.at("claims")) {
    if (claim.at("name") == name) return claim;
  }
  return nullptr;
}

TEST(Predicates, ATestResultSaysHowManyPassedAndWhichFailed) {
  const Json evidence = EvidenceOfStatement(TestResult()).value();
  EXPECT_EQ(evidence.at("type"), "TestResult");
  EXPECT_EQ(Claim(evidence, "result").at("text"), "FAILED");
  EXPECT_EQ(Claim(evidence, "testsPassed").at("number"), "2");
  EXPECT_EQ(Claim(evidence, "testsFailed").at("number"), "1");
  EXPECT_EQ(Claim(evidence, "testsWarned").at("number"), "0");
  EXPECT_EQ(Claim(evidence, "failedTests").at("items"), Json({"c"}));
  EXPECT_EQ(Claim(evidence, "configuration").at("items"),
            Json({"git+https://git.example/tests gitCommit:abc"}));
  EXPECT_FALSE(evidence.contains("performedAt")) << "it has no time";
}

TEST(Predicates, SlsaProvenanceSaysWhoBuiltItOfWhatAndWhen) {
  const Json statement = Statement("https://slsa.dev/provenance/v1", Json::parse(R"({
    "buildDefinition": {"buildType": "https://ci.example/train/v1",
      "externalParameters": {"source": "git+https://git.example/credit"},
      "resolvedDependencies": [{"uri": "s3://data/train.csv", "digest": {"sha256": "dd"}}]},
    "runDetails": {"builder": {"id": "https://ci.example/runner"},
      "metadata": {"invocationId": "17", "finishedOn": "2026-11-20T10:00:00Z"}}})"));
  const Json evidence = EvidenceOfStatement(statement).value();
  EXPECT_EQ(evidence.at("type"), "SlsaProvenance");
  EXPECT_EQ(evidence.at("performedAt"), "2026-11-20T10:00:00Z");
  EXPECT_EQ(Claim(evidence, "builder").at("text"), "https://ci.example/runner");
  EXPECT_EQ(Claim(evidence, "materials").at("items"), Json({"s3://data/train.csv sha256:dd"}));
}

TEST(Predicates, ABillOfMaterialsSaysWhatIsInIt) {
  const Json statement = Statement("https://cyclonedx.org/bom", Json::parse(R"({
    "bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": "urn:uuid:1",
    "metadata": {"timestamp": "2026-11-20T10:00:00Z",
                 "component": {"type": "machine-learning-model", "name": "scorer"}},
    "components": [{"type": "data", "name": "train"},
                   {"type": "library", "name": "numpy",
                    "licenses": [{"license": {"id": "BSD-3-Clause"}}]}]})"));
  const Json evidence = EvidenceOfStatement(statement).value();
  EXPECT_EQ(evidence.at("type"), "CycloneDxBom");
  EXPECT_EQ(Claim(evidence, "componentCount").at("number"), "2");
  EXPECT_EQ(Claim(evidence, "componentsWithoutLicense").at("number"), "0") << "data counts not";
  EXPECT_EQ(Claim(evidence, "dataSets").at("items"), Json({"train"}));
  EXPECT_EQ(Claim(evidence, "licenses").at("items"), Json({"BSD-3-Clause"}));
}

TEST(Predicates, ABillOfMaterialsHidesNothingInItsDepth) {
  const Json statement = Statement("https://cyclonedx.org/bom", Json::parse(R"({
    "bomFormat": "CycloneDX", "specVersion": "1.6",
    "metadata": {"component": {"type": "machine-learning-model", "name": "scorer",
      "licenses": [{"license": {"id": "OpenRAIL"}}],
      "modelCard": {"modelParameters": {"datasets": [
        {"type": "dataset", "name": "laion"}, {"ref": "faces"}, {"ref": "urn:cdx:other"}]}},
      "pedigree": {"ancestors": [{"type": "machine-learning-model", "name": "base",
        "licenses": [{"license": {"id": "LicenseRef-base"}}]}]}}},
    "components": [
      {"type": "library", "name": "a", "licenses": [{"license": {"id": "MIT"}}], "components": [
        {"type": "data", "bom-ref": "faces", "name": "faces of staff",
         "data": [{"type": "dataset", "name": "portraits"}],
         "licenses": [{"license": {"id": "AGPL-3.0-only"}}]},
        {"type": "library", "name": "none"}]},
      {"type": "library", "name": "b",
       "licenses": [{"expression":
         "GPL-2.0-only WITH Classpath-exception-2.0 OR (Apache-2.0 AND MIT) "}]},
      {"type": "library", "name": "c", "evidence": {"licenses": [{"license": {"name": "SSPL"}}]}}],
    "services": [{"name": "s", "services": [{"name": "t",
       "licenses": [{"license": {"id": "GPL-3.0-only+"}}]}]}]})"));
  const Json evidence = EvidenceOfStatement(statement).value();
  EXPECT_EQ(Claim(evidence, "componentCount").at("number"), "5");
  EXPECT_EQ(Claim(evidence, "componentsWithoutLicense").at("number"), "1");
  EXPECT_EQ(Claim(evidence, "dataSets").at("items"),
            Json({"faces of staff", "laion", "portraits", "urn:cdx:other"}));
  EXPECT_EQ(Claim(evidence, "licenses").at("items"),
            Json({"AGPL-3.0-only", "Apache-2.0", "Classpath-exception-2.0", "GPL-2.0-only",
                  "GPL-3.0-only", "GPL-3.0-only+", "LicenseRef-base", "MIT", "OpenRAIL", "SSPL"}));
}

TEST(Predicates, AListIsWholeOrRefused) {
  Json data = Json::array();
  for (int i = 0; i < 256; ++i) data.push_back({{"type", "data"}, {"name", std::to_string(i)}});
  Json bom = {{"bomFormat", "CycloneDX"}, {"specVersion", "1.6"}, {"components", data}};
  const std::string type = "https://cyclonedx.org/bom";
  const Json evidence = EvidenceOfStatement(Statement(type, bom)).value();
  EXPECT_EQ(Claim(evidence, "dataSets").at("items").size(), 256U);
  bom["components"].push_back({{"type", "data"}, {"name", "forbidden"}});
  const auto more = EvidenceOfStatement(Statement(type, bom));
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().ToString(),
            "predicate.dataSets: must be at most 256, which evidence can state, are 257");
}

TEST(Predicates, LongTextsAreCutBetweenCharacters) {
  std::string name(249, 'a');
  name += "é";
  Json statement = TestResult();
  statement["predicate"]["failedTests"] = {name};
  statement["predicate"]["url"] = std::string(4092, 'b') + "é";
  const Json evidence = EvidenceOfStatement(statement).value();
  EXPECT_EQ(Claim(evidence, "failedTests").at("items"), Json({std::string(249, 'a') + "…"}));
  EXPECT_EQ(Claim(evidence, "url").at("text"), std::string(4092, 'b') + "…");
}

TEST(Predicates, AnEvidenceMustSayWhatTheStatementSays) {
  const Json statement = TestResult();
  const Json spec = SpecOf(statement);
  EXPECT_EQ(WhyNotOfStatement(statement, spec), "");
  Json other = spec;
  other["claims"][0]["text"] = "PASSED";
  EXPECT_THAT(WhyNotOfStatement(statement, other), HasSubstr("spec.claims must be what it says"));
  other = spec;
  other["type"] = "RedTeam";
  EXPECT_THAT(WhyNotOfStatement(statement, other), HasSubstr("spec.type must be what it says"));
  other = spec;
  other["model"]["digest"] = "sha256:" + std::string(64, 'b');
  EXPECT_THAT(WhyNotOfStatement(statement, other), HasSubstr("no subject of it is the model"));
  other = spec;
  other["environment"] = "prod";
  EXPECT_EQ(WhyNotOfStatement(statement, other), "spec.environment is nothing that it says");
  other = spec;
  other.erase("claims");
  EXPECT_THAT(WhyNotOfStatement(statement, other), HasSubstr("spec.claims must be what it says"));
}

struct Fault {
  const char* name;
  const char* type;
  const char* predicate;
  const char* why;
};
void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

class PredicateFaults : public ::testing::TestWithParam<Fault> {};

TEST_P(PredicateFaults, AreRefusedWithTheirPath) {
  const auto evidence =
      EvidenceOfStatement(Statement(GetParam().type, Json::parse(GetParam().predicate)));
  ASSERT_FALSE(evidence);
  EXPECT_THAT(evidence.error().ToString(), HasSubstr(GetParam().why));
}

constexpr char kTests[] = "https://in-toto.io/attestation/test-result/v0.1";
constexpr char kSlsa[] = "https://slsa.dev/provenance/v1";
constexpr char kBom[] = "https://cyclonedx.org/bom";

INSTANTIATE_TEST_SUITE_P(
    All, PredicateFaults,
    ::testing::Values(
        Fault{"NoResult", kTests, "{}", "predicate.result"},
        Fault{"AnUnknownResult", kTests, R"({"result": "GREEN"})", "is 'GREEN'"},
        Fault{"APassWithFailures", kTests, R"({"result": "PASSED", "failedTests": ["a"]})",
              "must not be PASSED"},
        Fault{"TestsThatAreNoTexts", kTests, R"({"result": "FAILED", "failedTests": [1]})",
              "predicate.failedTests"},
        Fault{"TestsOfNoConfiguration", kTests, R"({"result": "PASSED"})",
              "predicate.configuration: is required"},
        Fault{"ResourcesWithoutANameForThem", kTests,
              R"({"result": "PASSED", "configuration": [{}]})", "predicate.configuration"},
        Fault{"NoBuilder", kSlsa, R"({"buildDefinition": {"buildType": "x"}})",
              "predicate.runDetails.builder.id"},
        Fault{"NoBuildType", kSlsa, R"({"runDetails": {"builder": {"id": "x"}}})",
              "predicate.buildDefinition.buildType"},
        Fault{"ATimeThatIsNone", kSlsa,
              R"({"buildDefinition": {"buildType": "x"}, "runDetails": {"builder": {"id": "x"},
                  "metadata": {"finishedOn": "yesterday"}}})",
              "predicate.runDetails/metadata/finishedOn"},
        Fault{"AnotherFormatOfBom", kBom, R"({"bomFormat": "SPDX"})", "predicate.bomFormat"},
        Fault{"ALicenseThatIsNone", kBom,
              R"({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library",
                  "components": [{"licenses": [{"license": {"url": "https://x"}}]}]}]})",
              "predicate.components[0].components[0].licenses[0]: must have license.id"},
        Fault{"LicensesThatAreNoList", kBom,
              R"({"bomFormat": "CycloneDX", "specVersion": "1.6",
                  "metadata": {"component": {"licenses": "MIT"}}})",
              "predicate.metadata.component.licenses: must be a list"},
        Fault{"AnExpressionThatIsNone", kBom,
              R"({"bomFormat": "CycloneDX", "specVersion": "1.6",
                  "components": [{"licenses": [{"expression": "MIT | GPL"}]}]})",
              "predicate.components[0].licenses[0].expression: must be an SPDX expression"},
        Fault{"ADataSetWithoutAName", kBom,
              R"({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
                  {"modelCard": {"modelParameters": {"datasets": [{"type": "dataset"}]}}}]})",
              "predicate.components[0].modelCard.modelParameters.datasets[0]: must have a name"},
        Fault{"APredicateThatNobodyReads", "https://example.com/x", "{}", "predicateType"}),
    [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace countersign
