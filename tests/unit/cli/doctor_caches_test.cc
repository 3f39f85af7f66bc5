// What the doctor says of objects that the programs' caches cannot hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/doctor.h"

namespace countersign {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<Diagnosis> Of(const Patient& patient, Health health) {
  std::vector<Diagnosis> found;
  for (const Diagnosis& one : Examine(patient)) {
    if (one.area == "caches" && one.health == health) found.push_back(one);
  }
  return found;
}

Json Policy(const std::string& name) {
  Json policy = Json::parse(R"({
      "apiVersion": "countersign.dev/v1alpha1", "kind": "GovernancePolicy",
      "spec": {
        "environments": [{"name": "prod", "namespaces": ["lending-prod"], "enforcement": "Deny"}],
        "roles": [{"name": "v", "level": "Tactical",
                   "subjects": [{"kind": "Group", "name": "model-risk"}]}],
        "classification": {"signOff": {"role": "v", "count": 1, "assurance": "Requester"},
                           "questions": [], "classes": [{"name": "low", "when": {"otherwise": true}}]},
        "measures": []},
      "status": {"observedGeneration": 2, "inForce": true}})");
  policy["metadata"] = {{"name", name}, {"generation", 2}};
  return policy;
}

TEST(DoctorsCaches, WhatNobodyCanDecodeIsAFault) {
  Patient patient;
  patient.policies = {Policy("bank")};
  patient.others = {{{"apiVersion", "countersign.dev/v1alpha1"},
                     {"kind", "UseCase"},
                     {"metadata", {{"name", "credit"}, {"namespace", "lending"}}},
                     {"spec", {{"title", 7}}}}};
  auto faults = Of(patient, Health::kFault);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].subject, "UseCase lending/credit");
  EXPECT_THAT(faults[0].message, AllOf(HasSubstr("cannot be decoded"), HasSubstr("spec.title")));
  EXPECT_EQ(faults[0].next, "kubectl edit usecases credit -n lending");

  patient.others.clear();
  EXPECT_EQ(Of(patient, Health::kFault).size(), 0U);
  EXPECT_EQ(Of(patient, Health::kGood).size(), 1U);
  patient.unread["caches"] = "forbidden";
  EXPECT_EQ(Of(patient, Health::kGood).size(), 0U);
  EXPECT_EQ(Of(patient, Health::kUnknown).size(), 1U);
}

TEST(DoctorsCaches, WhatTheProgramsCannotDecodeIsAFaultAlsoWhereThisProgramCan) {
  Patient patient;
  Json policy = Policy("bank");
  Json stalled = {{"type", "Stalled"},
                  {"status", "True"},
                  {"reason", "Invalid"},
                  {"message", "spec.newer: is not known"}};
  policy["status"]["conditions"] = Json::array({stalled});
  patient.policies = {policy};
  auto faults = Of(patient, Health::kFault);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_THAT(faults[0].message, HasSubstr("spec.newer: is not known"));
  EXPECT_EQ(faults[0].next, "kubectl edit governancepolicies bank");
  // Since it was corrected the operator has not looked.
  patient.policies[0]["metadata"]["generation"] = 3;
  faults = Of(patient, Health::kFault);
  EXPECT_EQ(faults.size(), 0U) << faults[0].message;
}

TEST(DoctorsCaches, WhatOnlyThisProgramCannotDecodeIsAWarning) {
  Patient patient;
  Json policy = Policy("bank");
  policy["spec"]["newer"] = 1;
  Json ready = {{"type", "Ready"}, {"status", "True"}, {"reason", "InForce"}};
  policy["status"]["conditions"] = Json::array({ready});
  patient.policies = {policy};
  EXPECT_EQ(Of(patient, Health::kFault).size(), 0U);
  const auto warnings = Of(patient, Health::kWarning);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0].message, HasSubstr("spec.newer"));
}

TEST(DoctorsCaches, WhatIsFinalAndCannotBeDecodedIsNotToBeEdited) {
  const auto next = [](Json object) {
    Patient patient;
    object["apiVersion"] = "countersign.dev/v1alpha1";
    object["metadata"]["name"] = "a";
    object["spec"]["unknown"] = 1;
    patient.others = {object};
    const auto faults = Of(patient, Health::kFault);
    return faults.size() == 1 ? faults[0].next : std::string();
  };
  const std::string page = " -o yaml, and docs/operations/alerts.md#countersigncacheunreadable";
  Json report = {{"kind", "Evidence"}, {"metadata", {{"namespace", "lending"}}}};
  EXPECT_EQ(next(report),
            "have its author make it again, then kubectl delete evidence a -n lending");
  Json sign_off = report;
  sign_off["kind"] = "SignOff";
  sign_off["spec"]["subject"]["kind"] = "GovernancePolicy";
  EXPECT_EQ(next(sign_off), "kubectl get signoffs a -n lending" + page);
  Json emergency = report;
  emergency["kind"] = "Waiver";
  emergency["spec"]["emergency"] = true;
  EXPECT_EQ(next(emergency), "kubectl get waivers a -n lending" + page);
  Json record = {{"kind", "ModelRecord"}};
  EXPECT_EQ(next(record), "kubectl get modelrecords a" + page);
  Json version = Policy("a");
  version["spec"]["version"]["label"] = "4";
  EXPECT_EQ(next(version),
            "have its author make it again, then kubectl delete governancepolicies a");
  version["metadata"]["finalizers"] = Json::array({"countersign.dev/policy-version"});
  EXPECT_EQ(next(version), "kubectl get governancepolicies a" + page);
}

}  // namespace
}  // namespace countersign
