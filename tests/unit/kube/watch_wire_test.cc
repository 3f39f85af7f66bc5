// The watch from socket to handler: what real servers and the proxies before them do to a stream.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "kube/http_transport.h"
#include "kube/informer.h"
#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/kube_objects.h"
#include "tests/unit/support/loopback_server.h"

namespace countersign {
namespace {

class WatchWireTest : public testing::Test {
 protected:
  using Script = std::vector<std::function<void(Peer&, const std::string& request)>>;

  // Serves the script, one step a request, each on a connection of its own; then only silence.
  void Serve(Script script) {
    script_ = std::move(script);
    server_ = std::make_unique<LoopbackServer>([this](Peer& peer) {
      const auto request = peer.ReadRequest();
      if (!request) return;
      requests_.Add(request->substr(0, request->find(" HTTP")));
      const std::size_t step = next_++;
      if (step < script_.size()) {
        script_[step](peer, *request);
      } else {
        peer.AwaitClose();
      }
    });
    transport_ = std::move(*MakeHttpTransport({.server = {.url = server_->url()}}, clock_));
    client_ = std::make_unique<KubeClient>(transport_, clock_, ClientOptions{.qps = 0});
    informer_ = std::make_unique<Informer<std::string>>(
        *client_, clock_,
        InformerOptions{.scope = {kWidgets, "a", "", ""},
                        .on_error = [this](const ApiError& e) { errors_.Add(CodeName(e.code)); }},
        [](Json&& json) -> Result<std::string> { return StringAt(json, "spec/v"); });
    informer_->OnChange([this](const ObjectChange<std::string>& change) {
      const std::lock_guard lock(mutex_);
      notes_.push_back(change.key.name + (change.deleted ? " gone" : " " + *change.after));
      noted_.notify_all();
    });
    informer_->Start();
    // Back-off passes at once.
    driver_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        clock_.Advance(std::chrono::milliseconds(50));
        std::this_thread::yield();
      }
    });
  }
  ~WatchWireTest() override {
    if (informer_) informer_->Stop();
  }
  void AwaitNote(const std::string& note) {
    std::unique_lock lock(mutex_);
    noted_.wait(lock,
                [&] { return std::find(notes_.begin(), notes_.end(), note) != notes_.end(); });
  }

  static std::string Line(std::string_view type, const std::string& name,
                          const std::string& version, const std::string& value = {}) {
    return WatchLine(type, Widget("a", name, version, {{"v", value}})) + "\n";
  }

  FakeClock clock_;
  Script script_;
  std::atomic<std::size_t> next_ = 0;
  Notebook requests_;
  Notebook errors_;
  std::mutex mutex_;
  std::condition_variable noted_;
  std::vector<std::string> notes_;
  std::unique_ptr<LoopbackServer> server_;
  std::shared_ptr<Transport> transport_;
  std::unique_ptr<KubeClient> client_;
  std::unique_ptr<Informer<std::string>> informer_;
  std::jthread driver_;
};

TEST_F(WatchWireTest, TruncationAndBothFormsOfGoneAreSurvived) {
  Serve({
      [](Peer& peer, const std::string&) {
        // A streaming list whose chunks do not end where its lines do, cut off within a chunk.
        peer.BeginChunked();
        const std::string text = Line("ADDED", "x", "5", "one") + Line("ADDED", "y", "6", "one") +
                                 BookmarkLine("10", true) + "\n" +
                                 Line("MODIFIED", "x", "11", "two");
        for (std::size_t i = 0; i < text.size(); i += 7) peer.Chunk(text.substr(i, 7));
        peer.Write("ff\r\n{\"type\":\"MODIF");
      },
      [](Peer& peer, const std::string&) {
        peer.Answer(410, StatusBody(410, "Expired"), "Connection: close\r\n");
      },
      [](Peer& peer, const std::string&) {
        peer.BeginChunked();
        peer.Chunk(Line("ADDED", "x", "20", "three") + BookmarkLine("21", true) + "\n");
        peer.Chunk(WatchLine("ERROR", StatusJson(410, "Gone")) + "\n");
        peer.AwaitClose();
      },
      [](Peer& peer, const std::string&) {
        peer.BeginChunked();
        peer.Chunk(Line("ADDED", "x", "30", "four") + BookmarkLine("31", true) + "\n");
        peer.AwaitClose();
      },
  });
  AwaitNote("x two");
  AwaitNote("y gone");
  AwaitNote("x four");
  EXPECT_EQ(informer_->Size(), 1u);
  const auto requests = requests_.All();
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_NE(requests[1].find("&resourceVersion=11"), std::string::npos) << requests[1];
  for (const std::size_t i : {0u, 2u, 3u}) {
    EXPECT_NE(requests[i].find("sendInitialEvents=true"), std::string::npos) << requests[i];
  }
  EXPECT_EQ(errors_.All(), (std::vector<std::string>{"Unavailable", "Expired", "Expired"}));
}

TEST_F(WatchWireTest, ThrottlingAndAnOldServerAreSurvived) {
  Serve({
      [](Peer& peer, const std::string&) {
        peer.Answer(422, StatusBody(422, "Invalid"), "Connection: close\r\n");
      },
      [](Peer& peer, const std::string&) {
        peer.Answer(429, StatusBody(429, "TooManyRequests"),
                    "Retry-After: 1\r\nConnection: close\r\n");
      },
      [](Peer& peer, const std::string&) {
        peer.Answer(200, ListBody({Widget("a", "x", "1", {{"v", "one"}})}, "5", "next"),
                    "Connection: close\r\n");
      },
      [](Peer& peer, const std::string&) {
        peer.Answer(200, ListBody({Widget("a", "y", "2", {{"v", "one"}})}, "5"),
                    "Connection: close\r\n");
      },
      [](Peer& peer, const std::string&) {
        peer.BeginChunked();
        peer.Chunk(Line("DELETED", "y", "6"));
        peer.EndChunked();
        peer.AwaitClose();
      },
  });
  AwaitNote("x one");
  AwaitNote("y gone");
  EXPECT_TRUE(informer_->HasSynced());
  EXPECT_NE(requests_.All()[4].find("&resourceVersion=5"), std::string::npos);
}

}  // namespace
}  // namespace countersign
