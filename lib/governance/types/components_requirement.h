// components_requirement.h: what a policy may ask of what a model is put together from. Part of
// GovernancePolicy (policy.h).
#pragma once

#include <string>
#include <vector>

#include "governance/types/component.h"

namespace countersign {

// Whether a model may contain parts that somebody else runs.
enum class HostedModels { kRefused, kPinned, kAny };
template <>
struct EnumNames<HostedModels> {
  static constexpr std::pair<HostedModels, std::string_view> kNames[] = {
      {HostedModels::kRefused, "Refused"},
      {HostedModels::kPinned, "Pinned"},
      {HostedModels::kAny, "Any"}};
};

struct ComponentsRequirement {
  std::vector<ComponentRole> required_roles;
  HostedModels hosted = HostedModels::kPinned;
  std::vector<std::string> providers;  // empty: any
};

}  // namespace countersign
