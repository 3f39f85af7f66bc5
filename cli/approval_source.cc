#include "cli/approval_source.h"

#include <algorithm>

#include "cli/live.h"
#include "cli/render.h"
#include "cli/stamps.h"
#include "cli/world.h"

namespace countersign {
namespace {

// More than that nobody reads in a terminal.
constexpr std::size_t kMaxOrigins = 40;

bool IsClusterWide(const std::string& kind) {
  return kind == GovernancePolicySpec::kKind || kind == ModelRecordSpec::kKind;
}

std::string Name(const Manifest& manifest) { return StringAt(manifest.object, "metadata/name"); }
std::string Home(const Manifest& manifest) {
  return StringAt(manifest.object, "metadata/namespace");
}

}  // namespace

Result<Json> ClusterSource::Get(const Resource& resource, const ObjectKey& key) const {
  return cluster_.Get(resource, key);
}

Result<std::vector<Json>> ClusterSource::List(const Resource& resource,
                                              const std::string& ns) const {
  return cluster_.List(resource, ns);
}

Status ClusterSource::ReadPolicies(PolicySet& policies) const {
  World world({BelieveStamp, {}});
  auto read = countersign::ReadPolicies(cluster_, world);
  policies = world.policies();
  return read;
}

Result<ManifestSource> ManifestSource::Make(std::vector<Manifest> manifests, std::string name_space,
                                            Time now) {
  std::erase_if(manifests, [](const Manifest& manifest) {
    return !StringAt(manifest.object, "apiVersion").starts_with(std::string(kApiGroup) + "/");
  });
  World world({ClaimedMaker(now), name_space});
  for (Manifest& manifest : manifests) {
    if (auto added = world.Add(manifest); !added) return Fail(Error(added.error()));
    if (Name(manifest).empty()) {
      return Fail(Error(FailIn(manifest, "metadata.name",
                               "is required: a sign-off lists by name what its signer was shown")
                            .value()));
    }
    if (Home(manifest).empty() && !IsClusterWide(StringAt(manifest.object, "kind"))) {
      SetPath(manifest.object, "metadata/namespace", name_space);
    }
  }
  ManifestSource source(std::move(manifests), std::move(name_space), now);
  source.policies_ = world.policies();
  return source;
}

Result<Json> ManifestSource::Get(const Resource& resource, const ObjectKey& key) const {
  const Manifest* found = nullptr;
  for (const Manifest& manifest : manifests_) {
    if (StringAt(manifest.object, "kind") != resource.kind || Name(manifest) != key.name) continue;
    if (resource.namespaced && !key.ns.empty() && Home(manifest) != key.ns) continue;
    if (found != nullptr && Home(*found) != Home(manifest)) {
      return Fail(Code::kInvalidArgument,
                  "must be given: " + resource.kind + " '" + key.name + "' is in namespaces '" +
                      Home(*found) + "' and '" + Home(manifest) + "' of the files",
                  "--namespace");
    }
    found = &manifest;
  }
  if (found != nullptr) return found->object;
  const std::string where =
      resource.namespaced && !key.ns.empty() ? " in namespace '" + key.ns + "'" : "";
  return Fail(Code::kNotFound,
              "there is no " + resource.kind + " '" + key.name + "'" + where +
                  " among the files, and no cluster is asked: give its manifest with -f too");
}

Result<std::vector<Json>> ManifestSource::List(const Resource& resource,
                                               const std::string& ns) const {
  std::vector<Json> items;
  for (const Manifest& manifest : manifests_) {
    if (StringAt(manifest.object, "kind") != resource.kind) continue;
    if (resource.namespaced && !ns.empty() && Home(manifest) != ns) continue;
    items.push_back(manifest.object);
  }
  return items;
}

Status ManifestSource::ReadPolicies(PolicySet& policies) const {
  policies = policies_;
  return {};
}

std::string ManifestSource::OriginText() const {
  std::string text = "Taken from files; no cluster was asked, and nobody was authenticated:\n";
  for (std::size_t i = 0; i < manifests_.size() && i < kMaxOrigins; ++i) {
    const std::string home = Home(manifests_[i]);
    text +=
        "  " +
        Printable(StringAt(manifests_[i].object, "kind") + " '" + (home.empty() ? "" : home + "/") +
                  Name(manifests_[i]) + "' of " + manifests_[i].source) +
        "\n";
  }
  if (manifests_.size() > kMaxOrigins) {
    text += "  and " + std::to_string(manifests_.size() - kMaxOrigins) + " more\n";
  }
  return text;
}

}  // namespace countersign
