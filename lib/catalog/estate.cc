#include "catalog/estate.h"

#include <algorithm>

namespace countersign {

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

ApiError NoDiscovery(const std::string& path, const std::string& what) {
  ApiError error;
  error.code = Code::kUnavailable;
  error.message = "the API server answered GET " + path + " without " + what;
  return error;
}

// In which versions the API server serves the resource, whatever we know of them. None if its CRD
// is not installed.
ApiResult<std::vector<std::string>> ServedVersions(const KubeClient& client,
                                                   const Resource& resource, const Call& call) {
  std::vector<std::string> served;
  if (resource.group.empty()) return served;  // the core group has v1
  const std::string path = "/apis/" + PercentEncode(resource.group);
  const auto group = client.GetPath(path, call);
  if (!group) {
    if (group.error().http_status == 404) return served;
    return tl::unexpected(group.error());
  }
  const Json* versions = Find(*group, "versions");
  if (versions == nullptr || !versions->is_array()) {
    return tl::unexpected(NoDiscovery(path, "its versions"));
  }
  for (const Json& one : *versions) {
    const std::string version = StringAt(one, "version");
    const std::string kinds_path = path + "/" + PercentEncode(version);
    const auto kinds = client.GetPath(kinds_path, call);
    if (!kinds && kinds.error().http_status == 404) continue;  // gone in between
    if (!kinds) return tl::unexpected(kinds.error());
    const Json* resources = Find(*kinds, "resources");
    if (resources == nullptr || !resources->is_array()) {
      return tl::unexpected(NoDiscovery(kinds_path, "its resources"));
    }
    const bool has = std::any_of(resources->begin(), resources->end(), [&](const Json& known) {
      return StringAt(known, "name") == resource.plural;
    });
    if (has) served.push_back(version);
  }
  return served;
}

// Reads by the first of these versions that is served. Where none is, gives the one that the
// resource is served in instead: its operator may be newer than the table, and what it serves is
// not absent.
ApiResult<std::string> ReadKnown(const KubeClient& client, Resource resource,
                                 const std::vector<std::string>& versions, const std::string& ns,
                                 const Call& call, const std::function<void(const Json&)>& each) {
  for (const std::string& version : versions) {
    resource.version = version;
    const auto read = ReadVersion(client, resource, ns, call, each);
    if (read) return std::string();
    if (read.error().http_status != 404) return tl::unexpected(read.error());
  }
  auto served = ServedVersions(client, resource, call);
  if (!served) return tl::unexpected(served.error());
  return served->empty() ? std::string() : std::move(served->front());
}

ApiError NotReadable(const Resource& resource, const std::string& version) {
  ApiError error;
  error.code = Code::kFailedPrecondition;
  error.message =
      resource.Name() + " are served as " + resource.group + "/" + version +
      ", of which the table of what serves does not know where they say what they select";
  return error;
}

}  // namespace

ApiStatus ReadKind(const KubeClient& client, const ServingProfile& profile, const std::string& ns,
                   const Call& call, const std::function<void(const Json&)>& each) {
  Resource resource = ResourceOf(profile);
  auto other = ReadKnown(client, resource, profile.versions, ns, call, each);
  if (!other) return tl::unexpected(other.error());
  if (other->empty()) return {};
  resource.version = std::move(*other);
  return ReadVersion(client, resource, ns, call, each);
}

ApiStatus ReadKind(const KubeClient& client, const ServingSelector& selector, const std::string& ns,
                   const Call& call, const std::function<void(const Json&)>& each) {
  const Resource resource = ResourceOf(selector);
  const auto other = ReadKnown(client, resource, selector.versions, ns, call, each);
  if (!other) return tl::unexpected(other.error());
  if (other->empty()) return {};
  return tl::unexpected(NotReadable(resource, *other));
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
