// Bundles of OpenSSF Model Signing: what the real package wrote (testdata/make_bundles.py), and
// what nobody should take, signed by a key that counts.
#include "evidence/model_signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>
#include <tuple>

#include "base/digest.h"
#include "evidence/signed_object.h"
#include "evidence/signing_key.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Made for these tests: `openssl genpkey -algorithm ed25519`.
constexpr char kPrivate[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIKhuzMEWEj4wsaISsNCI3QRW6LQ+SJuHaWDuxTERRBRX\n"
    "-----END PRIVATE KEY-----\n";

std::string TestFile(const std::string& name) {
  std::ifstream file(std::string(SOURCE_DIR) + "/tests/unit/evidence/testdata/" + name);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(file) << name;
  return text.str();
}

Json Resource(const std::string& name, const std::string& content) {
  return {{"name", name}, {"algorithm", "sha256"}, {"digest", Sha256Hex(content)}};
}

std::string RootOf(const Json& resources) {
  Sha256Stream root;
  for (const Json& resource : resources) {
    const std::string hex = StringAt(resource, "digest");
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
      bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    root.Update(bytes);
  }
  return DigestText(root.Finish()).substr(7);
}

Json StatementJson() {
  Json resources = Json::array({Resource("a/b.bin", "one"), Resource("c.json", "two")});
  return {
      {"_type", "https://in-toto.io/Statement/v1"},
      {"subject", Json::array({{{"name", "model"}, {"digest", {{"sha256", RootOf(resources)}}}}})},
      {"predicateType", "https://model_signing/signature/v1.0"},
      {"predicate",
       {{"serialization",
         {{"method", "files"},
          {"hash_type", "sha256"},
          {"allow_symlinks", false},
          {"ignore_paths", {"model.sig", ".git"}}}},
        {"resources", std::move(resources)}}}};
}

struct Signed {
  ModelBundle bundle;
  VerificationKey key;
};

Json BundleJson(const Json& envelope) {
  return {{"mediaType", "application/vnd.dev.sigstore.bundle.v0.3+json"},
          {"verificationMaterial",
           {{"publicKey", {{"hint", "no matter"}}}, {"tlogEntries", Json::array()}}},
          {"dsseEnvelope", envelope}};
}

Signed SignedBundle(const std::string& payload,
                    std::string_view type = "application/vnd.in-toto+json") {
  const auto made = SignDsse(kPrivate, type, payload).value();
  return {ReadModelBundle(DumpJson(BundleJson(ParseJson(made.envelope).value()))).value(),
          VerificationKey::Parse(made.public_key).value()};
}

TEST(ModelSignature, TakesWhatThePackageWrote) {
  const auto key = VerificationKey::Parse(TestFile("signer.pem")).value();
  const auto bundle = ReadModelBundle(TestFile("by_key.sig")).value();
  EXPECT_TRUE(bundle.certificates.empty());
  const auto model = OpenModelBundle(bundle, key);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->files.size(), 5U);
  EXPECT_EQ(model->files.at("sub/tok.txt"), "sha256:" + Sha256Hex("tok"));
  EXPECT_THAT(model->ignored, ElementsAre(".git", ".gitattributes", ".github", ".gitignore"));
  EXPECT_FALSE(model->symlinks);
}

TEST(ModelSignature, ACorrectStatementCounts) {
  const auto [bundle, key] = SignedBundle(DumpJson(StatementJson()));
  const auto model = OpenModelBundle(bundle, key);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->root,
            "sha256:" + StringAt((*Find(StatementJson(), "subject"))[0], "digest/sha256"));
}

TEST(ModelSignature, AnotherKeyOpensNothing) {
  const auto key = VerificationKey::Parse(TestFile("signer.pem")).value();
  const auto bundle = SignedBundle(DumpJson(StatementJson())).bundle;
  const auto model = OpenModelBundle(bundle, key);
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("does not hold for this content and key SHA256:"));
  EXPECT_EQ(model.error().reason, "SignatureInvalid");
}

struct Fault {
  const char* name;
  std::function<void(Json&)> change;  // of the statement
  const char* why;
  const char* reason = "SignatureMalformed";
};

Json& Predicate(Json& statement) { return statement["predicate"]; }
Json& How(Json& statement) { return Predicate(statement)["serialization"]; }
Json& Files(Json& statement) { return Predicate(statement)["resources"]; }
void Settle(Json& statement) {
  statement["subject"][0]["digest"]["sha256"] = RootOf(Files(statement));
}

class Refused : public ::testing::TestWithParam<Fault> {};

TEST_P(Refused, ThoughItsKeyCounts) {
  Json statement = StatementJson();
  GetParam().change(statement);
  const auto [bundle, key] = SignedBundle(DumpJson(statement));
  const auto model = OpenModelBundle(bundle, key);
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr(GetParam().why));
  EXPECT_EQ(model.error().reason, GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(
    ModelSignature, Refused,
    ::testing::Values(
        Fault{"root", [](Json& s) { s["subject"][0]["digest"]["sha256"] = std::string(64, '1'); },
              "it contradicts itself: its subject is sha256:1111", "ModelRootDiffers"},
        Fault{"subjects", [](Json& s) { s["subject"].push_back(s["subject"][0]); },
              "exactly one subject"},
        Fault{"statement", [](Json& s) { s["_type"] = "https://in-toto.io/Statement/v0.1"; },
              "must be an in-toto Statement v1", "SignatureOfOtherType"},
        Fault{"old", [](Json& s) { s["predicateType"] = "https://model_signing/Digests/v0.1"; },
              "before v1.0", "SignatureOutdated"},
        Fault{"predicate", [](Json& s) { s["predicateType"] = "https://slsa.dev/provenance/v1"; },
              "its predicate must be 'https://model_signing/signature/v1.0'",
              "SignatureOfOtherType"},
        Fault{"shards", [](Json& s) { How(s)["method"] = "shards"; }, "sign without shards",
              "ModelSerializationUnsupported"},
        Fault{"hash", [](Json& s) { How(s)["hash_type"] = "blake3"; },
              "hash_type must be 'sha256', is 'blake3'", "ModelSerializationUnsupported"},
        Fault{"links", [](Json& s) { How(s).erase("allow_symlinks"); },
              "allow_symlinks must be true or false", "ModelSerializationUnsupported"},
        Fault{"ignored", [](Json& s) { How(s)["ignore_paths"] = {"../other"}; },
              "ignore_paths must be paths within the model", "ModelSerializationUnsupported"},
        Fault{"all ignored", [](Json& s) { How(s)["ignore_paths"] = {"."}; },
              "ignore_paths must be paths within the model", "ModelSerializationUnsupported"},
        Fault{"many ignored",
              [](Json& s) { How(s)["ignore_paths"] = std::vector<std::string>(65, "a"); },
              "at most 64", "ModelIgnoresTooMuch"},
        Fault{"no files", [](Json& s) { Files(s) = Json::array(); }, "must list the model's files"},
        Fault{"outside",
              [](Json& s) {
                Files(s)[0]["name"] = "a/../../etc/passwd";
                Settle(s);
              },
              "which is no path within the model"},
        Fault{"absolute", [](Json& s) { Files(s)[0]["name"] = "/etc/passwd"; },
              "which is no path within the model"},
        Fault{"a folder and a file", [](Json& s) { Files(s)[0]["name"] = "."; },
              "which is no path within the model"},
        Fault{"twice",
              [](Json& s) {
                Files(s)[1]["name"] = "a/b.bin";
                Settle(s);
              },
              "it lists 'a/b.bin' twice"},
        Fault{"out of order",
              [](Json& s) {
                std::swap(Files(s)[0], Files(s)[1]);
                Settle(s);
              },
              "it lists 'a/b.bin' after 'c.json': files must be in the order of their paths"},
        Fault{"in the order of bytes",
              [](Json& s) {
                Files(s) = Json::array({Resource("a-b", "one"), Resource("a/b", "two")});
                Settle(s);
              },
              "it lists 'a/b' after 'a-b'"},
        Fault{"weak", [](Json& s) { Files(s)[0]["algorithm"] = "md5"; }, "must be by sha256",
              "ModelSerializationUnsupported"},
        Fault{"upper case", [](Json& s) { Files(s)[0]["digest"] = std::string(64, 'A'); },
              "in lower-case hexadecimal", "ModelSerializationUnsupported"}),
    [](const auto& test) {
      std::string name = test.param.name;
      std::replace(name.begin(), name.end(), ' ', '_');
      return name;
    });

TEST(ModelSignature, AnotherTypeOfPayloadIsNotOpened) {
  const auto [bundle, key] = SignedBundle(DumpJson(StatementJson()), "application/json");
  const auto model = OpenModelBundle(bundle, key);
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("its type must be 'application/vnd.in-toto+json'"));
}

// Before v1.0 the bytes that were signed were computed in another way, so that nothing else holds.
TEST(ModelSignature, SaysOfAnOldBundleThatItIsOld) {
  Json statement = StatementJson();
  statement["predicateType"] = "https://model_signing/Digests/v0.1";
  auto [bundle, key] = SignedBundle(DumpJson(statement));
  bundle.envelope["signatures"][0]["sig"] = Base64Encode("made by pae_compat");
  const auto model = OpenModelBundle(bundle, key);
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("sign the model again with model-signing 1.0"));
  EXPECT_EQ(model.error().reason, "SignatureOutdated");
}

TEST(ModelSignature, WhatIsNoBundleIsToldApart) {
  const Json good = BundleJson(ParseJson(SignDsse(kPrivate, "t", "{}").value().envelope).value());
  const std::string malformed = "SignatureMalformed";
  const std::string unsupported = "SignatureKeyUnsupported";
  const std::tuple<std::function<void(Json&)>, const char*, std::string> faults[] = {
      {[](Json& b) { b["mediaType"] = "application/json"; }, "its mediaType must be", malformed},
      {[](Json& b) { b.erase("verificationMaterial"); }, "must be signed by a key or a certificate",
       unsupported},
      {[](Json& b) { b["verificationMaterial"] = {{"certificate", {{"rawBytes", "AAAA"}}}}; },
       "must be signed by a key or a certificate", unsupported},
      {[](Json& b) {
         b["verificationMaterial"] = {{"x509CertificateChain", {{"certificates", Json::array()}}}};
       },
       "1 to 8 certificates", malformed},
      {[](Json& b) {
         b["verificationMaterial"] = {
             {"x509CertificateChain", {{"certificates", {{{"rawBytes", "%"}}}}}}};
       },
       "a certificate of it", malformed},
      {[](Json& b) { b.erase("dsseEnvelope"); }, "exactly one signature", malformed},
      {[](Json& b) {
         Json& all = b["dsseEnvelope"]["signatures"];
         all.push_back(all[0]);
       },
       "exactly one signature", malformed}};
  for (const auto& [change, why, reason] : faults) {
    Json bundle = good;
    change(bundle);
    const auto read = ReadModelBundle(DumpJson(bundle));
    ASSERT_FALSE(read) << why;
    EXPECT_THAT(read.error().message, HasSubstr(why));
    EXPECT_EQ(read.error().reason, reason) << why;
  }
  EXPECT_THAT(ReadModelBundle("{\"a\":1,\"a\":2}").error().message,
              HasSubstr("no Sigstore bundle"));
  EXPECT_THAT(ReadModelBundle(DumpJson(good) + " {}").error().message,
              HasSubstr("no Sigstore bundle"));
}

Json EvidenceJson(const std::string& digest) {
  return {{"apiVersion", "countersign.dev/v1alpha1"},
          {"kind", "Evidence"},
          {"metadata", {{"name", "model-signature"}, {"namespace", "lending"}}},
          {"spec",
           {{"useCase", "credit"},
            {"type", "ModelSignature"},
            {"model", {{"digest", digest}, {"digestType", "modelSigningRoot"}}},
            {"performedAt", "2026-11-01T12:00:00Z"},
            {"modelSignature",
             {{"bundle", TestFile("by_key.sig")}, {"publicKey", TestFile("signer.pem")}}}}}};
}

TEST(ModelSignature, EvidenceProvesTheModelThatItNames) {
  const auto model = OpenModelBundle(ReadModelBundle(TestFile("by_key.sig")).value(),
                                     VerificationKey::Parse(TestFile("signer.pem")).value())
                         .value();
  const auto proof = VerifySignature(EvidenceJson(model.root));
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(proof->key, VerificationKey::Parse(TestFile("signer.pem"))->fingerprint());
  EXPECT_TRUE(proof->ignored_paths.empty()) << "what Git keeps needs no mention";

  const auto other = VerifySignature(EvidenceJson("sha256:" + std::string(64, '2')));
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("it was made for model " + model.root));
}

}  // namespace
}  // namespace countersign
