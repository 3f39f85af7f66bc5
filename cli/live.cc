#include "cli/live.h"

#include <utility>

namespace countersign {
namespace {

Manifest ManifestOf(const Resource& resource, Json object) {
  const std::string ns = StringAt(object, "metadata/namespace");
  const std::string name = StringAt(object, "metadata/name");
  Manifest manifest;
  manifest.source = resource.kind + " '" + (ns.empty() ? "" : ns + "/") + name + "'";
  manifest.object = std::move(object);
  return manifest;
}

}  // namespace

Result<std::vector<Manifest>> ListManifests(const Cluster& cluster, const Resource& resource,
                                            const std::string& ns) {
  auto items = cluster.List(resource, ns);
  if (!items) return Fail(items.error());
  std::vector<Manifest> out;
  for (Json& item : *items) out.push_back(ManifestOf(resource, std::move(item)));
  return out;
}

Result<Manifest> GetManifest(const Cluster& cluster, const Resource& resource,
                             const ObjectKey& key) {
  auto object = cluster.Get(resource, key);
  if (!object) return Fail(object.error());
  return ManifestOf(resource, std::move(*object));
}

}  // namespace countersign
