// Clients that mean harm, or merely do nothing: they are bounded, and an honest one is served.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/webhook_http/support.h"
#include "webhook/http/server.h"

namespace countersign::http {
namespace {

bool IsServed(const HttpsServer& server) {
  TlsClient client(server.Port());
  return client.Exchange(Post("/echo", "honest")).body == "honest";
}

TEST(AbuseTest, TwoThousandSilentConnectionsKeepNobodyWaiting) {
  const auto server = StartServer(TestOptions(), {Echo()});
  ASSERT_NE(server, nullptr);
  std::vector<std::unique_ptr<TcpClient>> silent;
  for (int i = 0; i < 2000; ++i) {
    silent.push_back(std::make_unique<TcpClient>(server->Port()));
    ASSERT_TRUE(silent.back()->Connected()) << i;
  }
  ASSERT_TRUE(Eventually([&] { return server->Stats().silent == 2000; }));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(IsServed(*server));
  EXPECT_GE(server->Stats().silent, 2000U) << "they are still there";
}

TEST(AbuseTest, ASilentConnectionIsCutAtItsDeadline) {
  ServerOptions options = TestOptions();
  options.handshake_deadline = milliseconds(50);
  const auto server = StartServer(options, {Echo()});
  TcpClient silent(server->Port());
  EXPECT_TRUE(silent.EndsSilently());
  TcpClient half(server->Port());
  ASSERT_TRUE(half.Send("\x16\x03\x01"));  // the beginning of a handshake
  EXPECT_TRUE(half.EndsSilently());
  EXPECT_TRUE(
      Eventually([&] { return server->Stats().Refused(Refusal::kHandshakeDeadline) == 2; }));
}

// More of them than workers, each in the middle of a request, for ever.
void ExpectDrippersKeepNobodyWaiting(const std::string& beginning) {
  const auto server = StartServer(TestOptions(), {Echo()});
  std::vector<std::unique_ptr<TlsClient>> drippers;
  for (int i = 0; i < 50; ++i) {
    drippers.push_back(std::make_unique<TlsClient>(server->Port()));
    ASSERT_TRUE(drippers.back()->Send(beginning));
  }
  ASSERT_TRUE(Eventually(
      [&] { return server->Stats().buffered_bytes == drippers.size() * beginning.size(); }));
  for (int round = 0; round < 10; ++round) {
    for (const auto& dripper : drippers) ASSERT_TRUE(dripper->Send("x"));
    EXPECT_TRUE(IsServed(*server));
  }
  EXPECT_EQ(server->Stats().Refused(Refusal::kRequestDeadline), 0U) << "all were still dripping";
}

TEST(AbuseTest, SlowHeadsKeepNobodyWaiting) {
  ExpectDrippersKeepNobodyWaiting("POST /echo HTTP/1.1\r\nX: ");
}

TEST(AbuseTest, SlowBodiesKeepNobodyWaiting) {
  ExpectDrippersKeepNobodyWaiting(
      "POST /echo HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n");
}

// Sends a byte at a time until the server has had enough.
bool IsCut(TlsClient& client) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < give_up) {
    if (!client.Send("x")) return true;
    pollfd readable{client.Fd(), POLLIN, 0};
    if (poll(&readable, 1, 1) == 1) return client.EndsSilently();
  }
  return false;
}

TEST(AbuseTest, ADrippingHeadIsCutAtItsDeadlineHoweverBusyItLooks) {
  ServerOptions options = TestOptions();
  options.head_deadline = milliseconds(100);
  const auto server = StartServer(options, {Echo()});
  TlsClient dripper(server->Port());
  ASSERT_TRUE(dripper.Send("POST /echo HTTP/1.1\r\nX: "));
  EXPECT_TRUE(IsCut(dripper));
  EXPECT_EQ(server->Stats().Refused(Refusal::kRequestDeadline), 1U);
  EXPECT_TRUE(IsServed(*server));
}

TEST(AbuseTest, ADrippingBodyIsCutAtItsDeadline) {
  ServerOptions options = TestOptions();
  options.request_deadline = milliseconds(100);
  const auto server = StartServer(options, {Echo()});
  TlsClient dripper(server->Port());
  ASSERT_TRUE(dripper.Send(
      "POST /echo HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"));
  EXPECT_TRUE(IsCut(dripper));
  EXPECT_EQ(server->Stats().Refused(Refusal::kRequestDeadline), 1U);
  EXPECT_TRUE(Eventually([&] { return server->Stats().buffered_bytes == 0; }));
}

TEST(AbuseTest, AClientThatDoesNotReadItsResponseIsCut) {
  ServerOptions options = TestOptions();
  options.write_deadline = milliseconds(100);
  const std::string large(std::size_t{32} << 20, 'x');  // more than the sockets' buffers take
  const auto server =
      StartServer(options, {Echo(), Route{"/large", [&](const Request&) {
                                            return Response{200, large, "text/plain", {}};
                                          }}});
  TlsClient deaf(server->Port());
  ASSERT_TRUE(deaf.Send(Post("/large", "{}")));
  EXPECT_TRUE(Eventually([&] { return server->Stats().Refused(Refusal::kWriteDeadline) == 1; }));
  EXPECT_TRUE(IsServed(*server));
}

TEST(AbuseTest, GarbageInsteadOfTlsIsClosed) {
  const auto server = StartServer(TestOptions(), {Echo()});
  const std::vector<std::string> garbage = {
      "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
      std::string(100'000, '\xff'),
      std::string(1000, '\0'),
      std::string("\x16\x03\x01\xff\xff", 5) + std::string(70'000, 'A'),
      "SSH-2.0-OpenSSH_9.2\r\n",
  };
  for (const std::string& bytes : garbage) {
    TcpClient client(server->Port());
    (void)client.Send(bytes);
    char answer[64];
    // At most a TLS alert (7 bytes), then the end.
    while (const std::size_t n = client.Receive(answer, sizeof(answer))) EXPECT_LE(n, 7U);
  }
  EXPECT_TRUE(Eventually([&] { return server->Stats().tls_failures == garbage.size(); }));
  EXPECT_TRUE(IsServed(*server));
}

TEST(AbuseTest, AConnectionThatOpensAndClosesIsNoFailureOfTls) {
  const auto server = StartServer(TestOptions(), {Echo()});
  {
    const TcpClient health_check(server->Port());
  }
  ASSERT_TRUE(
      Eventually([&] { return server->Stats().accepted == 1 && server->Stats().active == 0; }));
  EXPECT_EQ(server->Stats().tls_failures, 0U);
}

TEST(AbuseTest, AnEndlessHeadIsRefusedAtTheLimit) {
  const auto server = StartServer(TestOptions(), {Echo()});
  std::string many = "POST /echo HTTP/1.1\r\n";
  for (int i = 0; i < 20'000; ++i) many += "X" + std::to_string(i) + ": y\r\n";
  const std::vector<std::string> floods = {
      std::string(200'000, 'A'), "POST /echo HTTP/1.1\r\nX: " + std::string(200'000, 'b'), many};
  for (const std::string& flood : floods) {
    TlsClient client(server->Port());
    (void)client.Send(flood);
    EXPECT_EQ(client.Read().status, 431);
    EXPECT_TRUE(client.EndsSilently());
  }
  EXPECT_EQ(server->Stats().Refused(Refusal::kHeadTooLarge), floods.size());
  EXPECT_TRUE(Eventually([&] { return server->Stats().buffered_bytes == 0; }));
  EXPECT_TRUE(IsServed(*server));
}

// Sends the first bytes of a TLS record, and not the rest.
void SendPartOfARecord(const TlsClient& client, std::size_t part = SSL3_RT_MAX_PLAIN_LENGTH - 100) {
  SSL_set0_wbio(client.Ssl(), BIO_new(BIO_s_mem()));
  const std::string text(SSL3_RT_MAX_PLAIN_LENGTH, 'x');
  ASSERT_GT(SSL_write(client.Ssl(), text.data(), static_cast<int>(text.size())), 0);
  char* bytes = nullptr;
  ASSERT_GT(BIO_get_mem_data(SSL_get_wbio(client.Ssl()), &bytes), static_cast<long>(part));
  ASSERT_EQ(send(client.Fd(), bytes, part, MSG_NOSIGNAL), static_cast<ssize_t>(part));
}

TEST(AbuseTest, PartsOfTlsRecordsAreBytesHeldAndTheLargestGo) {
  ServerOptions options = TestOptions();
  options.max_buffered_bytes = 100'000;
  const auto server = StartServer(options, {Echo()});
  ClientTls elsewhere;
  elsewhere.host = 2;
  std::vector<std::unique_ptr<TlsClient>> hoarders;
  for (int i = 0; i < 10; ++i) {
    hoarders.push_back(std::make_unique<TlsClient>(server->Port(), elsewhere));
    ASSERT_EQ(hoarders.back()->Exchange(Post("/echo", "1")).status, 200);
    SendPartOfARecord(*hoarders.back());
    EXPECT_TRUE(IsServed(*server));
    EXPECT_LE(server->Stats().buffered_bytes, 100'000U);
  }
  EXPECT_TRUE(Eventually([&] { return server->Stats().Refused(Refusal::kMemory) >= 4; }));
}

TEST(AbuseTest, APartOfATlsRecordMustBeWholeInTime) {
  ServerOptions options = TestOptions();
  options.head_deadline = milliseconds(50);
  options.idle_timeout = kNever;
  const auto server = StartServer(options, {Echo()});
  // Of its head a byte, all but one, and all: OpenSSL keeps a buffer for the whole.
  std::uint64_t late = 0;
  for (const std::size_t part : {std::size_t{1}, std::size_t{4}, std::size_t{5}, std::size_t{6},
                                 std::size_t{SSL3_RT_MAX_PLAIN_LENGTH}}) {
    TlsClient client(server->Port());
    ASSERT_EQ(client.Exchange(Post("/echo", "1")).status, 200);
    SendPartOfARecord(client, part);
    EXPECT_TRUE(client.EndsSilently()) << part;
    ++late;
    EXPECT_TRUE(
        Eventually([&] { return server->Stats().Refused(Refusal::kRequestDeadline) == late; }));
  }
}

// OpenSSL takes as much memory as a message of a handshake says that it will be long.
TEST(AbuseTest, HandshakesThatBeginAndStopAreBytesHeld) {
  ServerOptions options = TestOptions();
  options.max_buffered_bytes = 1'000'000;
  const auto server = StartServer(options, {Echo()});
  // A ClientHello of 131,000 bytes, in a record that has its first ones alone.
  const std::string announced("\x16\x03\x01\x00\x04\x01\x01\xff\xb8", 9);
  std::vector<std::unique_ptr<TcpClient>> hoarders;
  for (int i = 0; i < 20; ++i) {
    hoarders.push_back(std::make_unique<TcpClient>(server->Port(), 2));
    ASSERT_TRUE(hoarders.back()->Send(announced));
    EXPECT_TRUE(IsServed(*server));
    EXPECT_LE(server->Stats().buffered_bytes, 1'000'000U);
  }
  EXPECT_TRUE(Eventually([&] { return server->Stats().Refused(Refusal::kMemory) >= 12; }));
}

TEST(AbuseTest, WhatAHandshakeTakesIsHeldUntilItIsDone) {
  const auto server = StartServer(TestOptions(), {Echo()});
  // A real one, of which the client says no more than its first message.
  const openssl::ContextPtr context(SSL_CTX_new(TLS_client_method()));
  const openssl::SslPtr ssl(SSL_new(context.get()));
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  ASSERT_LE(SSL_connect(ssl.get()), 0);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(SSL_get_wbio(ssl.get()), &bytes);
  {
    TcpClient client(server->Port());
    ASSERT_TRUE(client.Send({bytes, static_cast<std::size_t>(size)}));
    EXPECT_TRUE(Eventually([&] { return server->Stats().buffered_bytes >= 30'000; }));
  }
  EXPECT_TRUE(Eventually([&] { return server->Stats().buffered_bytes == 0; }));
  {
    TcpClient client(server->Port());  // a whole record, with the first byte of that message
    ASSERT_TRUE(client.Send(std::string("\x16\x03\x01\x00\x01\x01", 6)));
    EXPECT_TRUE(Eventually([&] { return server->Stats().buffered_bytes >= 30'000; }));
  }
  EXPECT_TRUE(Eventually([&] { return server->Stats().buffered_bytes == 0; }));
  TlsClient client(server->Port());
  ASSERT_TRUE(client.Shaken());
  ASSERT_EQ(client.Exchange(Post("/echo", "1")).status, 200);
  // The request's own go once it is answered, which its caller may see before.
  EXPECT_TRUE(Eventually([&] { return server->Stats().buffered_bytes == 0; }));
}

TEST(AbuseTest, AShortRequestThatIsWholeIsServedHoweverManyBytesWait) {
  ServerOptions options = TestOptions();
  Gate gate;
  options.max_buffered_bytes = 100'100;
  const auto server = StartServer(options, {Route{"/wait",
                                                  [&](const Request&) {
                                                    gate.Await();
                                                    return Response();
                                                  }},
                                            Echo()});
  TlsClient honest(server->Port());
  ASSERT_EQ(honest.Exchange(Post("/echo", "1")).status, 200);
  TlsClient waits(server->Port());
  ASSERT_TRUE(waits.Send(Post("/wait", std::string(100'000 - 200, 'x'))));
  ASSERT_TRUE(Eventually([&] { return server->Stats().in_flight == 1; }));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(honest.Exchange(Post("/echo", std::string(4'000, 'x'))).status, 200);
  }
  gate.Open();
  EXPECT_EQ(waits.Read().status, 200);
}

TEST(AbuseTest, WhoHoardsMemoryWithUnfinishedBodiesGoesBeforeAnyoneElse) {
  ServerOptions options = TestOptions();
  options.max_buffered_bytes = 1'000'000;
  const auto server = StartServer(options, {Echo()});
  const std::string head =
      "POST /echo HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 600000\r\n\r\n";
  std::vector<std::unique_ptr<TlsClient>> hoarders;
  for (int i = 0; i < 10; ++i) {
    hoarders.push_back(std::make_unique<TlsClient>(server->Port()));
    (void)hoarders.back()->Send(head + std::string(400'000, 'x'));
    EXPECT_TRUE(IsServed(*server));
    EXPECT_LE(server->Stats().buffered_bytes, 1'000'000U);
  }
  ASSERT_TRUE(Eventually([&] { return server->Stats().Refused(Refusal::kMemory) >= 8; }));
}

TEST(AbuseTest, BytesOfARequestWhoseClientLeftAreStillCountedUntilItIsDone) {
  Gate gate;
  const auto server = StartServer(TestOptions(), {Route{"/wait", [&](const Request&) {
                                                          gate.Await();
                                                          return Response();
                                                        }}});
  const std::string request = Post("/wait", std::string(100'000, 'x'));
  {
    TlsClient client(server->Port());
    ASSERT_TRUE(client.Send(request));
    ASSERT_TRUE(Eventually([&] { return server->Stats().in_flight == 1; }));
  }
  EXPECT_EQ(server->Stats().buffered_bytes, request.size());
  gate.Open();
  EXPECT_TRUE(Eventually(
      [&] { return server->Stats().buffered_bytes == 0 && server->Stats().active == 0; }));
}

// However they come, they are no requests.
TEST(AbuseTest, UpdatesOfTheKeysInPartsDoNotKeepAConnectionForEver) {
  ServerOptions options = TestOptions();
  options.idle_timeout = milliseconds(500);
  const auto server = StartServer(options, {Echo()});
  TlsClient client(server->Port());
  ASSERT_EQ(client.Exchange(Post("/echo", "1")).status, 200);
  SSL_set0_wbio(client.Ssl(), BIO_new(BIO_s_mem()));
  const auto gone = [&] { return server->Stats().active == 0; };
  EXPECT_TRUE(Eventually([&] {
    (void)BIO_reset(SSL_get_wbio(client.Ssl()));
    SSL_key_update(client.Ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    SSL_do_handshake(client.Ssl());
    char* bytes = nullptr;
    const auto size =
        static_cast<std::size_t>(BIO_get_mem_data(SSL_get_wbio(client.Ssl()), &bytes));
    send(client.Fd(), bytes, 3, MSG_NOSIGNAL);
    (void)Eventually([&] { return server->Stats().idle == 0 || gone(); });
    send(client.Fd(), bytes + 3, size - 3, MSG_NOSIGNAL);
    (void)Eventually([&] { return server->Stats().idle == 1 || gone(); });
    return gone();
  }));
}

TEST(AbuseTest, AStreamOfKeyUpdatesLetsOthersThrough) {
  const auto server = StartServer(TestOptions(), {Echo()});
  TlsClient client(server->Port());
  ASSERT_TRUE(client.Shaken());
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(SSL_key_update(client.Ssl(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(client.Ssl()), 1);
  }
  EXPECT_TRUE(IsServed(*server));
  EXPECT_EQ(client.Exchange(Post("/echo", "and so is this one")).body, "and so is this one");
}

}  // namespace
}  // namespace countersign::http
