// running.h: what a pod spec runs, in a form that can be compared with what was approved.
//
// Compared is what decides what a container does, by an allow-list of fields; and where else code
// or weights may come from. What the API server fills in where nothing was said is taken out first,
// so that a template and the object that was stored for it agree. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "base/describe.h"
#include "base/json.h"
#include "governance/serving/reference.h"

namespace countersign {

inline constexpr const char* kContainerLists[] = {"initContainers", "containers",
                                                  "ephemeralContainers"};

// Whether it says anything of what runs. In objects of other stacks much may be left to a runtime
// of theirs, and a container that only asks for resources says nothing.
[[nodiscard]] bool SaysWhatRuns(const Json& container);

// `at` is where it stands, for messages.
[[nodiscard]] ServedReference ContainerReference(const Json& container, const JsonPath& at);

// What is mounted beside a pod spec's volumes, such as the claims of a StatefulSet: what lies there
// nobody has said. `field` is where it was found; no volume of a pod spec is the same.
[[nodiscard]] ServedReference OtherVolume(std::string_view field, const Json& source,
                                          const JsonPath& at);

// Containers that say what runs and volumes of a pod spec. Not among them are volumes that start
// empty, what the API server mounts by itself to speak to it, and images, which are models.
void AddRunning(const Json& pod_spec, const JsonPath& at, std::vector<ServedReference>& out);

}  // namespace countersign
