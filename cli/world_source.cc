#include "cli/world_source.h"

#include <utility>

#include "catalog/resources.h"
#include "cli/live.h"
#include "cli/offline.h"

namespace countersign {

Result<SourcedWorld> WorldFromFiles(const std::vector<std::string>& files, const Global& global,
                                    Time now) {
  auto manifests = ReadManifests(files);
  if (!manifests) return Fail(Error(manifests.error()));
  SourcedWorld sourced{
      World({ClaimedMaker(now), global.name_space, true}), {}, OfflineAssumptions()};
  if (auto added = sourced.world.AddAll(*manifests); !added) return Fail(Error(added.error()));
  return sourced;
}

Result<SourcedWorld> WorldFromCluster(const Cluster& cluster, const StampFlags& stamps) {
  auto maker = StampMaker(stamps);
  if (!maker) return Fail(maker.error());
  SourcedWorld sourced{World({std::move(*maker), {}}), {}, {}};
  for (const Resource& resource :
       {kGovernancePolicies, kUseCases, kModelDeployments, kSignOffs, kReproducibilitySnapshots,
        kBiasTests, kEvidence, kWaivers, kIncidents, kModelRecords}) {
    auto manifests = ListManifests(cluster, resource, {});
    if (!manifests) return Fail(manifests.error());
    for (const Manifest& manifest : *manifests) {
      auto added = sourced.world.Add(manifest);
      if (added) continue;
      if (resource == kModelDeployments) {
        sourced.unreadable.push_back(added.error().ToString());
      } else {
        sourced.world.AddUnreadable(manifest, added.error());
      }
    }
  }
  if (auto assumed = StampAssumption(stamps); !assumed.empty()) {
    sourced.assumptions.push_back(std::move(assumed));
  }
  return sourced;
}

Result<SourcedWorld> ReadWorld(const std::vector<std::string>& files, const StampFlags& stamps,
                               const Global& global, Time now) {
  if (!files.empty()) return WorldFromFiles(files, global, now);
  auto cluster = Cluster::Connect(global);
  if (!cluster) return Fail(cluster.error());
  if (auto there = (*cluster)->CheckNamespace(global.name_space); !there) {
    return Fail(there.error());
  }
  return WorldFromCluster(**cluster, stamps);
}

Result<PolicySet> PoliciesFromFiles(const std::vector<std::string>& files) {
  auto manifests = ReadManifests(files);
  if (!manifests) return Fail(Error(manifests.error()));
  World world({ClaimedMaker({}), {}});
  for (const Manifest& manifest : *manifests) {
    const std::string kind = StringAt(manifest.object, "kind");
    if (kind != GovernancePolicySpec::kKind) {
      return Fail(Code::kInvalidArgument, "must be a GovernancePolicy, is '" + Excerpt(kind) + "'",
                  manifest.source + ": kind");
    }
    if (auto added = world.Add(manifest); !added) return Fail(Error(added.error()));
  }
  if (world.policies().policies.empty()) {
    return Fail(Code::kNotFound, "there is no GovernancePolicy in the manifests");
  }
  return world.policies();
}

Result<Time> TimeFlag(const std::string& text, const std::string& flag, Time fallback) {
  if (text.empty()) return fallback;
  auto time = ParseTime(text);
  if (!time) return Fail(Code::kInvalidArgument, time.error().message, flag);
  return *time;
}

Result<ObjectKey> KeyFlag(const std::string& text, const std::string& flag) {
  const auto slash = text.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == text.size() ||
      text.find('/', slash + 1) != std::string::npos) {
    return Fail(Code::kInvalidArgument, "must be NAMESPACE/NAME, is '" + Excerpt(text) + "'", flag);
  }
  return ObjectKey{text.substr(0, slash), text.substr(slash + 1)};
}

}  // namespace countersign
