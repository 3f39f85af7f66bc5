// json_writer.h: writing JSON member by member, where a tree would be built only to be dumped.
//
// RapidJSON writes; texts beyond plain ASCII go through DumpJson, so that invalid UTF-8 comes out
// as it does everywhere else. Keys are ours and plain. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// Both are part of the architecture's baseline; RapidJSON asks to be told.
#if defined(__SSE2__)
#define RAPIDJSON_SSE2
#elif defined(__ARM_NEON)
#define RAPIDJSON_NEON
#endif
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace countersign {

class JsonWriter {
 public:
  JsonWriter& Key(std::string_view key) {
    writer_.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
    return *this;
  }
  void String(std::string_view text);
  void Int(std::int64_t value) { writer_.Int64(value); }
  void Bool(bool value) { writer_.Bool(value); }
  void StartObject() { writer_.StartObject(); }
  void EndObject() { writer_.EndObject(); }
  void StartArray() { writer_.StartArray(); }
  void EndArray() { writer_.EndArray(); }

  [[nodiscard]] std::string Text() const { return {buffer_.GetString(), buffer_.GetSize()}; }

 private:
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

}  // namespace countersign
