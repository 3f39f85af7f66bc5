// kube_objects.h: small objects, lists, watch lines and refusals for tests, as text or Json.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "kube/resource.h"

namespace countersign {

// A collection that exists in no cluster.
inline const Resource kWidgets{"test.example", "v1", "widgets", true, "Widget"};

inline Json Widget(const std::string& ns, const std::string& name, const std::string& version,
                   Json spec = Json::object(), const std::string& uid = {}) {
  return {{"apiVersion", kWidgets.ApiVersion()},
          {"kind", kWidgets.kind},
          {"metadata",
           {{"namespace", ns},
            {"name", name},
            {"uid", uid.empty() ? "uid-" + name : uid},
            {"resourceVersion", version}}},
          {"spec", std::move(spec)}};
}

inline std::string ListBody(const std::vector<Json>& items, const std::string& version,
                            const std::string& next = {}) {
  Json metadata = {{"resourceVersion", version}};
  if (!next.empty()) SetPath(metadata, "continue", next);
  return Json{{"kind", "WidgetList"}, {"metadata", metadata}, {"items", items}}.dump();
}

inline Json StatusJson(int code, const std::string& reason, const std::string& message = "refused",
                       Json details = Json::object()) {
  return {{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Failure"},          {"code", code},
          {"reason", reason}, {"message", message}, {"details", std::move(details)}};
}
inline std::string StatusBody(int code, const std::string& reason,
                              const std::string& message = "refused",
                              Json details = Json::object()) {
  return StatusJson(code, reason, message, std::move(details)).dump();
}

inline std::string WatchLine(std::string_view type, const Json& object) {
  return Json{{"type", std::string(type)}, {"object", object}}.dump();
}
inline std::string BookmarkLine(const std::string& version, bool end_of_list = false) {
  Json object = {{"kind", "Widget"}, {"metadata", {{"resourceVersion", version}}}};
  if (end_of_list) {
    SetPath(object, "metadata/annotations", Json{{"k8s.io/initial-events-end", "true"}});
  }
  return WatchLine("BOOKMARK", object);
}

}  // namespace countersign
