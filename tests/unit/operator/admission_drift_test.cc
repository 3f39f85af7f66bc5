#include "operator/admission_drift.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kReinstall[] = "countersign install | kubectl apply -f -";

Json Entry(const std::string& name) {
  return {{"name", name},
          {"clientConfig",
           {{"service",
             {{"namespace", "system"}, {"name", "webhook"}, {"path", "/v1"}, {"port", 443}}}}},
          {"rules",
           {{{"apiGroups", {"countersign.dev"}},
             {"apiVersions", {"v1alpha1"}},
             {"operations", {"CREATE", "UPDATE"}},
             {"resources", {"modeldeployments"}},
             {"scope", "*"}}}},
          {"matchConditions", {{{"name", "stays"}, {"expression", "object.x == 'y'"}}}},
          {"failurePolicy", "Fail"},
          {"matchPolicy", "Equivalent"},
          {"sideEffects", "None"},
          {"timeoutSeconds", 5}};
}

Json Expected() {
  return {{"apiVersion", "admissionregistration.k8s.io/v1"},
          {"kind", "ValidatingWebhookConfiguration"},
          {"metadata", {{"name", "countersign"}}},
          {"webhooks", Json::array({Entry("one.dev"), Entry("two.dev")})}};
}

// As the API server stores it, with the authority in it.
Json Stored() {
  Json stored = Expected();
  for (Json& entry : stored["webhooks"]) {
    entry["clientConfig"]["caBundle"] = "Q0E=";
    entry["namespaceSelector"] = Json::object();
    entry["objectSelector"] = Json::object();
  }
  return stored;
}

DriftReport After(const std::function<void(Json&)>& change) {
  Json stored = Stored();
  change(stored["webhooks"]);
  return FindDrift(Expected(), &stored, kReinstall);
}

// The patch in the command, applied to what is there.
Json Repaired(const DriftReport& report, Json stored) {
  EXPECT_THAT(report.repair,
              StartsWith("kubectl patch validatingwebhookconfiguration countersign --type=json"));
  std::string patch = report.repair.substr(report.repair.find('\'') + 1);
  patch.pop_back();
  for (std::size_t at; (at = patch.find("'\\''")) != std::string::npos;) patch.replace(at, 4, "'");
  return stored.patch(Json::parse(patch));
}

TEST(AdmissionDriftTest, WhatTheApiServerFillsInAndWhatOthersAddIsNoDifference) {
  EXPECT_THAT(After([](Json&) {}).drifts, IsEmpty());
  EXPECT_EQ(After([](Json&) {}).repair, "");
  EXPECT_THAT(After([](Json& entries) {
                entries.push_back({{"name", "theirs.dev"}});
                entries[0]["clientConfig"]["caBundle"] = "b3RoZXI=";
              }).drifts,
              IsEmpty());
}

TEST(AdmissionDriftTest, EachWayToWeakenAnEntryIsSeenAndPutRight) {
  const struct {
    std::function<void(Json&)> change;
    const char* text;
  } cases[] = {
      {[](Json& e) { e[1]["failurePolicy"] = "Ignore"; },
       R"(webhooks["two.dev"].failurePolicy is "Ignore", must be "Fail")"},
      {[](Json& e) { e[0]["timeoutSeconds"] = 1; },
       R"(webhooks["one.dev"].timeoutSeconds is 1, must be 5)"},
      {[](Json& e) { e[0]["matchPolicy"] = "Exact"; },
       R"(webhooks["one.dev"].matchPolicy is "Exact", must be "Equivalent")"},
      {[](Json& e) { e[0]["namespaceSelector"]["matchLabels"]["governed"] = "yes"; },
       R"(webhooks["one.dev"].namespaceSelector.matchLabels is {"governed":"yes"}, must be absent)"},
      {[](Json& e) { e[0]["objectSelector"]["matchExpressions"] = Json::array(); },
       R"(webhooks["one.dev"].objectSelector.matchExpressions is [], must be absent)"},
      {[](Json& e) { e[0]["rules"][0]["operations"] = {"CREATE"}; },
       R"(webhooks["one.dev"].rules[0].operations is ["CREATE"], must be ["CREATE","UPDATE"])"},
      {[](Json& e) { e[0]["rules"] = Json::array(); },
       R"(webhooks["one.dev"].rules is [], must be)"},
      {[](Json& e) { e[0]["matchConditions"][0]["expression"] = "false"; },
       R"(webhooks["one.dev"].matchConditions[0].expression is "false", must be "object.x == 'y'")"},
      {[](Json& e) { e[0].erase("matchConditions"); },
       R"(webhooks["one.dev"].matchConditions is [], must be)"},
      {[](Json& e) { e[0]["clientConfig"]["service"]["name"] = "yes-man"; },
       R"(webhooks["one.dev"].clientConfig.service.name is "yes-man", must be "webhook")"},
      {[](Json& e) { e[0]["reinvocationPolicy"] = "IfNeeded"; },
       R"(webhooks["one.dev"].reinvocationPolicy is "IfNeeded", must be "Never")"},
      {[](Json& e) { e.erase(0); }, R"(webhooks["one.dev"] is absent, must be there)"},
  };
  for (const auto& c : cases) {
    Json stored = Stored();
    c.change(stored["webhooks"]);
    const DriftReport report = FindDrift(Expected(), &stored, kReinstall);
    ASSERT_EQ(report.drifts.size(), 1U) << c.text;
    EXPECT_THAT(report.drifts[0].Text(), StartsWith(c.text));
    const Json repaired = Repaired(report, stored);
    EXPECT_THAT(FindDrift(Expected(), &repaired, kReinstall).drifts, IsEmpty()) << c.text;
    // Nobody is trusted less for the repair.
    for (const Json& entry : repaired["webhooks"]) {
      EXPECT_EQ(StringAt(entry, "clientConfig/caBundle"), "Q0E=") << c.text;
    }
  }
}

TEST(AdmissionDriftTest, AConditionThatWasAddedIsTakenAway) {
  Json expected = Expected();
  expected["webhooks"][0].erase("matchConditions");
  Json stored = Stored();
  const DriftReport report = FindDrift(expected, &stored, kReinstall);
  ASSERT_EQ(report.drifts.size(), 1U);
  const Json repaired = Repaired(report, stored);
  EXPECT_FALSE(repaired["webhooks"][0].contains("matchConditions"));
  EXPECT_TRUE(repaired["webhooks"][1].contains("matchConditions"));
}

TEST(AdmissionDriftTest, EverythingIsNamedAndOneCommandPutsItRight) {
  Json stored = Stored();
  stored["webhooks"][0]["failurePolicy"] = "Ignore";
  stored["webhooks"][0]["timeoutSeconds"] = 1;
  stored["webhooks"].erase(1);
  const DriftReport report = FindDrift(Expected(), &stored, kReinstall);
  EXPECT_THAT(
      DriftText("ValidatingWebhookConfiguration countersign", report),
      AllOf(StartsWith("ValidatingWebhookConfiguration countersign: webhooks[\"one.dev\"]."),
            HasSubstr("; webhooks[\"one.dev\"].timeoutSeconds is 1"),
            EndsWith("; webhooks[\"two.dev\"] is absent, must be there")));
  const Json repaired = Repaired(report, stored);
  EXPECT_THAT(FindDrift(Expected(), &repaired, kReinstall).drifts, IsEmpty());
}

TEST(AdmissionDriftTest, WithoutAConfigurationItIsInstalledAnew) {
  const DriftReport report = FindDrift(Expected(), nullptr, kReinstall);
  EXPECT_THAT(report.drifts, ElementsAre(Drift{"webhooks", "absent", "2 entries"}));
  EXPECT_EQ(report.repair, kReinstall);
  Json emptied = Stored();
  emptied.erase("webhooks");
  const Json repaired = Repaired(FindDrift(Expected(), &emptied, kReinstall), emptied);
  EXPECT_THAT(FindDrift(Expected(), &repaired, kReinstall).drifts, IsEmpty());
}

TEST(AdmissionDriftTest, ACommandIsOneWordForTheShellWhateverTheExpressionSays) {
  Json stored = Stored();
  stored["webhooks"][0]["matchConditions"] = Json::array();
  EXPECT_THAT(FindDrift(Expected(), &stored, kReinstall).repair, HasSubstr("'\\''y'\\''"));
}

Json ExpectedPolicy() {
  return {{"kind", "ValidatingAdmissionPolicy"},
          {"metadata", {{"name", "records"}}},
          {"spec",
           {{"failurePolicy", "Fail"},
            {"matchConstraints",
             {{"resourceRules",
               {{{"apiGroups", {"countersign.dev"}},
                 {"operations", {"CREATE", "UPDATE", "DELETE"}}}}}}},
            {"validations", {{{"expression", "false"}, {"reason", "Forbidden"}}}}}}};
}

// With what the API server fills in.
Json StoredPolicy() {
  Json stored = ExpectedPolicy();
  stored["metadata"]["labels"]["team"] = "platform";
  Json& constraints = stored["spec"]["matchConstraints"];
  constraints["matchPolicy"] = "Equivalent";
  constraints["namespaceSelector"] = Json::object();
  constraints["resourceRules"][0]["scope"] = "*";
  return stored;
}

TEST(AdmissionDriftTest, AnAdmissionPolicyAsItIsStoredIsNotWeakened) {
  const Json stored = StoredPolicy();
  EXPECT_THAT(FindPolicyDrift(ExpectedPolicy(), &stored, kReinstall).drifts, IsEmpty());
  EXPECT_EQ(FindPolicyDrift(ExpectedPolicy(), &stored, kReinstall).repair, "");
}

TEST(AdmissionDriftTest, EachWayToWeakenAnAdmissionPolicyIsSeenAndPutRight) {
  const struct {
    std::function<void(Json&)> change;
    const char* text;
  } cases[] = {
      {[](Json& spec) { spec["failurePolicy"] = "Ignore"; },
       R"(spec.failurePolicy is "Ignore", must be "Fail")"},
      {[](Json& spec) { spec["validations"][0]["expression"] = "true"; },
       R"(spec.validations[0].expression is "true", must be "false")"},
      {[](Json& spec) { spec["matchConstraints"]["namespaceSelector"]["matchLabels"]["a"] = "b"; },
       R"(spec.matchConstraints.namespaceSelector is {"matchLabels":{"a":"b"}}, must be nothing)"},
      {[](Json& spec) {
         spec["matchConditions"] = Json::array({{{"name", "n"}, {"expression", "false"}}});
       },
       R"(spec.matchConditions is [{"expression":"false","name":"n"}], must be nothing)"},
      {[](Json& spec) { spec["matchConstraints"]["resourceRules"][0]["operations"].erase(2); },
       R"(spec.matchConstraints.resourceRules[0].operations is ["CREATE","UPDATE"], must be)"},
  };
  for (const auto& c : cases) {
    Json stored = StoredPolicy();
    c.change(stored["spec"]);
    const DriftReport report = FindPolicyDrift(ExpectedPolicy(), &stored, kReinstall);
    ASSERT_EQ(report.drifts.size(), 1U) << c.text;
    EXPECT_THAT(report.drifts[0].Text(), StartsWith(c.text));
    EXPECT_THAT(report.repair,
                StartsWith("kubectl patch validatingadmissionpolicy records --type=json -p '"));
    const auto quote = report.repair.find('\'');
    const Json patch =
        Json::parse(report.repair.substr(quote + 1, report.repair.size() - quote - 2));
    const Json repaired = stored.patch(patch);
    EXPECT_THAT(FindPolicyDrift(ExpectedPolicy(), &repaired, kReinstall).drifts, IsEmpty())
        << c.text;
    EXPECT_EQ(StringAt(repaired, "metadata/labels/team"), "platform");
  }
}

TEST(AdmissionDriftTest, WithoutAnAdmissionPolicyItIsInstalledAnew) {
  const DriftReport report = FindPolicyDrift(ExpectedPolicy(), nullptr, kReinstall);
  EXPECT_THAT(report.drifts, ElementsAre(Drift{"spec", "absent", "there"}));
  EXPECT_EQ(report.repair, kReinstall);
}

}  // namespace
}  // namespace countersign
