#include "cli/object_difference.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace countersign {
namespace {

constexpr std::size_t kShown = 120;

// What the API server writes where nothing was given (kubernetes/api admissionregistration/v1).
constexpr std::pair<std::string_view, std::string_view> kDefaults[] = {
    {"matchPolicy", "Equivalent"}, {"reinvocationPolicy", "Never"}, {"scope", "*"}};

std::string Shown(const Json& value) {
  std::string text = DumpJson(value);
  if (text.size() > kShown) text = text.substr(0, kShown) + "…";
  return text;
}

bool IsNothing(const Json& value) {
  return value.is_null() || ((value.is_object() || value.is_array()) && value.empty());
}

bool IsDefault(const std::string& key, const Json& value) {
  return std::any_of(std::begin(kDefaults), std::end(kDefaults), [&](const auto& one) {
    return key == one.first && value.is_string() &&
           value.get_ref<const std::string&>() == one.second;
  });
}

std::optional<Difference> InObject(const Json& wanted, const Json& found, const std::string& path) {
  for (const auto& [key, value] : wanted.items()) {
    const std::string at = path.empty() ? key : path + "." + key;
    const Json* other = Find(found, key);
    if (other == nullptr) {
      if (IsNothing(value)) continue;
      return Difference{at, Shown(value), "nothing"};
    }
    if (auto one = FirstDifference(value, *other, at)) return one;
  }
  for (const auto& [key, value] : found.items()) {
    if (wanted.contains(key) || IsNothing(value) || IsDefault(key, value)) continue;
    return Difference{path.empty() ? key : path + "." + key, "nothing", Shown(value)};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Difference> FirstDifference(const Json& wanted, const Json& found,
                                          const std::string& path) {
  if (wanted.is_object() && found.is_object()) return InObject(wanted, found, path);
  if (!wanted.is_array() || !found.is_array() || wanted.size() != found.size()) {
    if (wanted == found) return std::nullopt;
    return Difference{path, Shown(wanted), Shown(found)};
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::string at = path + "[" + std::to_string(i) + "]";
    if (auto one = FirstDifference(wanted[i], found[i], at)) return one;
  }
  return std::nullopt;
}

}  // namespace countersign
