#include "cli/live.h"

#include <algorithm>
#include <utility>

#include "catalog/resources.h"

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
                                            const std::string& ns,
                                            const std::string& field_selector) {
  auto items = cluster.List(resource, ns, field_selector);
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

Status ReadPolicies(const Cluster& cluster, World& world) {
  auto policies = ListManifests(cluster, kGovernancePolicies, {});
  if (!policies) return Fail(policies.error());
  const auto add = [&](const Manifest& manifest) {
    if (auto added = world.Add(manifest); !added) world.AddUnreadable(manifest, added.error());
  };
  for (const Manifest& policy : *policies) add(policy);
  const bool versioned =
      std::any_of(policies->begin(), policies->end(), [](const Manifest& manifest) {
        return FindPath(manifest.object, "spec/version") != nullptr;
      });
  if (!versioned) return {};
  auto sign_offs = ListManifests(cluster, kSignOffs, {}, kOnPolicies);
  if (!sign_offs) return Fail(sign_offs.error());
  for (const Manifest& sign_off : *sign_offs) add(sign_off);
  return {};
}

}  // namespace countersign
