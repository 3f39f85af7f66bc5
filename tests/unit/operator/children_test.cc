#include "operator/children.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/controller.h"
#include "operator/names.h"
#include "operator/status_state.h"
#include "tests/unit/operator/api_site.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;

const ObjectKey kKey{"env", "scorer"};

Json OwnedBy(const std::string& kind, const std::string& uid) {
  return Json::array({{{"apiVersion", "v1"},
                       {"kind", kind},
                       {"name", "owner"},
                       {"uid", uid},
                       {"controller", true}}});
}

Json Deployment(int replicas) {
  return {
      {"apiVersion", "apps/v1"},
      {"kind", "Deployment"},
      {"metadata",
       {{"name", "scorer"},
        {"namespace", "env"},
        {"labels",
         {{kManagedByLabel, kOperatorName}, {kDeploymentLabel, "scorer"}, {kRevisionLabel, "1"}}},
        {"annotations", {{kGovernedDigestAnnotation, "sha256:1"}}},
        {"ownerReferences", OwnedBy("ModelDeployment", "mine")}}},
      {"spec", {{"replicas", replicas}, {"image", "approved"}}}};
}

const auto kApproved = [](const ChildState&) { return true; };

struct Site : ApiSite {
  Informer<ChildState> cache{
      client, clock, {}, [](Json&& json) -> Result<ChildState> { return DecodeChild(json); }};
  ChildWriter writer{client, kDeployments, cache};

  Site() {
    api->Put(kModelDeployments,
             {{"metadata", {{"name", "owner"}, {"namespace", "env"}, {"uid", "mine"}}}});
  }
  Json Live() { return api->Find(kDeployments, kKey).value_or(Json()); }
  // As somebody else does, and the watch tells.
  void Edit(const std::function<void(Json&)>& change) {
    Json object = Live();
    change(object);
    api->Put(kDeployments, object);
    cache.Upsert(Live());
  }
  ChildOutcome Write(int replicas) {
    auto outcome = writer.Write(Deployment(replicas), {});
    EXPECT_TRUE(outcome) << outcome.error().ToString();
    return outcome ? *outcome : ChildOutcome{};
  }
  std::optional<Obstacle> ScaleToZero(ChildWriter& by) {
    auto scaled = by.ScaleToZero(kKey, "mine", {});
    EXPECT_TRUE(scaled) << scaled.error().ToString();
    return scaled ? *scaled : std::nullopt;
  }
};

TEST(Children, WithAnotherOwnerAreOursAgain) {
  Site site;
  site.Write(2);
  site.Edit([](Json& o) {
    o["metadata"]["ownerReferences"] = OwnedBy("ConfigMap", "theirs");
    o["spec"]["image"] = "evil";
  });
  EXPECT_EQ(site.Write(2).change, ChildChange::kReverted);
  EXPECT_EQ(StringAt(site.Live(), "spec/image"), "approved");
  EXPECT_EQ(StringAt(site.Live()["metadata"]["ownerReferences"][0], "uid"), "mine");
}

TEST(Children, WithAnotherOwnerAreOursAlsoForOneThatRemembersNothing) {
  Site site;
  site.Write(2);
  site.Edit([](Json& o) { o["metadata"]["ownerReferences"] = OwnedBy("ConfigMap", "theirs"); });
  ChildWriter fresh(site.client, kDeployments, site.cache);
  ASSERT_TRUE(fresh.Write(Deployment(2), {}));
  EXPECT_EQ(StringAt(site.Live()["metadata"]["ownerReferences"][0], "uid"), "mine");
}

TEST(Children, WithoutAnySignOfUsAreKnownByTheirUidOrByWhoAppliedThem) {
  for (const bool remembered : {true, false}) {
    Site site;
    site.Write(2);
    Json bare = site.Live();
    bare["metadata"].erase("labels");
    bare["metadata"].erase("annotations");
    bare["metadata"]["ownerReferences"] = OwnedBy("ConfigMap", "theirs");
    if (!remembered) {
      bare["metadata"]["managedFields"] =
          Json::array({{{"manager", kOperatorName}, {"operation", "Apply"}}});
    }
    site.api->Put(kDeployments, bare);
    // Without its label the cache does not have it.
    Informer<ChildState> empty(site.client, site.clock, {},
                               [](Json&& json) -> Result<ChildState> { return DecodeChild(json); });
    ChildWriter fresh(site.client, kDeployments, empty);
    ChildWriter& writer = remembered ? site.writer : fresh;
    if (remembered) site.cache.Upsert(site.Live());
    EXPECT_FALSE(site.ScaleToZero(writer));
    EXPECT_EQ(IntAt(site.Live(), "spec/replicas"), 0);
    const auto written = writer.Write(Deployment(0), {});
    ASSERT_TRUE(written);
    EXPECT_FALSE(written->obstacle);
    EXPECT_EQ(StringAt(site.Live()["metadata"]["ownerReferences"][0], "uid"), "mine");
  }
}

TEST(Children, AreRefusedByTheConflictOfAnotherWebhook) {
  Site site;
  site.Write(2);
  site.api->Intercept([&](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
    if (request.method != "PATCH") return std::nullopt;
    return HttpResponse{409, {}, R"({"kind":"Status","status":"Failure","reason":"Conflict",
                                     "message":"admission webhook denied","code":409})"};
  });
  const ChildOutcome outcome = site.Write(3);
  ASSERT_TRUE(outcome.obstacle);
  EXPECT_EQ(outcome.obstacle->reason, "RenderRefused");
  EXPECT_THAT(outcome.obstacle->message, HasSubstr("admission webhook denied"));
}

// Nobody keeps what they changed by writing faster than the operator reads.
TEST(Children, AreRevertedHoweverOftenOthersWriteThem) {
  Site site;
  site.Write(2);
  site.Edit([](Json& o) {
    o["spec"]["image"] = "evil";
    o["spec"]["theirs"] = "sidecar";
  });
  int writes = 0;
  site.api->Intercept([&](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
    if (request.method != "PATCH" && request.method != "PUT") return std::nullopt;
    Json other = site.Live();
    other["spec"]["image"] = "evil";
    other["status"] = {{"writes", ++writes}};
    site.api->Put(kDeployments, other);
    return std::nullopt;
  });
  site.Write(2);
  EXPECT_GE(writes, 4);
  EXPECT_EQ(StringAt(site.Live(), "spec/image"), "approved");
  EXPECT_FALSE(site.Live()["spec"].contains("theirs"));
}

TEST(Children, OfOthersAreLeftAlone) {
  Site site;
  Json theirs = Deployment(2);
  theirs["metadata"]["ownerReferences"] = OwnedBy("ConfigMap", "theirs");
  theirs["metadata"]["labels"].erase(std::string(kRevisionLabel));
  site.api->Put(kDeployments, theirs);
  const ChildOutcome outcome = site.Write(2);
  ASSERT_TRUE(outcome.obstacle);
  EXPECT_EQ(outcome.obstacle->reason, "ChildNameTaken");
  const auto kept = site.ScaleToZero(site.writer);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->reason, "ChildNameTaken");
  EXPECT_THAT(kept->message, HasSubstr("its pods run on"));
  EXPECT_EQ(IntAt(site.Live(), "spec/replicas"), 2);
  EXPECT_EQ(*site.writer.Remove(kKey, "mine", kApproved, {}), false);
}

TEST(Children, WithoutAnOwnerAreTakenAwayIfTheyWereApproved) {
  for (const bool approved : {true, false}) {
    Site site;
    site.Write(2);
    site.Edit([](Json& o) { o["metadata"].erase("ownerReferences"); });
    ChildWriter fresh(site.client, kDeployments, site.cache);
    const auto judge = [&](const ChildState& child) { return approved && child.revision == 1; };
    EXPECT_EQ(*fresh.Remove(kKey, "mine", judge, {}), approved);
    EXPECT_EQ(site.Live().is_null(), approved);
  }
}

TEST(Children, LoseTheirPodsAndNothingElse) {
  Site site;
  site.Write(2);
  EXPECT_FALSE(site.ScaleToZero(site.writer));
  EXPECT_EQ(IntAt(site.Live(), "spec/replicas"), 0);
  EXPECT_EQ(StringAt(site.Live(), "spec/image"), "approved");
  const std::size_t before = site.api->Requests().size();
  EXPECT_FALSE(site.ScaleToZero(site.writer));
  EXPECT_EQ(site.api->Requests().size(), before) << "no request at rest";
}

TEST(Children, ThatKeepTheirPodsAreSaidTo) {
  Site site;
  site.Write(2);
  site.api->Intercept([](const HttpRequest& request) {
    return Forbidden(request, "PATCH", "/deployments/", "somebody says no");
  });
  const auto obstacle = site.ScaleToZero(site.writer);
  ASSERT_TRUE(obstacle);
  EXPECT_THAT(obstacle->message, HasSubstr("its pods run on"));
}

TEST(Children, ThatAreBeingDeletedAreNotHeldByFinalizersOfOthers) {
  for (const int way : {0, 1, 2}) {
    Site site;
    site.Write(2);
    site.Edit([](Json& o) {
      o["metadata"]["finalizers"] = {"tenant.example/keep"};
      o["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z";
    });
    if (way == 0) {
      EXPECT_EQ(site.Write(2).obstacle->reason, "ChildTerminating");
    } else if (way == 1) {
      EXPECT_EQ(site.ScaleToZero(site.writer)->reason, "ChildTerminating");
    } else {
      EXPECT_TRUE(site.writer.Remove(kKey, "mine", kApproved, {}));
    }
    EXPECT_TRUE(site.Live().is_null()) << way;
  }
}

TEST(Children, OfADeletionInTheForegroundGoWhenTheirPodsHave) {
  Site site;
  site.Write(2);
  site.Edit([](Json& o) {
    o["metadata"]["finalizers"] = {"foregroundDeletion"};
    o["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z";
  });
  EXPECT_EQ(site.Write(2).obstacle->reason, "ChildTerminating");
  EXPECT_EQ(site.Live()["metadata"]["finalizers"], Json::array({"foregroundDeletion"}));
}

TEST(StatusState, KnowsWhatIsSuspendedAndWhatIsLeftBehind) {
  const auto state = DecodeStatusState(
      {{"metadata", {{"finalizers", {"a.b/c", "orphan"}}}}, {"status", {{"phase", "Suspended"}}}});
  EXPECT_TRUE(state->orphaning);
  EXPECT_TRUE(state->suspended);
  const auto other = DecodeStatusState({{"status", {{"phase", "Serving"}}}});
  EXPECT_FALSE(other->orphaning);
  EXPECT_FALSE(other->suspended);
}

TEST(WaitFor, ReachesTheInstantAndNoDateIsTooFar) {
  const Time now = ParseTime("2026-11-30T00:00:00Z").value();
  constexpr std::chrono::hours kHour{1};
  EXPECT_EQ(WaitFor(now + std::chrono::seconds(3), now, kHour), std::chrono::seconds(3));
  EXPECT_EQ(WaitFor(now - std::chrono::seconds(3), now, kHour), std::chrono::seconds(0));
  EXPECT_EQ(WaitFor(now + std::chrono::hours(2), now, kHour), kHour);
  for (const char* never :
       {"2318-01-01T00:00:00Z", "2400-01-01T00:00:00Z", "9999-12-31T23:59:59Z"}) {
    EXPECT_EQ(WaitFor(ParseTime(never).value(), now, kHour), kHour) << never;
  }
  EXPECT_EQ(WaitFor(Time::max(), now, kHour), kHour);
}

}  // namespace
}  // namespace countersign
