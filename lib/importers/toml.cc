#include "importers/toml.h"

#include <re2/re2.h>

#include <sstream>
#include <stdexcept>
#include <string>

// toml++ 3.3 asserts of some files that are no TOML ("[= ") what only TOML fulfils: that must be an
// error in every build.
#define TOML_EXCEPTIONS 1
#define TOML_ASSERT(expr) ((expr) ? void() : throw std::logic_error("cannot be read"))
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

namespace countersign {
namespace {

Json ToJson(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json out = Json::object();
    for (const auto& [key, value] : *table) out[std::string(key.str())] = ToJson(value);
    return out;
  }
  if (const auto* array = node.as_array()) {
    Json out = Json::array();
    for (const auto& value : *array) out.push_back(ToJson(value));
    return out;
  }
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return number->get();
  if (const auto* number = node.as_floating_point()) return number->get();
  if (const auto* flag = node.as_boolean()) return flag->get();
  std::ostringstream out;
  node.visit([&](const auto& value) {
    if constexpr (toml::is_chronological<decltype(value)>) out << value.get();
  });
  return out.str();
}

// A dotted key of many parts, wherever it stands; toml++ bounds the nesting of values alone.
bool HasLongKey(std::string_view text) {
  static const RE2 kLong(
      R"re((?:[\w-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')(?:[ \t]*\.[ \t]*(?:[\w-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')){32})re",
      RE2::Latin1);
  return RE2::PartialMatch(text, kLong);
}

}  // namespace

Result<Json> ParseToml(const ImportText& file) {
  if (HasLongKey(file.text)) {
    return Fail(Code::kInvalidArgument, "must have no key of more than 32 parts", file.name);
  }
  try {
    return ToJson(toml::parse(file.text));
  } catch (const toml::parse_error& error) {
    return Fail(Code::kInvalidArgument,
                "is no TOML at line " + std::to_string(error.source().begin.line) + ": " +
                    std::string(error.description()),
                file.name);
  } catch (const std::logic_error& error) {
    return Fail(Code::kInvalidArgument, std::string("is no TOML: it ") + error.what(), file.name);
  }
}

}  // namespace countersign
