// files.h: whole text files in and out, with errors for people.
//
// Reads are bounded: a manifest beyond kMaxFileBytes is a mistake. Nothing is locked; whoever runs
// a command owns its files. Free functions without state.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace countersign {

// etcd takes 1.5 MiB an object; a stream of some hundred of them is as much as we read in one go.
inline constexpr std::size_t kMaxFileBytes = 64U << 20U;

// "-" is standard input.
[[nodiscard]] Result<std::string> ReadTextFile(const std::string& path);
// Makes the directories on the way; replaces the file.
[[nodiscard]] Status WriteTextFile(const std::string& path, std::string_view text);
// For keys: mode 0600 from the first byte on, and never over an existing file.
[[nodiscard]] Status CreateSecretFile(const std::string& path, std::string_view text);

}  // namespace countersign
