// A release of a model that is put together from components.
#include <algorithm>

#include "cli/release.h"
#include "governance/types/describe/component.h"

namespace countersign {
namespace {

// What was pushed is named by its uri alone.
Result<ComponentArtifact> ArtifactAt(const std::string& uri, const std::string& path) {
  ComponentArtifact artifact;
  artifact.uri = uri;
  artifact.digest = {uri.substr(uri.find('@') + 1), DigestType::kOciManifest};
  if (!uri.starts_with("oci://") || !MatchesFormat(Format::kSha256, artifact.digest.digest)) {
    return Fail(Code::kInvalidArgument,
                "must be oci://…@sha256:<64 digits>, is '" + Excerpt(uri) + "'", path);
  }
  return artifact;
}

}  // namespace

Result<std::vector<Component>> ComponentsOf(const ReleaseSpec& spec) {
  std::vector<Component> components;
  for (const ReleaseComponent& one : spec.components) {
    const std::string path = "component " + one.name;
    if (one.uri.empty() != one.hosted.has_value()) {
      return Fail(Code::kInvalidArgument, "must have exactly one of uri and hosted", path);
    }
    components.push_back({one.name, one.role, {}, one.hosted, {}});
    if (one.uri.empty()) continue;
    auto artifact = ArtifactAt(one.uri, path + ": uri");
    if (!artifact) return Fail(artifact.error());
    components.back().artifact = std::move(*artifact);
  }
  Identify(components);
  return components;
}

Result<ModelDigest> SubjectOf(const ReleaseFrame& frame, const std::string& component,
                              const std::string& path) {
  if (component.empty()) return frame.model;
  const auto found = std::find_if(frame.components.begin(), frame.components.end(),
                                  [&](const Component& one) { return one.name == component; });
  if (found != frame.components.end()) return found->identity;
  return Fail(Code::kInvalidArgument, "'" + component + "' is none of the release's components",
              path);
}

Json ComponentsJson(const std::vector<Component>& components) {
  Json list = Json::array();
  for (const Component& component : components) list.push_back(Encode(component));
  return list;
}

}  // namespace countersign
