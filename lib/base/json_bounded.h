// json_bounded.h: reading large documents of others within a bound of memory.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/json.h"

namespace countersign {

// As ParseJson; kResourceExhausted where the document would take more than about `most` bytes. A
// value takes 16 bytes and more, so that a text of many short ones may take twenty times its size.
[[nodiscard]] Result<Json> ParseJsonWithin(std::string_view text, std::size_t most,
                                           int max_depth = kMaxJsonDepth);

}  // namespace countersign
