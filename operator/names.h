// names.h: what the operator's objects are called and labelled.
//
// Everything that a child carries to be found again stands here, or, where the webhook looks for it
// too, in governance/serving/child_name.h. Names are those of the ModelDeployment where Kubernetes
// allows it and a readable prefix with a hash where it does not; equal names give equal children
// for ever, because selectors cannot be changed. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "catalog/resources.h"
#include "governance/serving/child_name.h"

namespace countersign {

// reportingController of Events.
inline constexpr std::string_view kReportingController = "countersign.dev/operator";

inline constexpr std::string_view kNameLabel = "app.kubernetes.io/name";
inline constexpr std::string_view kDeploymentLabel = "countersign.dev/model-deployment";
inline constexpr std::string_view kRevisionLabel = "countersign.dev/revision";

// Labels that select the pods of a ModelDeployment: chosen once and for ever, because a
// Deployment's selector is immutable.
[[nodiscard]] Json SelectorLabels(std::string_view deployment);
[[nodiscard]] std::string SelectorText(std::string_view deployment);  // "a=b,c=d"

// "namespace/name", as caches name use cases.
[[nodiscard]] ObjectKey ParseRef(std::string_view ref);

// Any text as a label value: at most 63 of [A-Za-z0-9._-], ends alphanumeric; "unnamed" if nothing
// is left.
[[nodiscard]] std::string LabelValue(std::string_view text);

}  // namespace countersign
