// world_source.h: the objects that a command judges, from files or from the cluster, with what is
// taken for granted about who made them.
#pragma once

#include <string>
#include <vector>

#include "cli/cluster.h"
#include "cli/stamps.h"
#include "cli/world.h"

namespace countersign {

struct SourcedWorld {
  World world;
  std::vector<std::string> unreadable;   // deployments that could not be decoded
  std::vector<std::string> assumptions;  // for the output
};

// Whatever is malformed is an error. Evidence that states no time counts as made `now`.
[[nodiscard]] Result<SourcedWorld> WorldFromFiles(const std::vector<std::string>& files,
                                                  const Global& global, Time now);
// All our kinds everywhere; what cannot be decoded counts as unknown, as for the operator.
[[nodiscard]] Result<SourcedWorld> WorldFromCluster(const Cluster& cluster,
                                                    const StampFlags& stamps);
// From `files`, or from the cluster if there are none.
[[nodiscard]] Result<SourcedWorld> ReadWorld(const std::vector<std::string>& files,
                                             const StampFlags& stamps, const Global& global,
                                             Time now);

// Policies alone: what evidence would change is what `check` says.
[[nodiscard]] Result<PolicySet> PoliciesFromFiles(const std::vector<std::string>& files);

// The time that a flag gives in RFC 3339, or `fallback`.
[[nodiscard]] Result<Time> TimeFlag(const std::string& text, const std::string& flag,
                                    Time fallback);
// "NAMESPACE/NAME".
[[nodiscard]] Result<ObjectKey> KeyFlag(const std::string& text, const std::string& flag);

}  // namespace countersign
