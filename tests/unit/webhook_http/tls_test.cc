#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>

#include "tests/unit/webhook_http/support.h"
#include "webhook/http/server.h"

namespace countersign::http {
namespace {

bool IsServed(TlsClient& client) {
  return client.Exchange(Post("/echo", "served")).body == "served";
}

TlsOptions MutualTls(std::vector<std::string> allowed) {
  TlsOptions tls = ServerTls();
  tls.client_trust = [trust = ClientTrust::Parse(Pki::Get().authority.certificate).value()] {
    return trust;
  };
  tls.allowed_clients = std::move(allowed);
  return tls;
}

ClientTls Presenting(const PemPair& certificate) {
  ClientTls tls;
  tls.certificate = certificate;
  return tls;
}

TEST(TlsTest, VersionsBelow12AreRefusedAnd12And13AreServed) {
  const auto server = StartServer(TestOptions(), {Echo()});
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    ClientTls old;
    old.max_version = version;
    EXPECT_FALSE(TlsClient(server->Port(), old).Shaken()) << version;
  }
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    ClientTls tls;
    tls.max_version = version;
    TlsClient client(server->Port(), tls);
    EXPECT_TRUE(IsServed(client)) << version;
    EXPECT_EQ(SSL_version(client.Ssl()), version);
  }
}

TEST(TlsTest, Http11IsNegotiatedAlsoWhenTheClientPrefersAnother) {
  const auto server = StartServer(TestOptions(), {Echo()});
  ClientTls tls;
  tls.alpn = std::string("\x02h2\x08http/1.1");
  TlsClient client(server->Port(), tls);
  ASSERT_TRUE(IsServed(client));
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(client.Ssl(), &chosen, &size);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), size), "http/1.1");
}

TEST(TlsTest, AClientThatSpeaksOnlyHttp2IsRefusedAndOneWithoutAlpnIsServed) {
  const auto server = StartServer(TestOptions(), {Echo()});
  ClientTls only_http2;
  only_http2.alpn = std::string("\x02h2");
  EXPECT_FALSE(TlsClient(server->Port(), only_http2).Shaken());
  ClientTls none;
  none.alpn.clear();
  TlsClient client(server->Port(), none);
  EXPECT_TRUE(IsServed(client));
}

TEST(TlsTest, RenegotiationIsRefused) {
  const auto server = StartServer(TestOptions(), {Echo()});
  ClientTls tls;
  tls.max_version = TLS1_2_VERSION;
  TlsClient client(server->Port(), tls);
  ASSERT_TRUE(client.Shaken());
  ERR_clear_error();
  ASSERT_EQ(SSL_renegotiate(client.Ssl()), 1);
  EXPECT_NE(SSL_do_handshake(client.Ssl()), 1) << "answered by a no_renegotiation alert";
  ERR_clear_error();
  TlsClient next(server->Port());
  EXPECT_TRUE(IsServed(next));
}

TEST(TlsTest, NoSessionCanBeResumed) {
  const auto server = StartServer(TestOptions(), {Echo()});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    ClientTls tls;
    tls.max_version = version;
    TlsClient client(server->Port(), tls);
    ASSERT_TRUE(IsServed(client));
    EXPECT_EQ(SSL_SESSION_has_ticket(SSL_get0_session(client.Ssl())), 0) << version;
  }
}

TEST(TlsTest, NewConnectionsSeeTheNewCertificateAndOldOnesGoOn) {
  const PemPair second = Pki::Get().Server("renewed.example");
  std::mutex mutex;
  std::shared_ptr<const ServingCertificate> current = Serving(Pki::Get().server);
  TlsOptions tls;
  tls.certificate = [&] {
    const std::lock_guard lock(mutex);
    return current;
  };
  const auto server = StartServer(TestOptions(), {Echo()}, tls);
  TlsClient before(server->Port());
  ASSERT_TRUE(IsServed(before));
  {
    const std::lock_guard lock(mutex);
    current = Serving(second);
  }
  TlsClient after(server->Port());
  EXPECT_TRUE(IsServed(after));
  EXPECT_EQ(after.ServerName(), "renewed.example");
  EXPECT_TRUE(IsServed(before));
  EXPECT_EQ(before.ServerName(), "localhost");
}

TEST(TlsTest, WithoutACertificateTheHandshakeIsRefusedAndServedOnceThereIsOne) {
  std::mutex mutex;
  std::shared_ptr<const ServingCertificate> current;
  TlsOptions tls;
  tls.certificate = [&] {
    const std::lock_guard lock(mutex);
    return current;
  };
  const auto server = StartServer(TestOptions(), {Echo()}, tls);
  EXPECT_FALSE(TlsClient(server->Port()).Shaken());
  {
    const std::lock_guard lock(mutex);
    current = Serving(Pki::Get().server);
  }
  TlsClient client(server->Port());
  EXPECT_TRUE(IsServed(client));
}

TEST(TlsTest, AnErrorLeftInOpensslsQueueDuringAHandshakeHarmsNoConnection) {
  TlsOptions tls = ServerTls();
  tls.certificate = [certificate = Serving(Pki::Get().server)] {
    const openssl::BioPtr garbage = openssl::ReadBio("garbage");
    EXPECT_EQ(PEM_read_bio_X509(garbage.get(), nullptr, nullptr, nullptr), nullptr);
    return certificate;
  };
  const auto server = StartServer(TestOptions(), {Echo()}, tls);
  TlsClient first(server->Port());
  for (int i = 0; i < 10; ++i) {
    TlsClient another(server->Port());
    ASSERT_TRUE(IsServed(another)) << i;
    ASSERT_TRUE(IsServed(first)) << i;
  }
}

TEST(MutualTlsTest, AClientWithoutACertificateIsRefused) {
  const auto server = StartServer(TestOptions(), {Echo()}, MutualTls({}));
  TlsClient client(server->Port());
  EXPECT_FALSE(IsServed(client));
  EXPECT_TRUE(Eventually([&] { return server->Stats().tls_failures == 1; }));
  EXPECT_EQ(server->Stats().requests, 0U);
}

TEST(MutualTlsTest, AClientOfAnotherAuthorityIsRefused) {
  const PemPair other = MakeAuthority("other authority", ValidNow()).value();
  const PemPair stranger =
      MakeCertificate(other, LeafUse::kClient, "kube-apiserver", {}, ValidNow()).value();
  const auto server = StartServer(TestOptions(), {Echo()}, MutualTls({}));
  TlsClient client(server->Port(), Presenting(stranger));
  EXPECT_FALSE(IsServed(client));
  EXPECT_EQ(server->Stats().requests, 0U);
}

TEST(MutualTlsTest, AServersCertificateIsNoClientCertificate) {
  const auto server = StartServer(TestOptions(), {Echo()}, MutualTls({}));
  TlsClient client(server->Port(), Presenting(Pki::Get().server));
  EXPECT_FALSE(IsServed(client));
}

TEST(MutualTlsTest, AnAllowedNameIsServedWhetherCommonOrAlternative) {
  for (const char* name : {"kube-apiserver", "apiserver.example"}) {
    const auto server = StartServer(TestOptions(), {Echo()}, MutualTls({"other", name}));
    TlsClient client(server->Port(), Presenting(Pki::Get().client));
    EXPECT_TRUE(IsServed(client)) << name;
  }
}

TEST(MutualTlsTest, WithoutAListEveryClientOfTheAuthorityIsServed) {
  const auto server = StartServer(TestOptions(), {Echo()}, MutualTls({}));
  TlsClient client(server->Port(), Presenting(Pki::Get().client));
  EXPECT_TRUE(IsServed(client));
}

TEST(MutualTlsTest, AnotherNameIsRefused) {
  for (const char* name : {"kube-apiserver2", "kube", "KUBE-APISERVER", ""}) {
    const auto server = StartServer(TestOptions(), {Echo()}, MutualTls({name}));
    TlsClient client(server->Port(), Presenting(Pki::Get().client));
    EXPECT_FALSE(IsServed(client)) << name;
    EXPECT_EQ(server->Stats().requests, 0U);
  }
}

TEST(MutualTlsTest, WithoutAuthoritiesNobodyIsServed) {
  TlsOptions tls = ServerTls();
  tls.client_trust = [] { return nullptr; };
  const auto server = StartServer(TestOptions(), {Echo()}, tls);
  EXPECT_FALSE(TlsClient(server->Port(), Presenting(Pki::Get().client)).Shaken());
}

}  // namespace
}  // namespace countersign::http
