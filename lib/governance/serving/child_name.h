// child_name.h: what the Deployment, the Service and the revisions of a ModelDeployment are called,
// how they are labelled, and what they were made from.
//
// The operator makes them by this name, and the guard knows them by it. The ModelDeployment's own
// name where Kubernetes allows it, else a readable prefix with a hash. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"

namespace countersign {

// A DNS label that starts with a letter (RFC 1035, which Services need), at most this long.
inline constexpr std::size_t kMaxChildName = 63;
[[nodiscard]] std::string ChildName(std::string_view deployment);
// "credit-scorer-7": name of the ControllerRevision with this number.
[[nodiscard]] std::string RevisionName(std::string_view deployment, std::int64_t number);

// What the Service of a ModelDeployment selects Pods by: its name in the one label, the operator's
// in the other.
inline constexpr std::string_view kInstanceLabel = "app.kubernetes.io/instance";
inline constexpr std::string_view kManagedByLabel = "app.kubernetes.io/managed-by";
// Also the field manager of all server-side applies.
inline constexpr std::string_view kOperatorName = "countersign-operator";
// Selects what the operator made, of all ModelDeployments.
[[nodiscard]] std::string OursSelector();

// Of the approved spec and of its model, on the child and its Pods.
inline constexpr std::string_view kGovernedDigestAnnotation = "countersign.dev/governed-digest";
inline constexpr std::string_view kModelDigestAnnotation = "countersign.dev/model-digest";
[[nodiscard]] std::string AnnotationOf(const Json& object, std::string_view key);  // empty: none

}  // namespace countersign
