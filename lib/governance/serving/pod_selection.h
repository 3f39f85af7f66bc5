// pod_selection.h: Pods that an object of another kind takes for model servers, such as those of an
// InferencePool. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/json.h"
#include "governance/serving/profiles.h"

namespace countersign {

struct PodSelection {
  std::string what;  // "InferencePool 'chat'"
  std::string name_space;
  std::map<std::string, std::string> labels;  // never empty: that would be all Pods
};
// By the table's selectors; nullopt if they do not know the object, or it selects nothing.
[[nodiscard]] std::optional<PodSelection> PodSelectionOf(const ServingProfiles& table,
                                                         const Json& object);

// Whether `object` is one of those Pods.
[[nodiscard]] bool Selects(const PodSelection& selection, const Json& object);

}  // namespace countersign
