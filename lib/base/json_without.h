// json_without.h: reading JSON of which a part is nobody's business.
//
// Pure; thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "base/json.h"

namespace countersign {

// The way from the root to a member, key by key; "*" is any key of an object.
using JsonSteps = std::span<const std::string_view>;

// The document without the members at `left_out`, of which only the syntax is looked at: a large
// part is then not built. Errors as ParseJsonWithin's, where `most` is given, else as ParseJson's.
[[nodiscard]] Result<Json> ParseJsonWithout(std::string_view text, JsonSteps left_out,
                                            int max_depth = kMaxJsonDepth,
                                            std::optional<std::size_t> most = {});

}  // namespace countersign
