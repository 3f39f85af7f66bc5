// lock_file.h: what a lock file pins, and what it leaves open.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace countersign {

struct LockFile {
  std::string digest;                 // "sha256:…"
  std::vector<std::string> unpinned;  // the lines that pin nothing, in their order
};

// poetry.lock, uv.lock, pdm.lock, Pipfile.lock, conda-lock.yml, pixi.lock, package-lock.json and
// Cargo.lock pin everything by their format. requirements*.txt, requirements*.lock and other *.txt
// are read line by line as pip does: pinned is `name==version`, `name===version` or a URL with a
// hash; `-r`, `-c` and `-e` lead elsewhere and are not. Any other name is an error.
[[nodiscard]] Result<LockFile> ReadLockFile(const std::string& path);

}  // namespace countersign
