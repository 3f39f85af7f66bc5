// adoptable.h: what of an estate a ModelDeployment can serve in its place, and what is read of it
// for that. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/scan.h"

namespace countersign {

// What can be served in its place: `spec.template` says what each of `spec.replicas` Pods is.
struct AdoptableKind {
  std::string_view kind;
  std::string_view api_version;
  std::string_view group;
  std::string_view resource;
};
// Null for other kinds.
[[nodiscard]] const AdoptableKind* FindAdoptable(std::string_view kind);

[[nodiscard]] bool IsAdoptable(const ScannedObject& object);

// Whether the Service leads to Pods of these labels.
[[nodiscard]] bool SelectedBy(const Json& service, const std::string& ns, const Json* labels);

// Of the container that serves, by the Service that leads to it, else the first that is named.
[[nodiscard]] std::optional<std::int64_t> PortOf(const std::vector<Json>& services,
                                                 const std::string& ns, const Json& pod_template);

// What --image may speak of: containers, and volumes that are images.
[[nodiscard]] std::set<std::string> PartsOf(const Json& workload);

// The objects of an estate, which must outlive it, by what adoption asks.
class AdoptableObjects {
 public:
  explicit AdoptableObjects(const Estate& estate);

  [[nodiscard]] const Json& ManifestOf(const ScannedObject& object) const;
  // What nodes say of each Pod that belongs to it.
  [[nodiscard]] std::vector<std::vector<ResolvedImage>> PodsOf(const ScannedObject& workload) const;
  // Null if it is not there.
  [[nodiscard]] const Json* Find(const std::string& kind, const std::string& ns,
                                 const std::string& name) const;
  [[nodiscard]] bool HasDeployment(const std::string& ns, const std::string& name) const;

 private:
  const Estate& estate_;
  std::map<std::string, const ScannedObject*> by_uid_;
};

}  // namespace countersign
