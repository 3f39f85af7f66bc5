#include "catalog/estate.h"

#include <algorithm>

namespace countersign {

std::vector<Resource> SelectorResources(const ServingProfiles& table) {
  std::vector<Resource> resources;
  resources.reserve(table.selectors.size());
  for (const ServingSelector& selector : table.selectors) resources.push_back(ResourceOf(selector));
  return resources;
}

// What other kinds call a phase says nothing of whether they run.
bool HasEnded(const Json& object) {
  const std::string kind = StringAt(object, "kind");
  if (kind == "Job" && StringAt(object, "apiVersion").starts_with("batch/")) {
    const Json* conditions = FindPath(object, "status/conditions");
    return conditions != nullptr && conditions->is_array() &&
           std::any_of(conditions->begin(), conditions->end(), [](const Json& condition) {
             const std::string type = StringAt(condition, "type");
             return (type == "Complete" || type == "Failed") &&
                    StringAt(condition, "status") == "True";
           });
  }
  if (kind != kPods.kind) return false;
  const std::string phase = StringAt(object, "status/phase");
  return phase == "Succeeded" || phase == "Failed";
}

namespace {

ApiStatus ReadVersion(const KubeClient& client, const Resource& resource, const std::string& ns,
                      const Call& call, const std::function<void(const Json&)>& each) {
  std::string next;
  do {
    auto page = client.ListOnePage(resource, ns, {}, next, call);
    if (!page) return tl::unexpected(page.error());
    for (Json& item : page->items) {
      item["apiVersion"] = resource.ApiVersion();
      item["kind"] = resource.kind;
      if (!HasEnded(item)) each(item);
      Discard(item);
    }
    next = std::move(page->next);
  } while (!next.empty());
  return {};
}

}  // namespace

ApiStatus ReadObjects(const KubeClient& client, const Resource& resource, const std::string& ns,
                      const Call& call, const std::function<void(const Json&)>& each) {
  auto read = ReadVersion(client, resource, ns, call, each);
  // Its CRD is not installed.
  if (!read && read.error().http_status == 404) return {};
  return read;
}

ApiStatus ReadKind(const KubeClient& client, const ServingProfile& profile, const std::string& ns,
                   const Call& call, const std::function<void(const Json&)>& each) {
  for (const std::string& version : profile.versions) {
    Resource resource = ResourceOf(profile);
    resource.version = version;
    auto read = ReadVersion(client, resource, ns, call, each);
    if (read || read.error().http_status != 404) return read;
  }
  return {};
}

void AddModels(const ModelDeployment& deployment, RunningFacts& facts) {
  for (const std::string& digest : ModelDigestsOf(deployment.spec)) {
    facts.models.emplace(digest, std::string(ModelDeploymentSpec::kKind) + " '" +
                                     deployment.meta.name_space + "/" + deployment.meta.name + "'");
  }
}

ScannedObject ScannedOf(const ServingProfiles& table, const RunningFacts& facts, const Json& object,
                        const UidOfDeployment& uid_of) {
  Workload workload = DecodeWorkload(table, object);
  ScannedObject scanned;
  scanned.operators_own = IsOperatorsOwn(workload, uid_of);
  scanned.api_version = std::move(workload.api_version);
  scanned.kind = std::move(workload.kind);
  scanned.name_space = std::move(workload.key.ns);
  scanned.name = std::move(workload.key.name);
  scanned.uid = std::move(workload.uid);
  if (workload.owner) {
    scanned.owner_uid = std::move(workload.owner->uid);
    scanned.owner_kind = std::move(workload.owner->kind);
    scanned.owner_name = std::move(workload.owner->name);
  }
  scanned.ending = !StringAt(object, "metadata/deletionTimestamp").empty();
  scanned.idle = scanned.kind == "ReplicaSet" && !scanned.owner_uid.empty() &&
                 IntAt(object, "spec/replicas", 1) == 0 && IntAt(object, "status/replicas", 0) == 0;
  scanned.resolved = ResolvedImages(object);
  if (scanned.operators_own) scanned.idle = IntAt(object, "spec/replicas", 1) == 0;
  if (scanned.kind != kPods.kind) {
    scanned.recognition = std::move(workload.recognition);
    return scanned;
  }
  scanned.made_from = MadeFromOf(object);
  scanned.recognition = RecogniseRunning(table, object, facts);
  if (scanned.recognition.batch) {
    scanned.in_batch = std::move(scanned.recognition);
    scanned.recognition = RecogniseRunning(table, object, facts, false);
  }
  return scanned;
}

}  // namespace countersign
