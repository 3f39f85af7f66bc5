// configuration_state.h: a webhook configuration as those who tend its caBundle see it.
//
// Both programs read it so: the webhook to know whether an authority is published, the operator to
// publish it. Values, immutable once in a cache; pure functions.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "kube/informer.h"

namespace countersign {

struct ConfigurationState {
  std::string uid;
  struct Entry {
    std::string name;
    std::string bundle;  // caBundle, decoded: PEM
  };
  std::vector<Entry> entries;
  Json object;  // whole, without managedFields

  // Whether every entry's caBundle holds `certificate` (PEM). False without entries.
  [[nodiscard]] bool Trusts(const std::string& certificate) const;
};

// Never fails, but for the informer's sake.
[[nodiscard]] Result<ConfigurationState> DecodeConfiguration(Json&& object);

// Follows the one object of `resource` with this name, which is all that RBAC has to grant.
// `name_space` empty for cluster-scoped kinds.
[[nodiscard]] InformerOptions FollowOne(const Resource& resource, const ObjectKey& key);

}  // namespace countersign
