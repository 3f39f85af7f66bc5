// config_state.h: the digest of a ConfigMap's content, which is all that the operator keeps of it.
//
// A ModelDeployment lists the ConfigMaps that its template refers to with the digest of their
// content; what was approved is what runs. Pure functions.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "governance/types/model_deployment.h"
#include "kube/informer.h"
#include "operator/conditions.h"

namespace countersign {

struct ConfigState {
  std::string digest;
};

// SHA-256 over the canonical JSON of {"data": …, "binaryData": …}; an absent or empty member is
// left out.
[[nodiscard]] Result<ConfigState> DecodeConfigState(const Json& config_map);

// The first listed ConfigMap whose content is not what was approved.
[[nodiscard]] std::optional<Obstacle> ConfigMismatch(const Serving& serving, const std::string& ns,
                                                     const Informer<ConfigState>& configs);

}  // namespace countersign
