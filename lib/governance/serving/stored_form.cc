#include "governance/serving/stored_form.h"

#include <iterator>

namespace countersign {
namespace {

// A member that is null, or a list without items, is as good as none.
// NOLINTNEXTLINE(misc-no-recursion): as deep as the parser lets objects be
void EraseNothings(Json& node) {
  if (node.is_object()) {
    for (auto it = node.begin(); it != node.end();) {
      EraseNothings(*it);
      const bool nothing = it->is_null() || (it->is_array() && it->empty());
      it = nothing ? node.erase(it) : std::next(it);
    }
  } else if (node.is_array()) {
    for (Json& item : node) EraseNothings(item);
  }
}

}  // namespace

// NOLINTNEXTLINE(misc-no-recursion): as deep as the path is long
void Erase(Json& node, std::string_view path, std::optional<std::string_view> json) {
  const auto slash = path.find('/');
  const std::string_view step = path.substr(0, slash);
  const std::string_view rest =
      slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  if (step == "*") {
    if (!node.is_structured()) return;
    for (Json& each : node) Erase(each, rest, json);
    return;
  }
  if (!node.is_object()) return;
  const auto found = node.find(step);
  if (found == node.end()) return;
  if (!rest.empty()) return Erase(*found, rest, json);
  if (!json || ((found->is_primitive() || found->empty()) && DumpJson(*found) == *json)) {
    node.erase(found);
  }
}

Json WithoutDefaults(Json value, std::span<const Default> defaults) {
  EraseNothings(value);
  for (const Default& one : defaults) Erase(value, one.path, one.json);
  return value;
}

}  // namespace countersign
