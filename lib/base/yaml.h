// yaml.h: the one door to yaml-cpp.
//
// Reads YAML as the JSON it stands for, by the YAML 1.2 core schema, and refuses what two readers
// may understand differently: anchors and aliases, merge keys, duplicate keys, unknown tags, raw
// control characters and Unicode line separators, invalid UTF-8, nesting beyond kMaxJsonDepth.
// What is a boolean or a number in YAML 1.1 only (`yes`, `012`, `0x1f`) stays text.
// Errors carry line and column. Free functions without state.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace countersign {

// Where the values of a document stand: field path ("spec.measures[2].name", "" for the document)
// to line, counted from 1; of a member it is the line of its key.
using YamlLines = std::unordered_map<std::string, std::size_t>;

struct YamlDocument {
  Json value;
  YamlLines lines;
};

struct YamlError : Error {
  std::size_t line = 0;  // counted from 1
};

// As ParseYamlDocuments, for those who have to say where something stands. Several times the
// memory.
[[nodiscard]] tl::expected<std::vector<YamlDocument>, YamlError> ParseYamlWithLines(
    std::string_view text);

// All documents of a stream; empty ones are left out. At most 1,000,000 nodes in all.
[[nodiscard]] Result<std::vector<Json>> ParseYamlDocuments(std::string_view text);
// Exactly one document.
[[nodiscard]] Result<Json> ParseYaml(std::string_view text);
// Block-style text that reads back as `value`: strings stay strings ("true", "1e3", "<<" and ""
// are quoted), down to their last line feed. Only Unicode's noncharacters become U+FFFD where
// quotes are needed, which is yaml-cpp's doing.
[[nodiscard]] std::string DumpYaml(const Json& value);

}  // namespace countersign
