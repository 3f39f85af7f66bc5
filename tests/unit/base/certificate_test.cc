// Chains that the real openssl made (testdata/certificates/make.sh), judged as of chosen instants.
#include "base/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string TestFile(const std::string& name) {
  std::ifstream file(std::string(SOURCE_DIR) + "/tests/unit/base/testdata/certificates/" + name);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(file) << name;
  return text.str();
}

CertificateChain Chain(const std::string& name) {
  auto chain = CertificateChain::FromPem(TestFile(name + ".pem"));
  if (!chain) throw std::runtime_error(name + ": " + chain.error().ToString());
  return *chain;
}

CertificateAuthority Root(const std::vector<std::string>& lists = {},
                          const std::vector<CertificateUse>& uses = {
                              CertificateUse::kCodeSigning}) {
  std::vector<std::string> texts;
  texts.reserve(lists.size());
  for (const std::string& list : lists) texts.push_back(TestFile(list + ".crl"));
  auto root = CertificateAuthority::Parse(TestFile("root.pem"), texts, uses);
  if (!root) throw std::runtime_error(root.error().ToString());
  return *root;
}

const Time kNow = ParseTime("2026-11-20T12:00:00Z").value();

TEST(Certificates, AChainToTheAuthorityCounts) {
  const CertificateChain vera = Chain("vera");
  EXPECT_EQ(Root().WhyNot(vera, kNow), "");
  EXPECT_THAT(vera.emails(), ElementsAre("vera@bank.example"));
  EXPECT_THAT(vera.uris(), ElementsAre("https://ci.bank.example/trainer"));
  EXPECT_EQ(vera.Name(), "'vera@bank.example'");
  EXPECT_THAT(vera.key().fingerprint(), StartsWith("SHA256:"));
}

TEST(Certificates, TheInstantDecidesAndNotToday) {
  EXPECT_THAT(Root().WhyNot(Chain("expired"), ParseTime("2025-12-31T12:00:00Z").value()),
              HasSubstr("certificate is not yet valid"))
      << "those above it must have been valid as well";
  EXPECT_THAT(Root().WhyNot(Chain("expired"), kNow), HasSubstr("certificate has expired"));
  EXPECT_THAT(Root().WhyNot(Chain("future"), kNow), HasSubstr("certificate is not yet valid"));
  EXPECT_EQ(Root().WhyNot(Chain("future"), ParseTime("2030-06-01T00:00:00Z").value()), "");
}

struct Wrong {
  const char* chain;
  const char* why;
};
class Refused : public ::testing::TestWithParam<Wrong> {};

TEST_P(Refused, WithItsReason) {
  const CertificateAuthority root = Root();
  const std::string why = root.WhyNot(Chain(GetParam().chain), kNow);
  EXPECT_THAT(why, HasSubstr(GetParam().why));
  EXPECT_EQ(root.WhyNot(Chain(GetParam().chain), kNow), why) << "asked again";
}

INSTANTIATE_TEST_SUITE_P(
    Certificates, Refused,
    ::testing::Values(Wrong{"elsewhere", "unable to get local issuer certificate"},
                      Wrong{"encipher", "key usage must be digitalSignature"},
                      Wrong{"server", "extended key usage must be codeSigning"},
                      Wrong{"plain", "extended key usage must be codeSigning"},
                      Wrong{"critical", "unhandled critical extension"},
                      Wrong{"sha1", "CA signature digest algorithm too weak"},
                      Wrong{"below-leaf", "invalid CA certificate ('CN = vera')"},
                      Wrong{"too-deep", "path length constraint exceeded"},
                      Wrong{"stranger", "permitted subtree violation"},
                      Wrong{"mailed", "'CN = mail' on its way: the extended key usage"},
                      Wrong{"root", "it is an authority's"}),
    [](const auto& test) {
      std::string name = test.param.chain;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST(Certificates, AWeakKeyIsNotEvenRead) {
  const auto weak = CertificateChain::FromPem(TestFile("weak.pem"));
  ASSERT_FALSE(weak);
  EXPECT_THAT(weak.error().message, HasSubstr("RSA of 3072 bits or more"));
}

TEST(Certificates, AnAuthoritySaysForWhatItsCertificatesAre) {
  const auto mail = Root({}, {CertificateUse::kEmailProtection});
  EXPECT_THAT(mail.WhyNot(Chain("vera"), kNow), HasSubstr("must be emailProtection"));
  const auto both = Root({}, {CertificateUse::kEmailProtection, CertificateUse::kCodeSigning});
  EXPECT_EQ(both.WhyNot(Chain("vera"), kNow), "");
}

TEST(Certificates, WhatWasRevokedBeforeDoesNotCount) {
  const auto root = Root({"root", "bank"});
  EXPECT_EQ(root.WhyNot(Chain("vera"), kNow), "");
  EXPECT_THAT(root.WhyNot(Chain("revoked"), kNow),
              HasSubstr("is revoked since 2026-11-10T00:00:00Z"));
  EXPECT_EQ(root.WhyNot(Chain("revoked"), ParseTime("2026-11-09T23:59:59Z").value()), "");
  EXPECT_EQ(root.WhyNot(Chain("revoked"), kNow, Revocation::kDisregarded), "");
  EXPECT_EQ(Root().WhyNot(Chain("revoked"), kNow), "") << "without lists nothing is revoked";
}

TEST(Certificates, AListMustBeThereAndNotHaveEnded) {
  EXPECT_THAT(Root({"root"}).WhyNot(Chain("vera"), kNow),
              HasSubstr("there is no list of what 'CN = bank' has revoked"));
  EXPECT_THAT(Root({"root", "bank-before"}).WhyNot(Chain("vera"), kNow),
              HasSubstr("has revoked ended at 2026-07-01T00:00:00Z"));
  EXPECT_EQ(Root({"root", "bank-before", "bank"}).WhyNot(Chain("vera"), kNow), "");
  EXPECT_THAT(Root({"root", "forged"}).WhyNot(Chain("revoked"), kNow),
              HasSubstr("there is no list of what 'CN = bank' has revoked"))
      << "one that its issuer did not sign is none";
}

TEST(Certificates, AuthoritiesThatAreNone) {
  const auto path = [](std::string_view pem, const std::vector<std::string>& lists = {}) {
    auto parsed = CertificateAuthority::Parse(pem, lists, {CertificateUse::kCodeSigning});
    return parsed ? std::string() : parsed.error().ToString();
  };
  EXPECT_THAT(path(TestFile("elsewhere.pem")), HasSubstr("certificate: must be of an authority"));
  EXPECT_THAT(path(TestFile("vera.pem")), HasSubstr("certificate: must be one certificate"));
  EXPECT_THAT(path("nothing"), HasSubstr("certificate: must be 1 to 8 certificates"));
  EXPECT_THAT(path("-----BEGIN PRIVATE KEY-----\n"), HasSubstr("holds a private key"));
  EXPECT_THAT(path(TestFile("root.pem"), {"nothing"}), HasSubstr("revocationLists[0]: must be"));
  EXPECT_THAT(path(TestFile("other.pem"), {TestFile("root.crl")}), "")
      << "a list by another authority of the chain";
}

TEST(Certificates, AllOfAFileAreAuthorities) {
  const auto all = CertificateAuthority::ParseAll(TestFile("root.pem") + TestFile("other.pem"), {},
                                                  {CertificateUse::kCodeSigning});
  ASSERT_TRUE(all) << all.error().ToString();
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ((*all)[1].WhyNot(Chain("elsewhere"), kNow), "");
  EXPECT_NE((*all)[0].fingerprint(), (*all)[1].fingerprint());
}

TEST(Certificates, DerMustBeCertificatesAndNothingElse) {
  EXPECT_THAT(CertificateChain::FromDer({}).error().message, HasSubstr("1 to 8 certificates"));
  EXPECT_THAT(CertificateChain::FromDer({"x"}).error().message,
              HasSubstr("something that is no certificate"));
  EXPECT_THAT(CertificateChain::FromDer({std::string(20'000, 'x')}).error().message,
              HasSubstr("larger than 16 KiB"));
}

}  // namespace
}  // namespace countersign
