// guarded.h: a Deployment that serves a model, the ModelDeployment that may cover it, and what the
// guard is told of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/yaml.h"
#include "governance/serving/guard.h"

namespace countersign {

inline const std::string kModel = "sha256:" + std::string(64, 'a');
inline const std::string kOther = "sha256:" + std::string(64, 'b');
inline const std::string kImage = "r.example/server@sha256:" + std::string(64, 'c');

inline const ServingProfiles& Table() {
  static const ServingProfiles kTable = BuiltInServingProfiles().value();
  return kTable;
}

// As the operator mounts the model.
inline Json PodSpec(const std::string& model = kModel, const std::string& container = "") {
  return ParseYaml("{containers: [{name: c, image: '" + kImage + "'" + container +
                   ", volumeMounts: [{name: model, mountPath: /models, readOnly: true}]}], "
                   "volumes: [{name: model, image: {reference: 'r.example/m@" +
                   model + "'}}]}")
      .value();
}

inline Recognition Deployment(const Json& pod_spec) {
  return Recognise(Table(), {{"apiVersion", "apps/v1"},
                             {"kind", "Deployment"},
                             {"metadata", {{"name", "d"}, {"namespace", "lending-prod"}}},
                             {"spec", {{"template", {{"spec", pod_spec}}}}}});
}

inline ModelDeploymentSpec Spec(const std::string& digest = kModel) {
  ModelDeploymentSpec spec;
  spec.model.uri = "oci://r.example/m@" + digest;
  spec.model.digest = {digest, DigestType::kOciManifest};
  spec.serving.pod_template = RawJson::FromText(
      "{\"spec\":{\"containers\":[{\"name\":\"s\",\"image\":\"" + kImage + "\"}]}}");
  return spec;
}

inline Cover Approved(const ModelDeploymentSpec& spec = Spec(),
                      const std::string& name = "scorer") {
  Cover cover = CoverOf(name, spec);
  cover.approved = true;
  return cover;
}

inline GuardFacts FactsOf(Recognition serving) {
  GuardFacts facts;
  facts.kind = "Deployment";
  facts.name_space = "lending-prod";
  facts.name = "d";
  facts.serving = std::move(serving);
  facts.setting.environment = "prod";
  return facts;
}

inline std::vector<std::string> Reasons(const GuardDecision& decision) {
  std::vector<std::string> reasons;
  for (const GuardFault& fault : decision.faults) reasons.push_back(fault.reason);
  return reasons;
}

}  // namespace countersign
