// The vectors are those of RFC 8785: section 3.2.2, section 3.2.3 and appendix B.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "base/json.h"

namespace countersign {
namespace {

using ::testing::HasSubstr;

std::string Canonical(std::string_view text) {
  const auto json = ParseJson(text);
  if (!json) return "not JSON: " + json.error().message;
  const auto canonical = CanonicalJson(*json);
  return canonical ? *canonical : "refused: " + canonical.error().message;
}

TEST(CanonicalJsonTest, WritesTheExampleOfTheStandard) {
  EXPECT_EQ(Canonical(R"({
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  })"),
            "{\"literals\":[null,true,false],"
            "\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST(CanonicalJsonTest, SortsKeysByUtf16CodeUnits) {
  EXPECT_EQ(Canonical(R"({
    "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
    "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
    "\u00f6": "Latin Small Letter O With Diaeresis"})"),
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xC2\x80\":\"Control\","
            "\"\xC3\xB6\":\"Latin Small Letter O With Diaeresis\",\"\xE2\x82\xAC\":\"Euro Sign\","
            "\"\xF0\x9F\x98\x80\":\"Emoji: Grinning Face\","
            "\"\xEF\xAC\xB3\":\"Hebrew Letter Dalet With Dagesh\"}");
  EXPECT_EQ(Canonical(R"({"aa": 1, "a": 2, "": 3, "B": 4, "a\u0000": 5})"),
            R"({"":3,"B":4,"a":2,"a\u0000":5,"aa":1})");
}

TEST(CanonicalJsonTest, FormatsNumbersAsEcmaScriptDoes) {
  const struct {
    std::uint64_t bits;
    const char* text;
  } cases[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (const auto& c : cases) {
    const auto text = CanonicalJson(Json(std::bit_cast<double>(c.bits)));
    ASSERT_TRUE(text.has_value()) << c.text;
    EXPECT_EQ(*text, c.text);
    EXPECT_EQ(Canonical(*text), c.text) << "read again";
  }
}

TEST(CanonicalJsonTest, EscapesOnlyWhatMustBeEscaped) {
  Json all = "";
  for (char c = 1; c < 0x20; ++c) all.get_ref<std::string&>().push_back(c);
  EXPECT_EQ(
      CanonicalJson(all),
      "\"\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u000f"
      "\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b"
      "\\u001c\\u001d\\u001e\\u001f\"");
  EXPECT_EQ(CanonicalJson(Json("/<>&'\x7f\xE2\x80\xA8")), "\"/<>&'\x7f\xE2\x80\xA8\"");
}

TEST(CanonicalJsonTest, RefusesWhatHasNoCanonicalForm) {
  const struct {
    Json value;
    const char* complaint;
  } cases[] = {
      {std::nan(""), "must be finite"},
      {std::numeric_limits<double>::infinity(), "must be finite"},
      {"\xff", "UTF-8"},
      {{{"\xc3", 1}}, "UTF-8"},
      {9007199254740993, "integer 9007199254740993 is beyond 2^53-1"},
      {-9007199254740993, "integer -9007199254740993 is beyond 2^53-1"},
      {INT64_MAX, "beyond 2^53-1"},
      {INT64_MIN, "beyond 2^53-1"},
      {UINT64_MAX, "beyond 2^53-1"},
      {Json::binary({1}), "not a JSON value"},
  };
  for (const auto& c : cases) {
    for (const Json& value : {c.value, Json::array({c.value}), Json{{"k", c.value}}}) {
      const auto canonical = CanonicalJson(value);
      ASSERT_FALSE(canonical.has_value()) << *canonical;
      EXPECT_THAT(canonical.error().message, HasSubstr(c.complaint));
    }
  }
}

TEST(CanonicalJsonTest, LargeIntegersThatJcsWritesItselfAreReadBack) {
  EXPECT_EQ(CanonicalJson(Json(9007199254740991)), "9007199254740991");
  EXPECT_EQ(CanonicalJson(Json(-9007199254740991)), "-9007199254740991");
  // 1e17, as a client sends it and as the API server returns it: one digest.
  EXPECT_EQ(Canonical("1e17"), "100000000000000000");
  EXPECT_EQ(Canonical("100000000000000000"), "100000000000000000");
  EXPECT_EQ(Canonical("9223372036854776000"), "9223372036854776000");
}

TEST(CanonicalJsonTest, IsTheSameForEverySpellingAndOrder) {
  const std::string expected = R"({"a":[1,0.1,"é"],"b":{"c":null}})";
  EXPECT_EQ(Canonical(R"({"a":[1,0.1,"é"],"b":{"c":null}})"), expected);
  EXPECT_EQ(Canonical(R"({ "b" : {"\u0063":null}, "a":[1.0, 1e-1, "\u00e9"] })"), expected);
}

TEST(CanonicalJsonTest, DoublesSurviveTheRoundTrip) {
  std::mt19937_64 random(8785);  // NOLINT(cert-msc32-c,cert-msc51-cpp): repeatable
  for (int i = 0; i < 20'000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    const auto text = CanonicalJson(Json(value));
    ASSERT_TRUE(text.has_value());
    EXPECT_EQ(ParseJson(*text)->get<double>(), value) << *text;
  }
}

TEST(CanonicalJsonTest, NestsAsDeepAsForeignObjectsMay) {
  const auto nested = [](int levels) {
    Json json = "x";
    for (int i = 0; i < levels; ++i) json = Json::array({std::move(json)});
    return json;
  };
  EXPECT_TRUE(CanonicalJson(nested(kMaxForeignJsonDepth)).has_value());
  EXPECT_FALSE(CanonicalJson(nested(kMaxForeignJsonDepth + 1)).has_value());
}

}  // namespace
}  // namespace countersign
