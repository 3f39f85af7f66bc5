#include "catalog/index_keys.h"

#include <algorithm>

namespace countersign {

// Empty for no model.
static std::vector<std::string> Listed(const ModelDigest* model) {
  return model == nullptr ? std::vector<std::string>() : std::vector<std::string>{model->digest};
}

std::string RefTo(const std::string& name_space, const std::string& name) {
  return name_space + "/" + name;
}

std::string UseCaseOf(const SignOff& o) {
  if (o.spec.subject.use_case.empty()) return {};
  return RefTo(o.meta.name_space, o.spec.subject.use_case);
}
std::string UseCaseOf(const ReproducibilitySnapshot& o) {
  return RefTo(o.meta.name_space, o.spec.use_case);
}
std::string UseCaseOf(const BiasTest& o) { return RefTo(o.meta.name_space, o.spec.use_case); }
std::string UseCaseOf(const EvidenceReport& o) { return RefTo(o.meta.name_space, o.spec.use_case); }
std::string UseCaseOf(const Waiver& o) { return RefTo(o.meta.name_space, o.spec.use_case); }
std::string UseCaseOf(const Incident& o) { return RefTo(o.meta.name_space, o.spec.use_case); }
std::string UseCaseOf(const ModelDeployment& o) {
  return RefTo(o.spec.use_case.name_space, o.spec.use_case.name);
}

std::vector<std::string> ModelsOf(const SignOffSpec& spec) {
  return Listed(spec.subject.model ? &*spec.subject.model : nullptr);
}
std::vector<std::string> ModelsOf(const ReproducibilitySnapshotSpec& spec) {
  return Listed(&spec.model);
}
std::vector<std::string> ModelsOf(const BiasTestSpec& spec) { return Listed(&spec.model); }
std::vector<std::string> ModelsOf(const EvidenceSpec& spec) {
  return Listed(spec.model ? &*spec.model : nullptr);
}
std::vector<std::string> ModelsOf(const WaiverSpec& /*spec*/) { return {}; }
std::vector<std::string> ModelsOf(const IncidentSpec& spec) {
  return Listed(spec.quarantine && spec.quarantine->model ? &*spec.quarantine->model : nullptr);
}
std::vector<std::string> ModelsOf(const ModelDeploymentSpec& spec) {
  std::vector<std::string> models = {spec.model.digest.digest};
  for (const Component& one : spec.model.components) models.push_back(one.identity.digest);
  return models;
}

std::string DeploymentOf(const EvidenceReport& report) {
  if (report.spec.type != "ServingRecord") return {};
  const auto& claims = report.spec.claims;
  const auto found = std::find_if(claims.begin(), claims.end(),
                                  [](const Claim& claim) { return claim.name == "deployment"; });
  return found == claims.end() ? std::string() : found->text;
}

}  // namespace countersign
