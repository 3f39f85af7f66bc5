// manifests.h: Kubernetes objects out of files and folders, each with where it stands.
//
// Reads *.yaml, *.yml and *.json below a folder in the order of their paths (hidden files and
// folders are left out, symbolic links are not followed), streams of several documents, and Lists.
// The first thing that cannot be read is the error. Free functions without state.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace countersign {

// More files than this below one folder are not a set of manifests.
inline constexpr std::size_t kMaxManifestFiles = 10'000;

struct Manifest {
  std::string source;  // "dir/policy.yaml", with "#2" for the second document of several
  Json object;
};

// "-" is standard input.
[[nodiscard]] Result<std::vector<Manifest>> ReadManifests(const std::vector<std::string>& paths);
// The objects of one text. JSON is read as JSON, which is stricter about duplicate keys.
[[nodiscard]] Result<std::vector<Manifest>> ParseManifests(const std::string& source,
                                                           const std::string& text);

}  // namespace countersign
