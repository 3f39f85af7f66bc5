#include "kube/event_recorder.h"

#include <gtest/gtest.h>

#include "tests/unit/support/fake_api.h"
#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/kube_objects.h"

namespace countersign {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class EventRecorderTest : public testing::Test {
 protected:
  Event Blocked(const std::string& name = "x") {
    return {.type = EventType::kWarning,
            .reason = "GateBlocked",
            .action = "EvaluateGate",
            .note = "bias test is missing",
            .regarding = ObjectReference::To(Widget("a", name, "7"))};
  }
  void Record(const Event& event) {
    recorder_.Record(event);
    ASSERT_TRUE(recorder_.Flush({}, SteadyTime::max()));
  }
  // Lets a sweep happen at the next full minute.
  void Sweep() {
    clock_.AwaitWaiters(1);
    clock_.Advance(clock_.NextDeadline() - clock_.Steady());
    clock_.AwaitWaiters(1);
  }
  std::int64_t SeriesCount() {
    const auto events = api_->All(kEvents);
    return events.empty() ? -1 : IntAt(events[0], "series/count");
  }

  FakeClock clock_;
  std::shared_ptr<FakeApi> api_ = std::make_shared<FakeApi>();
  KubeClient client_{api_, clock_, {.qps = 0}};
  EventRecorder recorder_{client_, clock_, "test.example/controller", "pod-1"};
};

TEST_F(EventRecorderTest, AnEventSaysWhatHappenedToWhat) {
  Event event = Blocked();
  event.related = ObjectReference{.api_version = "v1", .kind = "Pod", .ns = "a", .name = "p"};
  Record(event);
  const auto events = api_->All(kEvents);
  ASSERT_EQ(events.size(), 1u);
  Json json = events[0];
  const ObjectKey key = KeyOf(json);
  EXPECT_EQ(key.ns, "a");
  EXPECT_EQ(key.name.substr(0, 2), "x.");
  json.erase("metadata");
  EXPECT_EQ(json, *ParseJson(R"({"apiVersion":"events.k8s.io/v1","kind":"Event",
      "eventTime":")" + FormatMicroTime(clock_.Now()) +
                             R"(",
      "reportingController":"test.example/controller","reportingInstance":"pod-1",
      "action":"EvaluateGate","reason":"GateBlocked","type":"Warning",
      "note":"bias test is missing",
      "regarding":{"apiVersion":"test.example/v1","kind":"Widget","namespace":"a","name":"x",
                   "uid":"uid-x","resourceVersion":"7"},
      "related":{"apiVersion":"v1","kind":"Pod","namespace":"a","name":"p"}})"));
}

TEST_F(EventRecorderTest, ClusterScopedObjectsReportInTheDefaultNamespace) {
  Event event = Blocked();
  event.regarding = {.api_version = "v1", .kind = "Node", .name = "Not A.Valid_Name"};
  Record(event);
  const auto events = api_->All(kEvents);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(KeyOf(events[0]).ns, "default");
  EXPECT_EQ(KeyOf(events[0]).name.size(), 36u);  // a UUID in place of the name
}

TEST_F(EventRecorderTest, LongTextsAreCutBetweenCharacters) {
  Event event = Blocked();
  event.note = std::string(1023, 'n') + "é";
  event.reason = std::string(200, 'r');
  Record(event);
  const auto events = api_->All(kEvents);
  EXPECT_EQ(StringAt(events[0], "note"), std::string(1023, 'n'));
  EXPECT_EQ(StringAt(events[0], "reason").size(), 128u);
}

TEST_F(EventRecorderTest, TheSecondMakesASeriesAndFurtherOnesAreCountedFirst) {
  Record(Blocked());
  EXPECT_EQ(SeriesCount(), 0);
  clock_.Advance(seconds(10));
  Event other_state = Blocked();
  other_state.regarding.resource_version = "8";
  Record(other_state);
  EXPECT_EQ(SeriesCount(), 2);
  EXPECT_EQ(StringAt(api_->All(kEvents)[0], "series/lastObservedTime"),
            FormatMicroTime(clock_.Now()));
  for (int i = 0; i < 50; ++i) Record(Blocked());
  EXPECT_EQ(SeriesCount(), 2);
  EXPECT_EQ(api_->Requests().size(), 2u);
  // Six minutes of silence end the series: its count is written.
  for (int i = 0; i < 8; ++i) Sweep();
  EXPECT_EQ(SeriesCount(), 52);
  Record(Blocked());
  EXPECT_EQ(api_->All(kEvents).size(), 2u);
}

TEST_F(EventRecorderTest, ALongSeriesIsWrittenNowAndThen) {
  Record(Blocked());
  Record(Blocked());
  for (int minute = 0; minute < 29; ++minute) {
    Sweep();
    Record(Blocked());
  }
  EXPECT_EQ(SeriesCount(), 2);
  for (int minute = 0; minute < 3; ++minute) Sweep();
  EXPECT_EQ(SeriesCount(), 31);
  EXPECT_EQ(api_->All(kEvents).size(), 1u);
}

TEST_F(EventRecorderTest, DifferentEventsAreNotOneSeries) {
  Record(Blocked("x"));
  Record(Blocked("y"));
  Event other = Blocked("x");
  other.reason = "GatePassed";
  Record(other);
  other.type = EventType::kNormal;
  Record(other);
  EXPECT_EQ(api_->All(kEvents).size(), 4u);
}

TEST_F(EventRecorderTest, ASeriesWhoseEventIsGoneBeginsAnew) {
  Record(Blocked());
  api_->Remove(kEvents, KeyOf(api_->All(kEvents)[0]));
  Record(Blocked());
  EXPECT_EQ(api_->All(kEvents).size(), 1u);
  EXPECT_EQ(SeriesCount(), 0);
}

TEST_F(EventRecorderTest, WhatTheServerRefusesIsDroppedAndCounted) {
  api_->Intercept([](const HttpRequest&) -> std::optional<Result<HttpResponse>> {
    return HttpResponse{403, {}, StatusBody(403, "Forbidden", "namespace is being terminated")};
  });
  Record(Blocked());
  EXPECT_EQ(recorder_.dropped(), 1u);
  EXPECT_EQ(api_->Requests().size(), 1u);
}

TEST_F(EventRecorderTest, ALostConnectionIsTriedAgainAndTheQueueIsBounded) {
  std::atomic<bool> down = true;
  api_->Intercept([&](const HttpRequest&) -> std::optional<Result<HttpResponse>> {
    if (!down) return std::nullopt;
    return Fail(Code::kUnavailable, "down");
  });
  recorder_.Record(Blocked("first"));
  api_->Await([&] { return !api_->Requests().empty(); });
  clock_.AwaitWaiters(1);  // in the pause before the next try
  for (std::size_t i = 0; i < kMaxQueuedEvents + 5; ++i) {
    recorder_.Record(Blocked("w" + std::to_string(i)));
  }
  EXPECT_EQ(recorder_.dropped(), 5u);
  down = false;
  clock_.Advance(seconds(10));
  ASSERT_TRUE(recorder_.Flush({}, SteadyTime::max()));
  EXPECT_EQ(api_->All(kEvents).size(), 1u + kMaxQueuedEvents);
}

TEST_F(EventRecorderTest, FlushGivesUpAtItsDeadline) {
  api_->Intercept([](const HttpRequest&) -> std::optional<Result<HttpResponse>> {
    return Fail(Code::kUnavailable, "down");
  });
  recorder_.Record(Blocked());
  EXPECT_FALSE(recorder_.Flush({}, clock_.Steady()));
}  // the destructor ends the pause between tries

}  // namespace
}  // namespace countersign
