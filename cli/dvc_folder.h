// dvc_folder.h: files of a folder that DVC tracks as a whole, held against what a stage had.
//
// dvc.lock gives such a folder one MD5, "….dir": that of a listing of its files, which lies in
// DVC's cache. Source: github.com/iterative/dvc-data, dvc_data/hashfile/tree.py.
#pragma once

#include <string>

#include "base/result.h"

namespace countersign {

// Lower case hexadecimal, by which DVC names files; whether they are what they should be, SHA-256
// says.
[[nodiscard]] Result<std::string> Md5Of(const std::string& path);

struct DvcFolder {
  std::string name;       // as dvc.lock has it
  std::string md5;        // with ".dir"
  std::string lock_path;  // folder of the dvc.lock; empty: where we are
};

[[nodiscard]] bool IsDvcFolder(const std::string& md5);

// The MD5 that `file`, its path in the folder, had. `cache`: DVC's; empty: that of the repository
// that the dvc.lock lies in. Errors say which option helps.
[[nodiscard]] Result<std::string> Md5InDvcFolder(const DvcFolder& folder, const std::string& file,
                                                 const std::string& cache);

// Some of the files of the folder, for messages; empty if its listing cannot be had.
[[nodiscard]] std::string SomeOfDvcFolder(const DvcFolder& folder, const std::string& cache);

}  // namespace countersign
