#include "operator/serving_scan.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "catalog/workloads.h"
#include "tests/unit/operator/operator_site.h"

namespace countersign {
namespace {

constexpr char kServices[] = "/apis/serving.kserve.io/v1beta1/inferenceservices";

class ServingScanTest : public testing::Test {
 protected:
  std::size_t Found() {
    const auto result = scan_.Run({});
    EXPECT_EQ(result.kind, ReconcileResult::Wait(std::chrono::seconds(1)).kind);
    waits_ = result.after;
    std::size_t all = 0;
    for (const auto& [mode, count] : scan_.Counts()) all += count;
    return all;
  }
  // Answers so from now on, where a target starts with one of these.
  void Refuse(std::vector<std::string> prefixes, int status) {
    api_->Intercept([=](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
      for (const std::string& prefix : prefixes) {
        if (!request.target.starts_with(prefix)) continue;
        return HttpResponse{status, {}, R"({"kind":"Status","reason":"x","message":"no"})"};
      }
      return std::nullopt;
    });
  }
  void Put(const Resource& resource, const std::string& name, Json spec, Json status = {}) {
    Json object = {{"metadata", {{"name", name}, {"namespace", "ns"}}}, {"spec", std::move(spec)}};
    if (!status.is_null()) object["status"] = std::move(status);
    api_->Put(resource, std::move(object));
  }

  std::chrono::nanoseconds waits_{0};
  SystemClock clock_;
  std::shared_ptr<FakeApi> api_ = std::make_shared<FakeApi>();
  ClientOptions options_ = [] {
    ClientOptions options;
    options.qps = 0;
    return options;
  }();
  KubeClient client_{api_, clock_, options_};
  Catalog catalog_{client_, clock_, {"test", {}}};
  EventRecorder events_{client_, clock_, "test", "test"};
  ServingScan scan_{client_, clock_, catalog_, events_, {BuiltInServingProfiles().value()}};
};

TEST_F(ServingScanTest, AKindIsReadByWhicheverKnownVersionIsServed) {
  ServingProfile profile;
  const auto table = BuiltInServingProfiles();
  for (const ServingProfile& one : table->profiles) {
    if (one.versions.size() > 1 && one.serves == ServesWhen::kAlways) profile = one;
  }
  ASSERT_GT(profile.versions.size(), 1U) << "the table has a kind of two versions";
  const Resource newest = ResourceOf(profile);
  Resource oldest = newest;
  oldest.version = profile.versions.back();
  std::vector<std::string> not_served;
  for (const std::string& version : profile.versions) {
    if (version == oldest.version) continue;
    not_served.push_back("/apis/" + profile.group + "/" + version + "/" + profile.resource);
  }
  Refuse(not_served, 404);
  Put(oldest, "served", Json::object());
  EXPECT_EQ(Found(), 1U);
  EXPECT_EQ(scan_.UnreadKinds(), 0U) << "what is not installed was read";
}

// The API server serves `plural` of `group` in version `other` alone, of which nobody has heard.
std::optional<Result<HttpResponse>> ServedAs(const HttpRequest& request, const std::string& group,
                                             const std::string& other, const std::string& plural) {
  const std::string at = "/apis/" + group;
  const std::string target = request.target.substr(0, request.target.find('?'));
  if (!target.starts_with(at)) return std::nullopt;
  Json found;
  if (target == at) {
    // As a group has it that has something else in a version which we do know.
    found["versions"] = Json::array({{{"version", "v1beta1"}}, {{"version", other}}});
  } else if (target == at + "/v1beta1") {
    found["resources"] = Json::array({{{"name", "others"}}});
  } else if (target == at + "/" + other) {
    found["resources"] = Json::array({{{"name", plural + "/status"}}, {{"name", plural}}});
  } else if (target.starts_with(at + "/" + other + "/")) {
    return std::nullopt;
  } else {
    return HttpResponse{404, {}, "404 page not found"};
  }
  return HttpResponse{200, {}, DumpJson(found)};
}

TEST_F(ServingScanTest, AKindIsNotAbsentThatIsServedInAVersionThatTheTableDoesNotKnow) {
  const std::string group = "serving.kserve.io";
  const auto served = [group](const HttpRequest& request) {
    return ServedAs(request, group, "v7", "inferenceservices");
  };
  api_->Intercept(served);
  Put({group, "v7", "inferenceservices", true, "InferenceService"}, "new", Json::object());
  EXPECT_EQ(Found(), 1U);
  EXPECT_EQ(scan_.UnreadKinds(), 0U);
  // Nobody can tell in which version it is served, or whether.
  for (const char* asked : {"/apis/serving.kserve.io", "/apis/serving.kserve.io/v7"}) {
    api_->Intercept([=](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
      if (request.target == asked) return HttpResponse{403, {}, "no"};
      return served(request);
    });
    EXPECT_EQ(Found(), 1U) << "what was found stays found";
    EXPECT_GE(scan_.UnreadKinds(), 1U) << asked;
  }
  Refuse({"/apis/serving.kserve.io"}, 404);
  EXPECT_EQ(Found(), 0U);
  EXPECT_EQ(scan_.UnreadKinds(), 0U) << "what is not installed was read";
}

TEST_F(ServingScanTest, WhatSelectsPodsInAVersionThatTheTableDoesNotKnowIsNotRead) {
  api_->Intercept([](const HttpRequest& request) {
    return ServedAs(request, "inference.networking.k8s.io", "v7", "inferencepools");
  });
  EXPECT_EQ(Found(), 0U);
  EXPECT_EQ(scan_.UnreadKinds(), 1U);
  Refuse({"/apis/inference.networking.k8s.io"}, 404);
  EXPECT_EQ(Found(), 0U);
  EXPECT_EQ(scan_.UnreadKinds(), 0U);
}

TEST_F(ServingScanTest, AKindThatCannotBeReadDoesNotHideTheOthers) {
  Put({"apps", "v1", "deployments", true, "Deployment"}, "shadow",
      {{"template",
        {{"spec",
          {{"containers", Json::array({{{"name", "c"}, {"image", "ollama/ollama:1"}}})}}}}}});
  Refuse({kServices}, 403);
  EXPECT_EQ(Found(), 1U);
  EXPECT_EQ(scan_.UnreadKinds(), 1U);
  Refuse({}, 404);
  EXPECT_EQ(Found(), 1U);
  EXPECT_EQ(scan_.UnreadKinds(), 0U);
}

TEST_F(ServingScanTest, WhatBelongsToSomethingThatCannotBeReadIsNotAccused) {
  Json pod = {
      {"metadata",
       {{"name", "p"},
        {"namespace", "ns"},
        {"ownerReferences",
         Json::array(
             {{{"kind", "ReplicaSet"}, {"name", "r"}, {"uid", "unseen"}, {"controller", true}}})}}},
      {"spec", {{"containers", Json::array({{{"image", "ollama/ollama:1"}}})}}}};
  api_->Put(kPods, pod);
  Refuse({"/apis/apps/v1/replicasets"}, 403);
  EXPECT_EQ(Found(), 0U);
  EXPECT_EQ(scan_.UnreadKinds(), 1U);
  Refuse({}, 404);
  EXPECT_EQ(Found(), 1U) << "there is no such owner";
  Refuse({"/apis/apps/v1/replicasets"}, 403);
  EXPECT_EQ(Found(), 1U) << "nor did anybody see it since";
}

TEST_F(ServingScanTest, AnOwnerThatIsNowhereExcusesNothingBecauseSomethingElseCannotBeRead) {
  const Json owner = {{"kind", "Fake"}, {"name", "r"}, {"uid", "unseen"}, {"controller", true}};
  api_->Put(kPods, {{"metadata",
                     {{"name", "p"},
                      {"namespace", "ns"},
                      {"uid", "uid-p"},
                      {"ownerReferences", Json::array({owner})}}},
                    {"spec", {{"containers", Json::array({{{"image", "ollama/ollama:1"}}})}}}});
  Refuse({"/apis/apps/v1/replicasets"}, 403);
  EXPECT_EQ(Found(), 1U);
  EXPECT_EQ(scan_.UnreadKinds(), 1U);
}

TEST_F(ServingScanTest, WhatWasFoundStaysFoundWhileItsKindCannotBeRead) {
  Put({"apps", "v1", "deployments", true, "Deployment"}, "shadow",
      {{"template",
        {{"spec",
          {{"containers", Json::array({{{"name", "c"}, {"image", "ollama/ollama:1"}}})}}}}}});
  EXPECT_EQ(Found(), 1U);
  Refuse({"/apis/apps/v1/deployments"}, 503);
  EXPECT_EQ(Found(), 1U) << "nobody looked whether it is gone";
  EXPECT_EQ(scan_.UnreadKinds(), 1U);
  EXPECT_EQ(waits_, kScanRetry) << "the API server may only be busy";
  Refuse({"/apis/apps/v1/deployments"}, 403);
  EXPECT_EQ(Found(), 1U);
  EXPECT_GT(waits_, kScanRetry) << "who has no right has none in half a minute";
}

TEST_F(ServingScanTest, OnlyAPodEnds) {
  const Json spec = {{"containers", Json::array({{{"image", "ollama/ollama:1"}}})}};
  Put(kPods, "ended", spec, {{"phase", "Succeeded"}});
  EXPECT_EQ(Found(), 0U);
  Put({"serving.kserve.io", "v1beta1", "inferenceservices", true, "InferenceService"}, "odd",
      {{"predictor", {{"model", {{"storageUri", "s3://m/x"}}}}}}, {{"phase", "Failed"}});
  EXPECT_EQ(Found(), 1U);
}

// That there is a waiver is not that something serves by it.
TEST(ServingScanOfEmergencies, TellsOfWhatServesByOneAndOfNothingElse) {
  OperatorSite site;
  site.PutUseCase();
  const Json sign_off = {{"role", "validator"}, {"count", 1}, {"assurance", "Requester"}};
  site.PutPolicy("Hold", {{"signOff", sign_off},
                          {"maxDuration", "30d"},
                          {"emergency", {{"role", "validator"}, {"maxDuration", "8h"}}}});
  const std::string image = "r.example/ollama/ollama@" + Digest('7');
  site.api->Put(kWaivers,
                site.Stamped({{"apiVersion", "countersign.dev/v1alpha1"},
                              {"kind", "Waiver"},
                              {"metadata", {{"name", "night"}, {"namespace", "home"}}},
                              {"spec",
                               {{"useCase", "credit"},
                                {"policy", "policy"},
                                {"environment", "prod"},
                                {"measures", {"shadow-deployment"}},
                                {"model", {{"digest", Digest('7')}, {"digestType", "ociManifest"}}},
                                {"reason", "It is night."},
                                {"ticket", "INC-1"},
                                {"compensatingControl", "Somebody looks."},
                                {"emergency", true},
                                {"expiresAt", FormatTime(std::chrono::floor<Seconds>(
                                                  site.clock.Now() + std::chrono::hours(4)))}}}},
                             "otto", {"model-risk"}));
  const auto run = [&](const std::string& name, const Json& volumes) {
    const Json container = {{"name", "c"}, {"image", image}};
    site.api->Put(
        kDeployments,
        {{"metadata", {{"name", name}, {"namespace", "env"}}},
         {"spec",
          {{"template",
            {{"spec", {{"containers", Json::array({container})}, {"volumes", volumes}}}}}}}});
  };
  run("night", Json::array());
  // What is mounted there the waiver does not except.
  run("more", Json::array({{{"name", "v"}, {"hostPath", {{"path", "/m"}}}}}));
  site.Start();
  const auto told = [&](const std::string& reason) {
    std::set<std::string> names;
    for (const Json& event : site.api->All(kEvents)) {
      if (StringAt(event, "reason") == reason) names.insert(StringAt(event, "regarding/name"));
    }
    return names;
  };
  site.Until("both", [&] {
    return !told("EmergencyOpen").empty() && told("ShadowDeployment").contains("more");
  });
  EXPECT_EQ(told("EmergencyOpen"), std::set<std::string>{"night"});
  EXPECT_NE(
      site.program->MetricsText().find("countersign_emergency_deployments{state=\"open\"} 1\n"),
      std::string::npos);
}

}  // namespace
}  // namespace countersign
