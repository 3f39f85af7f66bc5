// What is sent as warnings: short enough for the API server to pass it on whole, whoever wrote it.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "bench/seeds.h"
#include "governance/admit.h"
#include "webhook/admission/handler.h"

namespace countersign {
namespace {

std::vector<std::string> WarningsIn(const std::string& answer) {
  const Json parsed = ParseJson(answer).value();
  const Json* warnings = FindPath(parsed, "response/warnings");
  return warnings == nullptr ? std::vector<std::string>()
                             : warnings->get<std::vector<std::string>>();
}

// As whoever reads them takes them together.
std::string Whole(const std::vector<std::string>& lines) {
  const std::string goes_on = "…";
  std::string text;
  for (const std::string& line : lines) {
    text += line.starts_with(goes_on) ? line.substr(goes_on.size()) : "\n" + line;
  }
  return text;
}

class WarningsTest : public testing::Test {
 protected:
  WarningsTest() {
    Seeder seeder(catalog_, key_, clock_.Now());
    seeder.Policy();
    seeder.Fill(0, 4096);
  }

  std::vector<std::string> Told(const std::string& resource, const std::string& kind, Json object) {
    object["apiVersion"] = "countersign.dev/v1alpha1";
    object["kind"] = kind;
    const bool everywhere = object["metadata"].count("namespace") == 0;
    if (everywhere) object["metadata"]["namespace"] = "";
    Json review = ParseJson(ReviewOf(std::move(object))).value();
    if (everywhere) review["request"]["object"]["metadata"].erase("namespace");
    for (const char* of : {"resource", "requestResource"}) {
      review["request"][of]["resource"] = resource;
    }
    for (const char* of : {"kind", "requestKind"}) review["request"][of]["kind"] = kind;
    const std::string body = DumpJson(review);
    const auto reply = handler_.Validate({body, {}, clock_.Steady() + std::chrono::hours(1)});
    const auto lines = WarningsIn(reply.body);
    EXPECT_LE(lines.size(), kMaxWarnings);
    for (const std::string& line : lines) EXPECT_LE(line.size(), kMaxWarningBytes) << line;
    EXPECT_FALSE(lines.empty()) << reply.body;
    return lines;
  }

  SystemClock clock_;
  const InstallationKey key_ = InstallationKey::Generate().value();
  KubeClient client_{std::make_shared<NoServer>(), clock_, {}};
  Catalog catalog_{client_, clock_, {kInstallation, key_.Public()}};
  LiveReader live_{client_, clock_, catalog_};
  AdmissionHandler handler_{catalog_, live_, clock_,
                            key_,     {},    [](const DecisionRecord&, bool) { return true; }};
};

TEST_F(WarningsTest, OfAPolicyTheyNameLongThingsInFull) {
  Json policy = PolicyJson("other");
  const std::string name(120, 'p');
  policy["spec"]["people"] = Json::array(
      {{{"name", "kim"}, {"displayName", name}, {"accounts", Json::array({"kim@bank.example"})}},
       {{"name", "lee"}, {"displayName", name}, {"accounts", Json::array({"lee@bank.example"})}}});
  const std::string told = Whole(Told("governancepolicies", "GovernancePolicy", policy));
  EXPECT_NE(told.find("'" + name + "' is also the printed name of 'kim'"), std::string::npos)
      << told;
  EXPECT_NE(told.find("one person has one entry with all accounts"), std::string::npos) << told;
  EXPECT_NE(told.find("spec.version: is missing"), std::string::npos) << told;
}

TEST_F(WarningsTest, OfAnIncidentTheySayWhatToDoHoweverLongItsUseCase) {
  const std::string name(200, 'u');
  const Json incident = {{"metadata", {{"name", "fire"}, {"namespace", "lending"}}},
                         {"spec",
                          {{"useCase", name},
                           {"summary", "It burns."},
                           {"severity", "High"},
                           {"category", "Other"},
                           {"awareAt", FormatTime(clock_.Now())}}}};
  const std::string told = Whole(Told("incidents", "Incident", incident));
  EXPECT_NE(told.find("kubectl get usecases -A"), std::string::npos) << told;
}

TEST_F(WarningsTest, AnyAnswersAreCutAtWords) {
  ReviewAnswer answer;
  answer.allowed = true;
  std::string shadow = "[ShadowDeployment] Deployment 'lending-prod/chat' serves a model";
  for (int i = 0; i < 100; ++i) shadow += " outside" + std::to_string(i);
  answer.warnings = {shadow, "second"};
  const auto lines = WarningsIn(EncodeAnswer("uid", answer));
  ASSERT_GT(lines.size(), 2U);
  EXPECT_TRUE(
      lines.front().starts_with("[ShadowDeployment] Deployment 'lending-prod/chat' serves"));
  EXPECT_EQ(lines.back(), "second");
  for (const std::string& line : lines) {
    EXPECT_LE(line.size(), kMaxWarningBytes);
    EXPECT_FALSE(line.ends_with(' ')) << line;
  }
}

}  // namespace
}  // namespace countersign
