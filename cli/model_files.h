// model_files.h: the files of a model on disk, and their digests by several threads.
//
// What is read is a regular file: symbolic links, devices and pipes are refused, because what they
// lead to may be another thing tomorrow; links to files may be followed where that is asked for.
// Each thread hashes one file at a time with a buffer of its own, so memory does not depend on the
// size of a model. On a terminal, standard error shows how far a large one is. Free functions.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "evidence/model_signature.h"

namespace countersign {

using ModelFileDigests = std::map<std::string, Sha256Bytes, ModelFileOrder>;

struct ModelFilesOptions {
  std::vector<std::string> ignored;  // paths within the folder, with all below them
  bool follow_links = false;
  unsigned threads = 0;  // 0: as many as the machine has
};
// Every regular file below `folder`.
[[nodiscard]] Result<ModelFileDigests> DigestFolder(const std::filesystem::path& folder,
                                                    const ModelFilesOptions& options);

// The symbolic links below `folder`, sorted.
[[nodiscard]] Result<std::vector<std::string>> SymlinksIn(const std::filesystem::path& folder,
                                                          const std::vector<std::string>& ignored);

// One regular file's SHA-256; `also` sees its bytes, piece by piece, and may stop it.
using PieceReader = std::function<Status(std::string_view)>;
[[nodiscard]] Result<Sha256Bytes> DigestStream(const std::filesystem::path& path,
                                               const PieceReader& also = {},
                                               bool follow_links = false);
// The same for a model that is one file.
[[nodiscard]] Result<Sha256Bytes> DigestModelFile(const std::filesystem::path& path);

}  // namespace countersign
