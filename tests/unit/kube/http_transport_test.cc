#include "kube/http_transport.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "kube/http_connection.h"
#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/loopback_server.h"
#include "tests/unit/support/temp_dir.h"

namespace countersign {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

SteadyTime In(std::chrono::nanoseconds duration) {
  return std::chrono::steady_clock::now() + duration;
}

HttpRequest Get(const std::string& target = "/x") {
  return {.method = "GET", .target = target, .deadline = In(hours(1))};
}

// Answers every request with "ok".
void Ok(Peer& peer) {
  while (peer.ReadRequest()) peer.Answer(200, "ok");
}

class Collector final : public BodySink {
 public:
  bool Accept(std::string_view piece) override {
    body += piece;
    if (on_piece) on_piece();
    return !refuse;
  }
  [[nodiscard]] milliseconds IdleTimeout() const override { return idle; }

  std::string body;
  milliseconds idle = hours(1);
  bool refuse = false;
  std::function<void()> on_piece;
};

class HttpTransportTest : public testing::Test {
 protected:
  std::unique_ptr<Transport> Make(const RestConfig& config) {
    auto transport = MakeHttpTransport(config, clock_, {.user_agent = "test/1"});
    EXPECT_TRUE(transport) << transport.error().ToString();
    return std::move(*transport);
  }
  std::unique_ptr<Transport> To(const LoopbackServer& server) {
    return Make({.server = {.url = server.url()}});
  }

  FakeClock clock_;  // of credentials and idle connections; sockets go by the real one
};

TEST_F(HttpTransportTest, OneConnectionCarriesManyCalls) {
  Notebook notes;
  const LoopbackServer server([&](Peer& peer) {
    while (auto request = peer.ReadRequest()) {
      notes.Add(*request);
      peer.Answer(201, "body " + std::to_string(notes.All().size()), "X-Header: value\r\n");
    }
  });
  const auto transport = To(server);
  auto response = transport->Send(Get("/a?b=%20"), {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "body 1");
  EXPECT_EQ(response->Header("x-HEADER"), "value");
  HttpRequest post = Get("/p");
  post.method = "POST";
  post.body = "{}";
  post.headers = {{"Content-Type", "application/json"}};
  response = transport->Send(post, {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "body 2");
  EXPECT_EQ(server.connections(), 1u);
  const auto requests = notes.All();
  EXPECT_EQ(requests[0].find("GET /a?b=%20 HTTP/1.1\r\n"), 0u);
  EXPECT_NE(requests[0].find("Host: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"),
            std::string::npos);
  EXPECT_NE(requests[0].find("User-Agent: test/1\r\n"), std::string::npos);
  EXPECT_NE(requests[1].find("Content-Type: application/json\r\n"), std::string::npos);
  EXPECT_EQ(requests[1].substr(requests[1].size() - 4), "\r\n{}");
}

TEST_F(HttpTransportTest, ThePathPrefixOfAGatewayIsKept) {
  Notebook seen;
  const LoopbackServer server([&](Peer& peer) {
    seen.Add(peer.ReadRequest().value_or(""));
    peer.Answer(200, "");
  });
  const auto transport = Make({.server = {.url = server.url() + "/k8s/clusters/c1/"}});
  ASSERT_TRUE(transport->Send(Get("/api"), {}));
  EXPECT_EQ(seen.Last().find("GET /k8s/clusters/c1/api HTTP/1.1\r\n"), 0u);
}

TEST_F(HttpTransportTest, AConnectionThatTheServerClosedIsNotUsedAgain) {
  const LoopbackServer server([](Peer& peer) {
    peer.ReadRequest();
    peer.Answer(200, "once");
  });
  const auto transport = To(server);
  for (std::size_t i = 1; i <= 3; ++i) {
    const auto response = transport->Send(Get(), {});
    ASSERT_TRUE(response) << response.error().message;
    while (server.open_connections() > 0) std::this_thread::yield();
  }
  EXPECT_EQ(server.connections(), 3u);
}

TEST_F(HttpTransportTest, IdleConnectionsAreGivenUpBeforeTheServerDoes) {
  const LoopbackServer server(Ok);
  const auto transport = To(server);
  ASSERT_TRUE(transport->Send(Get(), {}));
  clock_.Advance(std::chrono::seconds(31));
  ASSERT_TRUE(transport->Send(Get(), {}));
  EXPECT_EQ(server.connections(), 2u);
}

TEST_F(HttpTransportTest, ChunksArriveAsTheyAreSent) {
  std::atomic<int> pieces = 0;
  const LoopbackServer server([&](Peer& peer) {
    while (peer.ReadRequest()) {
      peer.BeginChunked();
      peer.Chunk("first ");
      pieces.wait(0);  // the client has it before the answer is complete
      peer.Chunk("second");
      peer.EndChunked();
    }
  });
  const auto transport = To(server);
  Collector sink;
  sink.on_piece = [&] {
    ++pieces;
    pieces.notify_all();
  };
  const auto response = transport->Send(Get(), {}, &sink);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(sink.body, "first second");
  EXPECT_EQ(response->body, "");
  ASSERT_TRUE(transport->Send(Get(), {}, &sink));
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(HttpTransportTest, RefusalsDoNotReachTheSink) {
  const LoopbackServer server([](Peer& peer) {
    while (peer.ReadRequest()) peer.Answer(410, "gone");
  });
  Collector sink;
  const auto response = To(server)->Send(Get(), {}, &sink);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 410);
  EXPECT_EQ(response->body, "gone");
  EXPECT_EQ(sink.body, "");
}

TEST_F(HttpTransportTest, RedirectsAreAnswersAndNotFollowed) {
  const LoopbackServer server([](Peer& peer) {
    while (peer.ReadRequest()) peer.Answer(307, "", "Location: http://169.254.0.1/\r\n");
  });
  EXPECT_EQ(To(server)->Send(Get(), {})->status, 307);
}

struct BadAnswer {
  const char* name;
  std::string bytes;
};
void PrintTo(const BadAnswer& answer, std::ostream* os) { *os << answer.name; }

class BadAnswerTest : public HttpTransportTest, public testing::WithParamInterface<BadAnswer> {};

TEST_P(BadAnswerTest, IsUnavailableAndTheNextCallWorks) {
  std::atomic<int> count = 0;
  const LoopbackServer server([&](Peer& peer) {
    if (!peer.ReadRequest()) return;
    if (++count == 1) {
      peer.Write(GetParam().bytes);
    } else {
      peer.Answer(200, "fine");
    }
  });
  const auto transport = To(server);
  const auto bad = transport->Send(Get(), {});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::kUnavailable) << bad.error().message;
  const auto good = transport->Send(Get(), {});
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->body, "fine");
}

INSTANTIATE_TEST_SUITE_P(
    Wire, BadAnswerTest,
    testing::Values(BadAnswer{"nothing", ""},
                    BadAnswer{"garbage", "\x16\x03\x01 no http at all\r\n\r\n"},
                    BadAnswer{"half a head", "HTTP/1.1 200 OK\r\nContent-Le"},
                    BadAnswer{"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"},
                    BadAnswer{"half a chunk",
                              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nhalf"},
                    BadAnswer{"no last chunk",
                              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"},
                    BadAnswer{"no chunk size",
                              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf"}));

TEST_F(HttpTransportTest, AnswersThatAreTooLongAreRefused) {
  const LoopbackServer server([](Peer& peer) {
    const auto request = peer.ReadRequest();
    if (request && request->find("/body") != std::string::npos) {
      peer.Answer(200, std::string(2000, 'x'));
    } else if (request) {
      peer.Write("HTTP/1.1 200 OK\r\n");
      while (peer.Write("X-Flood: " + std::string(4000, 'x') + "\r\n")) {
      }
    }
  });
  const auto transport = To(server);
  HttpRequest request = Get("/body");
  request.max_response_bytes = 1999;
  EXPECT_EQ(transport->Send(request, {}).error().code, Code::kResourceExhausted);
  EXPECT_EQ(transport->Send(Get("/head"), {}).error().code, Code::kResourceExhausted);
}

TEST_F(HttpTransportTest, NobodyListeningIsSaid) {
  int port = 0;
  {
    port = LoopbackServer(Ok).port();
  }
  const auto transport = Make({.server = {.url = "http://127.0.0.1:" + std::to_string(port)}});
  const auto response = transport->Send(Get(), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnavailable);
  EXPECT_EQ(response.error().message,
            "cannot connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
}

TEST_F(HttpTransportTest, NamesAreResolvedOrSaidNotToBe) {
  const LoopbackServer server(Ok);
  const auto local = Make({.server = {.url = "http://localhost:" + std::to_string(server.port())}});
  EXPECT_TRUE(local->Send(Get(), {}));
  const auto nowhere =
      Make({.server = {.url = "https://does-not-exist.invalid", .insecure_skip_tls_verify = true}});
  EXPECT_EQ(nowhere->Send(Get(), {}).error().code, Code::kUnavailable);
}

TEST_F(HttpTransportTest, SilenceAndDripsEndAtTheirLimits) {
  const LoopbackServer server([](Peer& peer) {
    const auto request = peer.ReadRequest();
    if (request && request->find("/silent") != std::string::npos) {
      peer.BeginChunked();
      peer.Chunk("one");
      peer.AwaitClose();
    } else if (request && request->find("/drip") != std::string::npos) {
      peer.BeginChunked();
      while (peer.Chunk("x")) std::this_thread::yield();
    } else {
      peer.AwaitClose();
    }
  });
  const auto transport = To(server);
  HttpRequest request = Get("/no-answer");
  request.deadline = In(milliseconds(20));
  EXPECT_EQ(transport->Send(request, {}).error().code, Code::kDeadlineExceeded);

  // Long enough for the first chunk to come on a machine that is busy.
  Collector sink;
  sink.idle = milliseconds(500);
  const auto silent = transport->Send(Get("/silent"), {}, &sink);
  EXPECT_EQ(silent.error().code, Code::kDeadlineExceeded);
  EXPECT_EQ(silent.error().message, "the connection to the API server went silent");
  EXPECT_EQ(sink.body, "one");

  request = Get("/drip");
  request.deadline = In(milliseconds(20));
  sink.idle = hours(1);
  EXPECT_EQ(transport->Send(request, {}, &sink).error().code, Code::kDeadlineExceeded);
}

TEST_F(HttpTransportTest, ASinkMayHangUp) {
  const LoopbackServer server([](Peer& peer) {
    peer.ReadRequest();
    peer.BeginChunked();
    peer.Chunk("one");
    peer.AwaitClose();
  });
  Collector sink;
  sink.refuse = true;
  EXPECT_EQ(To(server)->Send(Get(), {}, &sink).error().code, Code::kCancelled);
}

TEST_F(HttpTransportTest, ManyThreadsShareTheConnections) {
  const LoopbackServer server(Ok);
  const auto transport = To(server);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        const auto response = transport->Send(Get(), {});
        EXPECT_TRUE(response) << response.error().message;
      }
    });
  }
  threads.clear();
  EXPECT_LT(server.connections(), 200u);
}

// Each of these waits for something that never comes, without a deadline: only the stop ends it.
TEST_F(HttpTransportTest, StopEndsEveryWait) {
  const TestAuthority ca;
  std::atomic<int> waiting = 0;
  const auto arrived = [&] {
    ++waiting;
    waiting.notify_all();
  };
  const LoopbackServer no_answer([&](Peer& peer) {
    peer.ReadRequest();
    arrived();
    peer.AwaitClose();
  });
  const LoopbackServer half_answer([&](Peer& peer) {
    peer.ReadRequest();
    peer.Write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    arrived();
    peer.AwaitClose();
  });
  const LoopbackServer quiet_watch({ca.Issue("s", "IP:127.0.0.1"), {}, 0, false}, [&](Peer& peer) {
    peer.ReadRequest();
    peer.BeginChunked();
    peer.Chunk("one");
    peer.AwaitClose();
  });
  const LoopbackServer no_handshake({ca.Issue("s", "IP:127.0.0.1"), {}, 0, true}, Ok);

  const auto expect_cancelled = [&](const std::string& url, BodySink* sink,
                                    const std::function<void()>& until_waiting) {
    const auto transport = Make({.server = {.url = url, .ca_pem = ca.Pem()}});
    std::stop_source source;
    std::jthread caller([&] {
      const auto response = transport->Send(Get(), source.get_token(), sink);
      ASSERT_FALSE(response) << url;
      EXPECT_EQ(response.error().code, Code::kCancelled) << response.error().message;
    });
    until_waiting();
    source.request_stop();
  };
  expect_cancelled(no_answer.url(), nullptr, [&] { waiting.wait(0); });
  expect_cancelled(half_answer.url(), nullptr, [&] { waiting.wait(1); });
  std::atomic<bool> got_piece = false;
  Collector sink;
  sink.on_piece = [&] {
    got_piece = true;
    got_piece.notify_all();
  };
  expect_cancelled(quiet_watch.url(), &sink, [&] { got_piece.wait(false); });
  expect_cancelled(no_handshake.url(), nullptr, [&] {
    while (no_handshake.connections() == 0) std::this_thread::yield();
  });
}

TEST_F(HttpTransportTest, StopEndsAConnectThatHangs) {
  // A listener whose queue is full drops further connections without a word.
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 0), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  std::vector<int> fillers;
  for (int i = 0; i < 3; ++i) {
    fillers.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    (void)connect(fillers.back(), reinterpret_cast<sockaddr*>(&address), size);
  }
  const auto transport =
      Make({.server = {.url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port))}});
  std::stop_source source;
  std::jthread caller([&] {
    const auto response = transport->Send(Get(), source.get_token());
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Code::kCancelled) << response.error().message;
  });
  source.request_stop();
  caller.join();
  for (const int fd : fillers) close(fd);
  close(listener);
}

}  // namespace
}  // namespace countersign
