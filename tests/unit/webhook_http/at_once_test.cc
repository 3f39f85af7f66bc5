// Requests that the thread of connections answers itself.
#include <netinet/tcp.h>

#include <atomic>
#include <ctime>
#include <set>
#include <stdexcept>
#include <string>

#include "tests/unit/webhook_http/support.h"

namespace countersign::http {
namespace {

Response Said(std::string text) { return Response{200, std::move(text), "text/plain", {}}; }

Route AtOnceRoute(AtOnce at_once) {
  Route route{"/quick", [](const Request&) { return Said("by a worker"); }};
  route.at_once = std::move(at_once);
  return route;
}

Route Quick() {
  return AtOnceRoute(
      [](const Request& request) { return Said("at once: " + std::string(request.body)); });
}

TEST(AtOnceTest, NoWorkerIsNeeded) {
  Gate gate;
  ServerOptions options = TestOptions();
  options.worker_threads = 1;
  options.max_queued = 0;  // nor a place in the queue
  const auto server = StartServer(options, {Quick(), Route{"/wait", [&](const Request&) {
                                                             gate.Await();
                                                             return Said("done");
                                                           }}});
  TlsClient client(server->Port());
  for (const char* body : {"1", "2", "3"}) {
    const Answer answer = client.Exchange(Post("/quick", body));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, std::string("at once: ") + body);
    EXPECT_FALSE(answer.Closes());
  }
  EXPECT_EQ(client.Exchange(Post("/wait", "{}")).status, 429) << "the queue takes nothing";
  EXPECT_EQ(server->Stats().requests, 3U);
  EXPECT_EQ(server->Stats().in_flight, 0U);
  EXPECT_TRUE(Eventually([&] { return server->Stats().buffered_bytes == 0; }));
  gate.Open();
}

TEST(AtOnceTest, WhatWouldHaveToWaitIsTheHandlersAndCountsOnce) {
  std::atomic<int> asked = 0;
  const auto server = StartServer(TestOptions(), {AtOnceRoute([&](const Request&) {
                                    ++asked;
                                    return std::optional<Response>();
                                  })});
  TlsClient client(server->Port());
  EXPECT_EQ(client.Exchange(Post("/quick", "{}")).body, "by a worker");
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(server->Stats().requests, 1U);
}

TEST(AtOnceTest, WhatCameBehindARequestThatIsSentAwayIsAnsweredToo) {
  Gate gate;
  ServerOptions options = TestOptions();
  options.worker_threads = 1;
  options.max_queued = 1;
  Route wait{"/wait", [&](const Request&) {
               gate.Await();
               return Response();
             }};
  wait.at_once = [](const Request&) { return std::optional<Response>(); };
  const auto server = StartServer(options, {wait});
  TlsClient busy(server->Port());
  ASSERT_TRUE(busy.Send(Post("/wait", "{}")));
  ASSERT_TRUE(Eventually([&] { return server->Stats().requests == 1; }));
  TlsClient queued(server->Port());
  ASSERT_TRUE(queued.Send(Post("/wait", "{}")));
  ASSERT_TRUE(Eventually([&] { return server->Stats().queued == 1; }));
  TlsClient client(server->Port());
  ASSERT_TRUE(client.Shaken());
  const int on = 1;
  const int off = 0;
  setsockopt(client.Fd(), IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
  ASSERT_TRUE(client.Send(Post("/wait", "1")));  // a record each, one segment for both
  ASSERT_TRUE(client.Send(Post("/wait", "2")));
  setsockopt(client.Fd(), IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
  EXPECT_EQ(client.Read().status, 429);
  EXPECT_EQ(client.Read().status, 429);
  gate.Open();
}

TEST(AtOnceTest, LongRequestsAreTheWorkers) {
  ServerOptions options = TestOptions();
  options.at_once_bytes = 1000;
  const auto server = StartServer(options, {Quick()});
  TlsClient client(server->Port());
  EXPECT_EQ(client.Exchange(Post("/quick", std::string(1000, 'x'))).body, "by a worker");
  EXPECT_EQ(client.Exchange(Post("/quick", "x")).body, "at once: x");
}

// The first of a turn may take all of its time; the second, which came meanwhile too, is a
// worker's.
TEST(AtOnceTest, WhatATurnHasNoTimeForIsTheWorkers) {
  Gate both_sent;
  std::atomic<bool> holding = false;
  Route hold{"/hold", [](const Request&) { return Said("by a worker"); }};
  hold.at_once = [&](const Request&) {  // the thread of connections sees nothing meanwhile
    holding = true;
    both_sent.Await();
    return Said("held");
  };
  ServerOptions options = TestOptions();
  options.at_once_time = milliseconds(1);
  const auto server = StartServer(options, {Echo(), hold, AtOnceRoute([](const Request&) {
                                              const std::clock_t begin = std::clock();  // CPU
                                              while (std::clock() - begin < CLOCKS_PER_SEC / 100) {
                                              }
                                              return Said("at once");
                                            })});
  TlsClient first(server->Port());
  TlsClient one(server->Port());
  TlsClient two(server->Port());
  // Their handshakes are over for the server too.
  for (TlsClient* client : {&first, &one, &two}) {
    ASSERT_EQ(client->Exchange(Post("/echo", "here")).body, "here");
  }
  ASSERT_TRUE(first.Send(Post("/hold", "{}")));
  ASSERT_TRUE(Eventually([&] { return holding.load(); }));
  ASSERT_TRUE(one.Send(Post("/quick", "{}")));
  ASSERT_TRUE(two.Send(Post("/quick", "{}")));
  both_sent.Open();
  EXPECT_EQ(first.Read().body, "held");
  const std::set<std::string> answers = {one.Read().body, two.Read().body};
  EXPECT_EQ(answers, (std::set<std::string>{"at once", "by a worker"}));
}

TEST(AtOnceTest, WithoutTimeForItAllAreTheWorkers) {
  ServerOptions options = TestOptions();
  options.at_once_time = {};
  const auto server = StartServer(options, {Quick()});
  TlsClient client(server->Port());
  EXPECT_EQ(client.Exchange(Post("/quick", "{}")).body, "by a worker");
}

TEST(AtOnceTest, PipelinedRequestsAreAnsweredInOrder) {
  const auto server = StartServer(TestOptions(), {Quick(), Echo()});
  TlsClient client(server->Port());
  ASSERT_TRUE(client.Send(Post("/quick", "1") + Post("/echo", "2") + Post("/quick", "3") +
                          Post("/quick", "4", "Connection: close\r\n")));
  EXPECT_EQ(client.Read().body, "at once: 1");
  EXPECT_EQ(client.Read().body, "2");
  EXPECT_EQ(client.Read().body, "at once: 3");
  const Answer last = client.Read();
  EXPECT_EQ(last.body, "at once: 4");
  EXPECT_TRUE(last.Closes());
  EXPECT_TRUE(client.EndsSilently());
}

TEST(AtOnceTest, AnExceptionIsA500ThatTellsNothingAndTheNextRequestIsServed) {
  std::atomic<bool> fails = true;
  const auto server =
      StartServer(TestOptions(), {AtOnceRoute([&](const Request&) -> std::optional<Response> {
                    if (fails.exchange(false)) throw std::runtime_error("secret");
                    return Said("fine");
                  })});
  TlsClient client(server->Port());
  const Answer failed = client.Exchange(Post("/quick", "{}"));
  EXPECT_EQ(failed.status, 500);
  EXPECT_EQ(failed.body.find("secret"), std::string::npos);
  EXPECT_EQ(client.Exchange(Post("/quick", "{}")).body, "fine");
  EXPECT_EQ(server->Stats().handler_exceptions, 1U);
}

TEST(AtOnceTest, AResponseThatDoesNotFitIntoTheSocketArrivesWhole) {
  const std::string large(std::size_t{8} << 20, 'x');
  const auto server =
      StartServer(TestOptions(), {AtOnceRoute([&](const Request&) { return Said(large); })});
  TlsClient client(server->Port());
  EXPECT_TRUE(client.Exchange(Post("/quick", "{}")).body == large);
  EXPECT_TRUE(client.Exchange(Post("/quick", "{}")).body == large);
}

}  // namespace
}  // namespace countersign::http
