#include "governance/serving/object_walk.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace countersign {
namespace {

void EachBelow(const Json& node, const JsonPath& at, const JsonVisit& visit) {
  if (node.is_object()) {
    for (auto it = node.begin(); it != node.end(); ++it) visit(it.value(), {&at, it.key()});
  } else if (node.is_array()) {
    std::int64_t index = 0;
    for (const Json& item : node) visit(item, {&at, {}, index++});
  }
}

}  // namespace

// NOLINTNEXTLINE(misc-no-recursion): as deep as the parser lets objects be
void WalkPath(const Json& node, std::span<const std::string> steps, const JsonPath& at,
              const JsonVisit& visit) {
  if (steps.empty()) return visit(node, at);
  const std::string& step = steps.front();
  const auto rest = steps.subspan(1);
  if (step == "*") {
    return EachBelow(node, at, [&](const Json& each, const JsonPath& where) {
      WalkPath(each, rest, where, visit);
    });
  }
  if (step == "**") {
    WalkPath(node, rest, at, visit);
    return EachBelow(node, at, [&](const Json& each, const JsonPath& where) {
      WalkPath(each, steps, where, visit);
    });
  }
  if (!node.is_object()) return;
  const auto found = node.find(step);
  if (found != node.end()) WalkPath(*found, rest, {&at, step}, visit);
}

void ForEachItem(const Json& json, std::string_view key, const JsonPath& at,
                 const JsonVisit& visit) {
  const Json* list = Find(json, key);
  if (list == nullptr || !list->is_array()) return;
  const JsonPath of_list{&at, key};
  EachBelow(*list, of_list, visit);
}

std::string FieldOf(const FieldPath& path) {
  const auto key = std::find_if(path.rbegin(), path.rend(), [](const std::string& step) {
    return step != "*" && step != "**";
  });
  return key == path.rend() ? std::string() : *key;
}

bool IsDeeperThan(const Json& object, int most) {
  std::vector<std::pair<const Json*, int>> open = {{&object, 1}};
  while (!open.empty()) {
    const auto [node, depth] = open.back();
    open.pop_back();
    if (!node->is_structured()) continue;
    if (depth > most) return true;
    for (const Json& item : *node) open.emplace_back(&item, depth + 1);
  }
  return false;
}

}  // namespace countersign
