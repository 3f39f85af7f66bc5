#include "kube/informer.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "tests/unit/support/fake_api.h"
#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/kube_objects.h"

namespace countersign {
namespace {

using std::chrono::seconds;

struct Gadget {
  std::string name;
  std::string color;
  int size = 0;
};

Result<Gadget> DecodeGadget(Json&& json) {
  if (FindPath(json, "metadata/managedFields") != nullptr) {
    return Fail(Code::kInternal, "managedFields were not removed");
  }
  if (BoolAt(json, "spec/throw")) throw std::runtime_error("thrown");
  if (BoolAt(json, "spec/bad")) return Fail(Code::kInvalidArgument, "is bad", "spec");
  return Gadget{KeyOf(json).name, StringAt(json, "spec/color"),
                static_cast<int>(IntAt(json, "spec/size"))};
}

class InformerTest : public testing::Test {
 protected:
  InformerTest() {
    informer_.AddIndex("color", [](const Gadget& g) { return std::vector{g.color}; });
    informer_.OnChange([this](const ObjectChange<Gadget>& change) {
      std::string note = change.added ? "added " : change.deleted ? "deleted " : "updated ";
      note += change.key.name;
      if (change.before) note += " was " + change.before->color;
      if (change.after) note += " is " + change.after->color;
      if (change.undecodable) note += " undecodable";
      const std::lock_guard lock(mutex_);
      notes_.push_back(std::move(note));
      noted_.notify_all();
    });
  }
  ~InformerTest() override { informer_.Stop(); }

  void Put(const std::string& name, Json spec) {
    Json object = Widget("a", name, "", std::move(spec));
    SetPath(object, "metadata/managedFields", Json::array({{{"manager", "x"}}}));
    api_->Put(kWidgets, std::move(object));
  }
  void StartAndSync() {
    informer_.Start();
    ASSERT_TRUE(informer_.WaitForSync({}, SteadyTime::max()));
  }
  // Blocks until the handler has heard `note`, and forgets what came up to it.
  void AwaitNote(const std::string& note) {
    std::unique_lock lock(mutex_);
    std::vector<std::string>::iterator found;
    noted_.wait(lock, [&] {
      found = std::find(notes_.begin(), notes_.end(), note);
      return found != notes_.end();
    });
    notes_.erase(notes_.begin(), found + 1);
  }
  std::vector<std::string> Colored(const std::string& color) {
    std::vector<std::string> out;
    for (const auto& gadget : informer_.ByIndex("color", color)) out.push_back(gadget->name);
    return out;
  }

  FakeClock clock_;
  std::shared_ptr<FakeApi> api_ = std::make_shared<FakeApi>();
  KubeClient client_{api_, clock_, {.qps = 0}};
  std::mutex mutex_;
  std::condition_variable noted_;
  std::vector<std::string> notes_;
  std::vector<Code> errors_;
  Informer<Gadget> informer_{client_, clock_, {.scope = {kWidgets, {}, {}, {}}}, DecodeGadget};
};

TEST_F(InformerTest, ServesTheCollectionTypedAndIndexed) {
  Put("x", {{"color", "red"}, {"size", 4}});
  Put("y", {{"color", "blue"}});
  Put("z", {{"color", "red"}});
  StartAndSync();
  EXPECT_EQ(informer_.Get({"a", "x"})->size, 4);
  EXPECT_EQ(informer_.Get({"a", "nobody"}), nullptr);
  EXPECT_EQ(informer_.List().size(), 3u);
  EXPECT_EQ(informer_.List("other").size(), 0u);
  EXPECT_EQ(Colored("red"), (std::vector<std::string>{"x", "z"}));
  EXPECT_EQ(informer_.Size(), 3u);
  EXPECT_TRUE(informer_.LastHeard());
  EXPECT_EQ(informer_.ResourceVersion(), "103");
}

TEST_F(InformerTest, FollowsChangesAndTellsHandlersWhatWasAndIs) {
  Put("x", {{"color", "red"}});
  StartAndSync();
  AwaitNote("added x is red");
  Put("x", {{"color", "blue"}});
  AwaitNote("updated x was red is blue");
  EXPECT_EQ(Colored("blue"), std::vector<std::string>{"x"});
  api_->Remove(kWidgets, {"a", "x"});
  AwaitNote("deleted x was blue");
  EXPECT_EQ(informer_.Find({"a", "x"}).found, Found::kAbsent);
}

TEST_F(InformerTest, WhatCannotBeDecodedIsSeenAndNotHidden) {
  Put("good", {{"color", "red"}});
  Put("bad", {{"bad", true}});
  Put("thrower", {{"throw", true}});
  StartAndSync();
  const auto lookup = informer_.Find({"a", "bad"});
  EXPECT_EQ(lookup.found, Found::kUndecodable);
  EXPECT_EQ(lookup.error->ToString(), "spec: is bad");
  EXPECT_EQ(informer_.Get({"a", "bad"}), nullptr);
  EXPECT_EQ(informer_.List().size(), 1u);
  const auto undecodable = informer_.Undecodable();
  ASSERT_EQ(undecodable.size(), 2u);
  EXPECT_EQ(undecodable[0].first.name, "bad");
  EXPECT_EQ(undecodable[1].second.message, "decoding failed: thrown");
  EXPECT_TRUE(informer_.Undecodable("elsewhere").empty());

  Put("good", {{"bad", true}});
  AwaitNote("updated good was red undecodable");
  EXPECT_TRUE(Colored("red").empty());
  Put("bad", {{"color", "green"}});
  AwaitNote("updated bad is green");
  EXPECT_EQ(informer_.UndecodableCount(), 2u);
}

TEST_F(InformerTest, AfterARelistVanishedObjectsAreDeletedAndNothingElseIsTold) {
  Put("stays", {{"color", "red"}});
  Put("goes", {{"color", "red"}});
  StartAndSync();
  AwaitNote("added stays is red");
  // Both happen while nobody watches, and the history is gone when the watch comes back.
  api_->Intercept([](const HttpRequest&) -> std::optional<Result<HttpResponse>> {
    return Fail(Code::kUnavailable, "down");
  });
  api_->CloseWatches();
  clock_.AwaitWaiters(1);
  api_->Remove(kWidgets, {"a", "goes"});
  Put("comes", {{"color", "blue"}});
  api_->Compact();
  api_->Intercept(nullptr);
  const auto kept = informer_.Get({"a", "stays"});
  // Back-off after the lost watch, and after the 410.
  std::jthread driver([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) clock_.Advance(seconds(1));
  });
  AwaitNote("deleted goes was red");
  AwaitNote("added comes is blue");
  EXPECT_EQ(informer_.Get({"a", "stays"}), kept);
  const std::lock_guard lock(mutex_);
  EXPECT_TRUE(notes_.empty());
}

TEST_F(InformerTest, AServerWithoutStreamingListsIsListedInPages) {
  for (int i = 0; i < 1201; ++i) Put("w" + std::to_string(i), {{"color", "red"}});
  api_->Intercept([](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
    if (request.target.find("sendInitialEvents") == std::string::npos) return std::nullopt;
    return HttpResponse{422, {}, StatusBody(422, "Invalid")};
  });
  StartAndSync();
  EXPECT_EQ(informer_.Size(), 1201u);
  EXPECT_EQ(api_->CountRequests("GET /apis/test.example/v1/widgets?limit=500"), 3u);
}

TEST_F(InformerTest, NotSyncedUntilTheFirstListIsWhole) {
  api_->Intercept([](const HttpRequest&) -> std::optional<Result<HttpResponse>> {
    return Fail(Code::kUnavailable, "down");
  });
  informer_.Start();
  clock_.AwaitWaiters(1);
  EXPECT_FALSE(informer_.HasSynced());
  EXPECT_FALSE(informer_.WaitForSync({}, clock_.Steady()));
  EXPECT_FALSE(informer_.LastHeard());
}

TEST_F(InformerTest, ALiveReadIsServedAtOnceAndTheWatchAgreesLater) {
  StartAndSync();
  Json written = Widget("a", "x", "500", {{"color", "red"}});
  EXPECT_TRUE(informer_.Upsert(Json(written)));
  EXPECT_EQ(informer_.Get({"a", "x"})->color, "red");
  AwaitNote("added x is red");
  EXPECT_FALSE(informer_.Upsert(Json(written)));
  EXPECT_FALSE(informer_.Upsert(Widget("a", "x", "1", {{"color", "old"}})));
  EXPECT_EQ(informer_.Get({"a", "x"})->color, "red");
}

TEST_F(InformerTest, OneNamespaceIsAllThatIsAskedFor) {
  Informer<Gadget> scoped(client_, clock_, {.scope = {kWidgets, "a", "", ""}}, DecodeGadget);
  Put("x", {});
  Json other = Widget("b", "y", "");
  api_->Put(kWidgets, other);
  scoped.Start();
  ASSERT_TRUE(scoped.WaitForSync({}, SteadyTime::max()));
  EXPECT_EQ(scoped.Size(), 1u);
}

TEST_F(InformerTest, WhatTheServerKnowsNoMoreIsForgottenWhereThatIsAskedFor) {
  Put("x", {{"color", "red"}});
  StartAndSync();
  Informer<Gadget> forgetful(
      client_, clock_, {.scope = {kWidgets, {}, {}, {}}, .forget_unknown = true}, DecodeGadget);
  std::promise<void> deleted;
  forgetful.OnChange([&](const ObjectChange<Gadget>& change) {
    if (change.deleted) deleted.set_value();
  });
  forgetful.Start();
  ASSERT_TRUE(forgetful.WaitForSync({}, SteadyTime::max()));
  EXPECT_EQ(forgetful.Size(), 1u);
  api_->Intercept([](const HttpRequest&) -> std::optional<Result<HttpResponse>> {
    return HttpResponse{404, {}, StatusBody(404, "NotFound")};
  });
  api_->CloseWatches();
  std::jthread driver([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) clock_.Advance(seconds(1));
  });
  deleted.get_future().wait();
  EXPECT_EQ(forgetful.Size(), 0u);
  EXPECT_EQ(informer_.Size(), 1u) << "others keep what they know through a mistake of the server's";
}

TEST_F(InformerTest, ReadersNeverMeetAHalfChangedIndex) {
  constexpr int kObjects = 20;
  for (int i = 0; i < kObjects; ++i) Put("w" + std::to_string(i), {{"color", "red"}});
  StartAndSync();
  std::jthread reader([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      for (const auto& gadget : informer_.ByIndex("color", "red")) {
        EXPECT_EQ(gadget->color, "red");
      }
      EXPECT_EQ(informer_.List().size(), static_cast<std::size_t>(kObjects));
    }
  });
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < kObjects; ++i) {
      Put("w" + std::to_string(i), {{"color", round % 2 == 0 ? "blue" : "red"}, {"size", round}});
    }
  }
  Put("w0", {{"color", "last"}});
  AwaitNote("updated w0 was red is last");
}

}  // namespace
}  // namespace countersign
