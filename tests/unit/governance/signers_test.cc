// Whose a signature is, and why it is nobody's: each fault has a reason of its own.
#include "governance/signers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>

namespace countersign {
namespace {

using ::testing::HasSubstr;

const Time kSeen = ParseTime("2026-11-20T12:00:00Z").value();

std::string TestFile(const std::string& name) {
  std::ifstream file(std::string(SOURCE_DIR) + "/tests/unit/base/testdata/certificates/" + name);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error("cannot read " + name);
  return text.str();
}

CertificateChain Chain(const std::string& name) {
  return CertificateChain::FromPem(TestFile(name + ".pem")).value();
}

Person PersonNamed(const std::string& name) {
  Person person;
  person.name = name;
  person.accounts = {name + "@bank.example"};
  return person;
}

// Vera has a key; both she and Victor can be known by certificates of the bank.
struct Registry {
  GovernancePolicySpec policy;
  Person& vera() { return policy.people[0]; }
  Person& victor() { return policy.people[1]; }
  SignerKey& key() { return vera().keys[0]; }
};

Registry Known() {
  Registry registry;
  registry.policy.people = {PersonNamed("vera"), PersonNamed("victor")};
  SignerKey key;
  key.fingerprint = "SHA256:vera";
  registry.vera().keys = {key};
  TrustedAuthority bank;
  bank.name = "bank";
  bank.parsed =
      CertificateAuthority::Parse(TestFile("root.pem"), {}, {CertificateUse::kCodeSigning}).value();
  registry.policy.certificate_authorities = {bank};
  return registry;
}

Provenance SignedBy(SignatureProof proof) {
  Provenance by;
  by.authenticity = Authenticity::kSigned;
  by.user = "robot";
  by.first_seen = kSeen;
  by.signature = std::make_shared<const SignatureProof>(std::move(proof));
  return by;
}

Provenance ByKey(const std::string& fingerprint) { return SignedBy({fingerprint}); }

Provenance ByCertificate(const std::string& name) {
  SignatureProof proof;
  proof.chain = Chain(name);
  proof.key = proof.chain->key().fingerprint();
  return SignedBy(std::move(proof));
}

PersonCertificate ByEmail() { return {"bank", "vera@bank.example", "", std::nullopt}; }
PersonCertificate ByUri() { return {"bank", "", "https://ci.bank.example/trainer", std::nullopt}; }

struct Case {
  std::string reason;  // empty: the signature counts
  std::function<Provenance()> by;
  std::function<void(Registry&)> change = [](Registry&) {};
  std::string message = {};
  std::optional<Time> performed_at = std::nullopt;
  std::string what = {};
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.reason << ' ' << one.what; }

class Signers : public ::testing::TestWithParam<Case> {};

TEST_P(Signers, AreFoundOrMissedForAReason) {
  Registry registry = Known();
  GetParam().change(registry);
  const Provenance found =
      SignerOf(registry.policy, GetParam().by(), "vera@bank.example", GetParam().performed_at);
  EXPECT_EQ(found.reason, GetParam().reason) << found.problem;
  EXPECT_THAT(found.problem, HasSubstr(GetParam().message));
  if (GetParam().reason.empty()) {
    EXPECT_EQ(found.authenticity, Authenticity::kAttested);
    EXPECT_EQ(found.user, "vera@bank.example");
  } else {
    EXPECT_EQ(found.authenticity, Authenticity::kBadSignature);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Signers,
    ::testing::Values(
        Case{"", [] { return ByKey("SHA256:vera"); }},
        Case{"SignerKeyUnknown", [] { return ByKey("SHA256:other"); }, [](Registry&) {},
             "belongs to nobody"},
        Case{"SignerKeyUnknown", [] { return ByKey("SHA256:vera"); },
             [](Registry& r) { r.vera().accounts.clear(); }, "belongs to nobody", std::nullopt,
             "a person without accounts"},
        Case{"", [] { return ByKey("SHA256:vera"); },
             [](Registry& r) { r.key().revoked_at = kSeen + std::chrono::seconds(1); }, "",
             std::nullopt, "revoked after it was seen"},
        Case{"SignerKeyRevoked", [] { return ByKey("SHA256:vera"); },
             [](Registry& r) { r.key().revoked_at = kSeen; },
             "is revoked since 2026-11-20T12:00:00Z"},
        Case{"SignerKeyExpired", [] { return ByKey("SHA256:vera"); },
             [](Registry& r) { r.key().not_after = kSeen; }, "counted until 2026-11-20T12:00:00Z"},
        Case{"SignerKeyNotYetValid", [] { return ByKey("SHA256:vera"); },
             [](Registry& r) { r.key().not_before = kSeen + std::chrono::seconds(1); },
             "counts from 2026-11-20T12:00:01Z on"},
        Case{"SignedInFuture", [] { return ByKey("SHA256:vera"); }, [](Registry&) {},
             "is after it was first seen", kSeen + std::chrono::minutes(6)},
        Case{"", [] { return ByKey("SHA256:vera"); }, [](Registry&) {}, "",
             kSeen + std::chrono::minutes(4), "within the skew of clocks"},
        Case{"", [] { return ByCertificate("vera"); },
             [](Registry& r) { r.vera().certificates = {ByEmail()}; }, "", std::nullopt,
             "by certificate"},
        Case{"SignerCertificateUntrusted", [] { return ByCertificate("vera"); },
             [](Registry& r) {
               r.vera().certificates = {ByEmail()};
               r.policy.certificate_authorities.clear();
             },
             "leads to no authority"},
        Case{"SignerCertificateUntrusted", [] { return ByCertificate("expired"); },
             [](Registry& r) { r.vera().certificates = {ByEmail()}; }, "certificate has expired"},
        Case{"SignerCertificateUnknown", [] { return ByCertificate("vera"); }, [](Registry&) {},
             "names nobody"},
        Case{"SignerCertificateUnknown", [] { return ByCertificate("vera"); },
             [](Registry& r) {
               r.vera().certificates = {{"other", "vera@bank.example", "", std::nullopt}};
             },
             "names nobody", std::nullopt, "of another authority"},
        Case{"SignerCertificateAmbiguous", [] { return ByCertificate("vera"); },
             [](Registry& r) {
               r.vera().certificates = {ByEmail()};
               r.victor().certificates = {ByUri()};
             },
             "names both 'vera' and 'victor'"},
        Case{"SignerCertificateAmbiguous", [] { return ByCertificate("vera"); },
             [](Registry& r) {
               r.vera().certificates = {ByEmail()};
               SignerKey key;
               key.fingerprint = Chain("vera").key().fingerprint();
               r.victor().keys = {key};
             },
             "is for a key that the policy lists for 'victor'", std::nullopt, "another's key"},
        Case{"SignerKeyRevoked", [] { return ByCertificate("vera"); },
             [](Registry& r) {
               r.vera().certificates = {ByEmail()};
               r.vera().certificates[0].revoked_at = kSeen;
             },
             "certificate of 'vera@bank.example'", std::nullopt, "a name that was revoked"}));

TEST(SignerOf, AnAccountOfAnothersIsNotTakenOver) {
  const Provenance found =
      SignerOf(Known().policy, ByKey("SHA256:vera"), "victor@bank.example", std::nullopt);
  EXPECT_EQ(found.user, "vera@bank.example") << "who signed is who has the key";
}

TEST(DespiteRevocation, KnowsWhoseTheKeysWereThatHaveEnded) {
  Registry registry = Known();
  SignerKey key;
  key.fingerprint = "SHA256:victor";
  registry.victor().keys = {key};
  registry.key().not_after = kSeen;
  SignatureProof proof{"SHA256:vera"};
  proof.cosigners = {{"SHA256:victor"}};
  const Provenance found = SignerOf(registry.policy, SignedBy(proof), {}, std::nullopt);
  EXPECT_EQ(found.user, "victor@bank.example");
  EXPECT_EQ(EachSigner(found).size(), 1U);
  const auto ever = DespiteRevocation(registry.policy, found, kSeen - std::chrono::hours(1));
  ASSERT_TRUE(ever);
  EXPECT_EQ(ever->user, "vera@bank.example");
  EXPECT_EQ(EachSigner(*ever).size(), 2U);
  EXPECT_EQ(ever->first_seen, kSeen - std::chrono::hours(1));
  registry.key().fingerprint = "SHA256:other";
  EXPECT_FALSE(DespiteRevocation(registry.policy, found, std::nullopt)) << "nobody's key";
}

}  // namespace
}  // namespace countersign
