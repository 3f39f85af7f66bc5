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

constexpr std::size_t kShownBefore = 40;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80; }

// So much of a text from `from` on as is shown, in whole characters.
std::string Part(const std::string& text, std::size_t from) {
  while (from > 0 && from < text.size() && IsContinuation(text[from])) --from;
  std::size_t end = std::min(from + kShown, text.size());
  while (end < text.size() && IsContinuation(text[end])) ++end;
  return (from > 0 ? "…" : "") + text.substr(from, end - from) + (end < text.size() ? "…" : "");
}

std::string Shown(const Json& value) { return Part(DumpJson(value), 0); }

// Of two long texts, what stands around the place where they begin to differ.
Difference Between(const std::string& path, const Json& wanted, const Json& found) {
  const std::string should = DumpJson(wanted);
  const std::string is = DumpJson(found);
  const auto at = static_cast<std::size_t>(
      std::mismatch(should.begin(), should.end(), is.begin(), is.end()).first - should.begin());
  const std::size_t from =
      std::max(should.size(), is.size()) <= kShown || at <= kShownBefore ? 0 : at - kShownBefore;
  return {path, Part(should, from), Part(is, from)};
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
    if (wanted != found) all.push_back(Between(path, wanted, found));
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
