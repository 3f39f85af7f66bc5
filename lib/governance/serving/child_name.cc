#include "governance/serving/child_name.h"

#include <algorithm>

#include "base/digest.h"

namespace countersign {
namespace {

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsServiceName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxChildName && IsLower(name.front()) &&
         name.back() != '-' && std::all_of(name.begin(), name.end(), [](char c) {
           return IsLower(c) || IsDigit(c) || c == '-';
         });
}

}  // namespace

std::string ChildName(std::string_view deployment) {
  if (IsServiceName(deployment)) return std::string(deployment);
  // 40 bits of hash: two of a namespace's names that are cut alike do not meet by accident, and
  // admission refuses the second of those that meet on purpose.
  constexpr std::size_t kHash = 10;
  std::string name = "m-";
  for (const char c : deployment) name += IsLower(c) || IsDigit(c) ? c : '-';
  name.resize(std::min(name.size(), kMaxChildName - kHash - 1));
  return name + "-" + Sha256Hex(deployment).substr(0, kHash);
}

std::string RevisionName(std::string_view deployment, std::int64_t number) {
  return ChildName(deployment) + "-" + std::to_string(number);
}

std::string OursSelector() {
  return std::string(kManagedByLabel) + "=" + std::string(kOperatorName);
}

std::string AnnotationOf(const Json& object, std::string_view key) {
  const Json* annotations = FindPath(object, "metadata/annotations");
  const Json* found = annotations == nullptr ? nullptr : Find(*annotations, key);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace countersign
