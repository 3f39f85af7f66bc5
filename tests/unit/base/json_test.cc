#include "base/json.h"
#include "base/json_fast.h"
#include "base/json_without.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace countersign {
namespace {

using ::testing::HasSubstr;

std::string Nested(int levels) {
  const auto n = static_cast<std::size_t>(levels);
  return std::string(n, '[') + std::string(n, ']');
}

std::string ErrorOf(std::string_view text, int max_depth = kMaxJsonDepth) {
  const auto json = ParseJson(text, max_depth);
  return json ? "accepted as " + DumpJson(*json) : json.error().message;
}

TEST(ParseJsonTest, RefusesWhatTwoReadersMayUnderstandDifferently) {
  const struct {
    std::string text;
    const char* complaint;
  } cases[] = {
      {"", "unexpected end of input"},
      {"  \n", "unexpected end of input"},
      {R"({"a": [1, 2)", "unexpected end of input"},
      {R"({"a": "b)", "missing closing quote"},
      {R"({"a": tru)", "invalid literal"},
      {R"({"a": 1} x)", "invalid literal"},
      {R"({"a": 1} {})", "expected end of input"},
      {std::string("{\"a\": 1}\0{}", 11), "a NUL byte (byte 9)"},
      {std::string("{\"a\0b\": 1}", 10), "a NUL byte (byte 4)"},
      {"[1,]", "unexpected ']'"},
      {"[1] // one", "invalid literal"},
      {"{a: 1}", "invalid literal"},
      {"{'a': 1}", "invalid literal"},
      {"[01]", "unexpected number literal"},
      {"[+1]", "invalid literal"},
      {"[NaN]", "invalid literal"},
      {"[-Infinity]", "invalid number"},
      {"1e400", "number overflow"},
      {"-1e400", "number overflow"},
      {R"({"a": 1, "b": 2, "a": 1})", "duplicate key 'a'"},
      {R"({"a": 1, "\u0061": 2})", "duplicate key 'a'"},
      {R"([{"x": {"k": {}, "k": {}}}])", "duplicate key 'k'"},
      {"\"\xff\"", "ill-formed UTF-8"},
      {"\"\xc0\xaf\"", "ill-formed UTF-8"},          // overlong '/'
      {"\"\xed\xa0\x80\"", "ill-formed UTF-8"},      // a surrogate
      {"\"\xf4\x90\x80\x80\"", "ill-formed UTF-8"},  // beyond U+10FFFF
      {"\"\xe2\x82", "ill-formed UTF-8"},
      {R"("\ud800")", "surrogate"},
      {R"("\udc00")", "surrogate"},
      {"\"a\nb\"", "control character"},
      {R"("\x")", "forbidden character after backslash"},
  };
  for (const auto& c : cases) {
    const std::string error = ErrorOf(c.text);
    EXPECT_THAT(error, HasSubstr(c.complaint)) << c.text;
    EXPECT_THAT(error, ::testing::StartsWith("invalid JSON: ")) << c.text;
  }
}

TEST(ParseJsonTest, TheSameKeyInTwoObjectsIsNoDuplicate) {
  EXPECT_TRUE(ParseJson(R"({"a": {"a": [{"a": 1}, {"a": 2}]}, "b": {"a": 3}})").has_value());
}

TEST(ParseJsonTest, TheLimitOnDepthIsExact) {
  EXPECT_TRUE(ParseJson(Nested(kMaxJsonDepth)).has_value());
  EXPECT_THAT(ErrorOf(Nested(kMaxJsonDepth + 1)), HasSubstr("nested deeper than 128 levels"));
  EXPECT_TRUE(ParseJson(Nested(kMaxForeignJsonDepth), kMaxForeignJsonDepth).has_value());
  EXPECT_THAT(ErrorOf(Nested(kMaxForeignJsonDepth + 1), kMaxForeignJsonDepth),
              HasSubstr("nested deeper than 1000 levels"));
  // Never closed, and deep enough to end the process of whoever recurses.
  EXPECT_THAT(ErrorOf(std::string(10'000'000, '[')), HasSubstr("nested deeper"));
  std::string objects;
  for (int i = 0; i < 1'000'000; ++i) objects += R"({"a":)";
  EXPECT_THAT(ErrorOf(objects), HasSubstr("nested deeper"));
  // Width is not depth.
  std::string wide = "[[]";
  for (int i = 0; i < 1000; ++i) wide += ",[],{}";
  EXPECT_TRUE(ParseJson(wide + "]").has_value());
}

TEST(ParseJsonTest, MessagesStayShortWhateverTheInputHolds) {
  const std::string key(100'000, 'k');
  for (const std::string& text : {R"({")" + key + R"(":1,")" + key + R"(":1})", "{\"" + key,
                                  "[" + std::string(100'000, '9') + "]", "\"" + key + "\xff\""}) {
    const std::string error = ErrorOf(text);
    EXPECT_LT(error.size(), 500U);
    EXPECT_TRUE(CanonicalJson(Json(error)).has_value()) << "not UTF-8: " << error;
  }
  // Whoever reads the log must not learn a Secret's content from a syntax error in it.
  EXPECT_THAT(ErrorOf(R"({"password": "hunter2)"), ::testing::Not(HasSubstr("hunter")));
}

TEST(ParseJsonTest, KeepsIntegersOf64BitsExactly) {
  EXPECT_EQ(ParseJson("9223372036854775807")->get<std::int64_t>(), INT64_MAX);
  EXPECT_EQ(ParseJson("-9223372036854775808")->get<std::int64_t>(), INT64_MIN);
  EXPECT_EQ(ParseJson("18446744073709551615")->get<std::uint64_t>(), UINT64_MAX);
  EXPECT_TRUE(ParseJson("18446744073709551616")->is_number_float());
  EXPECT_TRUE(ParseJson("1.0")->is_number_float());
}

TEST(DumpJsonTest, WritesOneLineAndReplacesInvalidUtf8) {
  EXPECT_EQ(DumpJson({{"b", "x\ny"}, {"a", {1, 2}}}), R"({"a":[1,2],"b":"x\ny"})");
  EXPECT_EQ(DumpJson(Json("a\xff")), "\"a\xEF\xBF\xBD\"");
  EXPECT_EQ(DumpJson(Json{{"\xff", 1}}), "{\"\xEF\xBF\xBD\":1}");
}

const Json& Sample() {
  static const Json json = ParseJson(R"({
    "name": "n", "count": 3, "big": 18446744073709551615, "half": 0.5, "on": true,
    "list": [{"name": "in a list"}], "none": null,
    "metadata": {"name": "inner", "labels": {"a/b": "slash"}}})")
                               .value();
  return json;
}

TEST(JsonAccessTest, FollowsPathsAndFallsBackOnWhatIsMissingOrOfAnotherType) {
  EXPECT_EQ(StringAt(Sample(), "metadata/name"), "inner");
  EXPECT_EQ(StringAt(Sample(), "/metadata/name"), "inner");
  EXPECT_EQ(FindPath(Sample(), ""), &Sample());
  for (const char* path : {"metadata", "metadata/name/deeper", "metadata/absent", "count", "none",
                           "list/0/name", "list/name", "none/name", "name/"}) {
    const std::string expected = std::string_view(path) == "name/" ? "n" : "else";
    EXPECT_EQ(StringAt(Sample(), path, "else"), expected) << path;
  }
  EXPECT_EQ(IntAt(Sample(), "count"), 3);
  EXPECT_EQ(IntAt(Sample(), "half", -1), -1);
  EXPECT_EQ(IntAt(Sample(), "big", -1), -1);  // does not fit
  EXPECT_EQ(IntAt(Sample(), "on", -1), -1);
  EXPECT_TRUE(BoolAt(Sample(), "on"));
  EXPECT_FALSE(BoolAt(Sample(), "count"));
  EXPECT_TRUE(BoolAt(Sample(), "name", true));
  EXPECT_EQ(Find(Json::array({1}), "name"), nullptr);
  EXPECT_EQ(Find(Json("text"), "name"), nullptr);
}

TEST(JsonAccessTest, AKeyWithASlashIsFoundStepByStep) {
  const Json* labels = FindPath(Sample(), "metadata/labels");
  ASSERT_NE(labels, nullptr);
  EXPECT_EQ(FindPath(Sample(), "metadata/labels/a/b"), nullptr);
  ASSERT_NE(Find(*labels, "a/b"), nullptr);
  EXPECT_EQ(*Find(*labels, "a/b"), "slash");
}

TEST(JsonAccessTest, SetPathMakesObjectsOnTheWay) {
  Json json = {{"a", 1}, {"keep", true}};
  SetPath(json, "a/b/c", "deep");
  SetPath(json, "/d", Json::array());
  EXPECT_EQ(json, Json({{"a", {{"b", {{"c", "deep"}}}}}, {"d", Json::array()}, {"keep", true}}));
  SetPath(json, "", 5);
  EXPECT_EQ(json, Json(5));
}

// What the API server sends is read the fast way, and is what the strict way would have read.
TEST(ParseJsonFast, ReadsTheSameAsTheStrictParser) {
  for (const char* text : {"{}",
                           "[]",
                           "null",
                           "true",
                           "\"\"",
                           R"({"b":1,"a":[{"c":null},false,"x"]})",
                           "0",
                           "-0",
                           "-1",
                           "9223372036854775807",
                           "9223372036854775808",
                           "18446744073709551615",
                           "-9223372036854775808",
                           "1.5",
                           "-0.0",
                           "1e3",
                           "1E-7",
                           "5e-324",
                           "1.7976931348623157e308",
                           "0.1000000000000000055511151231257827",
                           R"("\u00e9\ud83d\ude00\n\/\\")",
                           "\"é😀\"",
                           " \t\r\n[ 1 , 2 ] \n"}) {
    const auto strict = ParseJsonStrictly(text, 8);
    const auto fast = ParseJsonFast(text, 8);
    ASSERT_TRUE(strict.has_value() && fast.has_value()) << text;
    EXPECT_EQ(*fast, *strict) << text;
    EXPECT_EQ(DumpJson(*fast), DumpJson(*strict)) << text;
  }
}

// It has no say in what is wrong: it declines, and the strict parser's errors are the ones seen.
TEST(ParseJsonFast, DeclinesWhatIsUnusual) {
  for (const std::string text : {R"({"a":1,"a":2})", "[1", "", "1 2", "[[[[[[[[[]]]]]]]]]",
                                 "18446744073709551616", "1e400", "\"\xC3\"", R"("\ud800")", "01",
                                 "+1", "NaN", "'a'", "[1,]", "\xEF\xBB\xBF[]", "\"\x01\""}) {
    EXPECT_FALSE(ParseJsonFast(text, 8).has_value()) << text;
  }
  EXPECT_FALSE(ParseJsonFast("[" + std::string(kMaxFastJsonBytes, ' ') + "]", 8).has_value());
  EXPECT_TRUE(ParseJson("[" + std::string(kMaxFastJsonBytes, ' ') + "]", 8).has_value());
}

// By either parser.
TEST(ParseJsonWithout, LeavesOutWhatNobodyReads) {
  constexpr std::array<std::string_view, 3> kSteps = {"request", "*", "fields"};
  const auto read = [&](const std::string& text) { return ParseJsonWithout(text, kSteps, 16); };
  const std::string text =
      R"({"request":{"a":{"fields":[{"x":1}],"kept":{"fields":2}},"b":{"fields":{}},"fields":3},"fields":4})";
  const Json rest =
      *ParseJson(R"({"request":{"a":{"kept":{"fields":2}},"b":{},"fields":3},"fields":4})");
  EXPECT_EQ(read(text), rest);
  EXPECT_EQ(ParseJsonFast(text, 16, kSteps), rest);
  EXPECT_EQ(read(text + std::string(kMaxFastJsonBytes, ' ')), rest);
  EXPECT_FALSE(read(R"({"request":{"a":{"fields":1,"fields":2}}})").has_value());
  EXPECT_FALSE(read(R"({"request":{"a":{"fields":[}}})").has_value());
}

TEST(Discard, EmptiesWhatWasParsed) {
  Json value = *ParseJson(R"({"a":[{"b":"long enough to be on the heap"}],"c":1})");
  Discard(value);
  EXPECT_EQ(value, Json::object());
}

}  // namespace
}  // namespace countersign
