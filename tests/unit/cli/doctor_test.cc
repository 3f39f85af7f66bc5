#include "cli/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "cli/command.h"
#include "cli/object_difference.h"

namespace countersign {
namespace {

std::string Told(const char* wanted, const char* found) {
  const auto one = FirstDifference(Json::parse(wanted), Json::parse(found), "");
  return one ? one->path + ": " + one->wanted + " / " + one->found : "";
}

TEST(FirstDifference, IsNoneWhereTheServerOnlyFilledInWhatWasNotGiven) {
  EXPECT_EQ(Told(R"({"rules": [{"verbs": ["get"]}]})",
                 R"({"rules": [{"verbs": ["get"], "scope": "*"}], "objectSelector": {},
                     "matchPolicy": "Equivalent", "conditions": [], "more": null})"),
            "");
}

TEST(FirstDifference, ShowsOfLongTextsThePlaceWhereTheyDiffer) {
  const std::string same(300, 'x');
  const auto one =
      FirstDifference({{"e", same + "true" + same}}, {{"e", same + "false" + same}}, "");
  ASSERT_TRUE(one);
  EXPECT_THAT(one->wanted, testing::HasSubstr("xtruex"));
  EXPECT_THAT(one->found, testing::HasSubstr("xfalsex"));
  EXPECT_LT(one->found.size(), 140U);
}

TEST(FirstDifference, NamesThePathAndBothSides) {
  EXPECT_EQ(Told(R"({"a": {"b": [1, 2]}})", R"({"a": {"b": [1, 3]}})"), "a.b[1]: 2 / 3");
  EXPECT_EQ(Told(R"({"a": [1, 2]})", R"({"a": [1]})"), "a: [1,2] / [1]");
  EXPECT_EQ(Told(R"({"a": 1})", R"({})"), "a: 1 / nothing");
  EXPECT_EQ(Told(R"({})", R"({"selector": {"a": "b"}})"), R"(selector: nothing / {"a":"b"})");
  EXPECT_EQ(Told(R"({})", R"({"matchPolicy": "Exact"})"), R"(matchPolicy: nothing / "Exact")");
  EXPECT_EQ(Told(R"({"a": {}})", R"([])"), R"(: {"a":{}} / [])");
}

TEST(Doctor, AFaultWeighsMoreThanWhatIsUnknownAndWarningsNothing) {
  const Diagnosis good{Health::kGood, "a", "", "", ""};
  const Diagnosis warning{Health::kWarning, "a", "", "", ""};
  const Diagnosis unknown{Health::kUnknown, "a", "", "", ""};
  const Diagnosis fault{Health::kFault, "a", "", "", ""};
  EXPECT_EQ(ExitCodeOf({}), kOk);
  EXPECT_EQ(ExitCodeOf({good, warning}), kOk);
  EXPECT_EQ(ExitCodeOf({good, unknown, warning}), kFailed);
  EXPECT_EQ(ExitCodeOf({unknown, fault, good}), kDenied);
}

TEST(Doctor, OfAnEmptyClusterEverythingIsAFaultOrUnknownWithACommand) {
  Patient patient;
  patient.name_space = "countersign-system";
  bool probed = false;
  for (const Diagnosis& one : Examine(patient)) {
    EXPECT_NE(one.health, Health::kGood) << one.area << ": " << one.message;
    EXPECT_NE(one.next, "") << one.area << ": " << one.message;
    probed = probed || one.area == "probe";
  }
  EXPECT_TRUE(probed);
}

// What is said of clocks where the webhook refuses the probe with that message, `later` than the
// API server told its time.
std::string ClocksWhere(const std::string& message, std::chrono::seconds later) {
  Patient patient;
  patient.name_space = "countersign-system";
  patient.now = ParseTime("2026-03-01T12:00:00Z").value();
  patient.server_now = patient.now;
  patient.probe = ProbeAnswer{false, message, patient.now + later};
  std::string told;
  for (const Diagnosis& one : Examine(patient)) {
    if (one.area == "clocks") told += one.message + "\n";
  }
  return told;
}

TEST(Doctor, TellsTheClockOfTheWebhookByTheIdOfItsDecision) {
  using testing::HasSubstr;
  const Time now = ParseTime("2026-03-01T12:00:00Z").value();
  const auto refusal = [&](std::chrono::seconds ahead) {
    return "[SpecInvalid] no such role\n(decision " + NewUuid(now + ahead) + ")";
  };
  const std::chrono::seconds minute{60};
  const std::string good = "the webhook and the API server agree";
  EXPECT_THAT(ClocksWhere(refusal(minute / 60), minute / 60), HasSubstr(good));
  EXPECT_THAT(ClocksWhere(refusal(minute), minute), HasSubstr(good)) << "a slow examination";
  EXPECT_THAT(ClocksWhere(refusal(10 * minute), minute),
              HasSubstr("the webhook's clock is 540 s ahead of the API server's"));
  EXPECT_THAT(ClocksWhere(refusal(-10 * minute), minute),
              HasSubstr("the webhook's clock is 660 s behind the API server's"));
  for (const char* other : {"", "(decision ", "(decision 0195517b-d800-4abc-8def-000000000000)",
                            "(decision zzzzzzzz-zzzz-7abc-8def-000000000000)"}) {
    EXPECT_THAT(ClocksWhere(other, minute), testing::Not(HasSubstr("webhook"))) << other;
  }
}

TEST(Doctor, TextFromTheClusterMovesNoCursor) {
  const std::string text =
      DoctorText({{Health::kFault, "probe", "", "said \x1b[2J this", "kubectl get\x1b pods"}});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("Next: kubectl get"), std::string::npos);
}

}  // namespace
}  // namespace countersign
