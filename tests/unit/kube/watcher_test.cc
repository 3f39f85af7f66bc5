#include "kube/watcher.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/kube_objects.h"
#include "tests/unit/support/scripted_transport.h"

namespace countersign {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Writes down what it hears: "begin", "initial x", "complete 5", "applied x", "deleted x".
class Notes final : public WatchSink {
 public:
  void Begin() override { notes.emplace_back("begin"); }
  void Initial(Json&& object) override { notes.push_back("initial " + KeyOf(object).name); }
  void Complete(const std::string& version) override { notes.push_back("complete " + version); }
  void Applied(Json&& object) override { notes.push_back("applied " + KeyOf(object).name); }
  void Deleted(Json&& object) override { notes.push_back("deleted " + KeyOf(object).name); }
  void Progress(const std::string& version) override { progress = version; }

  std::vector<std::string> Take() { return std::exchange(notes, {}); }

  std::vector<std::string> notes;
  std::string progress;
};

using Heard = std::vector<std::string>;

class WatcherTest : public testing::Test {
 protected:
  Watcher::StepResult Step() { return watcher_.Step({}); }
  // To "Watching" from resourceVersion `version`, by a streaming list.
  void StartWatching(const std::string& version) {
    transport_->Stream({BookmarkLine(version, true)});
    ASSERT_FALSE(Step().backoff);
    ASSERT_EQ(watcher_.state(), "Watching");
    sink_.Take();
  }
  // A watch that was open for a while, so that it does not count as very short.
  void StreamFor(seconds duration, std::vector<std::string> lines) {
    transport_->Stream(std::move(lines)).Before([this, duration] { clock_.Advance(duration); });
  }
  std::string LastRequest() { return transport_->Requests().back(); }
  bool Requested(const std::string& part) { return LastRequest().find(part) != std::string::npos; }

  FakeClock clock_;
  std::shared_ptr<ScriptedTransport> transport_ = std::make_shared<ScriptedTransport>();
  KubeClient client_{transport_, clock_, {.qps = 0}};
  Notes sink_;
  Watcher watcher_{client_, clock_, {kWidgets, "a", "l=1", ""}, sink_, {}, 42};
};

TEST_F(WatcherTest, AStreamingListIsOneCallThatGoesOnAsAWatch) {
  transport_->Stream({WatchLine("ADDED", Widget("a", "x", "9")),
                      WatchLine("ADDED", Widget("a", "y", "3")), BookmarkLine("20", true),
                      WatchLine("MODIFIED", Widget("a", "x", "21")),
                      WatchLine("DELETED", Widget("a", "y", "22")), BookmarkLine("30")});
  const auto result = Step();
  EXPECT_FALSE(result.error);
  EXPECT_FALSE(result.backoff);
  EXPECT_EQ(sink_.Take(),
            (Heard{"begin", "initial x", "initial y", "complete 20", "applied x", "deleted y"}));
  EXPECT_EQ(sink_.progress, "30");
  EXPECT_EQ(watcher_.state(), "Watching");
  EXPECT_TRUE(Requested("sendInitialEvents=true&resourceVersionMatch=NotOlderThan"));
  EXPECT_TRUE(Requested("allowWatchBookmarks=true"));
  EXPECT_TRUE(Requested("labelSelector=l%3D1"));
  EXPECT_FALSE(Requested("resourceVersion="));
  StreamFor(seconds(60), {});
  Step();
  EXPECT_TRUE(Requested("resourceVersion=30"));
  EXPECT_FALSE(Requested("sendInitialEvents"));
}

TEST_F(WatcherTest, WithoutTheFeatureListsAreTakenInPagesForGood) {
  transport_->Answer(422, StatusBody(422, "Invalid", "sendInitialEvents is forbidden"));
  EXPECT_FALSE(Step().backoff);
  EXPECT_EQ(watcher_.state(), "Relist");
  transport_->Answer(200, ListBody({Widget("a", "x", "1")}, "50", "more"))
      .Answer(200, ListBody({Widget("a", "y", "2")}, "50"));
  Step();
  EXPECT_EQ(watcher_.state(), "Paging");
  Step();
  EXPECT_EQ(watcher_.state(), "Watching");
  EXPECT_EQ(sink_.Take(), (Heard{"begin", "begin", "initial x", "initial y", "complete 50"}));
  transport_->Answer(410, StatusBody(410, "Expired"));
  Step();
  EXPECT_EQ(watcher_.state(), "Relist");
}

TEST_F(WatcherTest, AServerThatIgnoresStreamingListsIsNoticedByItsSilence) {
  transport_->BrokenStream({WatchLine("ADDED", Widget("a", "x", "9"))}, Code::kDeadlineExceeded);
  EXPECT_FALSE(Step().backoff);
  EXPECT_EQ(watcher_.state(), "Relist");
  EXPECT_EQ(transport_->IdleTimeouts().front(), seconds(30));
}

TEST_F(WatcherTest, AStreamingListThatKeepsBreakingOffIsTakenInPages) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(watcher_.state(), "Streaming");
    transport_->BrokenStream({WatchLine("ADDED", Widget("a", "x", "9"))}, Code::kUnavailable);
    EXPECT_TRUE(Step().backoff);
  }
  EXPECT_EQ(watcher_.state(), "Relist");
}

TEST_F(WatcherTest, AServerThatIsDownIsNoServerWithoutTheFeature) {
  for (int i = 0; i < 10; ++i) {
    transport_->Fails(Code::kUnavailable);
    const auto result = Step();
    EXPECT_TRUE(result.backoff);
    EXPECT_EQ(result.error->code, Code::kUnavailable);
    EXPECT_EQ(watcher_.state(), "Streaming");
  }
  transport_->Answer(403, StatusBody(403, "Forbidden", "widgets is forbidden"));
  EXPECT_EQ(Step().error->code, Code::kPermissionDenied);
  EXPECT_EQ(watcher_.state(), "Streaming");
}

TEST_F(WatcherTest, ADeletionInTheInitialListTakesTheObjectBack) {
  transport_->Stream({WatchLine("ADDED", Widget("a", "x", "9")),
                      WatchLine("DELETED", Widget("a", "x", "10")), BookmarkLine("20", true)});
  Step();
  EXPECT_EQ(sink_.Take(), (Heard{"begin", "initial x", "deleted x", "complete 20"}));
}

TEST_F(WatcherTest, BookmarksBeforeTheEndOfTheListMeanNothing) {
  transport_->Stream({BookmarkLine("15"), WatchLine("ADDED", Widget("a", "x", "9"))});
  const auto result = Step();
  EXPECT_EQ(result.error->message, "the watch ended before its initial list");
  EXPECT_EQ(sink_.Take(), (Heard{"begin", "initial x"}));
  EXPECT_EQ(sink_.progress, "");
}

TEST_F(WatcherTest, GoneAsAnHttpStatusAndAsAnEventBothListAnew) {
  StartWatching("50");
  transport_->Answer(410, StatusBody(410, "Expired"));
  auto result = Step();
  EXPECT_EQ(result.error->code, Code::kExpired);
  EXPECT_TRUE(result.backoff);
  EXPECT_EQ(watcher_.state(), "Streaming");
  StartWatching("60");
  transport_->Stream({WatchLine("ERROR", StatusJson(410, "Gone", "too old"))});
  result = Step();
  EXPECT_EQ(result.error->code, Code::kExpired);
  EXPECT_EQ(watcher_.state(), "Streaming");
}

TEST_F(WatcherTest, AnExpiredContinueTokenGivesTheListInOnePiece) {
  transport_->Answer(422, StatusBody(422, "Invalid"))
      .Answer(200, ListBody({Widget("a", "x", "1")}, "50", "more"))
      .Answer(410, StatusBody(410, "Expired"))
      .Answer(200, ListBody({Widget("a", "x", "1"), Widget("a", "y", "2")}, "60"));
  Step();
  Step();
  sink_.Take();
  EXPECT_FALSE(Step().backoff);
  Step();
  EXPECT_FALSE(Requested("limit="));
  EXPECT_EQ(sink_.Take(), (Heard{"begin", "initial x", "initial y", "complete 60"}));
}

TEST_F(WatcherTest, APageThatGotLostIsAskedForAgain) {
  transport_->Answer(422, StatusBody(422, "Invalid"))
      .Answer(200, ListBody({Widget("a", "x", "1")}, "50", "more"))
      .Answer(503, StatusBody(503, "ServiceUnavailable"))
      .Answer(200, ListBody({Widget("a", "y", "2")}, "50"));
  Step();
  Step();
  EXPECT_TRUE(Step().backoff);
  EXPECT_EQ(watcher_.state(), "Paging");
  Step();
  EXPECT_TRUE(Requested("continue=more"));
  EXPECT_EQ(sink_.Take(), (Heard{"begin", "begin", "initial x", "initial y", "complete 50"}));
}

TEST_F(WatcherTest, ThrottlingKeepsThePlaceAndWaitsAsLongAsAsked) {
  StartWatching("50");
  transport_->Stream(
      {WatchLine("ERROR", StatusJson(429, "TooManyRequests", "slow", {{"retryAfterSeconds", 7}}))});
  auto result = Step();
  EXPECT_TRUE(result.backoff);
  EXPECT_EQ(result.at_least, seconds(7));
  EXPECT_EQ(watcher_.state(), "Watching");
  transport_->Answer(429, StatusBody(429, "TooManyRequests"), {{"Retry-After", "3"}});
  result = Step();
  EXPECT_EQ(result.at_least, seconds(3));
  EXPECT_TRUE(Requested("resourceVersion=50"));
}

TEST_F(WatcherTest, InternalErrorsAreRetriedInPlaceForAWhile) {
  StartWatching("50");
  for (int i = 0; i < 5; ++i) {
    transport_->Stream({WatchLine("ERROR", StatusJson(500, "InternalError"))});
    EXPECT_TRUE(Step().backoff);
    EXPECT_EQ(watcher_.state(), "Watching") << i;
  }
  transport_->Stream({WatchLine("ERROR", StatusJson(500, "InternalError"))});
  Step();
  EXPECT_EQ(watcher_.state(), "Streaming");
}

TEST_F(WatcherTest, ATruncatedStreamGoesOnWhereItBrokeOff) {
  StartWatching("50");
  transport_->BrokenStream({WatchLine("MODIFIED", Widget("a", "x", "51"))}, Code::kUnavailable);
  const auto result = Step();
  EXPECT_TRUE(result.backoff);
  EXPECT_EQ(sink_.Take(), Heard{"applied x"});
  StreamFor(seconds(60), {});
  Step();
  EXPECT_TRUE(Requested("resourceVersion=51"));
}

TEST_F(WatcherTest, ASilentStreamIsDeadAfterItsTimeoutAndGoesOnWhereItWas) {
  StartWatching("50");
  transport_->BrokenStream({BookmarkLine("55")}, Code::kDeadlineExceeded);
  const auto result = Step();
  EXPECT_EQ(result.error->code, Code::kDeadlineExceeded);
  EXPECT_EQ(watcher_.state(), "Watching");
  // The server was asked to end the watch after 240 to 300 s, silence is allowed 15 s longer.
  EXPECT_GE(transport_->IdleTimeouts().back(), seconds(255));
  EXPECT_LE(transport_->IdleTimeouts().back(), seconds(315));
  StreamFor(seconds(60), {});
  Step();
  EXPECT_TRUE(Requested("resourceVersion=55"));
}

TEST_F(WatcherTest, AResourceVersionFromTheFutureListsAnew) {
  StartWatching("50");
  const Json causes = {{"causes", {{{"reason", "ResourceVersionTooLarge"}}}}};
  transport_->Answer(504, StatusBody(504, "Timeout", "Too large resource version", causes));
  EXPECT_TRUE(Step().backoff);
  EXPECT_EQ(watcher_.state(), "Streaming");
}

TEST_F(WatcherTest, AWatchThatEndsAtOnceWithoutAnEventBacksOff) {
  StartWatching("50");
  transport_->Stream({});
  const auto result = Step();
  EXPECT_TRUE(result.backoff);
  EXPECT_EQ(result.error->message, "the watch ended at once");
  StreamFor(seconds(2), {});
  EXPECT_FALSE(Step().backoff);
  transport_->Stream({WatchLine("ADDED", Widget("a", "x", "51"))});
  EXPECT_FALSE(Step().backoff);
}

TEST_F(WatcherTest, AWatchWithoutSoMuchAsABookmarkListsAnew) {
  StartWatching("50");
  StreamFor(seconds(240), {BookmarkLine("50")});
  EXPECT_FALSE(Step().backoff);
  EXPECT_EQ(watcher_.state(), "Watching");
  StreamFor(seconds(100), {});  // ended early, by a restarting server
  EXPECT_FALSE(Step().backoff);
  EXPECT_EQ(watcher_.state(), "Watching");
  StreamFor(seconds(240), {});
  EXPECT_FALSE(Step().backoff);
  EXPECT_EQ(watcher_.state(), "Streaming");
}

TEST_F(WatcherTest, LinesMayComeInAnyPieces) {
  StartWatching("50");
  std::string text = WatchLine("ADDED", Widget("a", "x", "51")) + "\n\n" +
                     WatchLine("ADDED", Widget("a", "y", "52")) + "\r\n" +
                     WatchLine("DELETED", Widget("a", "x", "53")) + "\n" +
                     WatchLine("ADDED", Widget("a", "never complete", "54"));
  ScriptedTransport::Step step;
  for (const char c : text) step.pieces.emplace_back(1, c);
  transport_->Add(std::move(step));
  EXPECT_FALSE(Step().backoff);
  EXPECT_EQ(sink_.Take(), (Heard{"applied x", "applied y", "deleted x"}));
  EXPECT_EQ(sink_.progress, "53");
}

TEST_F(WatcherTest, StreamsThatAreNoEventsListAnew) {
  for (const std::string& line :
       {std::string("<html>"), std::string(R"({"type":"ADDED"})"),
        std::string(R"({"type":"ADDED","object":7})"), std::string(kMaxWatchLine + 1, 'x')}) {
    StartWatching("50");
    transport_->Stream({line});
    const auto result = Step();
    EXPECT_TRUE(result.backoff);
    EXPECT_EQ(result.error->code, Code::kInternal) << line.substr(0, 40);
    EXPECT_EQ(watcher_.state(), "Streaming");
  }
}

TEST_F(WatcherTest, UnknownEventTypesArePassedOver) {
  StartWatching("50");
  transport_->Stream(
      {WatchLine("RENAMED", Widget("a", "x", "51")), WatchLine("ADDED", Widget("a", "y", "52"))});
  EXPECT_FALSE(Step().backoff);
  EXPECT_EQ(sink_.Take(), Heard{"applied y"});
}

TEST_F(WatcherTest, DeepObjectsOfOthersDoNotStopTheWatch) {
  StartWatching("50");
  std::string deep = R"({"metadata":{"name":"deep","namespace":"a","resourceVersion":"51"},"x":)";
  for (int i = 0; i < 9'990; ++i) deep += '[';
  for (int i = 0; i < 9'990; ++i) deep += ']';
  transport_->Stream({R"({"type":"ADDED","object":)" + deep + "}}"});
  EXPECT_FALSE(Step().backoff);
  EXPECT_EQ(sink_.Take(), Heard{"applied deep"});
}

TEST_F(WatcherTest, RunBacksOffDoublingToTheCapWithJitterAndForgetsAfterHealth) {
  int errors = 0;
  std::vector<milliseconds> delays;
  std::jthread runner(
      [&](const std::stop_token& stop) { watcher_.Run(stop, [&](const ApiError&) { ++errors; }); });
  for (int i = 0; i < 9; ++i) transport_->Fails(Code::kUnavailable);
  // The script may run ahead of these lines: unscripted requests fail as well.
  for (int i = 0; i < 9; ++i) {
    clock_.AwaitWaiters(1);
    const auto delay = clock_.NextDeadline() - clock_.Steady();
    delays.push_back(std::chrono::duration_cast<milliseconds>(delay));
    clock_.Advance(delay);
  }
  milliseconds base = kWatchBackoffInitial;
  for (const milliseconds delay : delays) {
    EXPECT_GE(delay, base);
    EXPECT_LE(delay, 2 * base);
    base = std::min(2 * base, kWatchBackoffCap);
  }
  clock_.AwaitWaiters(1);
  runner.request_stop();
  runner.join();
  EXPECT_EQ(errors, 10);
}

TEST_F(WatcherTest, TwoHealthyMinutesResetTheBackoff) {
  transport_->Fails(Code::kUnavailable)
      .Fails(Code::kUnavailable)
      .Fails(Code::kUnavailable)
      .Stream({BookmarkLine("5", true)})
      .Before([this] { clock_.Advance(seconds(121)); })
      .Fails(Code::kUnavailable);
  std::jthread runner([&](const std::stop_token& stop) { watcher_.Run(stop, nullptr); });
  for (int i = 0; i < 3; ++i) {
    clock_.AwaitWaiters(1);
    clock_.Advance(clock_.NextDeadline() - clock_.Steady());
  }
  clock_.AwaitWaiters(1);
  EXPECT_LE(clock_.NextDeadline() - clock_.Steady(), 2 * kWatchBackoffInitial);
}

TEST_F(WatcherTest, StopIsCancellationAndNoError) {
  std::stop_source source;
  source.request_stop();
  const auto result = watcher_.Step(source.get_token());
  EXPECT_EQ(result.error->code, Code::kCancelled);
  EXPECT_FALSE(result.backoff);
  EXPECT_TRUE(transport_->Requests().empty());
}

}  // namespace
}  // namespace countersign
