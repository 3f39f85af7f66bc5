// Many clients at once: what one address may take of connections, queues and memory, so that the
// others are served.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <memory>
#include <mutex>
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

ClientTls Elsewhere() {
  ClientTls tls;
  tls.host = 2;
  return tls;
}

// Four connections from elsewhere, each of which has made a request.
std::vector<std::unique_ptr<TlsClient>> Hoard(const HttpsServer& server) {
  std::vector<std::unique_ptr<TlsClient>> hoard;
  for (int i = 0; i < 4; ++i) {
    hoard.push_back(std::make_unique<TlsClient>(server.Port(), Elsewhere()));
    EXPECT_EQ(hoard.back()->Exchange(Post("/echo", "1")).status, 200);
  }
  return hoard;
}

TEST(AbuseTest, AtTheConnectionLimitThoseThatNeverAskedAnythingGiveWay) {
  ServerOptions options = TestOptions();
  options.max_connections = 10;
  const auto server = StartServer(options, {Echo()});
  TlsClient proven(server->Port());
  ASSERT_EQ(proven.Exchange(Post("/echo", "1")).status, 200);
  std::vector<std::unique_ptr<TcpClient>> silent;
  silent.reserve(100);
  for (int i = 0; i < 100; ++i) silent.push_back(std::make_unique<TcpClient>(server->Port()));
  EXPECT_TRUE(IsServed(*server));
  EXPECT_EQ(proven.Exchange(Post("/echo", "2")).body, "2") << "the proven one was kept";
  EXPECT_LE(server->Stats().active, 10U);
  EXPECT_GE(server->Stats().Refused(Refusal::kConnectionLimit), 91U);
}

TEST(AbuseTest, AtTheConnectionLimitProvenConnectionsStayAndNewOnesAreClosed) {
  ServerOptions options = TestOptions();
  options.max_connections = 2;
  const auto server = StartServer(options, {Echo()});
  TlsClient first(server->Port());
  TlsClient second(server->Port());
  ASSERT_EQ(first.Exchange(Post("/echo", "1")).status, 200);
  ASSERT_EQ(second.Exchange(Post("/echo", "1")).status, 200);
  EXPECT_FALSE(TlsClient(server->Port()).Shaken());
  EXPECT_EQ(first.Exchange(Post("/echo", "2")).status, 200);
  EXPECT_EQ(second.Exchange(Post("/echo", "2")).status, 200);
}

TEST(AbuseTest, AtTheConnectionLimitTheAddressThatHoldsMostGivesWayToOthers) {
  ServerOptions options = TestOptions();
  options.max_connections = 4;
  const auto server = StartServer(options, {Echo()});
  const auto hoard = Hoard(*server);
  ASSERT_EQ(hoard[0]->Exchange(Post("/echo", "2")).status, 200);  // used later than the others
  TlsClient other(server->Port());
  EXPECT_EQ(other.Exchange(Post("/echo", "1")).status, 200);
  EXPECT_TRUE(hoard[1]->EndsSilently()) << "not used for the longest time";
  for (const int i : {0, 2, 3}) EXPECT_EQ(hoard[i]->Exchange(Post("/echo", "3")).status, 200) << i;
  EXPECT_FALSE(TlsClient(server->Port(), Elsewhere()).Shaken()) << "who holds most gets no more";
  EXPECT_EQ(other.Exchange(Post("/echo", "2")).status, 200);
}

// Whoever holds most must not drive others out before these have made their first request.
TEST(AbuseTest, AtTheConnectionLimitWhoBeginsIsDrivenOutByNoStormOfTheAddressThatHoldsMost) {
  ServerOptions options = TestOptions();
  options.max_connections = 4;
  const auto server = StartServer(options, {Echo()});
  const auto hoard = Hoard(*server);
  TlsClient other(server->Port());  // has its handshake, and has not asked yet
  ASSERT_TRUE(other.Shaken());
  for (int i = 0; i < 50; ++i) {
    const TcpClient storm(server->Port(), Elsewhere().host);
    EXPECT_TRUE(storm.Connected());
  }
  EXPECT_TRUE(Eventually([&] { return server->Stats().Refused(Refusal::kConnectionLimit) == 51; }));
  EXPECT_EQ(other.Exchange(Post("/echo", "still there")).body, "still there");
}

// As where descriptors or memory have run out for a moment.
TEST(AbuseTest, AnAcceptThatFailedIsTriedAgain) {
  const auto server = StartServer(TestOptions(), {Echo()});
  TlsClient proven(server->Port());
  ASSERT_EQ(proven.Exchange(Post("/echo", "1")).status, 200);
  const UniqueFd waits(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 5;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(server->Port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(waits.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  // After this the thread of connections has seen the other one.
  EXPECT_EQ(proven.Exchange(Post("/echo", "2")).status, 200);
  EXPECT_EQ(server->Stats().active, 1U);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(IsServed(*server));
}

// Some take a hundred megabytes while they are judged.
TEST(AbuseTest, LongRequestsAreHandledOneAfterTheOtherAndKeepNoShortOneWaiting) {
  ServerOptions options = TestOptions();
  options.worker_threads = 4;
  options.max_body_bytes = 1'000'000;
  Gate gate;
  std::atomic<int> under_way = 0;
  const auto server = StartServer(options, {Route{"/long",
                                                  [&](const Request&) {
                                                    Response response;
                                                    response.body = std::to_string(++under_way);
                                                    gate.Await();
                                                    --under_way;
                                                    return response;
                                                  }},
                                            Echo()});
  const std::string request = Post("/long", std::string(900'000, 'x'));
  TlsClient first(server->Port());
  TlsClient second(server->Port());
  TlsClient third(server->Port());
  ASSERT_TRUE(first.Send(request));
  ASSERT_TRUE(second.Send(request));
  ASSERT_TRUE(Eventually([&] { return server->Stats().in_flight == 2 && under_way == 1; }));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(third.Exchange(Post("/echo", std::string(40'000, 'x'))).status, 200);
  }
  EXPECT_EQ(server->Stats().queued, 1U);
  gate.Open();
  EXPECT_EQ(first.Read().body, "1");
  EXPECT_EQ(second.Read().body, "1");
}

// A server whose handler of long requests waits for the gate, and says what it was given.
struct LongSite {
  explicit LongSite(std::size_t max_buffered) {
    ServerOptions options = TestOptions();
    options.worker_threads = 4;
    options.max_body_bytes = 1'000'000;
    options.max_buffered_bytes = max_buffered;
    options.max_wait = kNever;
    server = StartServer(options, {Route{"/long",
                                         [this](const Request& request) {
                                           gate.Await();
                                           const std::lock_guard lock(mutex);
                                           order += request.body.front();
                                           return Response();
                                         }},
                                   Echo()});
  }
  // Has sent such a request, which the server has.
  std::unique_ptr<TlsClient> Send(std::uint32_t host, char name) {
    ClientTls tls;
    tls.host = host;
    auto client = std::make_unique<TlsClient>(server->Port(), tls);
    const auto before = server->Stats().in_flight;
    const auto refused = server->Stats().Refused(Refusal::kOverloaded);
    EXPECT_TRUE(client->Send(Post("/long", std::string(900'000, name))));
    EXPECT_TRUE(Eventually([&] {
      const ServerStats now = server->Stats();
      return now.in_flight > before || now.Refused(Refusal::kOverloaded) > refused;
    }));
    return client;
  }
  std::string Order() {
    const std::lock_guard lock(mutex);
    return order;
  }

  Gate gate;
  std::mutex mutex;
  std::string order;
  std::unique_ptr<HttpsServer> server;
};

// `many` of one address wait; those of two others, who came later, are among the first.
template <class Site>
void ExpectTurns(Site& site, int many) {
  std::vector<std::unique_ptr<TlsClient>> clients;
  for (int i = 0; i < many; ++i) clients.push_back(site.Send(2, 'a'));
  clients.push_back(site.Send(1, 'b'));
  clients.push_back(site.Send(3, 'c'));
  site.gate.Open();
  for (const auto& client : clients) EXPECT_EQ(client->Read().status, 200);
  const std::string order = site.Order();
  EXPECT_LE(order.find('b'), 3U) << order;
  EXPECT_LE(order.find('c'), 3U) << order;
}

TEST(AbuseTest, LongRequestsOfOneAddressWaitForThoseOfOthersByTurns) {
  LongSite site(std::size_t{64} << 20);
  ExpectTurns(site, 6);
}

// What waits whole cannot be taken back: it must leave room for what comes.
TEST(AbuseTest, LongRequestsThatWaitKeepNoShortOneOut) {
  LongSite site(8'000'000);
  std::vector<std::unique_ptr<TlsClient>> clients;
  // One is under way; of one address two of 0.9 MB wait, being less than a quarter of 8 MB.
  for (const std::uint32_t host : {2, 2, 2, 3, 3}) clients.push_back(site.Send(host, 'a'));
  EXPECT_EQ(site.server->Stats().Refused(Refusal::kOverloaded), 0U);
  clients.push_back(site.Send(2, 'x'));
  EXPECT_EQ(clients.back()->Read().status, 429) << "more of one address";
  clients.push_back(site.Send(4, 'a'));  // who has none waiting may have one
  clients.push_back(site.Send(4, 'x'));
  EXPECT_EQ(clients.back()->Read().status, 429) << "more than half of all";
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(IsServed(*site.server));
  site.gate.Open();
  for (const std::size_t i : {0, 1, 2, 3, 4, 6}) EXPECT_EQ(clients[i]->Read().status, 200) << i;
  EXPECT_EQ(site.server->Stats().Refused(Refusal::kMemory), 0U);
}

// One worker, which waits for the gate, and says whose requests it was given.
struct ShortSite {
  explicit ShortSite(std::size_t max_queued) {
    ServerOptions options = TestOptions();
    options.worker_threads = 1;
    options.max_queued = max_queued;
    options.max_wait = kNever;
    server = StartServer(options, {Route{"/short", [this](const Request& request) {
                                           gate.Await();
                                           const std::lock_guard lock(mutex);
                                           order += request.body.front();
                                           return Response();
                                         }}});
  }
  std::unique_ptr<TlsClient> Send(std::uint32_t host, char name) {
    ClientTls tls;
    tls.host = host;
    auto client = std::make_unique<TlsClient>(server->Port(), tls);
    EXPECT_TRUE(client->Send(Post("/short", std::string(1, name))));
    ++sent;
    EXPECT_TRUE(Eventually([&] {
      const ServerStats now = server->Stats();
      return now.requests + now.queued + now.Refused(Refusal::kOverloaded) == sent;
    }));
    return client;
  }
  std::string Order() {
    const std::lock_guard lock(mutex);
    return order;
  }

  Gate gate;
  std::mutex mutex;
  std::string order;
  std::uint64_t sent = 0;
  std::unique_ptr<HttpsServer> server;
};

TEST(AbuseTest, RequestsOfOneAddressWaitForThoseOfOthersByTurns) {
  ShortSite site(256);
  ExpectTurns(site, 10);
}

TEST(AbuseTest, WhereTheQueueIsFullTheAddressThatHasMostInItGivesWay) {
  ShortSite site(4);
  std::vector<std::unique_ptr<TlsClient>> clients;
  clients.reserve(8);
  for (int i = 0; i < 5; ++i) clients.push_back(site.Send(2, 'a'));  // one is under way
  clients.push_back(site.Send(2, 'a'));
  EXPECT_EQ(clients[5]->Read().status, 429) << "there is no room for more of it";
  clients.push_back(site.Send(1, 'b'));
  EXPECT_EQ(clients[4]->Read().status, 429) << "the last of it gives way";
  site.gate.Open();
  for (const std::size_t i : {0, 1, 2, 3, 6}) EXPECT_EQ(clients[i]->Read().status, 200) << i;
}

}  // namespace
}  // namespace countersign::http
