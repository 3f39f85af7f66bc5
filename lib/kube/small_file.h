// small_file.h: reads a credential, a CA bundle or a kubeconfig whole.
//
// Bounded at kMaxSmallFile, so that a wrong path (a device, a log) is an error and not the end of
// memory. Errors name the path, never the content. Thread-safe.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace countersign {

// Far above any kubeconfig or CA bundle (the whole of Mozilla's is 220 KiB).
inline constexpr std::size_t kMaxSmallFile = std::size_t{8} << 20;

// kNotFound when it does not exist, kFailedPrecondition for everything else.
[[nodiscard]] Result<std::string> ReadSmallFile(const std::string& path);

// `text` without white space at both ends, as tokens are written to files.
[[nodiscard]] std::string Trim(const std::string& text);

}  // namespace countersign
