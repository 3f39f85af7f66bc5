// model_mounts.h: where the artefacts of a model appear in every container that serves it.
//
// The operator adds them to what it renders, and the guard to what it takes for approved. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "governance/types/model_deployment.h"

namespace countersign {

// One artefact of the model.
struct ModelMount {
  std::string volume;
  std::string path;
  std::string image;  // reference of its image volume
};

// Errors say which part of the spec names nothing that could be mounted.
[[nodiscard]] Result<std::vector<ModelMount>> ModelMountsOf(const Model& model);

// As mounts of a container and as volumes of its Pod.
[[nodiscard]] Json AsMount(const ModelMount& mount);
[[nodiscard]] Json AsVolume(const ModelMount& mount);

// The image reference that the uri of a model or component means, always with a digest where its
// own is one of an image manifest. kInvalidArgument when it is no oci:// URI; `path` is where it
// stands.
[[nodiscard]] Result<std::string> ImageOf(const std::string& uri, const ModelDigest& digest,
                                          const std::string& path);

}  // namespace countersign
