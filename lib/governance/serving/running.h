// running.h: what a pod spec runs, in a form that can be compared with what was approved.
//
// Compared is what decides what a container does, by an allow-list of fields; and where else code
// or weights may come from. What the API server fills in where nothing was said is taken out first,
// so that a template and the object that was stored for it agree. Pure.
#pragma once

#include <string>
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

struct RunningPart {
  ServedReference reference;
  const Json* node = nullptr;  // the container or volume itself
};

// Containers and volumes of an object. In those of other stacks containers may lie within others,
// each of which is compared with all that is below it: once there are too many, or they are too
// long together, no more is looked at.
struct Running {
  std::vector<RunningPart> parts;
  std::size_t bytes = 0;  // of what was compared and is kept
  bool is_full = false;
};

// `at` is where it stands, for messages; `node` what was found there.
void AddContainer(const Json& container, const Json& node, const JsonPath& at, Running& out);

// Where a volume of a pod spec has its content from, in the form that is compared.
struct VolumeSource {
  Json json;         // without its name, and without an image, which is a model
  std::string text;  // "volume 'code' of configMap"
  bool is_empty = false;
  bool is_service_account = false;  // the one that the API server mounts for its own clients
};
[[nodiscard]] VolumeSource SourceOf(const Json& volume, const Json& pod_spec);

// What is mounted beside a pod spec's volumes, such as the claims of a StatefulSet: what lies there
// nobody has said. `field` is where it was found; no volume of a pod spec is the same.
void AddOtherVolume(std::string_view field, const Json& source, const JsonPath& at, Running& out);

// Containers that say what runs and volumes of a pod spec. Not among them are volumes that start
// empty, what the API server mounts by itself to speak to it, and images, which are models.
void AddRunning(const Json& pod_spec, const JsonPath& at, Running& out);

// What containers and volumes of a pod spec have to agree in, as in Recognition::references
// (recognise.h).
[[nodiscard]] std::vector<ServedReference> RunsIn(const Json& pod_spec);

}  // namespace countersign
