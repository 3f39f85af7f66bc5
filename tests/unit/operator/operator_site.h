// operator_site.h: the whole operator on an API server in memory, with one ModelDeployment, and the
// people around it.
#pragma once

#include <gtest/gtest.h>

#include <thread>

#include "base/digest.h"
#include "catalog/serving_table.h"
#include "evidence/stamp.h"
#include "operator/names.h"
#include "operator/operator.h"
#include "tests/unit/operator/api_site.h"

namespace countersign {

inline const ObjectKey kKey{"env", "scorer"};

inline std::string Digest(char c) { return "sha256:" + std::string(64, c); }

inline Json Group(const char* name) { return Json::array({{{"kind", "Group"}, {"name", name}}}); }

struct OperatorSite : ApiSite {
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

  void PutPolicy(const char* on_violation = "Hold", const Json& waivers = {}) {
    const Json sign_off = {{"role", "validator"}, {"count", 1}, {"assurance", "Requester"}};
    Json policy = {
        {"metadata", {{"name", "policy"}}},
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
          {"incidents", {{"signOff", sign_off}, {"issuers", Group("model-risk")}}}}}};
    if (!waivers.is_null()) policy["spec"]["waivers"] = waivers;
    api->Put(kGovernancePolicies, std::move(policy));
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
  std::string Revision() {
    const Json child = Child();
    const Json* labels = FindPath(child, "metadata/labels");
    const Json* number = labels == nullptr ? nullptr : Find(*labels, kRevisionLabel);
    return number == nullptr ? "" : number->get<std::string>();
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
  // As a quota of the namespace does, for example.
  void RefuseRevisions() {
    api->Intercept([](const HttpRequest& request) {
      return Forbidden(request, "POST", "/controllerrevisions", "exceeded quota");
    });
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

}  // namespace countersign
