#include "webhook/http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/webhook_http/support.h"
#include "webhook/http/listener.h"

namespace countersign::http {
namespace {

TEST(ServerTest, AConnectionServesManyRequests) {
  const auto server = StartServer(TestOptions(), {Echo()});
  ASSERT_NE(server, nullptr);
  TlsClient client(server->Port());
  for (int i = 0; i < 100; ++i) {
    const std::string body = "{\"n\":" + std::to_string(i) + "}";
    const Answer answer = client.Exchange(Post("/echo", body));
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, body);
    EXPECT_FALSE(answer.Closes());
  }
  EXPECT_EQ(server->Stats().accepted, 1U);
  EXPECT_EQ(server->Stats().requests, 100U);
}

TEST(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  const auto server = StartServer(TestOptions(), {Echo()});
  TlsClient client(server->Port());
  std::string all;
  for (int i = 0; i < 50; ++i) all += Post("/echo", std::to_string(i));
  ASSERT_TRUE(client.Send(all));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.Read().body, std::to_string(i));
}

TEST(ServerTest, ARequestMayArriveByteByByte) {
  const auto server = StartServer(TestOptions(), {Echo()});
  TlsClient client(server->Port());
  for (const char c : Post("/echo", "slow but honest")) {
    ASSERT_TRUE(client.Send(std::string_view(&c, 1)));
  }
  EXPECT_EQ(client.Read().body, "slow but honest");
}

TEST(ServerTest, ALargeBodyAndALargeResponsePassWhole) {
  const auto server = StartServer(TestOptions(), {Echo()});
  TlsClient client(server->Port());
  std::string body(std::size_t{8} << 20, 'x');
  body.front() = 'a';
  body.back() = 'z';
  const Answer answer = client.Exchange(Post("/echo", body));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, body);
  EXPECT_TRUE(Eventually([&] { return server->Stats().buffered_bytes == 0; }));
}

TEST(ServerTest, AHandlerSeesTheWholeRequest) {
  std::string seen;
  SteadyTime deadline;
  const auto server = StartServer(
      TestOptions(), {Route{"/validate", [&](const Request& request) {
                              seen = std::string(request.method) + " " + std::string(request.path) +
                                     " " + request.query.find("timeout")->second + " " +
                                     std::string(request.content_type) + " " +
                                     std::string(request.traceparent) + " " +
                                     std::string(request.body);
                              deadline = request.deadline;
                              return Response();
                            }}});
  const SteadyTime before = std::chrono::steady_clock::now();
  TlsClient client(server->Port());
  EXPECT_EQ(
      client.Exchange(Post("/validate?timeout=30s", "{}", "traceparent: 00-ab-cd-01\r\n")).status,
      200);
  server->Stop();
  EXPECT_EQ(seen, "POST /validate 30s application/json 00-ab-cd-01 {}");
  EXPECT_GE(deadline, before + milliseconds(29'500));
  EXPECT_LE(deadline, std::chrono::steady_clock::now() + milliseconds(29'500));
}

TEST(ServerTest, AHandlersStatusTypeAndHeadersReachTheClient) {
  const auto server = StartServer(
      TestOptions(), {Route{"/odd", [](const Request&) {
                              return Response{503, "later", "text/plain", {{"Retry-After", "7"}}};
                            }}});
  TlsClient client(server->Port());
  const Answer answer = client.Exchange(Post("/odd", "{}"));
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.Header("Content-Type"), "text/plain");
  EXPECT_EQ(answer.Header("Retry-After"), "7");
  EXPECT_EQ(client.Exchange(Post("/odd", "{}")).status, 503) << "the connection is kept";
}

TEST(ServerTest, AHandlersExceptionIsA500ThatTellsNothingAndTheNextRequestIsServed) {
  const auto server =
      StartServer(TestOptions(), {Echo(), Route{"/throws", [](const Request& request) -> Response {
                                                  if (request.body == "int") throw 42;
                                                  throw std::runtime_error("secret path /etc/x");
                                                }}});
  TlsClient client(server->Port());
  for (const char* body : {"std", "int"}) {
    const Answer answer = client.Exchange(Post("/throws", body));
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body, "internal error\n");
    for (const auto& [name, value] : answer.headers) {
      EXPECT_EQ(value.find("secret"), std::string::npos) << name;
    }
  }
  EXPECT_EQ(client.Exchange(Post("/echo", "next")).body, "next");
  EXPECT_EQ(server->Stats().handler_exceptions, 2U);
}

TEST(ServerTest, ExpectContinueIsAnsweredBeforeTheBody) {
  const auto server = StartServer(TestOptions(), {Echo()});
  TlsClient client(server->Port());
  const std::string request = Post("/echo", "body", "Expect: 100-continue\r\n");
  ASSERT_TRUE(client.Send(request.substr(0, request.size() - 4)));
  EXPECT_EQ(client.Read().status, 100);
  ASSERT_TRUE(client.Send("body"));
  EXPECT_EQ(client.Read().body, "body");
}

TEST(ServerTest, AClientThatAsksToCloseIsClosedAfterItsAnswer) {
  const auto server = StartServer(TestOptions(), {Echo()});
  TlsClient client(server->Port());
  const Answer answer = client.Exchange(Post("/echo", "last", "Connection: close\r\n"));
  EXPECT_EQ(answer.body, "last");
  EXPECT_TRUE(answer.Closes());
  EXPECT_TRUE(client.EndsSilently());
}

struct WireCase {
  const char* why;
  std::string request;
  int status;
  Refusal refusal;
};

TEST(ServerTest, ARefusedRequestIsAnsweredThenItsConnectionIsClosed) {
  ServerOptions options = TestOptions();
  options.max_body_bytes = 1000;
  const auto server = StartServer(options, {Echo()});
  const std::string type = "Content-Type: application/json\r\n";
  const std::vector<WireCase> cases = {
      {"chunked",
       "POST /echo HTTP/1.1\r\n" + type + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", 411,
       Refusal::kLength},
      {"chunked and length",
       "POST /echo HTTP/1.1\r\n" + type +
           "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
       411, Refusal::kLength},
      {"gzip", Post("/echo", "\x1f\x8b", "Content-Encoding: gzip\r\n"), 415, Refusal::kEncoding},
      {"plain text",
       "POST /echo HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx", 415,
       Refusal::kMediaType},
      {"no length", "POST /echo HTTP/1.1\r\n" + type + "\r\n", 411, Refusal::kLength},
      {"GET", "GET /echo HTTP/1.1\r\n\r\n", 405, Refusal::kMethod},
      {"unknown path", Post("/other", "{}"), 404, Refusal::kUnknownPath},
      {"not HTTP", "hello there\r\n\r\n", 400, Refusal::kMalformed},
      {"oversized", Post("/echo", std::string(1001, 'x')), 413, Refusal::kBodyTooLarge},
  };
  for (const WireCase& c : cases) {
    SCOPED_TRACE(c.why);
    const std::uint64_t before = server->Stats().Refused(c.refusal);
    TlsClient client(server->Port());
    const Answer answer = client.Exchange(c.request);
    EXPECT_EQ(answer.status, c.status);
    EXPECT_TRUE(answer.Closes());
    EXPECT_TRUE(client.EndsSilently()) << "what followed was taken for another request";
    EXPECT_EQ(server->Stats().Refused(c.refusal), before + 1);
  }
  TlsClient client(server->Port());
  EXPECT_EQ(client.Exchange(Post("/echo", "still here")).body, "still here");
}

TEST(ServerTest, AnOversizedBodyIsRefusedThoughTheClientSendsItAll) {
  const auto server = StartServer(TestOptions(), {Echo()});
  TlsClient client(server->Port());
  const std::string body((std::size_t{8} << 20) + 1, 'x');
  // Sending may fail part-way once the server has closed; the refusal must be readable all the
  // same.
  (void)client.Send(Post("/echo", body));
  EXPECT_EQ(client.Read().status, 413);
  TlsClient next(server->Port());
  EXPECT_EQ(next.Exchange(Post("/echo", "next")).body, "next");
}

TEST(ServerTest, WhenTheQueueIsFullTheClientIsToldToTryAgainAndKeepsItsConnection) {
  Gate gate;
  ServerOptions options = TestOptions();
  options.worker_threads = 1;
  options.max_queued = 1;
  const auto server = StartServer(options, {Route{"/wait", [&](const Request&) {
                                                    gate.Await();
                                                    return Response{200, "done", "text/plain", {}};
                                                  }}});
  TlsClient running(server->Port());
  ASSERT_TRUE(running.Send(Post("/wait", "{}")));
  ASSERT_TRUE(Eventually([&] { return server->Stats().requests == 1; }));
  TlsClient queued(server->Port());
  ASSERT_TRUE(queued.Send(Post("/wait", "{}")));
  ASSERT_TRUE(Eventually([&] { return server->Stats().queued == 1; }));

  TlsClient refused(server->Port());
  for (int i = 0; i < 3; ++i) {
    const Answer answer = refused.Exchange(Post("/wait", "{}"));
    EXPECT_EQ(answer.status, 429);
    EXPECT_EQ(answer.Header("Retry-After"), "1");
    EXPECT_FALSE(answer.Closes());
  }
  EXPECT_EQ(server->Stats().Refused(Refusal::kOverloaded), 3U);
  EXPECT_EQ(server->Stats().in_flight, 2U);
  gate.Open();
  EXPECT_EQ(running.Read().body, "done");
  EXPECT_EQ(queued.Read().body, "done");
  EXPECT_EQ(refused.Exchange(Post("/wait", "{}")).body, "done");
}

TEST(ServerTest, WhenTheQueueStandsStillTheClientIsToldToTryAgain) {
  Gate gate;
  ServerOptions options = TestOptions();
  options.worker_threads = 1;
  options.max_wait = milliseconds(1);
  const auto server = StartServer(options, {Route{"/wait", [&](const Request&) {
                                                    gate.Await();
                                                    return Response{200, "done", "text/plain", {}};
                                                  }}});
  TlsClient running(server->Port());
  ASSERT_TRUE(running.Send(Post("/wait", "{}")));
  ASSERT_TRUE(Eventually([&] { return server->Stats().requests == 1; }));
  TlsClient queued(server->Port());
  ASSERT_TRUE(queued.Send(Post("/wait", "{}")));
  ASSERT_TRUE(Eventually([&] { return server->Stats().queued == 1; }));
  const auto waited = std::chrono::steady_clock::now() + milliseconds(2);
  ASSERT_TRUE(Eventually([&] { return std::chrono::steady_clock::now() >= waited; }));

  TlsClient refused(server->Port());
  EXPECT_EQ(refused.Exchange(Post("/wait", "{}")).status, 429);
  EXPECT_EQ(server->Stats().Refused(Refusal::kOverloaded), 1U);
  gate.Open();
  EXPECT_EQ(queued.Read().body, "done");
  EXPECT_EQ(refused.Exchange(Post("/wait", "{}")).body, "done");
}

TEST(ServerTest, ARequestThatWaitedLongerThanItsCallerReachesNoHandler) {
  Gate gate;
  ServerOptions options = TestOptions();
  options.worker_threads = 1;
  const auto server = StartServer(options, {Route{"/wait", [&](const Request&) {
                                                    gate.Await();
                                                    return Response();
                                                  }}});
  TlsClient running(server->Port());
  ASSERT_TRUE(running.Send(Post("/wait?timeout=30s", "{}")));
  ASSERT_TRUE(Eventually([&] { return server->Stats().requests == 1; }));
  TlsClient late(server->Port());
  ASSERT_TRUE(late.Send(Post("/wait?timeout=1s", "{}")));
  ASSERT_TRUE(Eventually([&] { return server->Stats().queued == 1; }));
  const auto expired = std::chrono::steady_clock::now() + seconds(1);
  ASSERT_TRUE(Eventually([&] { return std::chrono::steady_clock::now() >= expired; }));
  gate.Open();
  EXPECT_EQ(late.Read().status, 503);
  EXPECT_EQ(server->Stats().Refused(Refusal::kExpired), 1U);
  EXPECT_EQ(server->Stats().requests, 1U);
}

TEST(ServerTest, DrainTellsEachCallerToGoAndClosesNoIdleConnection) {
  const auto server = StartServer(TestOptions(), {Echo()});
  TlsClient idle(server->Port());
  ASSERT_EQ(idle.Exchange(Post("/echo", "1")).status, 200);
  TlsClient other(server->Port());
  ASSERT_EQ(other.Exchange(Post("/echo", "1")).status, 200);
  ASSERT_TRUE(Eventually([&] { return server->Stats().idle == 2; }));

  server->Drain();
  const Answer answer = other.Exchange(Post("/echo", "2"));
  EXPECT_EQ(answer.body, "2");
  EXPECT_TRUE(answer.Closes());
  EXPECT_TRUE(other.EndsSilently());
  TlsClient late(server->Port());
  EXPECT_TRUE(late.Exchange(Post("/echo", "3")).Closes()) << "still served, and sent away";
  EXPECT_EQ(server->Stats().idle, 1U);
  EXPECT_EQ(idle.Exchange(Post("/echo", "4")).body, "4");
}

TEST(ServerTest, StopFinishesWhatIsUnderWayAndClosesTheRest) {
  Gate gate;
  ServerOptions options = TestOptions();
  options.stop_grace = kNever;
  const auto server =
      StartServer(options, {Echo(), Route{"/wait", [&](const Request&) {
                                            gate.Await();
                                            return Response{200, "done", "text/plain", {}};
                                          }}});
  TlsClient idle(server->Port());
  ASSERT_EQ(idle.Exchange(Post("/echo", "1")).status, 200);
  TlsClient busy(server->Port());
  ASSERT_TRUE(busy.Send(Post("/wait", "{}")));
  ASSERT_TRUE(Eventually([&] { return server->Stats().in_flight == 1; }));

  std::thread stopper([&] { server->Stop(); });
  EXPECT_TRUE(idle.EndsSilently());
  gate.Open();
  const Answer answer = busy.Read();
  EXPECT_EQ(answer.body, "done");
  EXPECT_TRUE(answer.Closes());
  stopper.join();
  server->Stop();
  EXPECT_EQ(server->Stats().active, 0U);
  EXPECT_FALSE(TcpClient(server->Port()).Connected());
}

// An API server that is told to come again asks another replica; at the end of a connection it does
// not.
TEST(ServerTest, StopTellsThoseWhoseTurnDidNotComeToComeAgain) {
  Gate gate;
  ServerOptions options = TestOptions();
  options.worker_threads = 1;
  options.stop_grace = milliseconds(50);
  const auto server = StartServer(options, {Route{"/wait", [&](const Request&) {
                                                    gate.Await();
                                                    return Response();
                                                  }}});
  TlsClient busy(server->Port());
  ASSERT_TRUE(busy.Send(Post("/wait", "{}")));
  TlsClient waits(server->Port());
  ASSERT_TRUE(waits.Send(Post("/wait", "{}")));
  ASSERT_TRUE(
      Eventually([&] { return server->Stats().requests == 1 && server->Stats().in_flight == 2; }));
  std::thread stopper([&] { server->Stop(); });
  const Answer answer = waits.Read();
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.Header("Retry-After"), "1");
  EXPECT_TRUE(answer.Closes());
  gate.Open();
  stopper.join();
}

TEST(ServerTest, StopAnswersWhoHasBegunToAskAndWhoJustCame) {
  ServerOptions options = TestOptions();
  options.stop_grace = kNever;
  const auto server = StartServer(options, {Echo()});
  const std::string request = Post("/echo", "1");
  TlsClient asking(server->Port());
  ASSERT_TRUE(asking.Send(request.substr(0, request.size() / 2)));
  ASSERT_TRUE(Eventually([&] { return server->Stats().buffered_bytes > 0; }));
  TlsClient came(server->Port());
  ASSERT_TRUE(Eventually([&] { return server->Stats().idle == 1; }));

  std::thread stopper([&] { server->Stop(); });
  EXPECT_TRUE(Eventually([&] { return !TcpClient(server->Port()).Connected(); }));
  ASSERT_TRUE(asking.Send(request.substr(request.size() / 2)));
  for (const Answer& answer : {asking.Read(), came.Exchange(request)}) {
    EXPECT_EQ(answer.body, "1");
    EXPECT_TRUE(answer.Closes());
  }
  stopper.join();
  EXPECT_EQ(server->Stats().active, 0U);
}

TEST(ServerTest, StopEndsAHandlerThatHeedsTheRequest) {
  ServerOptions options = TestOptions();
  options.stop_grace = milliseconds(10);
  std::atomic<bool> ended = false;
  const auto server = StartServer(options, {Route{"/wait", [&](const Request& request) {
                                                    Gate gate;
                                                    const std::stop_callback end(
                                                        request.stop, [&] { gate.Open(); });
                                                    gate.Await();
                                                    ended = true;
                                                    return Response();
                                                  }}});
  TlsClient client(server->Port());
  ASSERT_TRUE(client.Send(Post("/wait", "{}")));
  ASSERT_TRUE(Eventually([&] { return server->Stats().requests == 1; }));
  server->Stop();
  EXPECT_TRUE(ended);
}

TEST(ServerTest, AConnectionIsSentAwayOnceItIsOld) {
  ServerOptions options = TestOptions();
  options.max_age = milliseconds(0);
  options.max_age_jitter = milliseconds(0);
  const auto server = StartServer(options, {Echo()});
  TlsClient client(server->Port());
  const Answer answer = client.Exchange(Post("/echo", "served all the same"));
  EXPECT_EQ(answer.body, "served all the same");
  EXPECT_TRUE(answer.Closes());
  EXPECT_TRUE(client.EndsSilently());
}

TEST(ServerTest, AnIdleConnectionIsClosedInTheEndWithAGoodbye) {
  ServerOptions options = TestOptions();
  options.idle_timeout = milliseconds(50);
  const auto server = StartServer(options, {Echo()});
  TlsClient client(server->Port());
  ASSERT_EQ(client.Exchange(Post("/echo", "1")).status, 200);
  EXPECT_TRUE(client.EndsSilently());
  EXPECT_EQ(SSL_get_shutdown(client.Ssl()) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
  EXPECT_TRUE(Eventually([&] { return server->Stats().active == 0; }));
}

// What the program runs with: it sets none of these. An API server waits 10 s for an answer.
TEST(ServerTest, WhoIsSlowOrGreedyIsCutOffBeforeAnApiServerWouldGiveUp) {
  const ServerOptions shipped;
  for (const milliseconds limit : {shipped.handshake_deadline, shipped.head_deadline,
                                   shipped.request_deadline, shipped.write_deadline}) {
    EXPECT_GE(limit, seconds(1));
    EXPECT_LE(limit, seconds(5));
  }
  EXPECT_LE(shipped.max_wait, seconds(1));
  EXPECT_LE(shipped.max_head_bytes, std::size_t{64} << 10);
  // Two objects of the API server's greatest, and no more than the buffers of a few.
  EXPECT_GE(shipped.max_body_bytes, std::size_t{6} << 20);
  EXPECT_LE(shipped.max_body_bytes, std::size_t{8} << 20);
  EXPECT_LE(shipped.max_buffered_bytes, std::size_t{64} << 20);
  EXPECT_GE(shipped.max_connections, 5U * 25U);
  EXPECT_LE(shipped.max_connections, 4096U);
}

TEST(ServerTest, TheIdleTimeoutExceedsTheApiServers) {
  // Go's DefaultTransport closes after 90 s; the server must not be the first.
  EXPECT_GT(ServerOptions().idle_timeout, seconds(90));
}

TEST(ServerTest, APortInUseIsOneClearSentence) {
  const auto server = StartServer(TestOptions(), {Echo()});
  ServerOptions same = TestOptions();
  same.port = server->Port();
  const auto second = HttpsServer::Start(same, ServerTls(), {Echo()});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().message, "cannot listen on 127.0.0.1 port " +
                                        std::to_string(server->Port()) +
                                        ": Address already in use");
}

TEST(ServerTest, AnAddressMustBeNumeric) {
  ServerOptions options = TestOptions();
  options.address = "no.such.host.invalid";
  EXPECT_FALSE(HttpsServer::Start(options, ServerTls(), {Echo()}).has_value());
}

TEST(ServerTest, EveryRefusalHasItsOwnName) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kRefusals; ++i) {
    names.insert(RefusalName(static_cast<Refusal>(i)));
  }
  EXPECT_EQ(names.size(), kRefusals);
  EXPECT_EQ(names.count("unknown"), 0U);
}

}  // namespace
}  // namespace countersign::http
