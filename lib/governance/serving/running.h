// running.h: what a pod spec runs, in a form that can be compared with what was approved.
//
// Compared is what decides what a container does, by an allow-list of fields; and where else code
// or weights may come from. What the API server fills in where nothing was said is taken out first,
// so that a template and the object that was stored for it agree. Pure.
#pragma once

#include <vector>

#include "base/describe.h"
#include "base/json.h"
#include "governance/serving/reference.h"

namespace countersign {

inline constexpr const char* kContainerLists[] = {"initContainers", "containers",
                                                  "ephemeralContainers"};

// `at` is where it stands, for messages.
[[nodiscard]] ServedReference ContainerReference(const Json& container, const JsonPath& at);

// Containers and volumes of a pod spec. Not among them are volumes that start empty, what the API
// server mounts by itself to speak to it, and images, which are models.
void AddRunning(const Json& pod_spec, const JsonPath& at, std::vector<ServedReference>& out);

}  // namespace countersign
