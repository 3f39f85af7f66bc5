// What `verify` says of each object: signatures themselves are tested in tests/unit/evidence.
#include "cli/verification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "cli/files.h"
#include "cli/stamps.h"
#include "evidence/installation_key.h"
#include "evidence/receipt.h"
#include "evidence/signed_object.h"
#include "evidence/signing_key.h"
#include "evidence/stamp.h"

namespace countersign {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const Time kNow = *ParseTime("2026-11-20T00:00:00Z");

// The sample of a kind, without the signature that it may have.
Manifest Sample(const std::string& kind, const std::string& name = "sample") {
  auto text =
      ReadTextFile(std::string(SOURCE_DIR) + "/tests/unit/governance/testdata/samples.yaml");
  auto manifests = ParseManifests("set.yaml", text.value_or(""));
  for (Manifest& manifest : manifests.value_or(std::vector<Manifest>())) {
    if (StringAt(manifest.object, "kind") != kind) continue;
    if (StringAt(manifest.object, "metadata/name") != name) continue;
    manifest.object["spec"].erase("signature");
    return manifest;
  }
  ADD_FAILURE() << "there is no " << kind << " '" << name << "'";
  return {};
}

Verified Verify(const Manifest& manifest, const Maker& stamps = {}) {
  return VerifyObject(manifest, {{}, kNow, stamps});
}

void Stamp(Manifest& manifest, const InstallationKey& key, const std::string& user) {
  auto stamp = MakeStamp(key, "default", manifest.object, user, {}, kNow);
  ASSERT_TRUE(stamp) << stamp.error().ToString();
  manifest.object["metadata"]["annotations"][std::string(kStampAnnotation)] = *stamp;
}

TEST(Verification, WhatIsUnsignedProvesNothing) {
  for (const char* kind :
       {"SignOff", "BiasTest", "Evidence", "ReproducibilitySnapshot", "Waiver"}) {
    const Manifest manifest = Sample(kind);
    ASSERT_TRUE(IsEvidence(manifest.object)) << kind;
    const Verified one = Verify(manifest);
    EXPECT_FALSE(one.Holds()) << kind;
    EXPECT_EQ(one.reason, "NotSigned") << kind << ": " << one.problem;
    EXPECT_EQ(one.proof, Proof::kNone);
    EXPECT_THAT(one.problem, HasSubstr("proves nothing"));
  }
}

TEST(Verification, AStampIsNotTakenForVerified) {
  auto key = InstallationKey::Generate();
  ASSERT_TRUE(key);
  Manifest manifest = Sample("BiasTest");
  Stamp(manifest, *key, "dana");
  const Verified one = Verify(manifest);
  EXPECT_EQ(one.reason, "StampNotVerified");
  EXPECT_EQ(one.proof, Proof::kStamp);
  EXPECT_EQ(one.stamped_by, "dana");
  EXPECT_THAT(one.problem, AllOf(HasSubstr("--trusted-keys"), HasSubstr("--accept-stamps")));
}

TEST(Verification, AStampHoldsIfItIsBelievedOrVerified) {
  auto key = InstallationKey::Generate();
  auto stranger = InstallationKey::Generate();
  ASSERT_TRUE(key && stranger);
  Manifest manifest = Sample("BiasTest");
  Stamp(manifest, *key, "dana");
  EXPECT_TRUE(Verify(manifest, BelieveStamp).Holds());
  const auto by = [](const InstallationKey& one) {
    return [authority = StampAuthority{"default", one.Public()}](const Json& object,
                                                                 const std::string& digest) {
      return VerifyStamp(authority, object, digest);
    };
  };
  EXPECT_TRUE(Verify(manifest, by(*key)).Holds()) << Verify(manifest, by(*key)).problem;
  EXPECT_EQ(Verify(manifest, by(*stranger)).reason, "StampInvalid");
  manifest.object["spec"]["protocol"] = "another";
  EXPECT_EQ(Verify(manifest, BelieveStamp).reason, "StampInvalid");
  EXPECT_EQ(Verify(manifest).reason, "StampInvalid");
}

TEST(Verification, OfAnotherInstallationItSaysWhich) {
  auto key = InstallationKey::Generate();
  ASSERT_TRUE(key);
  for (const char* kind : {"BiasTest", "SignOff"}) {
    Manifest manifest = Sample(kind);
    Stamp(manifest, *key, "vera@bank.example");
    const StampAuthority other{"other", key->Public()};
    auto receipt = MakeReceipt(*key, "default", manifest.object, kNow);
    ASSERT_TRUE(receipt) << receipt.error().ToString();
    manifest.object["metadata"]["annotations"][std::string(kReceiptAnnotation)] = *receipt;
    const Verified one = Verify(manifest, [&](const Json& object, const std::string& digest) {
      return VerifyStored(other, object, digest);
    });
    EXPECT_EQ(one.reason, "StampInvalid");
    EXPECT_THAT(one.problem, HasSubstr("made by installation 'default'")) << kind;
  }
}

TEST(Verification, NobodySignsInAnotherPersonsName) {
  auto key = InstallationKey::Generate();
  ASSERT_TRUE(key);
  Manifest manifest = Sample("SignOff");
  Stamp(manifest, *key, "somebody-else");
  EXPECT_EQ(Verify(manifest, BelieveStamp).reason, "SignerNotRequester");
}

constexpr char kKey[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP+1yfFYXYcdn/z5WKqhxDOH6qTlB4zLxcyH1uQzm+te";
constexpr char kOther[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2zIFiXC0XS4ZyXbNJJwxRc5hUlcokEx73L5yen8QLQ";

// A policy that lists one person with one key.
GovernancePolicy Listing(const std::string& name, const std::string& person, const std::string& key,
                         const std::string& more = "") {
  const auto object = ParseYaml(
      "{apiVersion: countersign.dev/v1alpha1, kind: GovernancePolicy, metadata: {name: " + name +
      "}, spec: {environments: [{name: prod, namespaces: [prod], enforcement: Deny}], people: "
      "[{name: " +
      person + ", accounts: [" + person + "], keys: [{publicKey: \"" + key + "\"" + more +
      R"(}]}], roles: [{name: owner, level: Strategic, subjects: [{kind: User, name: olga}]}],
        classification: {signOff: {role: owner, count: 1, assurance: Requester},
          questions: [{name: q, options: {a: 1}}],
          classes: [{name: all, when: {otherwise: true}}]},
        measures: [{name: sign, step: Deployment, accountable: owner,
          require: {signOff: {role: owner, count: 1, assurance: Requester}}}]}})");
  auto policy = Decode<GovernancePolicySpec>(object.value());
  EXPECT_TRUE(policy) << policy.error().ToString();
  return *std::move(policy);
}

Verified Attributed(const std::vector<GovernancePolicy>& policies, Time seen = kNow,
                    std::vector<SignerProof> cosigners = {}) {
  SignatureProof proof;
  proof.key = policies.front().spec.people.front().keys.front().fingerprint;
  proof.cosigners = std::move(cosigners);
  Verified out;
  Attribute(policies, proof, "", std::nullopt, seen, out);
  return out;
}

TEST(Verification, PoliciesThatListAKeyMustAgree) {
  const auto good = Listing("a", "lena", kKey);
  const auto revoked = Listing("b", "lena", kKey, ", revokedAt: \"2026-11-01T00:00:00Z\"");
  const auto stranger = Listing("c", "sam", kOther);
  const auto thief = Listing("d", "sam", kKey);
  EXPECT_EQ(Attributed({good, stranger}).signer, "lena");
  EXPECT_TRUE(Attributed({good, stranger}).Holds()) << "the other says nothing of the key";
  for (const auto& both : {std::vector{good, revoked}, {revoked, good}}) {
    const Verified one = Attributed(both);
    EXPECT_EQ(one.reason, "SignerKeyRevoked");
    EXPECT_THAT(one.problem, AllOf(HasSubstr("policy 'a' believes it as of 'lena', policy 'b' does "
                                             "not: key SHA256:"),
                                   HasSubstr("is revoked since 2026-11-01T00:00:00Z")));
  }
  const Verified both = Attributed({good, thief});
  EXPECT_EQ(both.reason, "SignerAmbiguous");
  EXPECT_THAT(both.problem,
              HasSubstr("policy 'a' believes it as of 'lena', policy 'd' as of 'sam'"));
  // What a policy says of a key that it lists is told, and not that another does not know it.
  EXPECT_EQ(Attributed({revoked, stranger}).reason, "SignerKeyRevoked");
}

TEST(Verification, OfSeveralKeysEachIsAgreedOn) {
  const auto good = Listing("a", "lena", kKey);
  const auto sam = Listing("b", "sam", kOther);
  const auto gone = Listing("c", "sam", kOther, ", revokedAt: \"2026-11-01T00:00:00Z\"");
  const std::vector<SignerProof> also = {{sam.spec.people.front().keys.front().fingerprint, {}}};
  EXPECT_TRUE(Attributed({good, sam}, kNow, also).Holds());
  EXPECT_TRUE(Attributed({good, gone}, kNow, also).Holds()) << "nobody believes the other key";
  EXPECT_EQ(Attributed({good, sam, gone}, kNow, also).reason, "SignerKeyRevoked");
}

// `openssl genpkey -algorithm ed25519`, made for these tests.
constexpr char kSigner[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIBtdbsZvLatdaE2JyuQ9fHZvJrnG4EQGfEndG5/qjUuz\n"
    "-----END PRIVATE KEY-----\n";

TEST(Verification, ASignedObjectIsJudgedByWhenItsStampSaysThatItWasSeen) {
  auto key = InstallationKey::Generate();
  ASSERT_TRUE(key);
  Manifest manifest = Sample("BiasTest");
  const auto made = SignDsse(kSigner, kStatementPayload, StatementOf(manifest.object).value());
  ASSERT_TRUE(made);
  manifest.object["spec"]["signature"] = {
      {"format", "DSSE"}, {"value", made->envelope}, {"publicKey", made->public_key}};
  std::string pem = made->public_key;
  for (std::size_t at = pem.find('\n'); at != std::string::npos; at = pem.find('\n', at + 2)) {
    pem.replace(at, 1, "\\n");
  }
  // Seen on the 20th, revoked on the 25th, verified in December.
  const auto policy = Listing("bank", "lena", pem, ", revokedAt: \"2026-11-25T00:00:00Z\"");
  const Time later = *ParseTime("2026-12-01T00:00:00Z");
  const auto verified = [&](const Maker& stamps) {
    return VerifyObject(manifest, {{policy}, later, stamps});
  };
  EXPECT_THAT(verified({}).problem, AllOf(HasSubstr("first seen at 2026-12-01T00:00:00Z"),
                                          HasSubstr("which is now, for it carries no stamp")));
  Stamp(manifest, *key, "dana");
  EXPECT_EQ(verified({}).reason, "SignerKeyRevoked");
  EXPECT_THAT(verified({}).problem,
              AllOf(HasSubstr("its stamp is not verified"), HasSubstr("--trusted-keys"),
                    HasSubstr("--accept-stamps")));
  EXPECT_TRUE(verified(BelieveStamp).Holds()) << verified(BelieveStamp).problem;
  const Maker stranger =
      [authority = StampAuthority{"default", InstallationKey::Generate().value().Public()}](
          const Json& object, const std::string& digest) {
        return VerifyStamp(authority, object, digest);
      };
  EXPECT_EQ(verified(stranger).reason, "SignerKeyRevoked");
}

TEST(Verification, WhatTheApiRefusesIsToldWithItsPath) {
  Manifest manifest = Sample("BiasTest");
  manifest.object["spec"]["colour"] = "red";
  Verified one = Verify(manifest);
  EXPECT_EQ(one.reason, "SpecInvalid");
  EXPECT_THAT(one.problem, HasSubstr("spec.colour"));

  manifest = Sample("BiasTest");
  manifest.object["spec"]["dataSet"]["rows"] = "many";
  one = Verify(manifest);
  EXPECT_EQ(one.reason, "SpecInvalid");
  EXPECT_THAT(one.problem, HasSubstr("spec.dataSet.rows"));

  manifest = Sample("BiasTest");
  manifest.object["sepc"] = Json::object();
  EXPECT_THAT(Verify(manifest).problem, HasSubstr("sepc: is not a field"));

  manifest = Sample("UseCase");
  EXPECT_FALSE(IsEvidence(manifest.object));
  EXPECT_FALSE(RefuseMalformed(manifest));
  manifest.object["spec"]["colour"] = "red";
  const auto malformed = RefuseMalformed(manifest);
  ASSERT_TRUE(malformed);
  EXPECT_THAT(malformed->problem, HasSubstr("spec.colour"));
}

TEST(Verification, ASignatureThatIsTooLongIsToldFromAnotherFault) {
  const std::string long_text(10U << 20U, 'A');
  const Json signatures[] = {
      {{"format", "DSSE"}, {"publicKey", "x"}, {"value", long_text}},
      {{"format", "DSSE"}, {"publicKey", long_text}, {"value", "x"}},
      {{"format", "DSSE"}, {"certificateChain", long_text}, {"value", "x"}},
      {{"format", "DSSE"},
       {"publicKey", "x"},
       {"value", "x"},
       {"cosigners", Json::array({{{"publicKey", long_text}}})}},
      {{"format", "SSHSIG"}, {"value", long_text}},
      {{"format", "SSHSIG"}, {"value", "x"}, {"payload", long_text}},
  };
  for (const Json& signature : signatures) {
    Manifest manifest = Sample("BiasTest");
    manifest.object["spec"]["signature"] = signature;
    Verified one = Verify(manifest);
    EXPECT_EQ(one.reason, "SignatureTooLarge") << one.problem;
    EXPECT_THAT(one.problem, AllOf(HasSubstr("spec.signature."), HasSubstr("at most")));
    // What else is wrong comes first.
    manifest.object["spec"]["colour"] = "red";
    EXPECT_EQ(Verify(manifest).reason, "SpecInvalid");
  }
  Manifest manifest = Sample("BiasTest");
  manifest.object["spec"]["signature"] = {{"format", "SSHSIG"}, {"value", ""}};
  EXPECT_EQ(Verify(manifest).reason, "SpecInvalid");
  manifest.object["spec"]["signature"] = {{"format", "SSHSIG"}, {"value", Json::array()}};
  EXPECT_EQ(Verify(manifest).reason, "SpecInvalid");
}

TEST(Verification, RobotsDoNotSignOff) {
  Manifest manifest = Sample("SignOff");
  manifest.object["spec"]["signer"]["username"] = "system:serviceaccount:ci:robot";
  const Verified one = Verify(manifest);
  EXPECT_EQ(one.reason, "SignerIsRobot");
  EXPECT_THAT(one.problem, HasSubstr("spec.signer.username"));
}

TEST(Verification, ObjectsOfOthersAreNotJudged) {
  Manifest manifest;
  manifest.object = {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"data", 7}};
  EXPECT_FALSE(IsEvidence(manifest.object));
  EXPECT_FALSE(RefuseMalformed(manifest));
}

}  // namespace
}  // namespace countersign
