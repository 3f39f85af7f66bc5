#include "governance/types/component.h"

#include <algorithm>

#include "base/digest.h"

namespace countersign {
namespace {

// An empty snapshot and none are one.
Json HostedJson(const HostedModel& hosted) {
  Json json = {{"provider", hosted.provider}, {"model", hosted.model}};
  if (!hosted.snapshot.empty()) json["snapshot"] = hosted.snapshot;
  return json;
}

Json IdentityJson(const Component& component) {
  Json json = {{"name", component.name}, {"role", std::string(NameOf(component.role))}};
  if (component.artifact) {
    const ModelDigest& digest = component.artifact->digest;
    json["artifact"] = {{"digest", digest.digest},
                        {"digestType", std::string(NameOf(digest.type))}};
  }
  if (component.hosted) json["hosted"] = HostedJson(*component.hosted);
  return json;
}

}  // namespace

Result<std::string> CompositeDigest(const std::vector<Component>& components) {
  std::vector<const Component*> sorted;
  sorted.reserve(components.size());
  for (const Component& component : components) sorted.push_back(&component);
  std::sort(sorted.begin(), sorted.end(),
            [](const Component* a, const Component* b) { return a->name < b->name; });
  Json list = Json::array();
  for (const Component* component : sorted) list.push_back(IdentityJson(*component));
  return JsonDigest(list);
}

void Identify(std::vector<Component>& components) {
  for (Component& component : components) {
    if (component.artifact) component.identity = component.artifact->digest;
    if (!component.hosted) continue;
    // Text that was read from JSON has a canonical form.
    if (auto digest = JsonDigest(HostedJson(*component.hosted))) {
      component.identity = {*digest, DigestType::kHosted};
    }
  }
}

void CheckComponents(const std::vector<Component>& components, const std::string& path,
                     std::vector<Error>& errors) {
  for (std::size_t i = 0; i < components.size(); ++i) {
    const Component& component = components[i];
    const std::string at = path + "[" + std::to_string(i) + "]";
    if (component.artifact.has_value() == component.hosted.has_value()) {
      errors.push_back({Code::kInvalidArgument,
                        std::string("must have exactly one of artifact and hosted, has ") +
                            (component.artifact ? "both" : "none"),
                        at, std::nullopt});
    }
    if (!component.artifact) continue;
    const DigestType type = component.artifact->digest.type;
    if (type != DigestType::kComposite && type != DigestType::kHosted) continue;
    errors.push_back({Code::kInvalidArgument,
                      "must be one of 'ociManifest', 'modelSigningRoot', 'file', is '" +
                          std::string(NameOf(type)) + "': a component is one artefact",
                      at + ".artifact.digestType", std::nullopt});
  }
}

std::string HostedText(const HostedModel& hosted) {
  return "hosted '" + hosted.provider + "/" + hosted.model + "'" +
         (hosted.snapshot.empty() ? " of no stated snapshot"
                                  : " of snapshot '" + hosted.snapshot + "'");
}

}  // namespace countersign
