#include "webhook/http/probe_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/unit/webhook_http/support.h"

namespace countersign::http {
namespace {

std::unique_ptr<ProbeServer> StartProbes(ProbeOptions options) {
  auto server = ProbeServer::Start(std::move(options));
  return server ? *std::move(server) : nullptr;
}

Answer Get(const ProbeServer& server, const std::string& path) {
  TcpClient client(server.Port());
  return client.Exchange("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}

ProbeOptions Ready() {
  ProbeOptions options;
  options.not_ready = [] { return std::nullopt; };
  options.metrics = [] { return std::string("up 1\n"); };
  return options;
}

TEST(ProbeServerTest, LivenessReadinessAndMetricsAreServed) {
  const auto server = StartProbes(Ready());
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(Get(*server, "/healthz").status, 200);
  EXPECT_EQ(Get(*server, "/readyz?verbose").status, 200);
  const Answer metrics = Get(*server, "/metrics");
  EXPECT_EQ(metrics.body, "up 1\n");
  EXPECT_EQ(metrics.Header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(Get(*server, "/secrets").status, 404);
}

TEST(ProbeServerTest, ReadinessFollowsTheCallbackAndGivesItsReason) {
  std::atomic<bool> synced = false;
  ProbeOptions options = Ready();
  options.not_ready = [&]() -> std::optional<std::string> {
    if (synced) return std::nullopt;
    return "caches are not synced";
  };
  const auto server = StartProbes(std::move(options));
  const Answer before = Get(*server, "/readyz");
  EXPECT_EQ(before.status, 503);
  EXPECT_EQ(before.body, "caches are not synced\n");
  EXPECT_EQ(Get(*server, "/healthz").status, 200);
  synced = true;
  EXPECT_EQ(Get(*server, "/readyz").status, 200);
}

TEST(ProbeServerTest, ProbesAreAnsweredHoweverManyWaitForMetrics) {
  Gate gate;
  ProbeOptions options = Ready();
  options.metrics = [&] {
    gate.Await();
    return std::string("up 1\n");
  };
  const auto server = StartProbes(std::move(options));
  std::vector<std::unique_ptr<TcpClient>> readers;
  for (int i = 0; i < 60; ++i) {
    readers.push_back(std::make_unique<TcpClient>(server->Port()));
    ASSERT_TRUE(readers.back()->Send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
  }
  const auto sent_away = [&] {
    return std::any_of(readers.begin(), readers.end(), [](const auto& reader) {
      char byte = 0;
      return recv(reader->Fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
    });
  };
  EXPECT_TRUE(Eventually(sent_away)) << "the queue is full";
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Get(*server, "/healthz").status, 200);
    EXPECT_EQ(Get(*server, "/readyz").status, 200);
  }
  gate.Open();
}

TEST(ProbeServerTest, LivenessFollowsItsCallbackAndGivesItsReason) {
  std::atomic<bool> stuck = false;
  ProbeOptions options = Ready();
  options.not_alive = [&]() -> std::optional<std::string> {
    if (!stuck) return std::nullopt;
    return "nothing moves";
  };
  const auto server = StartProbes(std::move(options));
  EXPECT_EQ(Get(*server, "/healthz").body, "ok\n");
  stuck = true;
  for (int probe = 0; probe < 2; ++probe) {
    const Answer answer = Get(*server, "/healthz");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.body, "nothing moves\n");
  }
  EXPECT_EQ(Get(*server, "/readyz").status, 200) << "asked by itself";
  stuck = false;
  EXPECT_EQ(Get(*server, "/healthz").status, 200);
}

TEST(ProbeServerTest, ACallbackThatThrowsIsA500) {
  ProbeOptions options = Ready();
  options.metrics = []() -> std::string { throw std::runtime_error("no metrics"); };
  const auto server = StartProbes(std::move(options));
  EXPECT_EQ(Get(*server, "/metrics").status, 500);
  EXPECT_EQ(Get(*server, "/healthz").status, 200);
}

TEST(ProbeServerTest, SlowAndSilentClientsKeepNoProbeWaiting) {
  const auto server = StartProbes(Ready());
  std::vector<std::unique_ptr<TcpClient>> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(std::make_unique<TcpClient>(server->Port()));
    if (i % 2 == 0) {
      ASSERT_TRUE(slow.back()->Send("GET /healthz HTTP/1.1\r\nX: "));
    }
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Get(*server, "/healthz").status, 200);
}

TEST(ProbeServerTest, WhoKeepsAllConnectionsKeepsNobodyElseFromAsking) {
  const auto server = StartProbes(Ready());
  constexpr std::uint32_t kElsewhere = 2;
  std::vector<std::unique_ptr<TcpClient>> held;
  for (int i = 0; i < 128; ++i) {
    held.push_back(std::make_unique<TcpClient>(server->Port(), kElsewhere));
    ASSERT_EQ(held.back()->Exchange("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Get(*server, "/healthz").status, 200);
}

TEST(ProbeServerTest, ABodyIsNotTaken) {
  const auto server = StartProbes(Ready());
  TcpClient client(server->Port());
  EXPECT_EQ(client.Exchange("GET /healthz HTTP/1.1\r\nContent-Length: 1\r\n\r\nx").status, 413);
}

}  // namespace
}  // namespace countersign::http
