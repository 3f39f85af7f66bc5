// json_fast.h: reading the JSON that well-behaved clients send, several times as fast.
//
// simdjson finds the tokens; the document that comes out is the one ParseJson's own way would make.
// Whatever is unusual in any way is left to that way, which alone says what is wrong with a text:
// this one never refuses, it only declines. `tests/fuzz/json_fuzz.cc` holds the two against each
// other. Callable from any thread.
#pragma once

#include <optional>
#include <string_view>

#include "base/json.h"
#include "base/json_without.h"

namespace countersign {

// Longer texts are declined, so that the scratch memory each thread keeps stays at a few MiB.
inline constexpr std::size_t kMaxFastJsonBytes = std::size_t{256} * 1024;

// The document, without the members at `left_out`, or nothing where the strict parser has to look.
[[nodiscard]] std::optional<Json> ParseJsonFast(std::string_view text, int max_depth,
                                                JsonSteps left_out = {});

// What ParseJson does after that declined. Errors as there.
[[nodiscard]] Result<Json> ParseJsonStrictly(std::string_view text, int max_depth);

}  // namespace countersign
