// adoption_files.h: the manifests of an adoption as files, one an object, for a review and for Git.
//
// What people may have edited since is never written over. The policy alone grows, as long as its
// file is what adoption wrote, byte by byte: the namespaces of several runs are in one environment.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace countersign {

struct AdoptionFiles {
  std::vector<std::string> told;  // what became of each file
  std::vector<std::string>
      lacking;  // why the API server will refuse a file beside one that was kept
};

// A policy that grew has all its namespaces in `manifests` as well.
[[nodiscard]] Result<AdoptionFiles> WriteAdoption(const std::string& folder,
                                                  std::vector<Json>& manifests);

}  // namespace countersign
