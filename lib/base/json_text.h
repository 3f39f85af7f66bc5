// json_text.h: what a text becomes in JSON, for those who write much of it.
//
// Eight bytes are looked at together: most texts have nothing to escape, and are looked at for that
// alone. Pure; thread-safe.
#pragma once

#include <string_view>

namespace countersign {

// Without a byte beyond ASCII.
[[nodiscard]] bool IsAscii(std::string_view text);
// ASCII that stands in JSON as it is: without control characters below 0x20, quotes and
// backslashes.
[[nodiscard]] bool IsPlainInJson(std::string_view text);

}  // namespace countersign
