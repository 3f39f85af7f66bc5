// record_evidence.h: evidence about one model as the operator sees it, and what a ModelRecord
// becomes by it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "operator/model_records.h"
#include "tests/unit/catalog/objects.h"

namespace countersign {

inline const Time kNow = ParseTime("2026-11-20T12:00:00Z").value();

inline Provenance By(const std::string& user, int minutes_ago) {
  Provenance by;
  by.authenticity = Authenticity::kAttested;
  by.user = user;
  by.groups = {"ds-lending"};
  by.first_seen = kNow - std::chrono::minutes(minutes_ago);
  return by;
}

template <class Spec>
std::shared_ptr<const Object<Spec>> Made(const Json& json) {
  auto object = Decode<Spec>(json);
  EXPECT_TRUE(object) << object.error().ToString();
  return std::make_shared<const Object<Spec>>(*std::move(object));
}

template <class First, class... Rest>
std::vector<First> Listed(First first, Rest... rest) {
  return {std::move(first), std::move(rest)...};
}

// `tp` tells one result from another.
inline AttestedBiasTest Tested(const std::string& name, int tp, const Provenance& by,
                               const std::string& performed_at = "2026-11-01T12:00:00Z") {
  Json json = BiasTestJson(name, "credit");
  json["spec"]["performedAt"] = performed_at;
  Json& cell = json["spec"]["cells"][0];
  json["spec"]["dataSet"]["rows"] =
      json["spec"]["dataSet"]["rows"].get<int>() - cell["tp"].get<int>() + tp;
  cell["tp"] = tp;
  return {Made<BiasTestSpec>(json), by};
}

inline AttestedSignOff Vote(const std::string& name, const char* decision, const Provenance& by,
                            const std::string& rationale = "Looked at it.") {
  const std::string governed = "sha256:" + std::string(64, '5');
  Json json = SignOffJson(name, "credit");
  json["spec"]["subject"] = {{"kind", "ModelDeployment"},
                             {"useCase", "credit"},
                             {"environment", "prod"},
                             {"model", {{"digest", kModelDigest}, {"digestType", "ociManifest"}}},
                             {"governedDigest", governed}};
  json["spec"]["decision"] = decision;
  json["spec"]["signer"]["username"] = by.user;
  json["spec"]["rationale"] = rationale;
  return {Made<SignOffSpec>(json), by};
}

template <class Spec>
Attested<Spec> Elsewhere(const Attested<Spec>& one) {
  auto moved = std::make_shared<Object<Spec>>(*one.object);
  moved->meta.name_space = "elsewhere";
  return {std::move(moved), one.by};
}

inline std::shared_ptr<const Incident> Raised(const std::string& name,
                                              const std::string& name_space,
                                              const std::string& summary) {
  return Made<IncidentSpec>(
      {{"apiVersion", "countersign.dev/v1alpha1"},
       {"kind", "Incident"},
       {"metadata", {{"name", name}, {"namespace", name_space}, {"uid", name}}},
       {"spec",
        {{"useCase", "credit"},
         {"severity", "High"},
         {"category", "SeriousIncident"},
         {"awareAt", "2026-11-01T12:00:00Z"},
         {"summary", summary},
         {"quarantine", {{"scope", "UseCase"}, {"response", "Suspend"}}}}}});
}

// Namespaces whose evidence does not fit.
inline std::vector<std::string> FullOf(const ModelRecordSpec& record) {
  std::vector<std::string> full;
  for (const RecordBounds& one : record.bounds) {
    if (one.full) full.push_back(one.name_space);
  }
  return full;
}

inline SeenOfModel Seen() {
  SeenOfModel seen;
  seen.digest = kModelDigest;
  return seen;
}

inline ModelRecordSpec Next(const ModelRecordSpec& before, const SeenOfModel& seen) {
  return NextRecord(before, seen, {}, {}, kNow);
}

// As it is read back from the API server.
inline ModelRecordSpec Stored(const ModelRecordSpec& record) {
  auto decoded = Decode<ModelRecordSpec>(RecordObject(record));
  EXPECT_TRUE(decoded) << decoded.error().ToString();
  return decoded ? decoded->spec : ModelRecordSpec{};
}

inline std::vector<std::string> NamesOf(const std::vector<RecordedObject>& objects) {
  std::vector<std::string> names;
  for (const RecordedObject& one : objects) names.push_back(one.kind + "/" + one.name);
  return names;
}

// Signed by that key, carried by a robot.
inline Provenance SignedBy(const std::string& key, int minutes_ago) {
  Provenance by = By("system:serviceaccount:argocd:argocd", minutes_ago);
  by.authenticity = Authenticity::kSigned;
  by.signature = std::make_shared<const SignatureProof>(SignatureProof{key});
  return by;
}

// Of the use case, not of one model's deployment.
inline AttestedSignOff OnAnswers(const std::string& name, const Provenance& by) {
  Json json = SignOffJson(name, "credit");
  json["spec"]["decision"] = "Reject";
  json["spec"]["signer"]["username"] = by.user;
  return {Made<SignOffSpec>(json), by};
}

}  // namespace countersign
