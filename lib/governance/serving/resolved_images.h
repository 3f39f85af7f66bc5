// resolved_images.h: which images a node pulled for a Pod, by its status. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace countersign {

// What a node says an image of a Pod was when it was pulled.
struct ResolvedImage {
  std::string of;  // name of the container or the volume
  bool volume = false;
  std::string image;  // normalised, with its digest
  std::string digest;
  std::string path;        // where the node says so
  std::string asked = {};  // as the Pod names it
  friend bool operator==(const ResolvedImage&, const ResolvedImage&) = default;
};
[[nodiscard]] std::vector<ResolvedImage> ResolvedImages(const Json& pod);

}  // namespace countersign
