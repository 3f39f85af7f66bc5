#include "operator/names.h"

#include <algorithm>

namespace countersign {
namespace {

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlnum(char c) { return IsLower(c) || IsDigit(c) || (c >= 'A' && c <= 'Z'); }

}  // namespace

Json SelectorLabels(std::string_view deployment) {
  return {{kInstanceLabel, ChildName(deployment)}, {kManagedByLabel, kOperatorName}};
}

std::string SelectorText(std::string_view deployment) {
  std::string text;
  const Json labels = SelectorLabels(deployment);
  for (auto it = labels.begin(); it != labels.end(); ++it) {
    text += (text.empty() ? "" : ",") + it.key() + "=" + it.value().get<std::string>();
  }
  return text;
}

std::string LabelValue(std::string_view text) {
  std::string value;
  for (const char c : text.substr(0, 63)) {
    value += IsAlnum(c) || c == '.' || c == '_' || c == '-' ? c : '-';
  }
  while (!value.empty() && !IsAlnum(value.back())) value.pop_back();
  const auto first = std::find_if(value.begin(), value.end(), IsAlnum);
  value.erase(value.begin(), first);
  return value.empty() ? "unnamed" : value;
}

ObjectKey ParseRef(std::string_view ref) {
  const auto slash = ref.find('/');
  return {std::string(ref.substr(0, slash)), std::string(ref.substr(slash + 1))};
}

}  // namespace countersign
