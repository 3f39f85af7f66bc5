// Examinations of whole installations: what is well is not complained of, and what the doctor tells
// people to run does not take anything away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/clock.h"
#include "base/digest.h"
#include "cli/doctor.h"
#include "cli/installation.h"
#include "cli/key_rotation.h"
#include "evidence/receipt.h"
#include "governance/serving/profiles.h"
#include "tests/unit/support/test_certificates.h"

namespace countersign {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

const Time kNow = *ParseTime("2026-11-29T12:00:00Z");
constexpr char kSystem[] = "countersign-system";

Json Program(const std::string& name, const std::vector<std::string>& arguments) {
  return {
      {"kind", "Deployment"},
      {"metadata", {{"name", name}, {"namespace", kSystem}}},
      {"spec",
       {{"template",
         {{"spec",
           {{"containers",
             Json::array({{{"name", "main"}, {"image", "r.example/c:1"}, {"args", arguments}}})},
            {"volumes",
             Json::array({{{"name", "stamp"}, {"secret", {{"secretName", "keys"}}}},
                          {{"name", "tls"}, {"secret", {{"secretName", "cert"}}}},
                          {{"name", "serving"}, {"configMap", {{"name", "table"}}}}})}}}}}}}};
}

void Put(Patient& patient, const Json& object) { patient.found[NameOf(object)] = object; }

Patient NewPatient(std::vector<std::string> more = {}) {
  Patient patient;
  patient.name_space = kSystem;
  patient.now = kNow;
  more.emplace_back("--installation=test");
  Put(patient, Program("countersign-webhook", more));
  Put(patient, Program("countersign-operator", {"--installation=test"}));
  return patient;
}

TEST(DoctorElsewhere, OfANamespaceThatIsMistypedItMovesNothingThere) {
  for (const bool by_service : {true, false}) {
    Patient patient;
    patient.name_space = "countersing-system";
    patient.now = kNow;
    Json entry = {{"name", "admission.countersign.dev"}};
    if (by_service) entry["clientConfig"]["service"]["namespace"] = kSystem;
    Put(patient, {{"kind", "ValidatingWebhookConfiguration"},
                  {"metadata", {{"name", "countersign"}}},
                  {"webhooks", Json::array({entry})}});
    Json subject = {{"kind", "ServiceAccount"}, {"namespace", kSystem}};
    Put(patient, {{"kind", "ClusterRoleBinding"},
                  {"metadata", {{"name", "countersign-webhook"}}},
                  {"subjects", Json::array({subject})}});
    const auto findings = Examine(patient);
    ASSERT_EQ(findings.size(), 1U) << by_service;
    EXPECT_EQ(findings.front().health, Health::kFault);
    EXPECT_THAT(findings.front().message, HasSubstr(kSystem));
    EXPECT_EQ(findings.front().next, "kubectl countersign doctor -n countersign-system");
    // Of the installation itself, all that is missing is told.
    patient.name_space = kSystem;
    EXPECT_GT(Examine(patient).size(), 1U);
  }
}

std::vector<Diagnosis> Of(const Patient& patient, const std::string& area, Health health) {
  std::vector<Diagnosis> found;
  for (const Diagnosis& one : Examine(patient)) {
    if (one.area == area && one.health == health) found.push_back(one);
  }
  return found;
}

// The table that is built in with one kind more.
std::string OwnTable() {
  std::string text(BuiltInServingProfilesText());
  const std::string before = "\nprofiles:\n";
  return text.insert(
      text.find(before) + before.size(),
      "- {name: own, group: models.example, kind: Served, resource: serveds, versions: [v1], "
      "serves: Always}\n");
}

Patient WithOwnTable() {
  Patient patient = NewPatient({"--serving-profiles=/etc/countersign/serving/profiles.yaml"});
  Put(patient, {{"kind", "ConfigMap"},
                {"metadata", {{"name", "table"}, {"namespace", kSystem}}},
                {"data", {{"profiles.yaml", OwnTable()}}}});
  InstallOptions options;
  options.crds = true;
  options.service = std::string(kSystem) + "/countersign-webhook";
  options.ca_pem = "-----BEGIN CERTIFICATE-----";
  options.serving_profiles = OwnTable();
  auto installed = InstallationObjects(options);
  EXPECT_TRUE(installed.has_value()) << (installed ? "" : installed.error().ToString());
  for (const Json& object : *installed) Put(patient, object);
  Put(patient, {{"kind", "Service"},
                {"metadata", {{"name", "countersign-webhook"}, {"namespace", kSystem}}}});
  patient.wanted = WantedOf(patient);
  return patient;
}

Json& EntryOf(Patient& patient, const std::string& name) {
  for (const char* kind : {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}) {
    for (Json& one : patient.found[NameOf(kind, "", "countersign")]["webhooks"]) {
      if (StringAt(one, "name") == name) return one;
    }
  }
  throw std::runtime_error("no entry " + name);
}

Json& GuardEntry(Patient& patient) { return EntryOf(patient, "guard.countersign.dev"); }

void EachEntry(Patient& patient, const std::function<void(Json&)>& change) {
  for (const char* kind : {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}) {
    for (Json& one : patient.found[NameOf(kind, "", "countersign")]["webhooks"]) change(one);
  }
}

// As somebody who reaches the webhook by a URL has installed it.
void PointAt(Patient& patient, const std::string& url) {
  EachEntry(patient, [&](Json& entry) {
    const std::string path = StringAt(entry, "clientConfig/service/path");
    entry["clientConfig"] = {{"url", url + path}};
  });
}

void TellOperator(Patient& patient, const std::string& argument) {
  patient
      .found[NameOf("Deployment", kSystem, "countersign-operator")]["spec"]["template"]["spec"]
            ["containers"][0]["args"]
      .push_back(argument);
}

TEST(DoctorsPatient, WithATableOfItsOwnIsExpectedToHaveWhatIsMadeFromIt) {
  Patient patient = WithOwnTable();
  EXPECT_EQ(Of(patient, "admission", Health::kFault).size(), 0U);
  EXPECT_EQ(Of(patient, "admission", Health::kUnknown).size(), 0U);
  GuardEntry(patient)["rules"].erase(0);
  const auto faults = Of(patient, "admission", Health::kFault);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_THAT(faults[0].subject, HasSubstr("guard.countersign.dev"));
  EXPECT_EQ(faults[0].next,
            "kubectl get configmap -n countersign-system table -o "
            "jsonpath='{.data.profiles\\.yaml}' > profiles.yaml && countersign install --crds -n "
            "countersign-system --service countersign-system/countersign-webhook --ca-file ca.crt "
            "--serving-profiles profiles.yaml | kubectl apply --server-side --force-conflicts -f "
            "-");
}

TEST(DoctorsPatient, WhoseEntryIsSentElsewhereIsToldHowToSendItBack) {
  struct Case {
    const char* entry;
    const char* member;
    Json value;
    const char* told;
  };
  const std::vector<Case> cases = {
      {"guard.countersign.dev", "url", "https://127.0.0.1:1/yes",
       "is sent to https://127.0.0.1:1/yes, should be to Service "
       "countersign-system/countersign-webhook:443/guard/v1"},
      {"stamp.countersign.dev", "namespace", "elsewhere", "Service elsewhere/countersign-webhook"},
      {"status.countersign.dev", "name", "yes-man", "Service countersign-system/yes-man"},
      {"admission.countersign.dev", "port", 444, "webhook:444/validate/v1"},
      {"incidents.countersign.dev", "path", "/guard/v1", "webhook:443/guard/v1, should be"}};
  for (const Case& c : cases) {
    Patient patient = WithOwnTable();
    Json& config = EntryOf(patient, c.entry)["clientConfig"];
    const Json before = config;
    if (std::string(c.member) == "url") {
      config.erase("service");
      config["url"] = c.value;
    } else {
      config["service"][c.member] = c.value;
    }
    const auto faults = Of(patient, "admission", Health::kFault);
    ASSERT_EQ(faults.size(), 1U) << c.entry;
    EXPECT_THAT(faults[0].subject, EndsWith(std::string("entry ") + c.entry));
    EXPECT_THAT(faults[0].message, HasSubstr(c.told));
    EXPECT_THAT(faults[0].next,
                HasSubstr(c.entry == std::string("stamp.countersign.dev")
                              ? "kubectl patch mutatingwebhookconfiguration countersign --type=json"
                              : "kubectl patch validatingwebhookconfiguration countersign"));
    // What is told, carried out.
    const auto from = faults[0].next.find('\'');
    ASSERT_NE(from, std::string::npos);
    const Json patch =
        Json::parse(faults[0].next.substr(from + 1, faults[0].next.rfind('\'') - from - 1));
    EXPECT_EQ(patch[0].at("op"), "test");
    for (const char* kind : {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}) {
      Json& object = patient.found[NameOf(kind, "", "countersign")];
      if (faults[0].next.find(kind[0] == 'M' ? "mutating" : "validating") != std::string::npos) {
        object = object.patch(patch);
      }
    }
    EXPECT_EQ(Of(patient, "admission", Health::kFault).size(), 0U) << faults[0].next;
    EXPECT_EQ(EntryOf(patient, c.entry)["clientConfig"], before);
  }
}

TEST(DoctorsPatient, WhoseWebhookHasAUrlHasItInAllEntries) {
  Patient patient = WithOwnTable();
  PointAt(patient, "https://w.example:9443/cs");
  EXPECT_EQ(Of(patient, "admission", Health::kFault).size(), 0U);
  EntryOf(patient, "controllers.guard.countersign.dev")["clientConfig"]["url"] =
      "https://w.example:9444/cs/guard/v1";
  auto faults = Of(patient, "admission", Health::kFault);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_THAT(faults[0].message, HasSubstr("should be to https://w.example:9443/cs/guard/v1"));
  EXPECT_THAT(faults[0].next, HasSubstr(R"("value":"https://w.example:9443/cs/guard/v1"}])"));
  // The path is a part of it.
  EntryOf(patient, "controllers.guard.countersign.dev")["clientConfig"]["url"] =
      "https://w.example:9443/cs/validate/v1";
  EXPECT_EQ(Of(patient, "admission", Health::kFault).size(), 1U);
}

TEST(DoctorsPatient, WhoseWebhookHasAnotherServiceHasItInAllEntries) {
  Patient patient = WithOwnTable();
  patient.found.erase(NameOf("Service", kSystem, "countersign-webhook"));
  Put(patient, {{"kind", "Service"}, {"metadata", {{"name", "guard"}, {"namespace", kSystem}}}});
  EachEntry(patient, [](Json& entry) { entry["clientConfig"]["service"]["name"] = "guard"; });
  EXPECT_EQ(Of(patient, "admission", Health::kFault).size(), 0U);
  GuardEntry(patient)["clientConfig"]["service"]["name"] = "countersign-webhook";
  const auto faults = Of(patient, "admission", Health::kFault);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_THAT(faults[0].message,
              HasSubstr("should be to Service countersign-system/guard:443/guard/v1"));
  EXPECT_THAT(faults[0].next, HasSubstr(R"("name":"guard")"));
  GuardEntry(patient)["rules"].erase(0);
  EXPECT_THAT(Of(patient, "admission", Health::kFault).back().next,
              HasSubstr("--service countersign-system/guard "));
}

TEST(DoctorsPatient, IsNotToldToSendEntriesToAServiceThatIsNotThere) {
  const std::string service = NameOf("Service", kSystem, "countersign-webhook");
  for (const bool unread : {false, true}) {
    Patient patient = WithOwnTable();
    TellOperator(patient, "--webhook-service=countersign-system/countersign-webhook");
    patient.found.erase(service);
    if (unread) patient.unread[service] = "forbidden";
    EXPECT_EQ(Of(patient, "admission", Health::kFault).size(), 0U);
    GuardEntry(patient)["clientConfig"]["service"]["name"] = "yes-man";
    const auto faults = Of(patient, "admission", Health::kFault);
    ASSERT_EQ(faults.size(), 1U);
    EXPECT_THAT(faults[0].message, HasSubstr("is sent to Service countersign-system/yes-man"));
    EXPECT_THAT(faults[0].message,
                EndsWith(unread ? "which could not be read: forbidden" : "which is not there"));
    EXPECT_EQ(faults[0].next, "kubectl get services -n countersign-system");
  }
}

TEST(DoctorsPatient, WhoseEntriesAreAllSentElsewhereIsKnownByWhatTheOperatorWasTold) {
  for (const char* argument : {"--webhook-service=countersign-system/countersign-webhook",
                               "--webhook-url=https://w.example/"}) {
    Patient patient = WithOwnTable();
    TellOperator(patient, argument);
    PointAt(patient, "https://evil.example");
    const auto faults = Of(patient, "admission", Health::kFault);
    EXPECT_EQ(faults.size(), 7U) << argument;
    for (const Diagnosis& one : faults) {
      EXPECT_THAT(one.message, HasSubstr("should be to "));
      EXPECT_THAT(one.next, Not(HasSubstr("evil.example")));
    }
  }
}

TEST(DoctorsPatient, WhoseTableNobodyMayReadIsNotToldToPutTheBuiltInRulesBack) {
  Patient patient = WithOwnTable();
  const std::string table = NameOf("ConfigMap", kSystem, "table");
  patient.found.erase(table);
  patient.unread[table] = "forbidden";
  patient.wanted = WantedOf(patient);
  EXPECT_EQ(Of(patient, "admission", Health::kFault).size(), 0U);
  EXPECT_EQ(Of(patient, "admission", Health::kUnknown).size(), 1U);
}

TEST(DoctorsPatient, IsToldToInstallAsItWasInstalled) {
  Patient patient = NewPatient({"--operator-user=robot", "--ca-secret=countersign-system/ca"});
  Put(patient, {{"kind", "ValidatingWebhookConfiguration"},
                {"metadata", {{"name", "countersign"}}},
                {"webhooks",
                 Json::array({{{"name", "admission.countersign.dev"},
                               {"failurePolicy", "Ignore"},
                               {"clientConfig", {{"url", "https://w.example/validate/v1"}}}}})}});
  patient.wanted = WantedOf(patient);
  const auto faults = Of(patient, "admission", Health::kFault);
  ASSERT_FALSE(faults.empty());
  for (const Diagnosis& one : faults) {
    EXPECT_EQ(one.next,
              "countersign install --crds -n countersign-system --url https://w.example "
              "--operator-user robot | kubectl apply --server-side --force-conflicts -f -");
  }
  for (const Diagnosis& one : Of(patient, "programs", Health::kWarning)) {
    EXPECT_THAT(one.next, Not(HasSubstr("--set"))) << one.message;
  }
  for (const Diagnosis& one : Of(patient, "certificates", Health::kFault)) {
    if (one.subject.find("entry") == std::string::npos) continue;
    EXPECT_THAT(one.next, HasSubstr("kubectl logs -n countersign-system -l"));  // no Secret yet
  }
  Put(patient, {{"kind", "Secret"}, {"metadata", {{"name", "cert"}, {"namespace", kSystem}}}});
  for (const Diagnosis& one : Of(patient, "certificates", Health::kFault)) {
    if (one.subject.find("entry") == std::string::npos) continue;  // the Secret is missing too
    EXPECT_THAT(one.next, HasSubstr("kubectl annotate --overwrite secret -n countersign-system"));
  }
}

TEST(DoctorsPatient, OfHelmIsToldWhatToSet) {
  Patient patient = NewPatient();
  patient.found[NameOf("Deployment", kSystem, "countersign-webhook")]["metadata"]["annotations"] = {
      {"meta.helm.sh/release-name", "release"}};
  const auto warnings = Of(patient, "programs", Health::kWarning);
  ASSERT_FALSE(warnings.empty());
  EXPECT_THAT(warnings.back().next,
              AllOf(HasSubstr("helm upgrade release"), EndsWith("--set image.digest=sha256:…")));
}

Json SignOff(const InstallationKey& key, const std::string& installation) {
  Json object = {
      {"apiVersion", "countersign.dev/v1alpha1"},
      {"kind", "SignOff"},
      {"metadata",
       {{"name", "a"}, {"namespace", "lending"}, {"creationTimestamp", FormatTime(kNow)}}},
      {"spec", {{"role", "validator"}}}};
  object["metadata"]["annotations"][std::string(kStampAnnotation)] =
      MakeStamp(key, installation, object, "vera", {}, kNow).value();
  return object;
}

Json Keys(const InstallationKey& key) {
  return {{"kind", "Secret"},
          {"metadata", {{"name", "keys"}, {"namespace", kSystem}}},
          {"data", {{"key.pem", Base64Encode(key.PrivatePem())}}}};
}

TEST(DoctorsPatient, WhatACountingKeyOrAnotherInstallationStampedIsNotForged) {
  const InstallationKey first = *InstallationKey::Generate();
  const InstallationKey second = *InstallationKey::Generate();
  const InstallationKey theirs = *InstallationKey::Generate();
  Patient patient = NewPatient();
  Put(patient, *Switched(*Prepared(Keys(first), second, kNow)));
  Json carried = SignOff(theirs, "elsewhere");
  carried["metadata"]["annotations"][std::string(kReceiptAnnotation)] =
      MakeReceipt(theirs, "elsewhere", carried, kNow).value();
  patient.sign_offs = {SignOff(first, "test"), SignOff(second, "test"), carried};
  EXPECT_EQ(Of(patient, "stamp key", Health::kGood).size(), 1U);

  patient.sign_offs.push_back(SignOff(theirs, "test"));
  const auto faults = Of(patient, "stamp key", Health::kFault);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_THAT(faults[0].message, HasSubstr("did not make the stamps on 1 of 4 sign-offs"));
  EXPECT_THAT(faults[0].next, HasSubstr("--dry-run=client -o yaml | kubectl apply -f -"));
}

TEST(DoctorsPatient, IsWarnedOfTheEndOfItsOwnCertificateNotOfWhoIssuedIt) {
  const TestAuthority authority;
  constexpr long kDay = 24 * 60 * 60;
  const PemPair leaf = authority.Issue("w", "DNS:w.example", 10 * kDay);
  const PemPair intermediate = authority.Issue("i", "DNS:i.example", 900 * kDay);
  Patient patient = NewPatient({"--tls-name=w.example"});
  patient.now = SystemClock().Now();
  Put(patient,
      {{"kind", "Secret"},
       {"metadata", {{"name", "cert"}, {"namespace", kSystem}}},
       {"data", {{"tls.crt", Base64Encode(leaf.certificate + intermediate.certificate)}}}});
  const auto warnings = Of(patient, "certificates", Health::kWarning);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0].message, HasSubstr("ends"));
  EXPECT_THAT(warnings[0].next, HasSubstr("kubectl get secret -n countersign-system cert"));
}

// The Secret `cert` with a certificate for another name than the webhook has, which the API server
// would believe there.
std::string NextOfAnotherName(Patient patient, const Json& metadata, const std::string& type,
                              bool cert_manager = false) {
  const TestAuthority authority;
  const PemPair leaf = authority.Issue("w", "DNS:other.example", 900L * 24 * 60 * 60);
  patient.now = SystemClock().Now();
  Json secret = {{"kind", "Secret"},
                 {"type", type},
                 {"metadata", metadata},
                 {"data", {{"tls.crt", Base64Encode(leaf.certificate)}}}};
  secret["metadata"].update({{"name", "cert"}, {"namespace", kSystem}});
  Put(patient, secret);
  Json entry = {{"name", "admission.countersign.dev"}};
  entry["clientConfig"]["caBundle"] = Base64Encode(authority.Pem());
  Json configuration = {{"kind", "ValidatingWebhookConfiguration"},
                        {"metadata", {{"name", "countersign"}}},
                        {"webhooks", Json::array({entry})}};
  if (cert_manager) {
    configuration["metadata"]["annotations"] = {{"cert-manager.io/inject-ca-from", "a/b"}};
  }
  Put(patient, configuration);
  for (const Diagnosis& one : Of(patient, "certificates", Health::kFault)) {
    if (one.message.find("ostname mismatch") == std::string::npos) continue;
    EXPECT_THAT(one.message, HasSubstr("'w.example': "));
    EXPECT_THAT(one.message, EndsWith("it is for 'other.example'"));
    EXPECT_THAT(one.next, Not(HasSubstr("rotate")));
    return one.next;
  }
  return {};
}

TEST(DoctorsPatient, WhoseCertificateIsForAnotherNameIsToldWhoNamesItNotToRotate) {
  const Patient own = NewPatient({"--tls-name=w.example"});
  EXPECT_EQ(NextOfAnotherName(own, Json::object(), "kubernetes.io/tls"),
            "kubectl create secret tls cert -n countersign-system --cert=tls.crt --key=tls.key "
            "--dry-run=client -o yaml | kubectl apply -f -, where tls.crt is issued for "
            "DNS:w.example, and docs/operations/certificates.md");
  EXPECT_THAT(NextOfAnotherName(own, Json::object(), "Opaque"),
              HasSubstr("secret generic cert -n countersign-system --from-file=tls.crt"));
  EXPECT_EQ(NextOfAnotherName(own, Json::object(), "Opaque", true),
            "kubectl patch certificate -n countersign-system countersign-webhook --type=merge -p "
            "'{\"spec\":{\"dnsNames\":[\"w.example\"]}}' and docs/operations/certificates.md");

  Patient of_helm = own;
  of_helm.found[NameOf("Deployment", kSystem, "countersign-webhook")]["metadata"]["annotations"] = {
      {"meta.helm.sh/release-name", "release"}};
  EXPECT_THAT(NextOfAnotherName(of_helm, Json::object(), "Opaque", true),
              HasSubstr("helm upgrade release"));
  EXPECT_THAT(
      NextOfAnotherName(of_helm, {{"annotations", {{"countersign.dev/not-after", "1"}}}}, "Opaque"),
      HasSubstr("kubectl annotate secret -n countersign-system cert countersign.dev/not-after- && "
                "helm upgrade release"));

  Patient built_in = NewPatient({"--tls-name=w.example", "--ca-secret=countersign-system/cert"});
  EXPECT_THAT(NextOfAnotherName(built_in, Json::object(), "Opaque"),
              HasSubstr("kubectl logs -n countersign-system"));
}

}  // namespace
}  // namespace countersign
