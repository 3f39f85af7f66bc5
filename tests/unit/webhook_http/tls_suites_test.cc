// Which cipher suites are spoken: every one that OpenSSL knows is offered by itself, to a server
// with an ECDSA certificate and to one with RSA, so that none is refused for want of a fitting key.
#include <openssl/pem.h>

#include <set>
#include <string>

#include "tests/unit/webhook_http/support.h"

namespace countersign::http {
namespace {

std::string Pem(const std::function<int(BIO*)>& write) {
  const openssl::BioPtr out(BIO_new(BIO_s_mem()));
  EXPECT_EQ(write(out.get()), 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

// Of our authority, for any use of the key: RSA key exchange would need one for encryption.
PemPair RsaServer() {
  const PemPair& ca = Pki::Get().authority;
  const openssl::BioPtr ca_text = openssl::ReadBio(ca.certificate);
  const openssl::BioPtr ca_key_text = openssl::ReadBio(ca.key);
  const openssl::X509Ptr issuer(PEM_read_bio_X509(ca_text.get(), nullptr, nullptr, nullptr));
  const openssl::KeyPtr ca_key(
      PEM_read_bio_PrivateKey(ca_key_text.get(), nullptr, openssl::NoPassphrase, nullptr));
  const openssl::KeyPtr key(EVP_RSA_gen(2048));
  const openssl::X509Ptr made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 7);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 86'400);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("rsa"), -1, -1, 0);
  X509_set_issuer_name(made.get(), X509_get_subject_name(issuer.get()));
  X509_set_pubkey(made.get(), key.get());
  EXPECT_GT(X509_sign(made.get(), ca_key.get(), EVP_sha256()), 0);
  return {Pem([&](BIO* out) { return PEM_write_bio_X509(out, made.get()); }), Pem([&](BIO* out) {
            return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

// Names of what OpenSSL has below TLS 1.3, however weak.
std::set<std::string> OlderSuites() {
  const openssl::ContextPtr context(SSL_CTX_new(TLS_client_method()));
  EXPECT_EQ(SSL_CTX_set_cipher_list(context.get(), "ALL:eNULL:@SECLEVEL=0"), 1);
  std::set<std::string> names;
  const STACK_OF(SSL_CIPHER)* all = SSL_CTX_get_ciphers(context.get());
  for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
    const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(all, i);
    if (std::string(SSL_CIPHER_get_version(cipher)) != "TLSv1.3") {
      names.insert(SSL_CIPHER_get_name(cipher));
    }
  }
  return names;
}

std::set<std::string> Spoken(const HttpsServer& server, const std::set<std::string>& suites) {
  std::set<std::string> spoken;
  for (const std::string& suite : suites) {
    ClientTls tls;
    tls.suite = suite;
    if (!suite.starts_with("TLS_")) tls.max_version = TLS1_2_VERSION;
    TlsClient client(server.Port(), tls);
    if (client.Exchange(Post("/echo", "served")).body == "served") spoken.insert(suite);
  }
  return spoken;
}

class TlsSuitesTest : public ::testing::Test {
 protected:
  TlsSuitesTest() {
    TlsOptions tls;
    tls.certificate = [certificate = Serving(RsaServer())] { return certificate; };
    rsa_ = StartServer(TestOptions(), {Echo()}, tls);
    ecdsa_ = StartServer(TestOptions(), {Echo()});
  }
  std::unique_ptr<HttpsServer> ecdsa_;
  std::unique_ptr<HttpsServer> rsa_;
};

TEST_F(TlsSuitesTest, BelowTls13OnlyThoseWithForwardSecrecyAndAuthenticatedEncryption) {
  const std::set<std::string> all = OlderSuites();
  for (const char* weak : {"AES128-SHA", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA256",
                           "ECDHE-ECDSA-AES256-SHA", "NULL-SHA256"}) {
    ASSERT_TRUE(all.contains(weak)) << weak;  // or nothing would be shown here
  }
  EXPECT_EQ(Spoken(*ecdsa_, all),
            (std::set<std::string>{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                   "ECDHE-ECDSA-CHACHA20-POLY1305"}));
  EXPECT_EQ(Spoken(*rsa_, all),
            (std::set<std::string>{"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
                                   "ECDHE-RSA-CHACHA20-POLY1305"}));
}

TEST_F(TlsSuitesTest, OfTls13ThoseThatEverybodyHas) {
  const std::set<std::string> offered = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                         "TLS_CHACHA20_POLY1305_SHA256",
                                         "TLS_AES_128_CCM_8_SHA256"};
  std::set<std::string> modern = offered;
  modern.erase("TLS_AES_128_CCM_8_SHA256");
  EXPECT_EQ(Spoken(*ecdsa_, offered), modern);
  EXPECT_EQ(Spoken(*rsa_, offered), modern);
}

// Debian's OpenSSL has no 3DES to offer: these say so in bytes. What is at the end of each hello is
// what a client says beside its suites: groups, signatures of RSA and ECDSA.
TEST_F(TlsSuitesTest, TripleDesIsRefused) {
  const auto hello = [](char high, char low) {
    const std::string extensions(
        "\x00\x0a\x00\x04\x00\x02\x00\x17"           // supported_groups: P-256
        "\x00\x0b\x00\x02\x01\x00"                   // ec_point_formats: uncompressed
        "\x00\x0d\x00\x06\x00\x04\x04\x03\x08\x04",  // ecdsa_secp256r1, rsa_pss
        8 + 6 + 10);
    std::string body = std::string("\x03\x03", 2) + std::string(32, 'r') + std::string(1, '\0') +
                       std::string("\x00\x02", 2) + high + low + std::string("\x01\x00", 2);
    body += std::string(1, '\0') + static_cast<char>(extensions.size()) + extensions;
    std::string message = std::string("\x01\x00\x00", 3) + static_cast<char>(body.size()) + body;
    return std::string("\x16\x03\x01\x00", 4) + static_cast<char>(message.size()) + message;
  };
  const auto first_byte = [&](const HttpsServer& server, char high, char low) {
    TcpClient client(server.Port());
    EXPECT_TRUE(client.Send(hello(high, low)));
    char answer = 0;
    EXPECT_EQ(client.Receive(&answer, 1), 1U);
    return static_cast<int>(answer);
  };
  constexpr int kAlert = 21;
  constexpr int kHandshake = 22;
  EXPECT_EQ(first_byte(*rsa_, '\xc0', '\x2f'),
            kHandshake);  // ECDHE, AES-128-GCM: the hello is good
  EXPECT_EQ(first_byte(*ecdsa_, '\xc0', '\x2b'), kHandshake);
  EXPECT_EQ(first_byte(*rsa_, '\x00', '\x0a'), kAlert);  // RSA, 3DES
  EXPECT_EQ(first_byte(*rsa_, '\xc0', '\x12'), kAlert);  // ECDHE, 3DES
  EXPECT_EQ(first_byte(*ecdsa_, '\xc0', '\x08'), kAlert);
}

}  // namespace
}  // namespace countersign::http
