#include <gtest/gtest.h>

#include <atomic>

#include "kube/http_transport.h"
#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/loopback_server.h"
#include "tests/unit/support/temp_dir.h"

namespace countersign {
namespace {

HttpRequest Get() {
  return {.method = "GET",
          .target = "/x",
          .deadline = std::chrono::steady_clock::now() + std::chrono::hours(1)};
}

class TlsTest : public testing::Test {
 protected:
  // What the server says to a client configured like this, or the error.
  std::string Call(const LoopbackServer& server, ServerConfig config, UserConfig user = {}) {
    if (config.url.empty()) config.url = server.url();
    const auto transport =
        MakeHttpTransport({.server = std::move(config), .user = std::move(user)}, clock_);
    if (!transport) return "refused: " + transport.error().message;
    const auto response = (*transport)->Send(Get(), {});
    return response ? response->body : "error: " + response.error().message;
  }
  // Answers with the client's name, and counts requests.
  LoopbackServer::Handler Greet() {
    return [this](Peer& peer) {
      while (peer.ReadRequest()) {
        ++requests_;
        peer.Answer(200, "hello " + peer.ClientName());
      }
    };
  }

  FakeClock clock_;
  TestAuthority ca_;
  TestAuthority other_ca_{"other CA"};
  std::atomic<int> requests_ = 0;
};

TEST_F(TlsTest, AServerOfTheRightAuthorityAndAddressIsTrusted) {
  const LoopbackServer server({ca_.Issue("s", "IP:127.0.0.1"), {}}, Greet());
  EXPECT_EQ(Call(server, {.ca_pem = ca_.Pem()}), "hello ");
  EXPECT_EQ(Call(server, {.ca_pem = other_ca_.Pem() + ca_.Pem()}), "hello ");
}

TEST_F(TlsTest, EverythingElseIsRefusedBeforeARequestIsSent) {
  const std::string untrusted = "error: the API server's certificate is not trusted: ";
  {
    const LoopbackServer server({ca_.Issue("s", "IP:127.0.0.1"), {}}, Greet());
    EXPECT_EQ(Call(server, {.ca_pem = other_ca_.Pem()}).find(untrusted), 0u);
    // The system's authorities do not know it either.
    EXPECT_EQ(Call(server, {}).find(untrusted), 0u);
    EXPECT_EQ(Call(server, {.ca_pem = ca_.Pem(), .tls_server_name = "elsewhere"}),
              untrusted + "hostname mismatch");
  }
  {
    const LoopbackServer server({ca_.Issue("127.0.0.1", "IP:127.0.0.2,DNS:127.0.0.1"), {}},
                                Greet());
    EXPECT_EQ(Call(server, {.ca_pem = ca_.Pem()}), untrusted + "IP address mismatch");
  }
  {
    const LoopbackServer server({ca_.Issue("localhost", ""), {}}, Greet());
    EXPECT_EQ(Call(server, {.url = "https://localhost:" + std::to_string(server.port()),
                            .ca_pem = ca_.Pem()}),
              untrusted + "hostname mismatch");
  }
  {
    const LoopbackServer server({ca_.Issue("s", "IP:127.0.0.1", 3000), {}}, Greet());
    EXPECT_EQ(Call(server, {.ca_pem = ca_.Pem()}), untrusted + "certificate has expired");
  }
  {
    const LoopbackServer server({ca_.Issue("s", "IP:127.0.0.1"), {}, TLS1_1_VERSION}, Greet());
    EXPECT_EQ(Call(server, {.ca_pem = ca_.Pem()}).find("error: TLS: "), 0u);
  }
  EXPECT_EQ(requests_, 0);
}

TEST_F(TlsTest, TheConfiguredServerNameIsSentAndVerified) {
  Notebook asked;
  const LoopbackServer server({ca_.Issue("s", "DNS:kubernetes.default.svc"), {}}, [&](Peer& peer) {
    while (peer.ReadRequest()) {
      asked.Add("'" + peer.ServerName() + "'");
      peer.Answer(200, "fine");
    }
  });
  EXPECT_EQ(Call(server, {.ca_pem = ca_.Pem(), .tls_server_name = "kubernetes.default.svc"}),
            "fine");
  EXPECT_EQ(asked.Last(), "'kubernetes.default.svc'");
}

TEST_F(TlsTest, AddressesAreNotSentAsServerNames) {
  Notebook asked;
  const LoopbackServer server({ca_.Issue("s", "IP:127.0.0.1"), {}}, [&](Peer& peer) {
    while (peer.ReadRequest()) {
      asked.Add("'" + peer.ServerName() + "'");
      peer.Answer(200, "fine");
    }
  });
  EXPECT_EQ(Call(server, {.ca_pem = ca_.Pem()}), "fine");
  EXPECT_EQ(asked.Last(), "''");
}

TEST_F(TlsTest, VerificationEndsOnlyWhenTheUserSaysSo) {
  const LoopbackServer server({ca_.Issue("s", "DNS:elsewhere"), {}}, Greet());
  EXPECT_EQ(Call(server, {.insecure_skip_tls_verify = true}), "hello ");
}

TEST_F(TlsTest, AClientCertificateFromMemoryIsPresented) {
  const LoopbackServer server({ca_.Issue("s", "IP:127.0.0.1"), ca_.Pem()}, Greet());
  const PemPair jane = ca_.Issue("jane", "");
  EXPECT_EQ(Call(server, {.ca_pem = ca_.Pem()},
                 {.client_certificate_pem = jane.certificate, .client_key_pem = jane.key}),
            "hello jane");
  EXPECT_EQ(Call(server, {.ca_pem = ca_.Pem()}), "hello ");
  const PemPair stranger = other_ca_.Issue("stranger", "");
  EXPECT_EQ(Call(server, {.ca_pem = ca_.Pem()},
                 {.client_certificate_pem = stranger.certificate, .client_key_pem = stranger.key})
                .find("error: "),
            0u);
}

TEST_F(TlsTest, UnusablePemIsRefusedAtOnce) {
  const LoopbackServer server({ca_.Issue("s", "IP:127.0.0.1"), {}}, Greet());
  const PemPair jane = ca_.Issue("jane", "");
  const PemPair joe = ca_.Issue("joe", "");
  const auto with = [&](const std::string& certificate, const std::string& key) {
    return Call(server, {.ca_pem = ca_.Pem()},
                {.client_certificate_pem = certificate, .client_key_pem = key});
  };
  EXPECT_EQ(Call(server, {.ca_pem = "no pem"})
                .find("refused: certificate authority holds no usable PEM certificates"),
            0u);
  EXPECT_EQ(Call(server, {.ca_pem = ca_.Pem() + "-----BEGIN CERTIFICATE-----\n!!\n"})
                .find("refused: certificate authority"),
            0u);
  EXPECT_EQ(with("junk", jane.key).find("refused: client certificate is no usable PEM"), 0u);
  EXPECT_EQ(with(jane.certificate, "junk").find("refused: client key is no usable PEM"), 0u);
  EXPECT_EQ(with(jane.certificate, joe.key).find("refused: client key is no usable PEM"), 0u);
  EXPECT_EQ(Call(server, {.ca_file = "/nowhere/ca.crt"}).find("refused: cannot read"), 0u);
}

// What Kubernetes does to a Pod: the CA bundle and the token are replaced while it runs.
class RotationTest : public TlsTest {
 protected:
  RotationTest() {
    dir_.Write("ca.crt", ca_.Pem());
    dir_.Write("token", "one");
  }
  std::unique_ptr<Transport> InCluster(const LoopbackServer& server) {
    auto transport =
        MakeHttpTransport({.server = {.url = server.url(), .ca_file = dir_.Path("ca.crt")},
                           .user = {.token_file = dir_.Path("token")}},
                          clock_);
    EXPECT_TRUE(transport);
    return std::move(*transport);
  }

  TempDir dir_;
};

TEST_F(RotationTest, ANewAuthorityIsTrustedOnceItsFileIsReadAgain) {
  LoopbackServer server({ca_.Issue("s", "IP:127.0.0.1"), {}}, [](Peer& peer) {
    peer.ReadRequest();
    peer.Answer(200, "hello", "Connection: close\r\n");
  });
  const auto transport = InCluster(server);
  EXPECT_TRUE(transport->Send(Get(), {}));
  server.UseIdentity({other_ca_.Issue("s", "IP:127.0.0.1"), {}});
  EXPECT_FALSE(transport->Send(Get(), {}));
  dir_.Write("ca.crt", other_ca_.Pem());
  clock_.Advance(std::chrono::seconds(61));
  EXPECT_TRUE(transport->Send(Get(), {}));
  // A bundle that cannot be used does not replace one that can.
  for (const char* broken : {"", "half a certifi"}) {
    dir_.Write("ca.crt", broken);
    clock_.Advance(std::chrono::seconds(61));
    EXPECT_TRUE(transport->Send(Get(), {})) << broken;
  }
}

TEST_F(RotationTest, ConnectionsOfTheOldAuthorityAreNotUsedFurther) {
  LoopbackServer server({ca_.Issue("s", "IP:127.0.0.1"), {}}, Greet());
  const auto transport = InCluster(server);
  EXPECT_TRUE(transport->Send(Get(), {}));
  EXPECT_TRUE(transport->Send(Get(), {}));
  EXPECT_EQ(server.connections(), 1u);
  dir_.Write("ca.crt", ca_.Pem() + other_ca_.Pem());
  // Both limits pass here, so look at the one that matters: idle age alone is 30 s.
  clock_.Advance(std::chrono::seconds(29));
  EXPECT_TRUE(transport->Send(Get(), {}));
  clock_.Advance(std::chrono::seconds(29));
  EXPECT_TRUE(transport->Send(Get(), {}));
  EXPECT_EQ(server.connections(), 1u);
  clock_.Advance(std::chrono::seconds(29));
  EXPECT_TRUE(transport->Send(Get(), {}));
  EXPECT_EQ(server.connections(), 2u);
}

TEST_F(RotationTest, ARefusedTokenIsReadAgainAndTheCallRepeatedOnce) {
  Notebook tokens;
  std::atomic<const char*> accepted = "one";
  LoopbackServer server({ca_.Issue("s", "IP:127.0.0.1"), {}}, [&](Peer& peer) {
    while (const auto request = peer.ReadRequest()) {
      const auto at = request->find("Authorization: Bearer ");
      const std::string token = request->substr(at + 22, request->find("\r\n", at) - at - 22);
      tokens.Add(token);
      peer.Answer(token == accepted.load() ? 200 : 401, "");
    }
  });
  const auto transport = InCluster(server);
  EXPECT_EQ(transport->Send(Get(), {})->status, 200);
  accepted = "two";
  // Not rotated yet: the refusal stands, and is not repeated with the same token.
  EXPECT_EQ(transport->Send(Get(), {})->status, 401);
  dir_.Write("token", "two");
  EXPECT_EQ(transport->Send(Get(), {})->status, 200);
  EXPECT_EQ(tokens.All(), (std::vector<std::string>{"one", "one", "one", "two"}));
}

TEST_F(RotationTest, ATokenThatWouldBreakTheHeaderIsNotSent) {
  const LoopbackServer server({ca_.Issue("s", "IP:127.0.0.1"), {}}, Greet());
  EXPECT_EQ(Call(server, {.ca_pem = ca_.Pem()}, {.token = "a\r\nX-Evil: 1"}),
            "error: the token contains control characters");
  EXPECT_EQ(requests_, 0);
}

TEST_F(TlsTest, ImpersonationHeadersAreSent) {
  Notebook seen;
  const LoopbackServer server({ca_.Issue("s", "IP:127.0.0.1"), {}}, [&](Peer& peer) {
    while (const auto request = peer.ReadRequest()) {
      seen.Add(*request);
      peer.Answer(200, "");
    }
  });
  Call(server, {.ca_pem = ca_.Pem()},
       {.token = "t",
        .impersonation = {
            {"Impersonate-User", "jane"}, {"Impersonate-Group", "a"}, {"Impersonate-Group", "b"}}});
  for (const char* header : {"Authorization: Bearer t\r\n", "Impersonate-User: jane\r\n",
                             "Impersonate-Group: a\r\n", "Impersonate-Group: b\r\n"}) {
    EXPECT_NE(seen.Last().find(header), std::string::npos) << header;
  }
}

}  // namespace
}  // namespace countersign
