// json_writer.h: writing JSON member by member, where a tree would be built only to be dumped.
//
// RapidJSON writes; texts beyond plain ASCII go through DumpJson, so that invalid UTF-8 comes out
// as it does everywhere else. Keys are ours and plain. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace countersign {

class JsonWriter {
 public:
  JsonWriter& Key(std::string_view key) {
    writer_.Plain(key);
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
  // RapidJSON puts one character after the other, also where there is nothing to escape.
  class Writer : public rapidjson::Writer<rapidjson::StringBuffer> {
   public:
    using rapidjson::Writer<rapidjson::StringBuffer>::Writer;
    void Plain(std::string_view text) {
      Prefix(rapidjson::kStringType);
      char* to = os_->Push(text.size() + 2);
      *to++ = '"';
      to += text.copy(to, text.size());
      *to = '"';
    }
  };

  // Most of what is written fits without growing.
  rapidjson::StringBuffer buffer_{nullptr, 4096};
  Writer writer_{buffer_};
};

// Upper bounds of the bytes that String writes: by what the text says, and by its length alone.
[[nodiscard]] std::size_t MostWritten(std::string_view text);
[[nodiscard]] std::size_t MostWrittenOfAny(std::string_view text);

}  // namespace countersign
