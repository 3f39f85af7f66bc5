// The whole operator on an API server in memory: what was suspended does not start again but by
// passing, and nothing that others write keeps its pods running.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/digest.h"
#include "catalog/serving_table.h"
#include "evidence/stamp.h"
#include "operator/names.h"
#include "operator/operator.h"
#include "tests/unit/support/fake_api.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;

const ObjectKey kKey{"env", "scorer"};

std::string Digest(char c) { return "sha256:" + std::string(64, c); }

Json Group(const char* name) { return Json::array({{{"kind", "Group"}, {"name", name}}}); }

struct Site {
  std::shared_ptr<FakeApi> api = std::make_shared<FakeApi>();
  SystemClock clock;
  KubeClient client{api, clock, [] {
                      ClientOptions options;
                      options.qps = 0;
                      return options;
                    }()};
  InstallationKey key = *InstallationKey::Generate();
  std::unique_ptr<Operator> program;
  Json incident;

  void Start() {
    OperatorOptions options{
        "test",
        key,
        key.Public(),
        "me",
        2,
        "x",
        {},
        {*LoadServingProfiles(""), GuardMode::kWarn, std::chrono::seconds(300)}};
    program = std::make_unique<Operator>(client, clock, std::move(options));
    program->StartCaches();
    ASSERT_TRUE(program->WaitForSync({}));
    program->StartControllers();
  }

  Json Stamped(Json object, const std::string& user, const std::vector<std::string>& groups = {}) {
    auto stamp = MakeStamp(key, "test", object, user, groups, clock.Now());
    EXPECT_TRUE(stamp) << stamp.error().ToString();
    object["metadata"]["annotations"]["countersign.dev/stamp"] = *stamp;
    return object;
  }

  void PutPolicy(const char* on_violation = "Hold") {
    const Json sign_off = {{"role", "validator"}, {"count", 1}, {"assurance", "Requester"}};
    api->Put(
        kGovernancePolicies,
        {{"metadata", {{"name", "policy"}}},
         {"spec",
          {{"environments",
            Json::array({{{"name", "prod"}, {"namespaces", {"env"}}, {"enforcement", "Deny"}}})},
           {"roles", Json::array({{{"name", "validator"},
                                   {"level", "Tactical"},
                                   {"subjects", Group("model-risk")}}})},
           {"classification",
            {{"signOff", sign_off},
             {"questions", Json::array({{{"name", "audience"}, {"options", {{"public", 3}}}}})},
             {"classes", Json::array({{{"name", "any"}, {"when", {{"otherwise", true}}}}})}}},
           {"measures", Json::array({{{"name", "validation"},
                                      {"step", "PreProduction"},
                                      {"accountable", "validator"},
                                      {"onViolation", on_violation},
                                      {"require", {{"signOff", sign_off}}}}})},
           {"incidents", {{"signOff", sign_off}, {"issuers", Group("model-risk")}}}}}});
  }

  void PutUseCase(const char* deploy_to = "env") {
    api->Put(kUseCases, {{"metadata", {{"name", "credit"}, {"namespace", "home"}}},
                         {"spec",
                          {{"title", "Credit"},
                           {"purpose", "Decides."},
                           {"purposeCategory", "credit-decision"},
                           {"owner", "ana@bank.example"},
                           {"developers", Json::array({{{"kind", "User"}, {"name", "dan"}}})},
                           {"lifecycle", "Active"},
                           {"answers", {{"audience", {"public"}}}},
                           {"deployTo", {deploy_to}}}}});
  }

  void Deploy(char model, const Json& more = Json::object()) {
    const Json container = {{"name", "server"},
                            {"image", "registry.example/server@" + Digest('a')},
                            {"ports", Json::array({{{"containerPort", 8080}}})}};
    Json serving = {{"backend", "Deployment"},
                    {"replicas", 2},
                    {"port", 8080},
                    {"template", {{"spec", {{"containers", Json::array({container})}}}}}};
    serving.update(more);
    Json object = {{"apiVersion", "countersign.dev/v1alpha1"},
                   {"kind", "ModelDeployment"},
                   {"metadata", {{"name", "scorer"}, {"namespace", "env"}}},
                   {"spec",
                    {{"useCaseRef", {{"namespace", "home"}, {"name", "credit"}}},
                     {"model",
                      {{"name", "scorer"},
                       {"version", std::string(1, model) + ".0.0"},
                       {"digest", Digest(model)},
                       {"digestType", "ociManifest"},
                       {"uri", "oci://registry.example/scorer@" + Digest(model)}}},
                     {"fallback", {{"kind", "Human"}, {"description", "desk"}}},
                     {"serving", serving}}}};
    const Json old = Deployed();
    if (!old.is_null()) {
      object["metadata"]["uid"] = UidOf(old);
      object["status"] = old["status"];
    }
    api->Put(kModelDeployments, Stamped(std::move(object), "dan"));
  }

  void Vote(const std::string& name, Json subject) {
    api->Put(kSignOffs, Stamped({{"apiVersion", "countersign.dev/v1alpha1"},
                                 {"kind", "SignOff"},
                                 {"metadata", {{"name", name}, {"namespace", "home"}}},
                                 {"spec",
                                  {{"subject", std::move(subject)},
                                   {"role", "validator"},
                                   {"decision", "Approve"},
                                   {"signer", {{"username", "vera"}}},
                                   {"rationale", "ok"}}}},
                                "vera", {"model-risk"}));
  }

  void Approve(char model) {
    std::string governed;
    Until("a digest", [&] {
      const Json seen = Deployed();
      governed = StringAt(seen, "status/governedDigest");
      return IntAt(seen, "status/observedGeneration") == IntAt(seen, "metadata/generation") &&
             !governed.empty();
    });
    Vote("approval-" + std::string(1, model),
         {{"kind", "ModelDeployment"},
          {"useCase", "credit"},
          {"environment", "prod"},
          {"model", {{"digest", Digest(model)}, {"digestType", "ociManifest"}}},
          {"governedDigest", governed}});
  }
  void Withdraw(char model) {
    api->Remove(kSignOffs, {"home", "approval-" + std::string(1, model)});
  }

  void Raise() {
    incident = {{"useCase", "credit"},
                {"severity", "High"},
                {"category", "SeriousIncident"},
                {"awareAt", FormatTime(clock.Now())},
                {"summary", "wrong"},
                {"quarantine", {{"scope", "UseCase"}}}};
    api->Put(kIncidents,
             {{"metadata", {{"name", "wrong"}, {"namespace", "home"}}}, {"spec", incident}});
  }
  void Close() {
    Json claims = Json::array();
    for (const auto& [name, text] : {std::pair("incident", "wrong"), std::pair("cause", "bug"),
                                     std::pair("remedy", "fix"), std::pair("lesson", "test")}) {
      claims.push_back({{"name", name}, {"text", text}});
    }
    api->Put(kEvidence, Stamped({{"apiVersion", "countersign.dev/v1alpha1"},
                                 {"kind", "Evidence"},
                                 {"metadata", {{"name", "closing"}, {"namespace", "home"}}},
                                 {"spec",
                                  {{"useCase", "credit"},
                                   {"type", "IncidentReview"},
                                   {"performedAt", FormatTime(clock.Now())},
                                   {"claims", claims}}}},
                                "vera", {"model-risk"}));
    Vote("closing", {{"kind", "Incident"},
                     {"useCase", "credit"},
                     {"incident", "wrong"},
                     {"incidentDigest", *JsonDigest(incident)}});
  }

  Json Deployed() { return api->Find(kModelDeployments, kKey).value_or(Json()); }
  Json Child(const Resource& resource = kDeployments) {
    return api->Find(resource, kKey).value_or(Json());
  }
  std::int64_t Replicas() { return IntAt(Child(), "spec/replicas", -1); }
  std::string Phase() { return StringAt(Deployed(), "status/phase"); }
  std::string Model() {
    const Json child = Child();
    const Json* volumes = FindPath(child, "spec/template/spec/volumes");
    return volumes == nullptr ? "" : StringAt(volumes->front(), "image/reference").substr(92, 1);
  }
  std::string Image() {
    const Json child = Child();
    const Json* containers = FindPath(child, "spec/template/spec/containers");
    return containers == nullptr ? "" : StringAt(containers->front(), "image");
  }
  std::string Said() {
    const Json deployed = Deployed();
    const Json* all = FindPath(deployed, "status/conditions");
    return all == nullptr ? std::string() : DumpJson(*all);
  }
  void Edit(const Resource& resource, const std::function<void(Json&)>& change) {
    Json object = Child(resource);
    change(object);
    api->Put(resource, object);
  }

  void Until(const std::string& what, const std::function<bool()>& look) {
    for (int i = 0; i < 6000; ++i) {
      if (look()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    FAIL() << "waited for " << what << "; phase " << Phase() << ", replicas " << Replicas() << ", "
           << Said();
  }
  void UntilSaid(const std::string& text) {
    Until(text, [&] { return Said().find(text) != std::string::npos; });
  }
  void UntilSuspended(const std::string& text) {
    UntilSaid(text);
    Until("suspension", [&] { return Phase() == "Suspended" && Replicas() == 0; });
  }
  void UntilServing(char model) {
    Until("serving", [&] {
      return Phase() == "Serving" && Replicas() == 2 && Model() == std::string(1, model);
    });
  }
  void Serve() {
    Start();
    PutPolicy();
    PutUseCase();
    Deploy('1');
    Approve('1');
    UntilServing('1');
  }
  void Quarantine() {
    Raise();
    UntilSuspended("quarantined by Incident 'wrong'");
  }
  // What the operator reverts or takes away shows that it still looks.
  void Tamper() {
    Edit(kDeployments, [](Json& child) {
      child["spec"]["replicas"] = 7;
      child["spec"]["template"]["spec"]["containers"][0]["image"] = "evil";
    });
    Until("the change to be reverted", [&] { return Replicas() == 0 && Image() != "evil"; });
  }
};

Json Others() {
  return Json::array({{{"apiVersion", "v1"},
                       {"kind", "ConfigMap"},
                       {"name", "mine"},
                       {"uid", "cm-1"},
                       {"controller", true}}});
}

TEST(Suspension, OutlastsTheUseCase) {
  Site site;
  site.Serve();
  site.Quarantine();
  site.api->Remove(kUseCases, {"home", "credit"});
  site.UntilSuspended("use-case");
  site.PutUseCase("elsewhere");
  site.UntilSuspended("does not list namespace");
  // All that the home namespace held goes.
  site.api->Remove(kUseCases, {"home", "credit"});
  site.api->Remove(kIncidents, {"home", "wrong"});
  site.Withdraw('1');
  site.UntilSuspended("use-case");
  site.Tamper();
  site.api->Put(kIncidents, {{"metadata", {{"name", "wrong"}, {"namespace", "home"}}},
                             {"spec", site.incident}});
  site.PutUseCase();
  site.Approve('1');
  site.Close();
  site.UntilServing('1');
}

TEST(Suspension, OutlastsAnotherGateThatOnlyHolds) {
  Site site;
  site.Serve();
  site.Quarantine();
  site.Withdraw('1');
  site.Close();
  site.UntilSuspended("validation");
  site.Tamper();
  // Nor does a restart make it what serves, whatever became of the Deployment meanwhile.
  for (const int way : {0, 1, 2}) {
    site.program.reset();
    if (way == 1) site.Edit(kDeployments, [](Json& child) { child["spec"]["replicas"] = 2; });
    if (way == 2) site.api->Remove(kDeployments, kKey);
    site.Start();
    site.PutUseCase();
    site.Until("a look", [&] {
      return site.program->MetricsText().find("countersign_deployments{verdict=\"Deny\"} 1") !=
             std::string::npos;
    });
    site.Until("no pods", [&] { return site.Phase() == "Suspended" && site.Replicas() <= 0; });
  }
  site.Approve('1');
  site.UntilServing('1');
}

TEST(Suspension, ComesAlsoOverAUseCaseThatIsGone) {
  Site site;
  site.Serve();
  site.api->Remove(kUseCases, {"home", "credit"});
  site.UntilSaid("use-case");
  EXPECT_EQ(site.Replicas(), 2) << "that alone takes nothing down";
  site.Raise();
  site.UntilSuspended("use-case");
}

TEST(Suspension, ComesWhateverElseIsRefusedOrOwnedByOthers) {
  for (const char* kind : {"Deployment", "Service"}) {
    Site site;
    site.Serve();
    const bool workload = kind == std::string("Deployment");
    site.Edit(workload ? kDeployments : kServices,
              [](Json& child) { child["metadata"]["ownerReferences"] = Others(); });
    site.Quarantine();
    site.Tamper();
    site.Until("our owner", [&] {
      const Json child = site.Child(workload ? kDeployments : kServices);
      return StringAt(child["metadata"]["ownerReferences"][0], "kind") == "ModelDeployment";
    });
  }
  Site site;
  site.Serve();
  site.api->Intercept([](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
    if (request.method != "PATCH" || request.target.find("/services/") == std::string::npos) {
      return std::nullopt;
    }
    return Result<HttpResponse>(
        HttpResponse{403,
                     {},
                     R"({"kind":"Status","status":"Failure","reason":"Forbidden","code":403,)"
                     R"("message":"somebody says no"})"});
  });
  site.Edit(kServices, [](Json& child) { child["spec"]["externalIPs"] = {"192.0.2.1"}; });
  site.UntilSaid("somebody says no");
  site.Edit(kDeployments, [](Json& child) {
    child["spec"]["template"]["spec"]["containers"][0]["image"] = "evil";
  });
  site.Until("the Deployment to be right", [&] { return site.Image() != "evil"; });
  site.Quarantine();
  site.Tamper();
}

TEST(Suspension, ComesWhileANewRevisionCannotBeRecorded) {
  Site site;
  site.Serve();
  site.PutPolicy("Suspend");
  // A quota of the namespace, for example.
  site.api->Intercept([](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
    if (request.method != "POST" ||
        request.target.find("/controllerrevisions") == std::string::npos) {
      return std::nullopt;
    }
    return Result<HttpResponse>(
        HttpResponse{403,
                     {},
                     R"({"kind":"Status","status":"Failure","reason":"Forbidden","code":403,)"
                     R"("message":"exceeded quota"})"});
  });
  site.Deploy('2');
  site.Approve('2');
  site.UntilSaid("exceeded quota");
  EXPECT_EQ(site.Model(), "1");
  EXPECT_EQ(site.Replicas(), 2);
  site.Withdraw('1');
  site.UntilSuspended("serving is suspended");
  site.Tamper();
}

TEST(Suspension, ComesWhileADeletionIsHeldUp) {
  Site site;
  site.Serve();
  const std::string uid = UidOf(site.Child());
  site.Edit(kDeployments, [](Json& child) {
    child["metadata"]["finalizers"] = {"tenant.example/keep"};
    child["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z";
  });
  site.Until("a new one", [&] { return site.Replicas() == 2 && UidOf(site.Child()) != uid; });

  site.Edit(kModelDeployments, [](Json& object) {
    object["metadata"]["finalizers"] = {"tenant.example/keep"};
    object["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z";
  });
  site.Until("nothing", [&] { return site.Child().is_null() && site.Child(kServices).is_null(); });
  site.UntilSaid("BeingDeleted");
  EXPECT_EQ(site.Phase(), "Nothing");
}

TEST(Suspension, IsNotKeptFromWhatAForgedRevisionReplaced) {
  for (const bool restarted : {false, true}) {
    Site site;
    site.Serve();
    Json forged = *site.api->Find(kControllerRevisions, {"env", "scorer-1"});
    forged["metadata"].erase("uid");
    forged["metadata"].erase("resourceVersion");
    forged["metadata"]["name"] = "scorer-99";
    forged["revision"] = 99;
    site.api->Put(kControllerRevisions, forged);
    site.Deploy('2');
    site.Until("held", [&] { return site.Phase() == "Held"; });
    if (restarted) site.program.reset();
    site.api->Remove(kControllerRevisions, {"env", "scorer-1"});
    if (!restarted) {
      site.Until("nothing", [&] { return site.Child().is_null(); });
      continue;
    }
    // Whoever never saw one that verifies may have the wrong key, and keeps what serves; but for
    // what nobody's signature lets serve.
    site.Start();
    site.UntilSaid("RevisionsUnverified");
    EXPECT_EQ(site.Replicas(), 2);
    site.Raise();
    site.UntilSuspended("quarantined");
  }
}

TEST(Suspension, TakesThePlaceOfARevisionThatIsLost) {
  Site site;
  site.Serve();
  site.Deploy('2');
  site.Approve('2');
  site.UntilServing('2');
  site.Withdraw('1');
  site.Deploy('3');
  site.Until("held", [&] { return site.Phase() == "Held"; });
  const Json second = *site.api->Find(kControllerRevisions, {"env", "scorer-2"});
  site.api->Remove(kControllerRevisions, {"env", "scorer-2"});
  site.UntilSuspended("no approved revision meets policy");
  EXPECT_EQ(site.Model(), "2") << "revision 1 is not put in its place";
  site.api->Put(kControllerRevisions, second);
  site.Until("it again", [&] { return site.Replicas() == 2 && site.Phase() == "Held"; });
  EXPECT_EQ(site.Model(), "2");
}

TEST(Suspension, ComesWithAConfigMapThatIsNotWhatWasApproved) {
  for (const char* reaction : {"Hold", "Suspend"}) {
    Site site;
    const Json approved = {{"threshold", "0.5"}};
    const auto put = [&](const Json& data) {
      site.api->Put(kConfigMaps,
                    {{"metadata", {{"name", "cfg"}, {"namespace", "env"}}}, {"data", data}});
    };
    site.Start();
    put(approved);
    site.PutPolicy(reaction);
    site.PutUseCase();
    const std::string digest = *JsonDigest(Json{{"data", approved}});
    site.Deploy('1', {{"config", Json::array({{{"name", "cfg"}, {"digest", digest}}})}});
    site.Approve('1');
    site.UntilServing('1');
    put({{"threshold", "0.01"}});
    if (reaction == std::string("Hold")) {
      site.UntilSaid("ConfigMismatch");
      site.Until("the verdict",
                 [&] { return StringAt(site.Deployed(), "status/verdict") == "Hold"; });
      EXPECT_EQ(site.Replicas(), 2);
    } else {
      site.UntilSuspended("configuration");
    }
    put(approved);
    site.UntilServing('1');
    site.Until("all well", [&] { return StringAt(site.Deployed(), "status/verdict") == "Allow"; });
  }
}

TEST(Suspension, IsToldWhereItIsNotPossibleBecauseTheDeploymentWasLeftBehind) {
  Site site;
  site.Serve();
  site.api->Remove(kModelDeployments, kKey);
  site.Until("an Event", [&] {
    // As the garbage collector does, until the operator knows that the owner is gone.
    if (site.Child()["metadata"].contains("ownerReferences")) {
      site.Edit(kDeployments, [](Json& child) { child["metadata"].erase("ownerReferences"); });
    }
    const auto events = site.api->All(kEvents);
    return std::any_of(events.begin(), events.end(), [](const Json& event) {
      return StringAt(event, "reason") == "LeftBehind" &&
             StringAt(event, "regarding/kind") == "Deployment";
    });
  });
  EXPECT_EQ(site.Replicas(), 2);
  // One of the same name does not take it for its own before something is approved.
  site.Deploy('2');
  site.UntilSaid("was left behind");
  EXPECT_EQ(site.Replicas(), 2);
}

}  // namespace
}  // namespace countersign
