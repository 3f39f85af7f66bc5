#include "governance/serving/model_mounts.h"

#include <string_view>
#include <utility>

#include "governance/measures/pod_template.h"

namespace countersign {

Result<std::vector<ModelMount>> ModelMountsOf(const Model& model) {
  std::vector<ModelMount> all;
  if (model.components.empty()) {
    auto image = ImageOf(model.uri, model.digest, "spec.model.uri");
    if (!image) return Fail(image.error());
    all.push_back({std::string(kModelVolume), std::string(kModelMountPath), std::move(*image)});
  }
  for (std::size_t i = 0; i < model.components.size(); ++i) {
    const Component& component = model.components[i];
    if (!component.artifact) continue;
    auto image = ImageOf(component.artifact->uri, component.artifact->digest,
                         "spec.model.components[" + std::to_string(i) + "].artifact.uri");
    if (!image) return Fail(image.error());
    all.push_back({VolumeOf(component), std::string(kModelMountPath) + "/" + component.name,
                   std::move(*image)});
  }
  return all;
}

Json AsMount(const ModelMount& mount) {
  return {{"name", mount.volume}, {"mountPath", mount.path}, {"readOnly", true}};
}

Json AsVolume(const ModelMount& mount) {
  return {{"name", mount.volume},
          {"image", {{"reference", mount.image}, {"pullPolicy", "IfNotPresent"}}}};
}

Result<std::string> ImageOf(const std::string& uri, const ModelDigest& digest,
                            const std::string& path) {
  constexpr std::string_view kScheme = "oci://";
  if (!uri.starts_with(kScheme) || uri.size() == kScheme.size()) {
    return Fail(Code::kInvalidArgument, "must start with 'oci://'", path);
  }
  std::string reference = uri.substr(kScheme.size());
  // A tag may be moved; the digest is what was approved, also where a policy lets tags pass.
  if (reference.find('@') == std::string::npos && digest.type == DigestType::kOciManifest) {
    reference += "@" + digest.digest;
  }
  return reference;
}

}  // namespace countersign
