#include "kube/client.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/kube_objects.h"
#include "tests/unit/support/scripted_transport.h"

namespace countersign {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ClientTest : public testing::Test {
 protected:
  ClientTest() { ResetClient({.field_manager = "tester", .qps = 0}); }

  void ResetClient(ClientOptions options) {
    options.on_warning = [this](std::string_view text) { warnings_.emplace_back(text); };
    client_ = std::make_unique<KubeClient>(transport_, clock_, std::move(options));
  }
  Json BodyOf(std::size_t index) { return *ParseJson(transport_->Request(index).body); }
  std::string HeaderOf(std::size_t index, std::string_view name) {
    return HttpResponse{0, transport_->Request(index).headers, {}}.Header(name).value_or("");
  }

  FakeClock clock_;
  std::shared_ptr<ScriptedTransport> transport_ = std::make_shared<ScriptedTransport>();
  std::unique_ptr<KubeClient> client_;
  std::vector<std::string> warnings_;
};

TEST_F(ClientTest, EachVerbSaysWhatItMeans) {
  const Json widget = Widget("a", "x", "7");
  const std::string echo = widget.dump();
  for (int i = 0; i < 12; ++i) transport_->Answer(200, echo);

  EXPECT_EQ(*client_->Get(kWidgets, {"a", "x"}), widget);
  (void)client_->GetSubresource(kWidgets, {"a", "x"}, "scale");
  (void)client_->GetPath("/version");
  (void)client_->Create(kWidgets, widget, {.dry_run = true, .field_validation = "Strict"});
  (void)client_->Create(kWidgets, widget, {.subresource = "token"});
  (void)client_->Update(kWidgets, widget, {.subresource = "status"});
  (void)client_->Patch(kWidgets, {"a", "x"}, PatchType::kMerge, Json::object());
  (void)client_->Patch(kWidgets, {"a", "x"}, PatchType::kJson, Json::array());
  (void)client_->Patch(kWidgets, {"a", "x"}, PatchType::kStrategic, Json::object(),
                       {.field_manager = "other"});
  (void)client_->Apply(kWidgets, widget, {.force = true, .subresource = "status"});
  (void)client_->Apply(kWidgets, widget, {.dry_run = true});
  (void)client_->Delete(kWidgets, {"a", "x"});

  const std::string path = "/apis/test.example/v1/namespaces/a/widgets";
  EXPECT_EQ(
      transport_->Requests(),
      (std::vector<std::string>{
          "GET " + path + "/x", "GET " + path + "/x/scale", "GET /version",
          "POST " + path + "?fieldManager=tester&fieldValidation=Strict&dryRun=All",
          "POST " + path + "/x/token?fieldManager=tester",
          "PUT " + path + "/x/status?fieldManager=tester",
          "PATCH " + path + "/x?fieldManager=tester", "PATCH " + path + "/x?fieldManager=tester",
          "PATCH " + path + "/x?fieldManager=other",
          "PATCH " + path + "/x/status?fieldManager=tester&force=true",
          "PATCH " + path + "/x?fieldManager=tester&dryRun=All", "DELETE " + path + "/x"}));
  EXPECT_EQ(HeaderOf(3, "content-type"), "application/json");
  EXPECT_EQ(HeaderOf(6, "content-type"), "application/merge-patch+json");
  EXPECT_EQ(HeaderOf(7, "content-type"), "application/json-patch+json");
  EXPECT_EQ(HeaderOf(8, "content-type"), "application/strategic-merge-patch+json");
  EXPECT_EQ(HeaderOf(9, "content-type"), "application/apply-patch+yaml");
  EXPECT_EQ(BodyOf(3), widget);
}

TEST_F(ClientTest, ApplyFillsInKindAndLeavesManagedFieldsBehind) {
  transport_->Answer(200, "{}");
  Json object = {{"metadata", {{"name", "x"}, {"namespace", "a"}, {"managedFields", {1, 2}}}}};
  ASSERT_TRUE(client_->Apply(kWidgets, object));
  EXPECT_EQ(BodyOf(0), *ParseJson(R"({"apiVersion":"test.example/v1","kind":"Widget",
                                      "metadata":{"name":"x","namespace":"a"}})"));
  EXPECT_EQ(client_->Apply(kWidgets, Json::object()).error().code, Code::kInvalidArgument);
}

TEST_F(ClientTest, DeleteCarriesItsPreconditions) {
  transport_->Answer(200, StatusBody(200, ""));
  ASSERT_TRUE(client_->Delete(
      kWidgets, {"a", "x"},
      {.propagation = "Foreground", .uid = "u", .resource_version = "9", .dry_run = true}));
  EXPECT_EQ(BodyOf(0), *ParseJson(R"({"apiVersion":"v1","kind":"DeleteOptions",
      "propagationPolicy":"Foreground","preconditions":{"uid":"u","resourceVersion":"9"},
      "dryRun":["All"]})"));
}

TEST_F(ClientTest, ListsArriveInPagesAndItemsKnowTheirKind) {
  Json bare = Widget("a", "x", "1");
  bare.erase("kind");
  bare.erase("apiVersion");
  transport_->Answer(200, ListBody({bare}, "50", "next/1"))
      .Answer(200, ListBody({Widget("a", "y", "2")}, "50"));
  const auto list =
      client_->List(kWidgets, "a", {.label_selector = "l=1", .field_selector = "f=2"});
  ASSERT_TRUE(list);
  ASSERT_EQ(list->items.size(), 2u);
  EXPECT_EQ(list->items[0], Widget("a", "x", "1"));
  EXPECT_EQ(list->resource_version, "50");
  const std::string path = "GET /apis/test.example/v1/namespaces/a/widgets?limit=500";
  EXPECT_EQ(transport_->Requests(),
            (std::vector<std::string>{
                path + "&labelSelector=l%3D1&fieldSelector=f%3D2",
                path + "&labelSelector=l%3D1&fieldSelector=f%3D2&continue=next%2F1"}));
}

TEST_F(ClientTest, AnExpiredContinueTokenGivesTheWholeListInOnePiece) {
  transport_->Answer(200, ListBody({Widget("a", "x", "1")}, "50", "next"))
      .Answer(410, StatusBody(410, "Expired"))
      .Answer(200, ListBody({Widget("a", "x", "1"), Widget("a", "y", "2")}, "60"));
  const auto list = client_->List(kWidgets);
  ASSERT_TRUE(list);
  EXPECT_EQ(list->items.size(), 2u);
  EXPECT_EQ(list->resource_version, "60");
  EXPECT_EQ(transport_->Requests().back(), "GET /apis/test.example/v1/widgets");
}

TEST_F(ClientTest, EmptyListsMayBeNull) {
  transport_->Answer(200, R"({"metadata":{"resourceVersion":"5"},"items":null})");
  const auto list = client_->List(kWidgets);
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->items.empty());
}

TEST_F(ClientTest, RefusalsAreTyped) {
  transport_->Answer(409, StatusBody(409, "Conflict", "modified"));
  const auto result = client_->Update(kWidgets, Widget("a", "x", "1"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kConflict);
  EXPECT_EQ(result.error().http_status, 409);
  EXPECT_EQ(result.error().reason, "Conflict");
  EXPECT_EQ(result.error().message, "modified");
}

TEST_F(ClientTest, AnAnswerThatIsNotJsonIsAnError) {
  transport_->Answer(200, "<html>");
  const auto result = client_->Get(kWidgets, {"a", "x"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kInternal);
}

TEST_F(ClientTest, AThrottledCallIsRepeatedAfterWhatTheServerAsked) {
  transport_->Answer(429, StatusBody(429, "TooManyRequests"), {{"Retry-After", "2"}})
      .Answer(503, "busy", {{"retry-after", "1"}})
      .Answer(201, "{}");
  std::jthread caller([&] { EXPECT_TRUE(client_->Create(kWidgets, Widget("a", "x", ""))); });
  clock_.AwaitWaiters(1);
  EXPECT_EQ(clock_.NextDeadline(), clock_.Steady() + seconds(2));
  clock_.Advance(seconds(2));
  clock_.AwaitWaiters(1);
  EXPECT_EQ(clock_.NextDeadline(), clock_.Steady() + seconds(1));
  clock_.Advance(seconds(1));
  caller.join();
  EXPECT_EQ(transport_->Requests().size(), 3u);
}

TEST_F(ClientTest, WithoutRetryAfterTheRefusalIsReturnedAtOnce) {
  transport_->Answer(503, StatusBody(503, "ServiceUnavailable"));
  EXPECT_EQ(client_->Get(kWidgets, {"a", "x"}).error().code, Code::kUnavailable);
  transport_->Answer(429, StatusBody(429, "TooManyRequests"), {{"Retry-After", "Wed, 21 Oct"}});
  EXPECT_EQ(client_->Get(kWidgets, {"a", "x"}).error().code, Code::kResourceExhausted);
  EXPECT_EQ(transport_->Requests().size(), 2u);
}

TEST_F(ClientTest, ThrottlingThatOutlastsTheTimeoutIsReturnedWithItsRetryAfter) {
  transport_->Answer(429, StatusBody(429, "TooManyRequests"), {{"Retry-After", "40"}});
  const auto result = client_->Get(kWidgets, {"a", "x"}, {.timeout = seconds(30)});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().retry_after, seconds(40));
}

TEST_F(ClientTest, TenRetriesAreEnough) {
  for (int i = 0; i < 20; ++i) transport_->Answer(429, "", {{"Retry-After", "0"}});
  EXPECT_EQ(client_->Get(kWidgets, {"a", "x"}).error().code, Code::kResourceExhausted);
  EXPECT_EQ(transport_->Requests().size(), 11u);
}

TEST_F(ClientTest, ReadsAreRepeatedOnceAfterALostConnectionAndWritesNever) {
  transport_->Fails(Code::kUnavailable).Answer(200, "{}");
  EXPECT_TRUE(client_->Get(kWidgets, {"a", "x"}));
  transport_->Fails(Code::kUnavailable).Fails(Code::kUnavailable, "gone");
  const auto lost = client_->Get(kWidgets, {"a", "x"});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().message, "GET /apis/test.example/v1/namespaces/a/widgets/x: gone");
  EXPECT_EQ(lost.error().http_status, 0);
  const auto before = transport_->Requests().size();
  for (int i = 0; i < 4; ++i) transport_->Fails(Code::kUnavailable);
  const Json widget = Widget("a", "x", "1");
  EXPECT_FALSE(client_->Create(kWidgets, widget));
  EXPECT_FALSE(client_->Apply(kWidgets, widget));
  EXPECT_FALSE(client_->Update(kWidgets, widget));
  EXPECT_FALSE(client_->Delete(kWidgets, {"a", "x"}));
  EXPECT_EQ(transport_->Requests().size(), before + 4);
}

TEST_F(ClientTest, StopEndsTheWaitForARetry) {
  transport_->Answer(429, "", {{"Retry-After", "10"}});
  std::stop_source source;
  std::jthread caller([&] {
    const auto result = client_->Get(kWidgets, {"a", "x"}, {.stop = source.get_token()});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::kCancelled);
  });
  clock_.AwaitWaiters(1);
  source.request_stop();
}

TEST_F(ClientTest, TheClientsOwnStopCountsWhenACallBringsNone) {
  std::stop_source whole;
  ResetClient({.qps = 0, .stop = whole.get_token()});
  whole.request_stop();
  transport_->Answer(200, "{}").Answer(200, "{}");
  EXPECT_EQ(client_->Get(kWidgets, {"a", "x"}).error().code, Code::kCancelled);
  const std::stop_source own;
  EXPECT_TRUE(client_->Get(kWidgets, {"a", "x"}, {.stop = own.get_token()}));
}

TEST_F(ClientTest, TheRateLimitHoldsCallsBack) {
  ResetClient({.qps = 1, .burst = 2});
  for (int i = 0; i < 3; ++i) transport_->Answer(200, "{}");
  EXPECT_TRUE(client_->Get(kWidgets, {"a", "x"}));
  EXPECT_TRUE(client_->Get(kWidgets, {"a", "x"}));
  EXPECT_EQ(client_->Get(kWidgets, {"a", "x"}, {.timeout = milliseconds(10)}).error().code,
            Code::kDeadlineExceeded);
  std::jthread caller([&] { EXPECT_TRUE(client_->Get(kWidgets, {"a", "x"})); });
  clock_.AwaitWaiters(1);
  clock_.Advance(seconds(1));
}

TEST_F(ClientTest, WarningsAreReported) {
  transport_->Answer(200, "{}",
                     {{"Warning", R"(299 - "use v2, \"really\"")"}, {"X-Other", "299 - \"no\""}});
  ASSERT_TRUE(client_->Get(kWidgets, {"a", "x"}));
  EXPECT_EQ(warnings_, std::vector<std::string>{"use v2, \"really\""});
}

TEST_F(ClientTest, TimeoutBecomesTheDeadlineOfTheExchange) {
  transport_->Answer(200, "{}");
  ASSERT_TRUE(client_->Get(kWidgets, {"a", "x"}, {.timeout = seconds(7)}));
  EXPECT_EQ(transport_->Request(0).deadline, clock_.Steady() + seconds(7));
}

}  // namespace
}  // namespace countersign
