// toml.h: the one door to toml++. Characters beyond ASCII come out as U+FFFD. Pure function.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "importers/importer.h"

namespace countersign {

// A TOML 1.0 document as the JSON it stands for; dates and times are texts. Keys of more than 32
// parts and values nested deeper than 16 are refused: toml++ recurses over them.
[[nodiscard]] Result<Json> ParseToml(const ImportText& file);

}  // namespace countersign
