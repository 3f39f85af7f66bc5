#include "cli/estate_source.h"

#include <algorithm>

namespace countersign {
namespace {

class Reader {
 public:
  Reader(const ServingProfiles& table, const World& world) : table_(table) {
    for (const World::Deployment& deployment : world.deployments()) {
      AddModels(*deployment.object, facts_);
      const ObjectMeta& meta = deployment.object->meta;
      uids_[{meta.name_space, meta.name}] = meta.uid;
    }
  }

  void TakeSelection(const Json& object) {
    if (auto selection = PodSelectionOf(table_, object)) {
      facts_.selections.push_back(std::move(*selection));
    }
  }

  void Take(const Json& object) {
    ScannedObject scanned = ScannedOf(table_, facts_, object, [this](const ObjectKey& key) {
      const auto found = uids_.find({key.ns, key.name});
      return found == uids_.end() ? std::string() : found->second;
    });
    const bool kept =
        scanned.recognition.serves || scanned.kind == "Deployment" || scanned.kind == "StatefulSet";
    estate_.manifests.push_back(kept ? object : Json());
    estate_.objects.push_back(std::move(scanned));
  }

  Estate& estate() { return estate_; }

  Estate Finish() {
    SettleBatch(estate_.objects);
    return std::move(estate_);
  }

 private:
  const ServingProfiles& table_;
  RunningFacts facts_;
  std::map<std::pair<std::string, std::string>, std::string> uids_;  // of ModelDeployments
  Estate estate_;
};

std::string GroupOf(const Json& object) {
  const std::string version = StringAt(object, "apiVersion");
  const auto slash = version.find('/');
  return slash == std::string::npos ? "" : version.substr(0, slash);
}

// Whether the rest can still be looked at.
Status AfterReading(const Cluster& cluster, const Resource& resource, const ApiStatus& read,
                    Estate& estate) {
  if (read) return {};
  const Error error = cluster.Explain("list " + resource.Name(), read.error());
  const bool others_can_be = read.error().code == Code::kPermissionDenied ||
                             read.error().code == Code::kFailedPrecondition;
  if (!others_can_be) return Fail(error);
  estate.not_looked_at.push_back(error.message);
  return {};
}

}  // namespace

Result<Estate> EstateFromCluster(const Cluster& cluster, const ServingProfiles& table,
                                 const World& world, const std::string& ns) {
  Reader reader(table, world);
  for (const ServingSelector& selector : table.selectors) {
    const auto read = ReadKind(cluster.client(), selector, ns, {},
                               [&](const Json& object) { reader.TakeSelection(object); });
    if (auto on = AfterReading(cluster, ResourceOf(selector), read, reader.estate()); !on) {
      return Fail(on.error());
    }
  }
  for (const ServingProfile& profile : table.profiles) {
    const auto read = ReadKind(cluster.client(), profile, ns, {},
                               [&](const Json& object) { reader.Take(object); });
    if (auto on = AfterReading(cluster, ResourceOf(profile), read, reader.estate()); !on) {
      return Fail(on.error());
    }
    if (read) reader.estate().read_whole.insert(profile.group + "/" + profile.kind);
  }
  return reader.Finish();
}

Located<Estate> EstateFromManifests(const std::vector<Manifest>& manifests,
                                    const ServingProfiles& table, const World& world,
                                    const std::string& ns) {
  Reader reader(table, world);
  std::vector<Json> known;
  for (const Manifest& manifest : manifests) {
    Json object = manifest.object;
    const bool served = table.Find(GroupOf(object), StringAt(object, "kind")) != nullptr;
    if (StringAt(object, "metadata/namespace").empty() && !ns.empty()) {
      SetPath(object, "metadata/namespace", ns);
    }
    reader.TakeSelection(object);
    if (!served || HasEnded(object)) continue;
    if (StringAt(object, "metadata/namespace").empty()) {
      return FailIn(manifest, "metadata.namespace",
                    "is required: the " + StringAt(object, "kind") +
                        " names none, so give one with --namespace");
    }
    if (!ns.empty() && StringAt(object, "metadata/namespace") != ns) continue;
    known.push_back(std::move(object));
  }
  if (known.empty()) {
    Fault fault;
    fault.code = Code::kNotFound;
    fault.message = "there is nothing in the manifests that could serve a model" +
                    (ns.empty() ? "" : " in namespace '" + ns + "'");
    return tl::unexpected<Fault>(std::move(fault));
  }
  for (const Json& object : known) reader.Take(object);
  return reader.Finish();
}

}  // namespace countersign
