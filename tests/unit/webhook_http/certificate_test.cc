#include "webhook/certificates/certificate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/webhook_http/support.h"
#include "webhook/certificates/self_signed.h"

namespace countersign {
namespace {

using http::Pki;
using http::RealNow;
using http::ValidNow;
using std::chrono::hours;

std::string ParseError(const std::string& certificate, const std::string& key,
                       const std::string& name = "", Time now = RealNow()) {
  const auto parsed = ServingCertificate::Parse(certificate, key, name, now);
  EXPECT_EQ(ERR_peek_error(), 0U) << "the error queue must be left as it was found";
  return parsed ? "" : parsed.error().message;
}

TEST(CertificateTest, AMatchingPairIsTaken) {
  const PemPair& pair = Pki::Get().server;
  EXPECT_EQ(ParseError(pair.certificate, pair.key, "localhost"), "");
  EXPECT_EQ(ParseError(pair.certificate, pair.key, "127.0.0.1"), "");
  EXPECT_EQ(ParseError(pair.certificate + Pki::Get().authority.certificate, pair.key), "");
}

TEST(CertificateTest, WhatDoesNotFitTogetherIsRefusedWithItsReason) {
  const PemPair& pair = Pki::Get().server;
  const struct {
    const char* why;
    std::string error;
    std::string expected;
  } cases[] = {
      {"empty", ParseError("", pair.key), "must be PEM, the leaf first"},
      {"garbage", ParseError("garbage", pair.key), "must be PEM, the leaf first"},
      {"torn", ParseError(pair.certificate.substr(0, pair.certificate.size() / 2), pair.key),
       "must be PEM, the leaf first"},
      {"torn chain",
       ParseError(pair.certificate + Pki::Get().authority.certificate.substr(0, 200), pair.key),
       "must be PEM, the leaf first"},
      {"no key", ParseError(pair.certificate, ""), "must be unencrypted PEM"},
      {"other key", ParseError(pair.certificate, Pki::Get().client.key),
       "does not belong to the serving certificate"},
      {"expired", ParseError(pair.certificate, pair.key, "", RealNow() + hours(25)), "expired at"},
      {"too early", ParseError(pair.certificate, pair.key, "", RealNow() - hours(2)),
       "not valid before"},
      {"other name", ParseError(pair.certificate, pair.key, "webhook.ns.svc"),
       "must name \"webhook.ns.svc\""},
  };
  for (const auto& c : cases) {
    EXPECT_NE(c.error.find(c.expected), std::string::npos) << c.why << ": " << c.error;
  }
}

TEST(CertificateTest, TheCommonNameAloneIsNoName) {
  const PemPair pair = MakeCertificate(Pki::Get().authority, LeafUse::kServer, "only.common",
                                       {"other.example"}, ValidNow())
                           .value();
  EXPECT_NE(ParseError(pair.certificate, pair.key, "only.common"), "");
}

TEST(CertificateTest, AnEncryptedKeyIsRefusedRatherThanAskedFor) {
  const openssl::BioPtr in = openssl::ReadBio(Pki::Get().server.key);
  const openssl::KeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  const openssl::BioPtr out(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_256_cbc(), "secret", 6,
                                          nullptr, nullptr),
            1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  EXPECT_NE(
      ParseError(Pki::Get().server.certificate, std::string(data, static_cast<std::size_t>(size)))
          .find("unencrypted"),
      std::string::npos);
}

TEST(CertificateTest, AKeyTooWeakForTlsIsRefusedBeforeAnyHandshake) {
  const openssl::KeyPtr weak(EVP_RSA_gen(1024U));
  const openssl::X509Ptr certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), weak.get());
  ASSERT_GT(X509_sign(certificate.get(), weak.get(), EVP_sha256()), 0);
  const openssl::BioPtr out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(out.get(), certificate.get());
  const openssl::BioPtr key_out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(key_out.get(), weak.get(), nullptr, nullptr, 0, nullptr, nullptr);
  const auto text = [](BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return std::string(data, static_cast<std::size_t>(size));
  };
  EXPECT_NE(ParseError(text(out.get()), text(key_out.get())).find("TLS does not accept"),
            std::string::npos);
}

TEST(CertificateTest, ValidityAndSerialAreReported) {
  const PemPair& pair = Pki::Get().server;
  const auto parsed = ServingCertificate::Parse(pair.certificate, pair.key, "", RealNow());
  ASSERT_TRUE(parsed.has_value());
  EXPECT_LT((*parsed)->NotBefore(), RealNow());
  EXPECT_GT((*parsed)->NotAfter(), RealNow() + hours(23));
  EXPECT_LT((*parsed)->NotAfter(), RealNow() + hours(25));
  EXPECT_EQ((*parsed)->Serial().size(), 32U);
}

TEST(CertificateTest, AClientBundleTakesAuthoritiesOnly) {
  EXPECT_TRUE(ClientTrust::Parse(Pki::Get().authority.certificate).has_value());
  EXPECT_FALSE(ClientTrust::Parse(Pki::Get().server.certificate).has_value());
  EXPECT_FALSE(ClientTrust::Parse("").has_value());
  EXPECT_FALSE(ClientTrust::Parse("garbage").has_value());
  EXPECT_EQ(ERR_peek_error(), 0U);
}

bool Verifies(const PemPair& leaf, const PemPair& authority, int purpose) {
  const auto read = [](const std::string& pem) {
    const openssl::BioPtr bio = openssl::ReadBio(pem);
    return openssl::X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  };
  const openssl::X509Ptr certificate = read(leaf.certificate);
  const openssl::X509Ptr root = read(authority.certificate);
  const openssl::StorePtr store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), root.get());
  X509_STORE_set_flags(store.get(), X509_V_FLAG_X509_STRICT);
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store.get(), certificate.get(), nullptr);
  X509_STORE_CTX_set_purpose(context, purpose);
  const bool verified = X509_verify_cert(context) == 1;
  X509_STORE_CTX_free(context);
  return verified;
}

TEST(SelfSignedTest, ALeafVerifiesStrictlyUnderItsAuthorityForItsUseAlone) {
  const Pki& pki = Pki::Get();
  EXPECT_TRUE(Verifies(pki.server, pki.authority, X509_PURPOSE_SSL_SERVER));
  EXPECT_FALSE(Verifies(pki.server, pki.authority, X509_PURPOSE_SSL_CLIENT));
  EXPECT_TRUE(Verifies(pki.client, pki.authority, X509_PURPOSE_SSL_CLIENT));
  EXPECT_FALSE(Verifies(pki.client, pki.authority, X509_PURPOSE_SSL_SERVER));
  const PemPair other = MakeAuthority("test authority", ValidNow()).value();
  EXPECT_FALSE(Verifies(pki.server, other, X509_PURPOSE_SSL_SERVER));
}

TEST(SelfSignedTest, ALeafSignsNoOthers) {
  const auto forged = MakeCertificate(Pki::Get().server, LeafUse::kServer, "forged",
                                      {"forged.example"}, ValidNow());
  ASSERT_FALSE(forged.has_value());
  EXPECT_NE(forged.error().message.find("not a certificate authority"), std::string::npos);
}

TEST(SelfSignedTest, NamesAreValuesNotSyntax) {
  const PemPair pair =
      MakeCertificate(Pki::Get().authority, LeafUse::kServer, "names",
                      {"a.example", "::1", "10.0.0.1", "b.example,DNS:evil.example"}, ValidNow())
          .value();
  EXPECT_EQ(ParseError(pair.certificate, pair.key, "a.example"), "");
  EXPECT_EQ(ParseError(pair.certificate, pair.key, "::1"), "");
  EXPECT_EQ(ParseError(pair.certificate, pair.key, "10.0.0.1"), "");
  EXPECT_NE(ParseError(pair.certificate, pair.key, "evil.example"), "");
}

TEST(SelfSignedTest, WhatMakesNoSenseIsRefused) {
  const PemPair& authority = Pki::Get().authority;
  EXPECT_FALSE(MakeAuthority("", ValidNow()).has_value());
  EXPECT_FALSE(MakeAuthority(std::string(100, 'x'), ValidNow()).has_value());
  EXPECT_FALSE(MakeAuthority("backwards", {RealNow(), RealNow() - hours(1)}).has_value());
  EXPECT_FALSE(
      MakeCertificate({"garbage", "garbage"}, LeafUse::kServer, "x", {}, ValidNow()).has_value());
  EXPECT_TRUE(MakeCertificate(authority, LeafUse::kClient, "no names", {}, ValidNow()).has_value());
  EXPECT_EQ(ERR_peek_error(), 0U);
}

}  // namespace
}  // namespace countersign
