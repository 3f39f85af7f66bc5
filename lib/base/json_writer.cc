#include "base/json_writer.h"

#include "base/json.h"
#include "base/json_text.h"

namespace countersign {

void JsonWriter::String(std::string_view text) {
  if (IsPlainInJson(text)) return writer_.Plain(text);
  if (IsAscii(text)) {
    writer_.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
    return;
  }
  const std::string dumped = DumpJson(Json(text));
  writer_.RawValue(dumped.data(), dumped.size(), rapidjson::kStringType);
}

// A control character becomes six bytes, which no other character does.
std::size_t MostWrittenOfAny(std::string_view text) { return 2 + 6 * text.size(); }

std::size_t MostWritten(std::string_view text) {
  return IsPlainInJson(text) ? 2 + text.size() : MostWrittenOfAny(text);
}

}  // namespace countersign
