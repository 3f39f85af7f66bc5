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

void Compare(const Json& wanted, const Json& found, const std::string& path,
             std::vector<Difference>& all);

void CompareMembers(const Json& wanted, const Json& found, const std::string& path,
                    std::vector<Difference>& all) {
  const auto inside = [&](const std::string& key) { return path.empty() ? key : path + "." + key; };
  for (const auto& [key, value] : wanted.items()) {
    const Json* other = Find(found, key);
    if (other != nullptr) {
      Compare(value, *other, inside(key), all);
    } else if (!IsNothing(value)) {
      all.push_back({inside(key), Shown(value), "nothing"});
    }
  }
  for (const auto& [key, value] : found.items()) {
    if (wanted.contains(key) || IsNothing(value) || IsDefault(key, value)) continue;
    all.push_back({inside(key), "nothing", Shown(value)});
  }
}

void Compare(const Json& wanted, const Json& found, const std::string& path,
             std::vector<Difference>& all) {
  if (wanted.is_object() && found.is_object()) return CompareMembers(wanted, found, path, all);
  if (!wanted.is_array() || !found.is_array() || wanted.size() != found.size()) {
    if (wanted != found) all.push_back({path, Shown(wanted), Shown(found)});
    return;
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    Compare(wanted[i], found[i], path + "[" + std::to_string(i) + "]", all);
  }
}

}  // namespace

std::vector<Difference> Differences(const Json& wanted, const Json& found,
                                    const std::string& path) {
  std::vector<Difference> all;
  Compare(wanted, found, path, all);
  return all;
}

std::optional<Difference> FirstDifference(const Json& wanted, const Json& found,
                                          const std::string& path) {
  std::vector<Difference> all = Differences(wanted, found, path);
  if (all.empty()) return std::nullopt;
  return std::move(all.front());
}

}  // namespace countersign
