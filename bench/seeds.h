// seeds.h: what the benchmarks are about: reviews of a chosen size, and caches with the evidence
// that approves them.
#pragma once

#include <string>
#include <utility>

#include "base/json.h"
#include "catalog/catalog.h"
#include "evidence/installation_key.h"
#include "kube/transport.h"
#include "tests/unit/catalog/objects.h"

namespace countersign {

inline constexpr char kInstallation[] = "test";  // as StampedBy of objects.h has it
inline constexpr int kEvidencePerUseCase = 10;

// There is no API server: whoever reads live is told so at once, and would be seen as a denial.
class NoServer final : public Transport {
 public:
  Result<HttpResponse> Send(const HttpRequest&, std::stop_token, BodySink*) override {
    return Fail(Code::kUnavailable, "the benchmark has no API server");
  }
};

inline std::string UseCaseName(int i) { return "case-" + std::to_string(i); }

// The object of a review whose body has about `bytes`; the settings are part of what is digested.
inline Json Deployment(const InstallationKey& key, int use_case, std::size_t bytes, Time now) {
  Json object = DeploymentJson("scorer-" + std::to_string(use_case), UseCaseName(use_case));
  constexpr std::size_t kRest = 2100;      // everything but the settings
  constexpr std::size_t kPerSetting = 66;  // one of them
  Json settings = Json::array();
  for (std::size_t i = 0; kRest + i * kPerSetting < bytes; ++i) {
    std::string number = std::to_string(10'000 + i);
    settings.push_back({{"name", "SETTING_" + number}, {"value", std::string(30, 'v')}});
  }
  object["spec"]["serving"]["template"]["spec"]["containers"][0]["env"] = std::move(settings);
  return StampedBy(key, std::move(object), "bob@bank.example", now);
}

inline std::string ReviewOf(Json object) {
  const Json metadata = object["metadata"];
  const Json resource = {
      {"group", "countersign.dev"}, {"version", "v1alpha1"}, {"resource", "modeldeployments"}};
  const Json kind = {
      {"group", "countersign.dev"}, {"version", "v1alpha1"}, {"kind", "ModelDeployment"}};
  return DumpJson(
      {{"apiVersion", "admission.k8s.io/v1"},
       {"kind", "AdmissionReview"},
       {"request",
        {{"uid", "705ab4f5-6393-11e8-b7cc-42010a800002"},
         {"kind", kind},
         {"resource", resource},
         {"requestKind", kind},
         {"requestResource", resource},
         {"name", metadata["name"]},
         {"namespace", metadata["namespace"]},
         {"operation", "CREATE"},
         {"userInfo", {{"username", "bob@bank.example"}, {"groups", Json::array({"model-risk"})}}},
         {"object", std::move(object)},
         {"oldObject", nullptr},
         {"dryRun", false}}}});
}

// Fills the caches: each use case has the sign-offs its deployment needs and other evidence.
class Seeder {
 public:
  Seeder(Catalog& catalog, const InstallationKey& key, Time now)
      : catalog_(catalog), key_(key), now_(now) {}

  void Policy(const std::string& name = "lending") { Put(kGovernancePolicies, PolicyJson(name)); }

  void Fill(int use_case, std::size_t bytes) {
    const std::string name = UseCaseName(use_case);
    Json object = UseCaseJson(name);
    const auto decoded = Decode<UseCaseSpec>(Json(object)).value();
    Put(kUseCases, std::move(object));

    Json answers = SignOffJson(name + "-answers", name);
    SetPath(answers, "spec/subject/answersDigest", AnswersDigest(decoded.spec).value());
    Put(kSignOffs, Stamped(std::move(answers), "vera@bank.example"));

    const Json deployment = Deployment(key_, use_case, bytes, now_);
    Json approval = SignOffJson(name + "-approval", name);
    approval["spec"]["subject"] = {
        {"kind", "ModelDeployment"},
        {"useCase", name},
        {"environment", "prod"},
        {"model", {{"digest", kModelDigest}, {"digestType", "ociManifest"}}},
        {"governedDigest", GovernedDigest(*Find(deployment, "spec")).value()}};
    Put(kSignOffs, Stamped(std::move(approval), "vera@bank.example"));

    for (int i = 2; i < kEvidencePerUseCase; ++i) {
      const std::string evidence = name + "-" + std::to_string(i);
      if (i % 2 == 0) {
        Put(kReproducibilitySnapshots, Stamped(SnapshotJson(evidence, name), "dan@bank.example"));
      } else {
        Put(kBiasTests, Stamped(BiasTestJson(evidence, name), "dan@bank.example"));
      }
    }
  }

 private:
  Json Stamped(Json object, const std::string& user) const {
    return StampedBy(key_, std::move(object), user, now_);
  }
  void Put(const Resource& resource, Json object) {
    SetPath(object, "metadata/resourceVersion", std::to_string(++version_));
    SetPath(object, "metadata/creationTimestamp", FormatTime(now_));
    catalog_.Upsert(resource, std::move(object));
  }

  Catalog& catalog_;
  const InstallationKey& key_;
  const Time now_;
  int version_ = 0;
};

}  // namespace countersign
