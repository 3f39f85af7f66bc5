#include "governance/serving/pod_selection.h"

#include <algorithm>

namespace countersign {

std::optional<PodSelection> PodSelectionOf(const ServingProfiles& table, const Json& object) {
  const std::string version = StringAt(object, "apiVersion");
  const std::string kind = StringAt(object, "kind");
  for (const ServingSelector& selector : table.selectors) {
    const std::string group = selector.group.empty() ? "" : selector.group + "/";
    const bool ours = kind == selector.kind &&
                      std::any_of(selector.versions.begin(), selector.versions.end(),
                                  [&](const auto& one) { return group + one == version; });
    if (!ours) continue;
    const Json* labels = &object;
    for (const std::string& step : selector.labels) {
      labels = labels == nullptr ? nullptr : Find(*labels, step);
    }
    PodSelection selection{kind + " '" + StringAt(object, "metadata/name") + "'",
                           StringAt(object, "metadata/namespace"),
                           {}};
    if (labels == nullptr || !labels->is_object()) return std::nullopt;
    for (auto it = labels->begin(); it != labels->end(); ++it) {
      if (!it->is_string()) return std::nullopt;
      selection.labels.emplace(it.key(), it->get<std::string>());
    }
    if (selection.labels.empty()) return std::nullopt;
    return selection;
  }
  return std::nullopt;
}

bool Selects(const PodSelection& selection, const Json& object) {
  if (StringAt(object, "kind") != "Pod" ||
      StringAt(object, "metadata/namespace") != selection.name_space) {
    return false;
  }
  const Json* labels = FindPath(object, "metadata/labels");
  if (labels == nullptr) return false;
  return std::all_of(selection.labels.begin(), selection.labels.end(), [&](const auto& label) {
    const Json* found = Find(*labels, label.first);
    return found != nullptr && *found == label.second;
  });
}

}  // namespace countersign
