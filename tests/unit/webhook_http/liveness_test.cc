// When nothing but a new process helps, and that load is no such case.
#include <atomic>
#include <string>

#include "tests/unit/webhook_http/support.h"

namespace countersign::http {
namespace {

using std::chrono::hours;

SteadyTime In(std::chrono::nanoseconds time) { return std::chrono::steady_clock::now() + time; }

Response Done() { return Response{200, "done", "text/plain", {}}; }

// One worker, and requests to /wait that stay in it until the gate is open.
class LivenessTest : public ::testing::Test {
 protected:
  LivenessTest() {
    ServerOptions options = TestOptions();
    options.worker_threads = 1;
    limit_ = options.max_standstill;
    turn_ = options.max_turn;
    Route quick{"/quick", [](const Request&) { return Done(); }};
    quick.at_once = [this](const Request&) {
      in_turn_ = true;
      gate_.Await();
      return Done();
    };
    server_ = StartServer(options, {Route{"/wait",
                                          [this](const Request&) {
                                            gate_.Await();
                                            return Done();
                                          }},
                                    quick});
  }
  ~LivenessTest() override { gate_.Open(); }

  [[nodiscard]] bool Stalls(SteadyTime at) const { return server_->Stalled(at).has_value(); }
  // So that a worker is in it, and `queued` more wait.
  void Ask(std::size_t queued) {
    while (clients_.size() <= queued) {
      clients_.push_back(std::make_unique<TlsClient>(server_->Port()));
      ASSERT_TRUE(clients_.back()->Send(Post("/wait", "{}")));
      const std::size_t waiting = clients_.size() - 1;
      ASSERT_TRUE(Eventually(
          [&] { return server_->Stats().requests == 1 && server_->Stats().queued == waiting; }));
    }
  }

  Gate gate_;
  std::atomic<bool> in_turn_ = false;
  milliseconds limit_{};
  milliseconds turn_{};
  std::vector<std::unique_ptr<TlsClient>> clients_;
  std::unique_ptr<HttpsServer> server_;
};

TEST_F(LivenessTest, WhoIsIdleLives) {
  EXPECT_TRUE(Eventually([&] { return !Stalls(In(hours(1000))); }));
  TlsClient client(server_->Port());
  gate_.Open();
  EXPECT_EQ(client.Exchange(Post("/wait", "{}")).body, "done");
  EXPECT_EQ(client.Exchange(Post("/quick", "{}")).body, "done");
  EXPECT_TRUE(Eventually([&] { return !Stalls(In(hours(1000))); })) << "idle again";
}

TEST_F(LivenessTest, ALongRequestThatKeepsNobodyWaitingIsNoStandstill) {
  Ask(0);
  EXPECT_TRUE(Eventually([&] { return !Stalls(In(hours(1000))); }));
}

TEST_F(LivenessTest, AWorkerThatIsStuckWhileOthersWaitIsAStandstill) {
  const SteadyTime before = In(milliseconds(0));
  Ask(2);
  const SteadyTime after = In(milliseconds(0));
  EXPECT_TRUE(Eventually([&] { return !Stalls(before + limit_); }));
  const auto reason = server_->Stalled(after + limit_ + seconds(1));
  ASSERT_TRUE(reason);
  EXPECT_TRUE(reason->starts_with("requests wait for a worker, and none has taken one up for "))
      << *reason;
  gate_.Open();
  for (const auto& client : clients_) EXPECT_EQ(client->Read().body, "done");
  EXPECT_TRUE(Eventually([&] { return !Stalls(In(hours(1000))); })) << "it moves again";
}

TEST_F(LivenessTest, AThreadOfConnectionsThatIsStuckIsAStandstill) {
  const SteadyTime before = In(milliseconds(0));
  TlsClient client(server_->Port());
  ASSERT_TRUE(client.Send(Post("/quick", "{}")));
  ASSERT_TRUE(Eventually([&] { return in_turn_.load(); }));
  EXPECT_FALSE(Stalls(before + turn_));
  const auto reason = server_->Stalled(In(turn_) + seconds(1));
  ASSERT_TRUE(reason);
  EXPECT_TRUE(reason->starts_with("the thread of connections has been busy with one turn for "))
      << *reason;
  gate_.Open();
  EXPECT_EQ(client.Read().body, "done");
  EXPECT_TRUE(Eventually([&] { return !Stalls(In(hours(1000))); }));
}

// However long the queue has been there: each request that is taken up begins the time anew.
TEST(LivenessOfABurstTest, WhatIsSlowButMovesLives) {
  constexpr std::size_t kRequests = 6;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t allowed = 0;
  std::size_t taken = 0;
  SteadyTime taken_at;
  ServerOptions options = TestOptions();
  options.worker_threads = 1;
  options.max_wait = kNever;
  const milliseconds limit = options.max_standstill;
  const auto server =
      StartServer(options, {Route{"/wait", [&](const Request&) {
                                    std::unique_lock lock(mutex);
                                    const std::size_t number = ++taken;
                                    taken_at = In(milliseconds(0));
                                    changed.wait(lock, [&] { return allowed >= number; });
                                    return Done();
                                  }}});
  std::vector<std::unique_ptr<TlsClient>> clients;
  for (std::size_t i = 0; i < kRequests; ++i) {
    clients.push_back(std::make_unique<TlsClient>(server->Port()));
    ASSERT_TRUE(clients.back()->Send(Post("/wait", "{}")));
  }
  ASSERT_TRUE(Eventually([&] { return server->Stats().queued == kRequests - 1; }));
  const SteadyTime whole = In(milliseconds(0));
  EXPECT_TRUE(server->Stalled(whole + limit + seconds(1)));
  for (std::size_t done = 1; done < kRequests; ++done) {
    const SteadyTime before = In(milliseconds(0));
    {
      const std::lock_guard lock(mutex);
      allowed = done;
      changed.notify_all();
    }
    ASSERT_TRUE(Eventually([&] {
      const std::lock_guard lock(mutex);
      return taken == done + 1 && taken_at >= before;
    }));
    EXPECT_TRUE(Eventually([&] { return !server->Stalled(before + limit); })) << done;
  }
  const std::lock_guard lock(mutex);
  allowed = kRequests;
  changed.notify_all();
}

}  // namespace
}  // namespace countersign::http
