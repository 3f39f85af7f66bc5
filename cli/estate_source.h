// estate_source.h: what runs and may serve a model, from the cluster or from files, for commands.
//
// Reads with the caller's own rights and changes nothing. A kind that may not be listed is not an
// error but a sentence: what else there is can still be looked at. Not thread-safe.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "catalog/estate.h"
#include "cli/cluster.h"
#include "cli/manifests.h"
#include "cli/world.h"

namespace countersign {

struct Estate {
  std::vector<ScannedObject> objects;
  // Of the objects, in the same order; null of what serves nothing, Deployments and StatefulSets
  // apart.
  std::vector<Json> manifests;
  std::vector<std::string> not_looked_at;
  // "apps/Deployment": kinds of which all there are were read. None of files: they need not be all.
  std::set<std::string> read_whole;
};

// `ns` empty: everywhere.
[[nodiscard]] Result<Estate> EstateFromCluster(const Cluster& cluster, const ServingProfiles& table,
                                               const World& world, const std::string& ns);
// `ns` is for objects that name none. Error: there is no object of a kind that the table knows.
[[nodiscard]] Located<Estate> EstateFromManifests(const std::vector<Manifest>& manifests,
                                                  const ServingProfiles& table, const World& world,
                                                  const std::string& ns);

}  // namespace countersign
