// lock_file.h: a lock file's digest, and what it leaves open (importers/lock_file.h).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace countersign {

struct LockFile {
  std::string digest;                 // "sha256:…"
  std::vector<std::string> unpinned;  // the lines that pin nothing, in their order
};

[[nodiscard]] Result<LockFile> ReadLockFile(const std::string& path);

}  // namespace countersign
