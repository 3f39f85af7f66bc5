// kubeconfig_entries.h: one cluster and one user of a kubeconfig file.
//
// Internal to kubeconfig.cc. Paths are relative to the folder of the file that an entry came from.
// Errors carry the field; what is not supported is an error, because to ignore it would mean to
// connect to another place, or as somebody else, than the user asked for. Pure but for file reads.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "kube/kubeconfig.h"

namespace countersign {

// A named entry and the folder of the file that it came from.
struct KubeconfigEntry {
  Json value;
  std::string directory;
};

[[nodiscard]] Result<ServerConfig> ReadKubeconfigCluster(const KubeconfigEntry& entry);

// `cluster` gives exec plugins the extension that is meant for them.
[[nodiscard]] Result<UserConfig> ReadKubeconfigUser(const KubeconfigEntry& entry,
                                                    const KubeconfigEntry& cluster);

}  // namespace countersign
