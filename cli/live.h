// live.h: the objects of a cluster as manifests, so that they are judged like files.
//
// Reads with the caller's own rights; what may not be listed is an error that says so.
#pragma once

#include <vector>

#include "cli/cluster.h"
#include "cli/manifests.h"
#include "cli/world.h"

namespace countersign {

// All objects of one kind, in `ns` or, if it is empty, everywhere. Their source is
// "GovernancePolicy 'lending'".
[[nodiscard]] Result<std::vector<Manifest>> ListManifests(const Cluster& cluster,
                                                          const Resource& resource,
                                                          const std::string& ns,
                                                          const std::string& field_selector = {});

[[nodiscard]] Result<Manifest> GetManifest(const Cluster& cluster, const Resource& resource,
                                           const ObjectKey& key);

// Adds all policies to `world`, and the sign-offs on them, wherever they lie, if there is a
// published version that these may concern. What cannot be read is noted there.
[[nodiscard]] Status ReadPolicies(const Cluster& cluster, World& world);

}  // namespace countersign
