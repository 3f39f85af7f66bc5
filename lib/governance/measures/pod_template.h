// pod_template.h: what a pod template must not contain if what was approved is to be what runs.
//
// Pure. The template is foreign JSON; everything that is not understood is refused rather than let
// through: volume types are an allow-list.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "governance/types/model_deployment.h"

namespace countersign {

struct TemplateFault {
  std::string reason;  // ImageNotPinned, VolumeNotAllowed, ConfigNotPinned, NameReserved, …
  std::string message;
  std::string path;
};

// Everything at fault, in document order. Mount path and volume name of the model are reserved in
// every environment, the rest is asked for only where `strict`.
[[nodiscard]] std::vector<TemplateFault> TemplateFaults(const ModelDeploymentSpec& spec,
                                                        bool strict);

// The volume of a component that is an artefact.
[[nodiscard]] std::string VolumeOf(const Component& component);
// What the operator tells every container about a hosted component: names and values.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> VariablesOf(
    const Component& component);
// Adds all of these to what a container is told.
void AddVariables(const Model& model, Json& container);

inline constexpr std::string_view kModelVolume = "model";       // added by the operator
inline constexpr std::string_view kModelMountPath = "/models";  // in every container

}  // namespace countersign
