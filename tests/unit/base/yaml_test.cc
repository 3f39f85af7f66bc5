#include "base/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace countersign {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(const std::string& text) {
  const auto documents = ParseYamlDocuments(text);
  return documents ? "accepted as " + DumpJson(Json(*documents)) : documents.error().message;
}

TEST(ParseYamlTest, PlainScalarsFollowTheCoreSchemaAndTheRestStaysText) {
  const std::pair<const char*, Json> cases[] = {
      {"", nullptr},
      {"~", nullptr},
      {"null", nullptr},
      {"NULL", nullptr},
      {"true", true},
      {"TRUE", true},
      {"False", false},
      {"0", 0},
      {"-12", -12},
      {"+5", 5},
      {"9223372036854775807", INT64_MAX},
      {"18446744073709551615", UINT64_MAX},
      {"1e3", 1000.0},
      {"-.5", -0.5},
      {"1.", 1.0},
      {"6.02e+23", 6.02e23},
      // Another type in YAML 1.1 alone.
      {"yes", "yes"},
      {"off", "off"},
      {"y", "y"},
      {"012", "012"},
      {"0x1f", "0x1f"},
      {"0b1", "0b1"},
      {"1_000", "1_000"},
      {"12:30:45", "12:30:45"},
      {"2026-01-31", "2026-01-31"},
      {"2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"},
      {".inf", ".inf"},
      {".nan", ".nan"},
      {"1e400", "1e400"},  // not finite
      {"+-5", "+-5"},
      {"-", "-"},
      {"1.2.3", "1.2.3"},
      {"nULL", "nULL"},
      // Quoted or tagged as text.
      {"\"true\"", "true"},
      {"'12'", "12"},
      {"\"\"", ""},
      {"!!str 12", "12"},
      {"!!str null", "null"},
  };
  for (const auto& [text, value] : cases) {
    if (std::string_view(text) == "-") continue;  // a sequence, not a scalar
    const auto json = ParseYaml("key: " + std::string(text));
    ASSERT_TRUE(json.has_value()) << text << ": " << json.error().message;
    EXPECT_EQ(json->at("key"), value) << text;
    EXPECT_EQ(json->at("key").type(), value.type()) << text;
  }
}

TEST(ParseYamlTest, RefusesWhatTwoReadersMayUnderstandDifferently) {
  std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c < 'i'; ++c) {
    const std::string from = "*" + std::string(1, static_cast<char>(c - 1));
    bomb += std::string(1, c) + ": &" + c + " [" + from + ", " + from + ", " + from + "]\n";
  }
  const std::pair<std::string, const char*> cases[] = {
      {"a: &x 1\nb: *x", "at 1:4: anchors are not allowed"},
      {"a: &x {b: 1}", "anchors are not allowed"},
      {"&a [*a]", "anchors are not allowed"},
      {bomb, "anchors are not allowed"},
      {"a: *x", "anchor is not defined"},
      {"<<: {a: 1}", "at 1:1: merge keys are not allowed"},
      {"a: {b: 1, <<: {c: 2}}", "at 1:11: merge keys are not allowed"},
      {"a: 1\nb: 2\na: 3", "at 3:1: duplicate key 'a'"},
      {"{a: {b: 1, b: 2}}", "at 1:12: duplicate key 'b'"},
      {"1: a\n\"1\": b", "duplicate key '1'"},
      {"a: !!binary aGk=", "tag 'tag:yaml.org,2002:binary' is not allowed"},
      {"a: !!float 1", "is not allowed"},
      {"a: !Ref {b: 1}", "tag '!Ref' is not allowed"},
      {"!Ref a: 1", "tag '!Ref' is not allowed"},
      {"!!int 1: a", "is not allowed"},
      {"~: 1", "a mapping key must not be null"},
      {": 1", "a mapping key must not be null"},
      {"? [a]\n: 1", "a mapping key must be a scalar"},
      {"? {a: 1}\n: 1", "a mapping key must be a scalar"},
      {"a: b: c", "illegal map value"},
      {"a:\n\t- b", "at 2:2: "},
      {"a: [1, 2", "end of sequence flow not found"},
      {"a: 'b", "illegal EOF in scalar"},
      {"a: \"\\ud800\"", "invalid unicode"},
      {"a: \"\\U00110000\"", "invalid unicode"},
      // What one reader takes for the end of a comment, of a line or of the text, and another does
      // not.
      {"ok: 1\n# comment\rk: v", "at 2:10: control characters"},
      {"# comment\xE2\x80\xA8k: v", "at 1:10: control characters and Unicode line separators"},
      {"# comment\xE2\x80\xA9k: v", "Unicode line separators"},
      {"# comment\xC2\x85k: v", "Unicode line separators"},
      {"a: |\n  b\n\x04\nc: d", "at 3:1: control characters"},
      {std::string("a: 1\0b: 2", 9), "at 1:5: control characters"},
      {"a: \x1b[2J", "control characters"},
      {"a: \x7f", "control characters"},
      {"a: 1\nb: \"\xff\"", "at 2:1: the line must be UTF-8"},
      {"\xc0\xaf: 1", "must be UTF-8"},
  };
  for (const auto& [text, complaint] : cases) {
    const std::string error = ErrorOf(text);
    EXPECT_THAT(error, HasSubstr(complaint)) << text;
    EXPECT_THAT(error, ::testing::StartsWith("invalid YAML at ")) << text;
  }
}

TEST(ParseYamlTest, KeysAreTextWhateverTheyLookLike) {
  EXPECT_EQ(ParseYaml("{1: a, true: b, yes: c, 1.0: d, 'null': e, \"<<\": f, !!str x: g}").value(),
            Json({{"1", "a"},
                  {"true", "b"},
                  {"yes", "c"},
                  {"1.0", "d"},
                  {"null", "e"},
                  {"<<", "f"},
                  {"x", "g"}}));
}

TEST(ParseYamlTest, TheLimitOnDepthIsExact) {
  const auto nested = [](int levels) {
    const auto n = static_cast<std::size_t>(levels);
    return std::string(n, '[') + std::string(n, ']');
  };
  EXPECT_TRUE(ParseYaml(nested(kMaxJsonDepth)).has_value());
  EXPECT_THAT(ErrorOf(nested(kMaxJsonDepth + 1)), HasSubstr("nested deeper than 128 levels"));
  // Never closed, and deep enough to end the process of whoever recurses.
  for (const char* open : {"[", "{", "- ", "? ", "[{"}) {
    std::string deep;
    for (int i = 0; i < 20'000; ++i) deep += open;
    EXPECT_FALSE(ParseYamlDocuments(deep).has_value()) << open;
  }
  std::string blocks;
  for (std::size_t i = 0; i < 1000; ++i) blocks += std::string(i, ' ') + "a:\n";
  EXPECT_THAT(ErrorOf(blocks), HasSubstr("nested deeper"));
}

TEST(ParseYamlTest, ReadsAllDocumentsAndLeavesEmptyOnesOut) {
  const auto documents = ParseYamlDocuments(
      "# nothing but a comment\n---\na: 1\n---\n# empty\n---\n- b\n...\n---\nnull\n--- text\n");
  ASSERT_TRUE(documents.has_value());
  EXPECT_EQ(Json(*documents), Json::array({{{"a", 1}}, Json::array({"b"}), "text"}));
  EXPECT_TRUE(ParseYamlDocuments("").value().empty());
  EXPECT_TRUE(ParseYamlDocuments("# c\n---\n").value().empty());
  // An error in a later document is an error of the stream.
  EXPECT_THAT(ErrorOf("a: 1\n---\nb: 1\nb: 2"), HasSubstr("at 4:1: duplicate key 'b'"));
}

TEST(ParseYamlTest, OneDocumentMeansOne) {
  EXPECT_EQ(ParseYaml("---\na: 1\n").value(), Json({{"a", 1}}));
  EXPECT_THAT(ParseYaml("").error().message, HasSubstr("must be one YAML document, is 0"));
  EXPECT_THAT(ParseYaml("a: 1\n---\nb: 1").error().message, HasSubstr("is 2"));
}

TEST(ParseYamlTest, WindowsLineEndsAndAByteOrderMarkAreFine) {
  EXPECT_EQ(ParseYaml("\xEF\xBB\xBF"
                      "a: 1\r\nb: |\r\n  x\r\n  y\r\n")
                .value(),
            Json({{"a", 1}, {"b", "x\ny\n"}}));
}

// Every text must come back as it went in, wherever it stands.
TEST(DumpYamlTest, TextReadsBackUnchangedAsValueItemAndKey) {
  std::vector<std::string> texts = {
      "", " ", "  two  ", "true", "True", "no", "Yes", "ON", "y", "null", "Null", "~", "0", "007",
      "1e3", "0x1f", "1_000", "-", "--- a", "...", "+1", ".5", ".inf", "=", "<<", "2026-01-31",
      "12:30", "a: b", "a:", "a #b", "#", "- a", "?", "? a", "!a", "&a", "*a", "%a", "@a", "`a",
      "|", "> a", "'", "\"", "{a}", "[a]", "a,b", "\\", "a\\n", "${x}", "\xC3\xBC",
      "\xF0\x9F\x98\x80",
      // Line feeds, at every place.
      "\n", "\n\n", "a\n", "a\n\n", "a\n\n\n", "\na", "\na\n", "a\nb", "a\nb\n", "a\n\nb\n",
      " a\nb\n", "a\n b\n", "a \nb\n", "a\n \n", "a\n  \n\n", "a\n---\nb\n", "a\n...\n", "# a\nb\n",
      "a: 1\nb: 2\n", "-----BEGIN X-----\nabc=\n-----END X-----\n",
      // What the reader refuses unless it is escaped.
      "a\rb", "a\r\nb\r\n", "\t", "a\tb", "a\tb\n", "\x1b[2J", "\x7f", "a\x04\n", "\xC2\x85",
      "a\xC2\x85\n", "a\xE2\x80\xA8z", "a\xE2\x80\xA9\n", "\xEF\xBB\xBFx", "\xEF\xBF\xBD",
      std::string("\0", 1)};
  for (char c = 1; c < 0x20; ++c) texts.push_back("a" + std::string(1, c) + "\nb\n");
  for (const std::string& text : texts) {
    for (const Json& json :
         {Json{{"key", text}}, Json::array({text, 1}), Json{{text, "value"}}, Json{{text, text}},
          Json{{"a", {{text, {{text, Json::array({text, Json::array({text})})}}}}}},
          Json::array({{{text, 1}, {"z", text}}})}) {
      const std::string yaml = DumpYaml(json);
      const auto read = ParseYaml(yaml);
      ASSERT_TRUE(read.has_value()) << yaml << read.error().message;
      EXPECT_EQ(*read, json) << yaml;
    }
  }
}

TEST(DumpYamlTest, NoncharactersOfUnicodeAreReplacedInQuotes) {
  for (const char* text :
       {"1\xEF\xBF\xBF", "1\xEF\xBF\xBE", "1\xEF\xB7\x90", "1\xF0\x9F\xBF\xBF"}) {
    EXPECT_EQ(ParseYaml(DumpYaml({{"k", text}})).value(), Json({{"k", "1\xEF\xBF\xBD"}}));
  }
}

// A key on the line of its value may have 1024 characters as written; these have more.
TEST(DumpYamlTest, LongKeysReadBack) {
  for (const std::string& part : {std::string("k"), std::string("\x7f"), std::string("é")}) {
    for (const int count : {200, 300, 1100, 4000}) {
      std::string key;
      for (int i = 0; i < count; ++i) key += part;
      const Json value = {{key, {{"inner", 1}, {key, Json::array({"x"})}}}, {"z", 2}};
      EXPECT_EQ(ParseYaml(DumpYaml(value)).value_or(Json()), value) << count << " of " << part;
    }
  }
}

TEST(DumpYamlTest, OtherValuesReadBackWithTheirTypes) {
  const Json json = {
      {"null", nullptr},
      {"bools", {true, false}},
      {"ints", {0, -1, INT64_MAX, INT64_MIN, UINT64_MAX}},
      {"floats", {1.0, -0.5, 1e300, 5e-324, 1e20}},
      {"empty", {{"list", Json::array()}, {"map", Json::object()}}},
      {"nested",
       Json::array(
           {Json::array(), Json::object(), Json::array({Json::array({1})}), {{"a", {1, 2}}}})}};
  const auto read = ParseYaml(DumpYaml(json));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(*read, json);
  for (const auto& [key, value] : json.items()) EXPECT_EQ(read->at(key).type(), value.type());
  for (std::size_t i = 0; i < json["floats"].size(); ++i) {
    EXPECT_TRUE(read->at("floats")[i].is_number_float()) << i;
  }
}

TEST(DumpYamlTest, WritesBlocksForPeopleAndQuotesForOlderReaders) {
  EXPECT_EQ(
      DumpYaml({{"name", "credit"}, {"on", "yes"}, {"list", {1, "2"}}, {"none", Json::array()}}),
      "list:\n  - 1\n  - \"2\"\nname: credit\nnone: []\n\"on\": \"yes\"\n");
  EXPECT_THAT(DumpYaml({{"pem", "BEGIN\nabc\n"}}), HasSubstr("pem: |\n  BEGIN\n  abc\n"));
  EXPECT_EQ(DumpYaml({{"a", nullptr}}), "a: null\n");
  EXPECT_THAT(DumpYaml({{"<<", "<<"}}), HasSubstr("\"<<\": \"<<\""));
}

TEST(ParseYamlTest, LinesLeadFromAFieldPathToWhereItStands) {
  const auto documents = ParseYamlWithLines(
      "kind: A\n"
      "spec:\n"
      "  measures:\n"
      "  - name: x\n"
      "    require: {signOff: {role: r}}\n"
      "  - {name: y,\n"
      "     step: z}\n"
      "--- # second\n"
      "\n"
      "kind: B\n");
  ASSERT_TRUE(documents) << documents.error().message;
  ASSERT_EQ(documents->size(), 2U);
  const std::pair<const char*, std::size_t> places[] = {
      {"", 1},
      {"kind", 1},
      {"spec", 2},
      {"spec.measures", 3},
      {"spec.measures[0]", 4},
      {"spec.measures[0].name", 4},
      {"spec.measures[0].require.signOff.role", 5},
      {"spec.measures[1]", 6},
      {"spec.measures[1].step", 7},
  };
  for (const auto& [path, line] : places) {
    ASSERT_TRUE((*documents)[0].lines.contains(path)) << path;
    EXPECT_EQ((*documents)[0].lines.at(path), line) << path;
  }
  EXPECT_EQ((*documents)[1].lines.at("kind"), 10U);
  EXPECT_EQ((*documents)[1].value, Json({{"kind", "B"}}));
}

TEST(ParseYamlTest, AnErrorKnowsItsLine) {
  for (const char* text : {"a: 1\nb: [\n", "a: 1\n\"b\x07\"\n", "a: 1\na: 2\n", "a: 1\nb: *x\n"}) {
    const auto documents = ParseYamlWithLines(text);
    ASSERT_FALSE(documents) << text;
    EXPECT_GE(documents.error().line, 2U) << text;
    EXPECT_LE(documents.error().line, 3U) << text;
  }
}

}  // namespace
}  // namespace countersign
