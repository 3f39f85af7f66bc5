#include "cli/adoptable.h"

#include <algorithm>
#include <array>

namespace countersign {

constexpr std::size_t kMaxOwners = 8;  // as the guard follows them

bool IsAdoptable(const ScannedObject& object) {
  const AdoptableKind* found = FindAdoptable(object.kind);
  return found != nullptr && object.api_version == found->api_version;
}

bool SelectedBy(const Json& service, const std::string& ns, const Json* labels) {
  const Json* selector = FindPath(service, "spec/selector");
  if (StringAt(service, "metadata/namespace") != ns || labels == nullptr || selector == nullptr ||
      !selector->is_object() || selector->empty()) {
    return false;
  }
  for (auto it = selector->begin(); it != selector->end(); ++it) {
    const Json* value = Find(*labels, it.key());
    if (value == nullptr || *value != it.value()) return false;
  }
  return true;
}

const AdoptableKind* FindAdoptable(std::string_view kind) {
  static constexpr std::array<AdoptableKind, 3> kKinds = {
      {{"Deployment", "apps/v1", "apps", "deployments"},
       {"StatefulSet", "apps/v1", "apps", "statefulsets"},
       {"Rollout", "argoproj.io/v1alpha1", "argoproj.io", "rollouts"}}};
  const auto* found = std::find_if(kKinds.begin(), kKinds.end(),
                                   [kind](const auto& one) { return one.kind == kind; });
  return found == kKinds.end() ? nullptr : found;
}

AdoptableObjects::AdoptableObjects(const Estate& estate) : estate_(estate) {
  for (const ScannedObject& object : estate.objects) {
    if (!object.uid.empty()) by_uid_.emplace(object.uid, &object);
  }
}

const Json& AdoptableObjects::ManifestOf(const ScannedObject& object) const {
  return estate_.manifests[static_cast<std::size_t>(&object - estate_.objects.data())];
}

std::vector<std::vector<ResolvedImage>> AdoptableObjects::PodsOf(
    const ScannedObject& workload) const {
  std::vector<std::vector<ResolvedImage>> pods;
  for (const ScannedObject& object : estate_.objects) {
    if (object.kind != "Pod" || object.name_space != workload.name_space) continue;
    const ScannedObject* at = &object;
    for (std::size_t i = 0; i < kMaxOwners && at != nullptr && at != &workload; ++i) {
      const auto owner = by_uid_.find(at->owner_uid);
      at = owner == by_uid_.end() ? nullptr : owner->second;
    }
    if (at == &workload) pods.push_back(object.resolved);
  }
  return pods;
}

const Json* AdoptableObjects::Find(const std::string& kind, const std::string& ns,
                                   const std::string& name) const {
  for (const ScannedObject& object : estate_.objects) {
    if (IsAdoptable(object) && object.kind == kind && object.name_space == ns &&
        object.name == name && !object.operators_own) {
      return &ManifestOf(object);
    }
  }
  return nullptr;
}

bool AdoptableObjects::HasDeployment(const std::string& ns, const std::string& name) const {
  return std::any_of(estate_.objects.begin(), estate_.objects.end(), [&](const auto& object) {
    return object.kind == "Deployment" && object.name_space == ns && object.name == name &&
           !object.operators_own;
  });
}

std::optional<std::int64_t> PortOf(const std::vector<Json>& services, const std::string& ns,
                                   const Json& pod_template) {
  std::map<std::string, std::int64_t> named;
  std::optional<std::int64_t> first;
  const Json* containers = FindPath(pod_template, "spec/containers");
  for (const Json& container : containers != nullptr ? *containers : Json::array()) {
    const Json* ports = Find(container, "ports");
    for (const Json& port : ports != nullptr ? *ports : Json::array()) {
      const std::int64_t number = IntAt(port, "containerPort");
      if (number == 0) continue;
      if (!first) first = number;
      named.emplace(StringAt(port, "name"), number);
    }
  }
  for (const Json& service : services) {
    if (!SelectedBy(service, ns, FindPath(pod_template, "metadata/labels"))) continue;
    const Json* ports = FindPath(service, "spec/ports");
    for (const Json& port : ports != nullptr ? *ports : Json::array()) {
      const Json* target = Find(port, "targetPort");
      if (target != nullptr && target->is_number_integer()) return target->get<std::int64_t>();
      const auto by_name = named.find(StringAt(port, "targetPort"));
      if (by_name != named.end()) return by_name->second;
    }
  }
  return first;
}

std::set<std::string> PartsOf(const Json& workload) {
  std::set<std::string> parts;
  const auto take = [&](const char* list, bool images) {
    const Json* items = FindPath(workload, list);
    for (const Json& item : items != nullptr ? *items : Json::array()) {
      if (!images || Find(item, "image") != nullptr) parts.insert(StringAt(item, "name"));
    }
  };
  take("spec/template/spec/initContainers", false);
  take("spec/template/spec/containers", false);
  take("spec/template/spec/volumes", true);
  return parts;
}

}  // namespace countersign
