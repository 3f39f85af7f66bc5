// Why signatures over objects do not hold: each fault has a reason of its own.
#include "evidence/signed_object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <functional>
#include <memory>
#include <string>

#include "base/digest.h"
#include "evidence/dsse.h"
#include "evidence/signing_key.h"
#include "evidence/sshsig.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;

// Made for these tests: `openssl genpkey -algorithm ed25519`, twice.
constexpr char kTrainer[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIBtdbsZvLatdaE2JyuQ9fHZvJrnG4EQGfEndG5/qjUuz\n"
    "-----END PRIVATE KEY-----\n";
constexpr char kAuditor[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIOuutmw/gOIwE1znBdawAi5GSJAwO3zeuvyZW+X9xTJc\n"
    "-----END PRIVATE KEY-----\n";

Json Report() {
  return {
      {"kind", "Evidence"},
      {"metadata", {{"name", "load"}, {"namespace", "lending"}}},
      {"spec",
       {{"useCase", "credit"},
        {"type", "LoadTest"},
        {"environment", "qa"},
        {"model", {{"digest", "sha256:" + std::string(64, '1')}, {"digestType", "ociManifest"}}},
        {"summary", "It bears the load."}}}};
}

Json SignOffOn(Json subject) {
  return {{"kind", "SignOff"},
          {"metadata", {{"name", "yes"}, {"namespace", "governance"}}},
          {"spec",
           {{"subject", std::move(subject)},
            {"signer", {{"username", "vera"}}},
            {"onBehalfOf", "inga"},
            {"decision", "Approve"}}}};
}

Json PolicySignOff() { return SignOffOn({{"kind", "GovernancePolicy"}, {"policy", "lending"}}); }

Json DeploymentSignOff() {
  return SignOffOn({{"kind", "ModelDeployment"},
                    {"useCase", "credit"},
                    {"environments", {"qa", "prod"}},
                    {"model", {{"digest", "sha256:" + std::string(64, '1')}}}});
}

Json Delegation() {
  return SignOffOn({{"kind", "Delegation"}, {"useCase", "credit"}, {"deputy", "otto"}});
}

Json Exception() {
  return {{"kind", "Waiver"},
          {"metadata", {{"name", "late"}, {"namespace", "lending"}}},
          {"spec",
           {{"useCase", "credit"},
            {"policy", "lending"},
            {"environment", "prod"},
            {"model", {{"digest", "sha256:" + std::string(64, '1')}}},
            {"measures", {"bias"}}}}};
}

// `object` with an envelope over `payload` of the given type.
Json Enveloped(Json object, const std::string& payload,
               std::string_view type = "application/vnd.in-toto+json") {
  const auto made = SignDsse(kTrainer, type, payload).value();
  object["spec"]["signature"] = {
      {"format", "DSSE"}, {"value", made.envelope}, {"publicKey", made.public_key}};
  return object;
}

Json Signed(const Json& object) { return Enveloped(object, StatementOf(object).value()); }

Json& Signature(Json& object) { return object["spec"]["signature"]; }

// As `ssh-keygen -Y sign -n countersign` writes it (PROTOCOL.sshsig), by an Ed25519 key.
std::string SshSigned(const std::string& message) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                   reinterpret_cast<const unsigned char*>(kAuditor), 32),
      &EVP_PKEY_free);
  std::string half(32, '\0');
  std::size_t size = half.size();
  EXPECT_EQ(
      EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(half.data()), &size),
      1);
  const auto digest = Sha256(message);
  const std::string data =
      "SSHSIG" + WireString(kSshNamespace) + WireString("") + WireString("sha256") +
      WireString({reinterpret_cast<const char*>(digest.data()), digest.size()});
  std::string signature(64, '\0');
  size = signature.size();
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  EXPECT_EQ(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()), 1);
  EXPECT_EQ(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                           reinterpret_cast<const unsigned char*>(data.data()), data.size()),
            1);
  const std::string name = "ssh-ed25519";
  const std::string blob = "SSHSIG" + std::string("\0\0\0\1", 4) +
                           WireString(WireString(name) + WireString(half)) +
                           WireString(kSshNamespace) + WireString("") + WireString("sha256") +
                           WireString(WireString(name) + WireString(signature));
  return "-----BEGIN SSH SIGNATURE-----\n" + Base64Encode(blob) + "\n-----END SSH SIGNATURE-----\n";
}

// `object` with an SSHSIG over `payload`, which lies beside it.
Json WithPayload(Json object, const std::string& payload) {
  object["spec"]["signature"] = {
      {"format", "SSHSIG"}, {"value", SshSigned(payload)}, {"payload", payload}};
  return object;
}

std::string Reason(const Json& object, std::string* message = nullptr) {
  const auto proof = VerifySignature(object);
  if (proof) return "holds";
  if (message != nullptr) *message = proof.error().message;
  return proof.error().reason;
}

TEST(SignedObject, ACorrectSignatureHoldsUnderAnyName) {
  Json object = Signed(Report());
  EXPECT_EQ(Reason(object), "holds");
  SetPath(object, "metadata/name", "another");
  EXPECT_EQ(Reason(object), "holds");
}

struct Edit {
  Json (*of)();
  const char* path;
  Json value;
  const char* reason;
};
class Edited : public ::testing::TestWithParam<Edit> {};

TEST_P(Edited, BesideAnEnvelopeThatHolds) {
  Json object = Signed(GetParam().of());
  SetPath(object, GetParam().path, GetParam().value);
  std::string message;
  EXPECT_EQ(Reason(object, &message), GetParam().reason);
  EXPECT_THAT(message, HasSubstr("it was made for"));
}

TEST_P(Edited, BesideAnSshSignatureThatCarriesWhatWasSigned) {
  const Json before = GetParam().of();
  Json object = WithPayload(before, StatementOf(before).value());
  SetPath(object, GetParam().path, GetParam().value);
  std::string message;
  EXPECT_EQ(Reason(object, &message), GetParam().reason);
  EXPECT_THAT(message, HasSubstr("it was made for"));
}

INSTANTIATE_TEST_SUITE_P(
    SignedObject, Edited,
    ::testing::Values(
        Edit{Report, "spec/model/digest",
             "sha256:2222222222222222222222222222222222222222222222222222222222222222",
             "SignatureForOtherModel"},
        Edit{DeploymentSignOff, "spec/subject/model/digest",
             "sha256:2222222222222222222222222222222222222222222222222222222222222222",
             "SignatureForOtherModel"},
        Edit{Report, "spec/useCase", "other", "SignatureForOtherUseCase"},
        Edit{DeploymentSignOff, "spec/subject/useCase", "other", "SignatureForOtherUseCase"},
        Edit{Report, "spec/environment", "prod", "SignatureForOtherEnvironment"},
        Edit{DeploymentSignOff, "spec/subject/environment", "prod", "SignatureForOtherEnvironment"},
        Edit{DeploymentSignOff, "spec/subject/environments", Json::array({"prod"}),
             "SignatureForOtherEnvironment"},
        Edit{Exception, "spec/policy", "other", "SignatureForOtherPolicy"},
        Edit{PolicySignOff, "spec/subject/policy", "other", "SignatureForOtherPolicy"},
        Edit{PolicySignOff, "spec/signer/username", "victor", "SignatureForOtherPerson"},
        Edit{Delegation, "spec/subject/deputy", "victor", "SignatureForOtherPerson"},
        Edit{PolicySignOff, "spec/onBehalfOf", "victor", "SignatureForOtherPerson"},
        Edit{Report, "metadata/namespace", "other", "SignatureForOtherNamespace"},
        Edit{Report, "kind", "BiasTest", "SignatureForOtherKind"},
        Edit{Report, "spec/summary", "It bears everything.", "SignedContentChanged"},
        Edit{Report, "spec/added", "later", "SignedContentChanged"}),
    [](const auto& test) {
      std::string name;
      for (const char c : std::string(test.param.path)) name += c == '/' ? '_' : c;
      return name;
    });

TEST(SignedObject, SaysForWhichEnvironmentsItWasMade) {
  Json object = Signed(DeploymentSignOff());
  std::string message;
  object["spec"]["subject"]["environments"] = {"prod", "dev"};
  EXPECT_EQ(Reason(object, &message), "SignatureForOtherEnvironment");
  EXPECT_THAT(message,
              HasSubstr("it was made for spec.subject.environments 'qa, prod', is 'prod, dev'"));
  object["spec"]["subject"].erase("environments");
  EXPECT_EQ(Reason(object, &message), "SignatureForOtherEnvironment");
  EXPECT_THAT(message, HasSubstr("spec.subject.environments 'qa, prod', is none"));
  object["spec"]["subject"]["environments"] = 5;
  EXPECT_EQ(Reason(object, &message), "SignatureForOtherEnvironment");
  EXPECT_THAT(message, HasSubstr("is of another type"));
}

TEST(SignedObject, SaysWhichFieldWasChanged) {
  Json object = Signed(Report());
  object["spec"].erase("summary");
  std::string message;
  EXPECT_EQ(Reason(object, &message), "SignedContentChanged");
  EXPECT_THAT(message, HasSubstr("spec.summary was changed after it"));
}

TEST(SignedObject, WhatIsNoEnvelopeIsMalformed) {
  const Json good = Signed(Report());
  const std::string envelope = StringAt(good, "spec/signature/value");
  const std::string faults[] = {"nonsense", "", envelope + "{}",
                                R"({"payload":"",)" + envelope.substr(1)};
  for (const std::string& value : faults) {
    Json object = good;
    Signature(object)["value"] = value;
    EXPECT_EQ(Reason(object), "SignatureMalformed") << value;
  }
  Json other_format = good;
  Signature(other_format)["format"] = "PGP";
  EXPECT_EQ(Reason(other_format), "SignatureMalformed");
}

TEST(SignedObject, APayloadWithDuplicateKeysIsMalformed) {
  const std::string statement = StatementOf(Report()).value();
  EXPECT_EQ(Reason(Enveloped(Report(), "{\"_type\":\"x\"," + statement.substr(1))),
            "SignatureMalformed");
  EXPECT_EQ(Reason(Enveloped(Report(), statement + " {}")), "SignatureMalformed");
}

TEST(SignedObject, ALongOneIsTooLarge) {
  Json object = Signed(Report());
  Signature(object)["value"] = std::string(10U << 20U, ' ') + StringAt(Signature(object), "value");
  EXPECT_EQ(Reason(object), "SignatureTooLarge");
  Json ssh = Report();
  Signature(ssh) = {{"format", "SSHSIG"}, {"value", std::string(10U << 20U, 'A')}};
  EXPECT_EQ(Reason(ssh), "SignatureTooLarge");
}

TEST(SignedObject, OtherTypesAndKeysAreToldApart) {
  const std::string statement = StatementOf(Report()).value();
  EXPECT_EQ(Reason(Enveloped(Report(), statement, "application/json")), "SignatureOfOtherType");
  Json other = ParseJson(statement).value();
  other["_type"] = "https://in-toto.io/Statement/v0.1";
  EXPECT_EQ(Reason(Enveloped(Report(), DumpJson(other))), "SignatureOfOtherType");
  Json object = Signed(Report());
  Signature(object)["publicKey"] = "ssh-dss AAAAB3NzaC1kc3M=";
  EXPECT_EQ(Reason(object), "SignatureKeyUnsupported");
  Signature(object) = {{"format", "DSSE"}, {"value", "{}"}, {"certificateChain", "none"}};
  EXPECT_EQ(Reason(object), "SignatureKeyUnsupported");
}

TEST(SignedObject, AnotherKeyDoesNotHold) {
  Json object = Signed(Report());
  Signature(object)["publicKey"] = SignDsse(kAuditor, "t", "{}").value().public_key;
  EXPECT_EQ(Reason(object), "SignatureInvalid");
}

TEST(SignedObject, AMoreTalkativeStatementSaysTheSame) {
  Json statement = ParseJson(StatementOf(Report()).value()).value();
  statement["annotations"] = "of whoever signed";
  EXPECT_EQ(Reason(Enveloped(Report(), DumpJson(statement))), "holds");
}

// The example of a report that two people sign.
Json SignedByBoth() {
  Json object = Signed(Report());
  const auto added = AddDsse(kAuditor, StringAt(Signature(object), "value")).value();
  Signature(object)["value"] = added.envelope;
  Signature(object)["cosigners"] = Json::array({{{"publicKey", added.public_key}}});
  return object;
}

TEST(SignedObject, EachCosignerMustHold) {
  const Json object = SignedByBoth();
  const auto proof = VerifySignature(object);
  ASSERT_TRUE(proof) << proof.error().message;
  ASSERT_EQ(proof->cosigners.size(), 1U);
  EXPECT_NE(proof->cosigners.front().key, proof->key);

  Json alone = Signed(Report());
  Signature(alone)["cosigners"] = *Find(*FindPath(object, "spec/signature"), "cosigners");
  EXPECT_EQ(Reason(alone), "SignatureInvalid") << "the auditor has not signed this envelope";

  Json edited = object;
  edited["spec"]["summary"] = "changed";
  EXPECT_EQ(Reason(edited), "SignedContentChanged");
}

TEST(SignedObject, FurtherSignaturesOfAnEnvelopeProveNothingByThemselves) {
  Json object = SignedByBoth();
  Signature(object).erase("cosigners");
  const auto proof = VerifySignature(object);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_TRUE(proof->cosigners.empty());
}

TEST(SignedObject, AnSshSignatureIsOverTheObjectsOwnStatementOrOverWhatLiesBesideIt) {
  Json object = Report();
  const std::string statement = StatementOf(object).value();
  Signature(object) = {{"format", "SSHSIG"}, {"value", SshSigned(statement)}};
  EXPECT_EQ(Reason(object), "holds") << "as they were made before";
  EXPECT_EQ(Reason(WithPayload(Report(), statement)), "holds");
  const Json spaced = ParseJson(statement).value();
  EXPECT_EQ(Reason(WithPayload(Report(), spaced.dump(2) + "\n")), "holds") << "it says the same";
}

TEST(SignedObject, AReplayedSshSignatureWithoutPayloadListsWhatItMustBeFor) {
  Json object = Report();
  Signature(object) = {{"format", "SSHSIG"}, {"value", SshSigned(StatementOf(object).value())}};
  SetPath(object, "spec/environment", "prod");
  std::string message;
  EXPECT_EQ(Reason(object, &message), "SignatureInvalid");
  EXPECT_THAT(message,
              HasSubstr("namespace 'lending', spec.model.digest 'sha256:" + std::string(64, '1') +
                        "', spec.useCase 'credit', spec.environment 'prod' and every other field"));
  EXPECT_THAT(message, HasSubstr("attestations/Evidence/v1"));
}

TEST(SignedObject, WhatLiesBesideAnSshSignatureIsWhatWasSigned) {
  const std::string statement = StatementOf(Report()).value();
  std::string message;
  Json other = Report();
  SetPath(other, "spec/useCase", "other");
  // The payload made to fit, or left out: then the signature is over something else.
  Json fitted = WithPayload(other, statement);
  Signature(fitted)["payload"] = StatementOf(other).value();
  EXPECT_EQ(Reason(fitted, &message), "SignatureInvalid");
  EXPECT_THAT(message, HasSubstr("it does not hold for spec.signature.payload"));
  Json bare = WithPayload(other, statement);
  Signature(bare).erase("payload");
  EXPECT_EQ(Reason(bare), "SignatureInvalid");
  Json empty = WithPayload(Report(), statement);
  Signature(empty)["payload"] = "";
  EXPECT_EQ(Reason(empty), "SignatureInvalid");
  // Signed as they are.
  EXPECT_EQ(Reason(WithPayload(Report(), "{\"_type\":\"x\"," + statement.substr(1))),
            "SignatureMalformed")
      << "a key twice";
  EXPECT_EQ(Reason(WithPayload(Report(), statement + " {}")), "SignatureMalformed");
  EXPECT_EQ(Reason(WithPayload(Report(), "{}")), "SignatureOfOtherType");
  Json slsa = ParseJson(statement).value();
  slsa["predicateType"] = "https://slsa.dev/provenance/v1";
  EXPECT_EQ(Reason(WithPayload(Report(), DumpJson(slsa))), "SignatureForOtherKind")
      << "statements of other tools come as DSSE";
  EXPECT_EQ(Reason(WithPayload(Report(), statement + std::string(10U << 20U, ' '))),
            "SignatureTooLarge");
}

}  // namespace
}  // namespace countersign
