#include "base/json_writer.h"

#include <algorithm>

#include "base/json.h"

namespace countersign {

void JsonWriter::String(std::string_view text) {
  const bool ascii = std::all_of(text.begin(), text.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) {
    writer_.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
    return;
  }
  const std::string dumped = DumpJson(Json(text));
  writer_.RawValue(dumped.data(), dumped.size(), rapidjson::kStringType);
}

}  // namespace countersign
