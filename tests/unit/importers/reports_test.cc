// JUnit XML and k6: test results and load tests.

#include <gmock/gmock.h>

#include "tests/unit/importers/samples.h"

namespace countersign::importing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

ImportOptions Level() {
  ImportOptions options;
  options.claims = {{"level", "FullPipeline"}};
  return options;
}

// --- JUnit ---

TEST(Junit, CountsWhatPassedFailedAndWasSkipped) {
  const auto imported = ImportText1("junit", Sample("pytest-all.xml"), Level());
  const auto report = ReportOf(imported);
  EXPECT_EQ(report->type, "Verification");
  EXPECT_EQ(ClaimText(report, "result"), "Failed");
  EXPECT_EQ(ClaimText(report, "testsPassed"), "1");
  EXPECT_EQ(ClaimText(report, "testsFailed"), "2") << "an error is no pass either";
  EXPECT_EQ(ClaimText(report, "testsSkipped"), "1");
  EXPECT_EQ(ClaimText(report, "level"), "FullPipeline");
  EXPECT_THAT(imported->artifacts, Contains("report"));
  EXPECT_FALSE(imported->performed_at) << "pytest wrote no time zone";
}

TEST(Junit, PassedWithoutFailures) {
  EXPECT_EQ(
      ClaimText(ReportOf(ImportText1("junit", Sample("pytest-passed.xml"), Level())), "result"),
      "Passed");
  EXPECT_EQ(
      ClaimText(ReportOf(ImportText1("junit", Sample("googletest.xml"), Level())), "testsPassed"),
      "6");
}

TEST(Junit, LevelIsAskedForAndNotContradicted) {
  const std::string text = Sample("pytest-passed.xml");
  EXPECT_THAT(
      Wrong(ImportText1("junit", text)),
      HasSubstr("--claim level=…: is required, for the file does not say it: AutomaticChecks"));
  ImportOptions options = Level();
  options.claims["testsFailed"] = "3";
  EXPECT_THAT(Wrong(ImportText1("junit", text, options)),
              HasSubstr("--claim testsFailed: is stated by the file"));
  options.claims["testsFailed"] = "0";
  EXPECT_TRUE(ReportOf(ImportText1("junit", text, options)));
  options.claims["mood"] = "good";
  EXPECT_THAT(Wrong(ImportText1("junit", text, options)),
              HasSubstr("--claim mood: must be one of"));
  options.claims = {{"level", "Everything"}};
  EXPECT_THAT(Wrong(ImportText1("junit", text, options)),
              HasSubstr("--claim level: must be AutomaticChecks, FullPipeline or "
                        "IndependentRecode, is 'Everything'"));
  options = Level();
  options.claims["accuracy"] = "ninety";
  EXPECT_THAT(Wrong(ImportText1("junit", text, options)), HasSubstr("--claim accuracy"));
}

TEST(Junit, SeveralFilesAreAddedUp) {
  const std::string one = Sample("pytest-passed.xml");
  const std::string other = Sample("googletest.xml");
  const ImportText files[] = {{"one", one}, {"other", other}};
  EXPECT_EQ(ClaimText(ReportOf(Import(*FindImportFormat("junit"), files, Level())), "testsPassed"),
            "7");
}

// pugixml takes 64 bytes for each element, 40 for each attribute and 64 for each text between.
TEST(Junit, MemoryIsBounded) {
  const auto said = [](const std::string& piece, std::size_t bytes) {
    std::string text = "<testsuite><testcase/>";
    while (text.size() < bytes) text += piece;
    return Wrong(ImportText1("junit", text + "</testsuite>", Level()));
  };
  constexpr std::size_t kMiB = std::size_t{1} << 20U;
  for (const char* piece : {"<a/>", "x<a/>", "<a></a>", "<a b=''/>", "<a b = \"\"/>"}) {
    EXPECT_THAT(said(piece, 12 * kMiB),
                AllOf(HasSubstr("has so many elements that they take more than 128 MiB of memory"),
                      HasSubstr("give it as several files")))
        << piece;
  }
  const std::string utf16("<\0a\0/\0>\0", 8);
  EXPECT_THAT(said(utf16, 16 * kMiB), HasSubstr("has so many elements"));
  EXPECT_EQ(said("<testcase name='" + std::string(64, 'n') + "' time='0.1'/>", 12 * kMiB), "");
  EXPECT_EQ(said("<testcase><system-out>" + std::string(4 * kMiB, '=') + "</system-out></testcase>",
                 24 * kMiB),
            "")
      << "what tests wrote";
}

TEST(Junit, DisabledAndFlakyTestsAreTold) {
  const auto disabled = ReportOf(ImportText1(
      "junit", R"(<testsuites><testsuite><testcase status="run"/><testcase status="notrun"/>
                  </testsuite></testsuites>)",
      Level()));
  EXPECT_EQ(ClaimText(disabled, "testsPassed"), "1");
  EXPECT_EQ(ClaimText(disabled, "testsSkipped"), "1");
  const auto flaky =
      ImportText1("junit", "<testsuite><testcase><flakyFailure/></testcase></testsuite>", Level());
  EXPECT_EQ(ClaimText(ReportOf(flaky), "testsFlaky"), "1");
  EXPECT_THAT(flaky->notes, Contains(HasSubstr("passed when repeated")));
}

TEST(Junit, WhatWasRepeatedAndNotSaidToHavePassedFailed) {
  for (const std::string inside :
       {"<rerunFailure/>", "<rerunError/>", "<failure/><rerunFailure/>"}) {
    const auto report = ReportOf(ImportText1(
        "junit", "<testsuite><testcase>" + inside + "</testcase></testsuite>", Level()));
    EXPECT_EQ(ClaimText(report, "testsFailed"), "1") << inside;
    EXPECT_EQ(ClaimText(report, "result"), "Failed") << inside;
  }
  const auto passed = ReportOf(ImportText1(
      "junit", "<testsuite><testcase><flakyFailure/><rerunFailure/></testcase></testsuite>",
      Level()));
  EXPECT_EQ(ClaimText(passed, "testsPassed"), "1");
}

TEST(Junit, ANumberThatIsNoneIsRefused) {
  for (const std::string stated : {"failures='x'", "tests=''", "errors='1.5'", "failures='-1'",
                                   "tests='0x0'", "tests='99999999999999999999'"}) {
    EXPECT_THAT(
        Wrong(ImportText1("junit", "<testsuite " + stated + "><testcase/></testsuite>", Level())),
        HasSubstr("must be a whole number"))
        << stated;
  }
}

std::string Counted(const std::string& text) {
  const auto report = ReportOf(ImportText1("junit", text, Level()));
  return ClaimText(report, "testsPassed") + " passed, " + ClaimText(report, "testsFailed") +
         " failed, " + ClaimText(report, "testsSkipped") + " skipped";
}

TEST(Junit, FailuresCountWhereverTheyStand) {
  EXPECT_EQ(Counted("<testsuite><testcase/><error message='not loaded'/></testsuite>"),
            "1 passed, 1 failed, 0 skipped");
  EXPECT_EQ(Counted("<testsuite><testcase><testcase><failure/></testcase></testcase></testsuite>"),
            "1 passed, 1 failed, 0 skipped");
  EXPECT_EQ(Counted("<testsuite><group><testcase><error/></testcase></group></testsuite>"),
            "0 passed, 1 failed, 0 skipped");
  EXPECT_EQ(Counted("<t:testsuites xmlns:t='u'><testsuite><t:testcase><failure/></t:testcase>"
                    "<testcase><t:failure/></testcase><testcase/></testsuite></t:testsuites>"),
            "1 passed, 2 failed, 0 skipped");
}

TEST(Junit, AttributesSayItInAnyCase) {
  EXPECT_EQ(Counted("<testsuite><testcase status='FAILED'/><testcase status='fail'/>"
                    "<testcase status='run' result='Failed'/><testcase status='Passed'/>"
                    "<testcase result='Skipped'/></testsuite>"),
            "1 passed, 3 failed, 1 skipped");
  EXPECT_THAT(
      Wrong(ImportText1("junit", "<testsuite><testcase name='x' status='amber'/></testsuite>",
                        Level())),
      HasSubstr("in: testcase 'x' has status 'amber', of which nobody knows whether it passed"));
}

TEST(Junit, TextAfterTheReportIsRefused) {
  for (const char* text : {"<testsuite><testcase/></testsuite> and more",
                           "<testsuite><testcase/></testsuite><![CDATA[more]]>",
                           "<testsuite><testcase/></testsuite><garbage"}) {
    EXPECT_THAT(Wrong(ImportText1("junit", text, Level())), HasSubstr("in: ")) << text;
  }
  EXPECT_EQ(Counted("<?xml version='1.0'?>\n<testsuite><testcase/></testsuite>\n<!-- end -->\n"),
            "1 passed, 0 failed, 0 skipped");
}

TEST(Junit, TimeCountsWithItsZoneAlone) {
  const auto imported = ImportText1(
      "junit", R"(<testsuite timestamp="2026-11-20T10:00:00+02:00"><testcase/></testsuite>)",
      Level());
  EXPECT_EQ(FormatTime(*imported->performed_at), "2026-11-20T08:00:00Z");
}

TEST(Junit, AReportThatIsNotWholeIsRefused) {
  const std::string text = Sample("pytest-all.xml");
  EXPECT_THAT(Wrong(ImportText1("junit", Replaced(text, "tests=\"4\"", "tests=\"5\""), Level())),
              HasSubstr("states 5 tests and shows 4"));
  EXPECT_THAT(
      Wrong(ImportText1("junit", R"(<testsuite failures="2"><testcase/></testsuite>)", Level())),
      HasSubstr("states 2 failures and shows 0"));
  EXPECT_THAT(
      Wrong(ImportText1("junit", R"(<testsuite errors="-1"><testcase/></testsuite>)", Level())),
      HasSubstr("must be a whole number"));
  EXPECT_THAT(Wrong(ImportText1("junit", text.substr(0, text.size() - 20), Level())),
              HasSubstr("in: is no XML"));
  EXPECT_THAT(Wrong(ImportText1("junit", "<testsuite/>", Level())),
              HasSubstr("no test that was run"));
  EXPECT_THAT(Wrong(ImportText1("junit", "<html/>", Level())), HasSubstr("must be testsuites"));
  EXPECT_THAT(
      Wrong(ImportText1("junit", "<testsuite><testcase/></testsuite><testsuite/>", Level())),
      HasSubstr("one root element"));
}

TEST(Junit, DocumentTypesAreRefused) {
  const std::string laughs = R"(<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>
<testsuite><testcase name="&b;"/></testsuite>)";
  EXPECT_THAT(Wrong(ImportText1("junit", laughs, Level())), HasSubstr("no document type"));
}

TEST(Junit, DepthIsBounded) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<testsuite>";
  deep += "<testcase/>";
  for (int i = 0; i < 100'000; ++i) deep += "</testsuite>";
  EXPECT_THAT(Wrong(ImportText1("junit", deep, Level())), HasSubstr("deeper than 32"));
}

// --- k6 ---

constexpr const char* kMedian = "\"med\": 2.153701";  // of http_req_duration

TEST(K6, BothOldLayoutsOfOneRunSayTheSame) {
  for (const char* name : {"k6-summary-export.json", "k6-handle-summary.json"}) {
    const auto report = ReportOf(ImportText1("k6", Sample(name)));
    EXPECT_EQ(report->type, "LoadTest") << name;
    EXPECT_EQ(ClaimText(report, "requestsPerSecond"), "1042.812286485 requests/s") << name;
    EXPECT_EQ(ClaimText(report, "errorRate"), "0.005 share")
        << name << ": not 1 - 0.005, although k6 calls failures passes";
    EXPECT_EQ(ClaimText(report, "latencyP50"), "2.153701 ms") << name;
    EXPECT_EQ(ClaimText(report, "latencyP95"), "10.0278996 ms") << name;
  }
}

TEST(K6, AnOlderOneSaysItInTheSameWay) {
  const auto report = ReportOf(ImportText1("k6", Sample("k6-old-summary-export.json")));
  EXPECT_EQ(ClaimText(report, "errorRate"), "0.005 share");
  EXPECT_EQ(ClaimText(report, "latencyP95"), "12.78799635 ms");
  EXPECT_EQ(ClaimText(report, "thresholdsCrossed"), "1");
}

TEST(K6, TheMachineReadableLayoutNamesThingsInItsOwnWay) {
  const std::string text = Sample("k6-machine-readable.json");
  const auto report = ReportOf(ImportText1("k6", text));
  EXPECT_EQ(report->type, "LoadTest");
  EXPECT_EQ(ClaimText(report, "requestsPerSecond"), "1070.983485992 requests/s")
      << "600 in 0.560232728 s";
  EXPECT_EQ(ClaimText(report, "errorRate"), "0.005 share");
  EXPECT_EQ(ClaimText(report, "latencyP50"), "1.6923885 ms");
  EXPECT_EQ(ClaimText(report, "latencyP95"), "11.706264 ms");
  // As the types of k6 would have it.
  const auto typed =
      ImportText1("k6", Replaced(Replaced(Replaced(text, "\"p95\": 11.706263999999985",
                                                   "\"p(95)\": 11.706263999999985"),
                                          "generated_at", "generatedAt"),
                                 "k6_version", "k6Version"));
  EXPECT_EQ(ClaimText(ReportOf(typed), "latencyP95"), "11.706264 ms");
  EXPECT_EQ(typed->tool_version, "1.8.1");
  EXPECT_TRUE(typed->performed_at);
}

TEST(K6, AMetricStandsInAListOnce) {
  const std::string text = Sample("k6-machine-readable.json");
  const std::string twice =
      Replaced(text, "\"name\": \"iterations\"", "\"name\": \"http_req_failed\"");
  EXPECT_THAT(Wrong(ImportText1("k6", twice)),
              HasSubstr("name: must be a metric that stands there once, is \"http_req_failed\""));
}

TEST(K6, APercentileThatIsNotThereIsLeftOutAndSaidSo) {
  const auto with = ImportText1("k6", Sample("k6-handle-summary.json"));
  EXPECT_EQ(ClaimText(ReportOf(with), "latencyP99"), "24.71728777 ms");
  EXPECT_THAT(with->notes, Not(Contains(HasSubstr("is left out"))));
  const auto without = ImportText1("k6", Sample("k6-machine-readable.json"));
  EXPECT_EQ(ClaimText(ReportOf(without), "latencyP99"), "none");
  EXPECT_THAT(without->notes, Contains(HasSubstr("latencyP99 is left out")));
}

TEST(K6, VersionAndTimeAreThoseOfTheFile) {
  const auto imported = ImportText1("k6", Sample("k6-machine-readable.json"));
  EXPECT_EQ(imported->tool_version, "1.8.1");
  EXPECT_EQ(FormatTime(*imported->performed_at), "2026-11-30T03:08:08Z");
}

TEST(K6, WhatIsNoSummaryIsRefusedWithItsPath) {
  const std::string text = Sample("k6-summary-export.json");
  EXPECT_THAT(Wrong(ImportText1("k6", "{}")), HasSubstr("in: metrics: is required"));
  EXPECT_THAT(Wrong(ImportText1("k6", "[]")), HasSubstr("in: must be an object"));
  EXPECT_THAT(Wrong(ImportText1("k6", Replaced(text, "\"value\": 0.005", "\"value\": 1.5"))),
              HasSubstr("in: metrics.http_req_failed.value: must be a share"));
  EXPECT_THAT(Wrong(ImportText1("k6", Replaced(text, "\"count\": 600,\n            \"rate\": 1042",
                                               "\"count\": 600,\n            \"rate\": 1e300"))),
              HasSubstr("in: "));
  EXPECT_THAT(Wrong(ImportText1("k6", Replaced(text, kMedian, "\"med\": -1"))),
              HasSubstr("at least 0"));
  EXPECT_THAT(Wrong(ImportText1("k6", Replaced(text, kMedian, "\"med\": NaN"))), HasSubstr("in: "));
  EXPECT_THAT(Wrong(ImportText1("k6", text.substr(0, text.size() / 2))), HasSubstr("in: "));
  const std::string newer = Sample("k6-machine-readable.json");
  EXPECT_THAT(Wrong(ImportText1("k6", Replaced(newer, "\"1.0.0\"", "\"2.0.0\""))),
              HasSubstr("in: version: must be 1.0.0"));
  EXPECT_THAT(Wrong(ImportText1("k6", Replaced(newer, "0.560232728", "0"))),
              HasSubstr("in: config.duration"));
}

TEST(K6, WhatContradictsItselfIsRefused) {
  const std::string text = Sample("k6-summary-export.json");
  const auto said = [&](const std::string& old, const std::string& fresh) {
    return Wrong(ImportText1("k6", Replaced(text, old, fresh)));
  };
  EXPECT_THAT(said("\"value\": 0.005", "\"value\": 0.5"),
              HasSubstr("in: metrics.http_req_failed.value: must be the share of 3 failed of 600 "
                        "requests, is 0.5"));
  EXPECT_THAT(said("\"fails\": 597", "\"fails\": 99999"),
              HasSubstr("in: metrics.http_req_failed.fails: must be a count of requests, of which "
                        "there are 600"));
  EXPECT_THAT(said(kMedian, "\"med\": 30"),
              HasSubstr("in: metrics.http_req_duration.p(95): must be at least what 'med' is, 30"));
  EXPECT_THAT(said("\"p(99)\": 24.71728776999997", "\"p(99)\": 2000"),
              HasSubstr("in: metrics.http_req_duration.max: must be at least what 'p(99)' is"));
  const std::string newer = Sample("k6-machine-readable.json");
  EXPECT_THAT(Wrong(ImportText1("k6", Replaced(newer, "\"matches\": 3,", "\"matches\": 300,"))),
              HasSubstr("values.rate: must be the share of 300 failed of 600 requests"));
  EXPECT_THAT(
      Wrong(ImportText1("k6", Replaced(newer, "\"p95\": 11.706263999999985", "\"p95\": 0.7"))),
      HasSubstr("values.p95: must be at least what 'med' is, 1.6923885"));
}

TEST(K6, ARunWithoutRequestsShowsNothing) {
  std::string text = Sample("k6-summary-export.json");
  const auto at = text.find("\"http_reqs\"");
  text.replace(text.find("600", at), 3, "0");
  EXPECT_THAT(Wrong(ImportText1("k6", text)),
              HasSubstr("in: metrics.http_reqs.count: must be at least 1"));
}

TEST(K6, CrossedThresholdsAreCountedAndSaid) {
  const std::string text = Sample("k6-summary-export.json");
  const std::string kept = "\"p(95)<500\": false";
  const auto one = ImportText1("k6", text);
  EXPECT_EQ(ClaimText(ReportOf(one), "thresholdsCrossed"), "1");
  EXPECT_THAT(one->notes,
              ElementsAre(HasSubstr("threshold 'rate<0.001' of http_req_failed was crossed")));
  EXPECT_EQ(ClaimText(ReportOf(ImportText1("k6", Replaced(text, kept, "\"p(95)<500\": true"))),
                      "thresholdsCrossed"),
            "2");
  const std::string handled = Sample("k6-handle-summary.json");
  const auto also = ImportText1("k6", handled);
  EXPECT_EQ(also->notes, one->notes);
  EXPECT_EQ(
      ClaimText(ReportOf(ImportText1("k6", Replaced(handled, "\"ok\": false", "\"ok\": true"))),
                "thresholdsCrossed"),
      "0");
  EXPECT_EQ(ClaimText(ReportOf(ImportText1("k6", Sample("k6-machine-readable.json"))),
                      "thresholdsCrossed"),
            "none")
      << "it has no thresholds";
  EXPECT_THAT(
      Wrong(ImportText1("k6", Replaced(text, kept, "\"p(95)<500\": 1"))),
      HasSubstr("in: metrics.http_req_duration.thresholds.p(95)<500: must be true or false"));
}

// --- all ---

TEST(Formats, Utf16IsNamedRatherThanAMissingColumn) {
  ImportOptions options;
  options.label = "y";
  const std::string csv("\xFF\xFEy\0,\0p\0\n\0", 10);
  EXPECT_THAT(Wrong(ImportText1("predictions-csv", csv, options)),
              HasSubstr("in: must be text in UTF-8, is UTF-16"));
  EXPECT_THAT(Wrong(ImportText1("predictions-csv", csv.substr(2), options)),
              HasSubstr("in: must be text in UTF-8"));
}

TEST(Formats, OneFileUnlessTheyAddUp) {
  const ImportText files[] = {{"one", "{}"}, {"other", "{}"}};
  EXPECT_THAT(Wrong(Import(*FindImportFormat("k6"), files, {})), HasSubstr("read from one file"));
  EXPECT_THAT(Wrong(Import(*FindImportFormat("k6"), {}, {})), HasSubstr("FILE"));
  EXPECT_EQ(FindImportFormat("excel"), nullptr);
}

TEST(Formats, EndWithAnErrorWhateverTheText) {
  const std::string texts[] = {"",
                               "{",
                               "[]",
                               "null",
                               "\xff\xfe",
                               std::string(1'000, '['),
                               std::string(1'000'000, '{'),
                               std::string(10 << 20, 'a'),
                               "a: &b c"};
  for (const ImportFormat& format : ImportFormats()) {
    for (const std::string& text : texts) {
      const ImportText file{"in", text};
      EXPECT_FALSE(Import(format, {&file, 1}, {})) << format.name << " took " << text.substr(0, 20);
    }
  }
}

}  // namespace
}  // namespace countersign::importing
