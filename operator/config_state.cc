#include "operator/config_state.h"

#include "governance/config_digest.h"

namespace countersign {

Result<ConfigState> DecodeConfigState(const Json& config_map) {
  auto digest = ConfigMapDigest(config_map);
  if (!digest) return Fail(digest.error());
  return ConfigState{std::move(*digest)};
}

std::optional<Obstacle> ConfigMismatch(const Serving& serving, const std::string& ns,
                                       const Informer<ConfigState>& configs) {
  for (const ConfigDigest& wanted : serving.config) {
    const auto found = configs.Get({ns, wanted.name});
    const std::string subject = "ConfigMap '" + ns + "/" + wanted.name + "' ";
    if (found == nullptr) {
      return Obstacle{"ConfigMissing",
                      subject +
                          "of `spec.serving.config` does not exist; create it with the "
                          "content of digest " +
                          wanted.digest};
    }
    if (found->digest != wanted.digest) {
      return Obstacle{"ConfigMismatch", subject + "must have the content of digest " +
                                            wanted.digest + ", has " + found->digest +
                                            "; restore it, or have the new content approved"};
    }
  }
  return std::nullopt;
}

}  // namespace countersign
