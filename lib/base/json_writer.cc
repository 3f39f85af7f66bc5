#include "base/json_writer.h"

#include <cstring>

#include "base/json.h"

namespace countersign {

namespace {

// Eight bytes at a time: most of what is written is looked at here.
bool IsAscii(std::string_view text) {
  std::uint64_t seen = 0;
  while (text.size() >= sizeof seen) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data(), sizeof eight);
    seen |= eight;
    text.remove_prefix(sizeof eight);
  }
  for (const char c : text) seen |= static_cast<unsigned char>(c);
  return (seen & 0x8080808080808080) == 0;
}

}  // namespace

void JsonWriter::String(std::string_view text) {
  if (IsAscii(text)) {
    writer_.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
    return;
  }
  const std::string dumped = DumpJson(Json(text));
  writer_.RawValue(dumped.data(), dumped.size(), rapidjson::kStringType);
}

}  // namespace countersign
