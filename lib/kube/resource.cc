#include "kube/resource.h"

#include <algorithm>

namespace countersign {
namespace {

// "/api/v1" or "/apis/group/version".
std::string GroupVersionPath(const Resource& resource) {
  std::string path = resource.group.empty() ? "/api/" : "/apis/" + PercentEncode(resource.group);
  if (!resource.group.empty()) path += '/';
  return path + PercentEncode(resource.version);
}

void AppendQuery(std::string& target, const Query& query) {
  char separator = '?';
  for (const auto& [name, value] : query) {
    target += separator;
    target += PercentEncode(name) + '=' + PercentEncode(value);
    separator = '&';
  }
}

// A path segment of these would be taken for a step in the hierarchy by whoever normalises URLs.
bool IsPathStep(std::string_view name) { return name.empty() || name == "." || name == ".."; }

bool IsDecimal(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view WithoutLeadingZeros(std::string_view digits) {
  const auto first = digits.find_first_not_of('0');
  return first == std::string_view::npos ? std::string_view() : digits.substr(first);
}

}  // namespace

std::string Resource::ApiVersion() const { return group.empty() ? version : group + "/" + version; }

std::string Resource::Name() const { return group.empty() ? plural : plural + "." + group; }

std::string ObjectKey::ToString() const { return ns.empty() ? name : ns + "/" + name; }

Result<ObjectKey> ParseObjectKey(const std::string& text, const std::string& flag) {
  const auto slash = text.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == text.size() ||
      text.find('/', slash + 1) != std::string::npos) {
    return Fail(Code::kInvalidArgument, "must be NAMESPACE/NAME, is '" + text + "'", flag);
  }
  return ObjectKey{text.substr(0, slash), text.substr(slash + 1)};
}

ObjectKey KeyOf(const Json& object) {
  return {StringAt(object, "metadata/namespace"), StringAt(object, "metadata/name")};
}

std::string UidOf(const Json& object) { return StringAt(object, "metadata/uid"); }

std::string ResourceVersionOf(const Json& object) {
  return StringAt(object, "metadata/resourceVersion");
}

std::strong_ordering CompareResourceVersions(std::string_view a, std::string_view b) {
  const bool a_decimal = IsDecimal(a);
  const bool b_decimal = IsDecimal(b);
  if (!a_decimal || !b_decimal) return a_decimal <=> b_decimal;
  a = WithoutLeadingZeros(a);
  b = WithoutLeadingZeros(b);
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a.compare(b) <=> 0;
}

std::string PercentEncode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

Result<std::string> CollectionTarget(const Resource& resource, std::string_view ns,
                                     const Query& query) {
  std::string target = GroupVersionPath(resource);
  if (!ns.empty()) {
    if (!resource.namespaced) {
      return Fail(Code::kInvalidArgument,
                  resource.Name() + " is cluster-scoped and has no namespace");
    }
    if (IsPathStep(ns))
      return Fail(Code::kInvalidArgument, "namespace must not be \".\" or \"..\"");
    target += "/namespaces/" + PercentEncode(ns);
  }
  target += "/" + PercentEncode(resource.plural);
  AppendQuery(target, query);
  return target;
}

Result<std::string> ObjectTarget(const Resource& resource, const ObjectKey& key,
                                 std::string_view subresource, const Query& query) {
  if (IsPathStep(key.name)) {
    return Fail(Code::kInvalidArgument,
                "name of a " + resource.kind + " must not be empty, \".\" or \"..\"");
  }
  if (resource.namespaced && key.ns.empty()) {
    return Fail(Code::kInvalidArgument, resource.kind + " " + key.name + " needs a namespace");
  }
  auto target = CollectionTarget(resource, key.ns);
  if (!target) return target;
  *target += "/" + PercentEncode(key.name);
  if (!subresource.empty()) *target += "/" + PercentEncode(subresource);
  AppendQuery(*target, query);
  return target;
}

}  // namespace countersign
