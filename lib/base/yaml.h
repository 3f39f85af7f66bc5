// yaml.h: the one door to yaml-cpp.
//
// Reads YAML as the JSON it stands for, by the YAML 1.2 core schema (`yes` and `012` are strings
// and integers, not booleans and octals), and refuses what two readers may understand differently:
// anchors and aliases, merge keys, duplicate keys, unknown tags, nesting beyond kMaxJsonDepth.
// Errors carry line and column. Free functions without state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace countersign {

// All documents of a stream; empty ones are left out. At most 1,000,000 nodes in all.
[[nodiscard]] Result<std::vector<Json>> ParseYamlDocuments(std::string_view text);
// Exactly one document.
[[nodiscard]] Result<Json> ParseYaml(std::string_view text);
// Block-style text whose strings read back as strings ("true", "1e3" and "" are quoted).
[[nodiscard]] std::string DumpYaml(const Json& value);

}  // namespace countersign
