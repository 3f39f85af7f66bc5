#include "base/json_writer.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json.h"

namespace countersign {
namespace {

std::string Written(const std::string& text) {
  JsonWriter out;
  out.StartArray();
  out.String("before");
  out.String(text);
  out.String("after");
  out.EndArray();
  return out.Text();
}

// At each place in texts of up to three eights, since eight bytes are looked at together.
TEST(JsonWriterTest, EveryCharacterAtEveryPlaceComesOutAsEverywhereElse) {
  for (int c = 0; c < 256; ++c) {
    for (std::size_t size = 1; size <= 17; ++size) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(c);
        const Json read = ParseJson(Written(text)).value();
        ASSERT_EQ(read.size(), 3U);
        ASSERT_EQ(read.at(0), "before");
        ASSERT_EQ(read.at(1), ParseJson(DumpJson(Json(text))).value()) << c << " at " << at;
        ASSERT_EQ(read.at(2), "after");
        ASSERT_LE(DumpJson(read.at(1)).size(), MostWritten(text)) << c << " at " << at;
      }
    }
  }
}

TEST(JsonWriterTest, ControlCharactersNeverComeOutAsTheyAre) {
  std::string text;
  for (int c = 0; c < 0x20; ++c) text += static_cast<char>(c);
  for (const char c : Written(text + "\"\\")) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
}

TEST(JsonWriterTest, MembersAndTextsWithNothingInThem) {
  JsonWriter out;
  out.StartObject();
  out.Key("").String("");
  out.Key("list").StartArray();
  out.EndArray();
  out.Key("n").Int(-1);
  out.EndObject();
  EXPECT_EQ(out.Text(), R"({"":"","list":[],"n":-1})");
}

}  // namespace
}  // namespace countersign
