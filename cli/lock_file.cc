#include "cli/lock_file.h"

#include <filesystem>

#include "cli/content_digest.h"
#include "cli/files.h"
#include "importers/lock_file.h"

namespace countersign {

Result<LockFile> ReadLockFile(const std::string& path) {
  auto file = DigestFile(path);
  if (!file) return Fail(file.error());
  auto text = ReadTextFile(path);
  if (!text) return Fail(text.error());
  auto unpinned = UnpinnedIn(std::filesystem::path(path).filename().string(), *text);
  if (!unpinned) {
    const Error& error = unpinned.error();
    return Fail(error.code, error.message, "--lock-file " + error.path);
  }
  return LockFile{std::move(file->digest), std::move(*unpinned)};
}

}  // namespace countersign
