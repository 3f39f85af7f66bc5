// One described type with a member of every kind, read, written and turned into a schema.
#include "base/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace countersign {

enum class Colour { kRed, kGreen };
template <>
struct EnumNames<Colour> {
  static constexpr std::pair<Colour, std::string_view> kNames[] = {{Colour::kRed, "Red"},
                                                                   {Colour::kGreen, "Green"}};
};

struct Part {
  std::string name;
  std::int64_t weight = 7;
};
template <class V>
void Describe(V& v, Part& p) {
  v.Field({.name = "name", .doc = "name", .required = true, .format = Format::kName, .length = 63},
          p.name);
  v.Field({.name = "weight", .doc = "weight", .min = 1, .max = 10}, p.weight);
}

struct Thing {
  std::string title;
  std::string code = "unset";
  std::optional<bool> loud;
  Colour colour = Colour::kRed;
  std::optional<Time> since;
  Seconds period{60};
  std::optional<Decimal> share;
  std::vector<std::string> tags;
  std::vector<Part> parts;
  std::map<std::string, std::int64_t> counts;
  std::optional<Part> spare;
  RawJson raw;
};
template <class V>
void Describe(V& v, Thing& t) {
  v.Field({.name = "title", .doc = "title", .required = true, .length = 5}, t.title);
  v.Field({.name = "code", .doc = "code", .format = Format::kIdentifier, .min = 2}, t.code);
  v.Field({.name = "loud", .doc = "loud"}, t.loud);
  v.Field({.name = "colour", .doc = "colour"}, t.colour);
  v.Field({.name = "since", .doc = "since"}, t.since);
  v.Field({.name = "period", .doc = "period"}, t.period);
  v.Field({.name = "share", .doc = "share"}, t.share);
  v.Field({.name = "tags", .doc = "tags", .max = 3, .length = 4, .list = ListType::kSet}, t.tags);
  v.Field({.name = "parts",
           .doc = "parts",
           .min = 1,
           .max = 30,
           .list = ListType::kMap,
           .list_key = "name"},
          t.parts);
  v.Field({.name = "counts", .doc = "counts", .max = 2}, t.counts);
  v.Field({.name = "spare", .doc = "spare"}, t.spare);
  v.Field({.name = "raw", .doc = "raw"}, t.raw);
}

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Json Parse(std::string_view text) { return ParseJson(text).value(); }

std::vector<std::string> Faults(const Json& json) {
  Thing thing;
  std::vector<std::string> texts;
  for (const Error& error : DecodeInto(json, "spec", thing)) texts.push_back(error.ToString());
  return texts;
}

const Json& Full() {
  static const Json json = Parse(R"({
    "title": "house", "code": "aB1", "loud": false, "colour": "Green",
    "since": "2026-01-31T12:00:00Z", "period": "90d", "share": "0.8", "tags": ["a", "b"],
    "parts": [{"name": "x", "weight": 1}, {"name": "y", "weight": 10}], "counts": {"k": 2},
    "spare": {"name": "z", "weight": 7}, "raw": {"any": [1, null]}})");
  return json;
}

TEST(DescribeTest, DecodesEveryKindOfMemberAndEncodesItBack) {
  Thing thing;
  const auto errors = DecodeInto(Full(), "spec", thing);
  ASSERT_TRUE(errors.empty()) << errors.front().ToString();
  EXPECT_EQ(thing.title, "house");
  EXPECT_EQ(thing.loud, false);
  EXPECT_EQ(thing.colour, Colour::kGreen);
  EXPECT_EQ(thing.since, ParseTime("2026-01-31T12:00:00Z").value());
  EXPECT_EQ(thing.period, Seconds(7'776'000));
  EXPECT_EQ(thing.share, Decimal::Parse("0.8").value());
  EXPECT_THAT(thing.tags, ElementsAre("a", "b"));
  ASSERT_EQ(thing.parts.size(), 2U);
  EXPECT_EQ(thing.parts[1].weight, 10);
  EXPECT_EQ(thing.counts.at("k"), 2);
  EXPECT_EQ(DumpJson(**thing.raw.Tree()), R"({"any":[1,null]})");
  EXPECT_EQ(Encode(thing), Full());
}

TEST(DescribeTest, WhatIsAbsentOrNullKeepsItsDefaultAndEmptyValuesAreNotWritten) {
  for (const char* text : {R"({"title": "t"})", R"({"title": "t", "code": null, "loud": null,
      "period": null, "tags": null, "spare": null, "raw": null, "counts": null})"}) {
    Thing thing;
    ASSERT_THAT(DecodeInto(Parse(text), "spec", thing), ::testing::IsEmpty());
    EXPECT_EQ(thing.code, "unset");
    EXPECT_FALSE(thing.loud.has_value());
    EXPECT_EQ(thing.period, Seconds(60));
    EXPECT_FALSE(thing.spare.has_value());
    EXPECT_EQ(Encode(thing),
              Parse(R"({"title": "t", "code": "unset", "colour": "Red", "period": "1m"})"));
  }
}

TEST(DescribeTest, EveryFaultHasItsPathAndSaysWhatIsAllowed) {
  const struct {
    const char* key;  // of Full(), replaced by
    const char* value;
    const char* fault;
  } cases[] = {
      {"title", "null", "spec.title: is required"},
      {"title", "5", "spec.title: must be a string, is integer"},
      {"title", R"("")", "spec.title: must not be empty"},
      {"title", R"("abcdef")", "spec.title: must have at most 5 characters, has 6"},
      {"code", R"("a")", "spec.code: must not be empty"},
      {"code", R"("a b")", "spec.code: must be a lowerCamelCase word, is 'a b'"},
      {"code", R"("ab\n")", "spec.code: must be a lowerCamelCase word"},
      {"loud", R"("true")", "spec.loud: must be true or false, is string"},
      {"loud", "1", "spec.loud: must be true or false, is integer"},
      {"colour", R"("red")", "spec.colour: must be one of 'Red', 'Green', is 'red'"},
      {"since", R"("2026-02-30T00:00:00Z")", "spec.since: must be an RFC 3339 time"},
      {"since", "0", "spec.since: must be a string, is integer"},
      {"period", R"("-1d")", "spec.period: must be a duration"},
      {"period", "60", "spec.period: must be a string, is integer"},
      {"share", "0.8", "spec.share: must be a string, is fraction"},
      {"share", R"("1e3")", "spec.share: must be"},
      {"tags", R"("a")", "spec.tags: must be a list, is string"},
      {"tags", R"(["a", "b", "c", "d"])", "spec.tags: must have 0 to 3 items, has 4"},
      {"tags", R"(["a", "b", "a"])", "spec.tags: has 'a' twice"},
      {"tags", R"(["a", 1])", "spec.tags[1]: must be a string, is integer"},
      {"tags", R"(["a", "abcde"])", "spec.tags[1]: must have at most 4 characters, has 5"},
      {"tags", R"([null])", "spec.tags[0]: must be a string, is null"},
      {"parts", "[]", "spec.parts: must have 1 to 30 items, has 0"},
      {"parts", R"([{"name": "x"}, {"name": "x"}])", "spec.parts: has 'x' twice"},
      {"parts", R"([{"name": "x"}, {}])", "spec.parts[1].name: is required"},
      {"parts", R"([{"name": "x"}, 5])", "spec.parts[1]: must be an object, is integer"},
      {"parts", R"([{"name": "X"}])", "spec.parts[0].name: must be lower-case letters"},
      {"parts", R"([{"name": "x", "weight": 0}])",
       "spec.parts[0].weight: must be between 1 and 10, is 0"},
      {"parts", R"([{"name": "x", "weight": 1.5}])",
       "spec.parts[0].weight: must be an integer, is fraction"},
      {"parts", R"([{"name": "x", "weight": 18446744073709551615}])",
       "spec.parts[0].weight: must be between 1 and 10, is 18446744073709551615"},
      {"parts", R"([{"name": "x", "wieght": 1}])", "spec.parts[0].wieght: is not a known field"},
      {"counts", R"({"a": 1, "b": 2, "c": 0})", "spec.counts: must have at most 2 entries, has 3"},
      {"counts", R"({"a": "1"})", "spec.counts.a: must be an integer, is string"},
      {"counts", R"({"example.com/a": "1"})",
       "spec.counts['example.com/a']: must be an integer, is string"},
      {"counts", "[]", "spec.counts: must be an object, is array"},
      {"spare", "[]", "spec.spare: must be an object, is array"},
      {"raw", R"("text")", "spec.raw: must be an object, is string"},
      {"unknown", "null", "spec.unknown: is not a known field"},
  };
  for (const auto& c : cases) {
    Json json = Full();
    json[c.key] = Parse(c.value);
    EXPECT_THAT(Faults(json), ElementsAre(HasSubstr(c.fault))) << c.key << " " << c.value;
  }
}

TEST(DescribeTest, AllFaultsComeInOnePass) {
  EXPECT_THAT(Faults(Parse(R"({"code": 1, "parts": [{"weight": 11}], "x": 1, "y": {"z": 1}})")),
              ElementsAre("spec.title: is required", "spec.code: must be a string, is integer",
                          "spec.parts[0].name: is required",
                          "spec.parts[0].weight: must be between 1 and 10, is 11",
                          "spec.x: is not a known field", "spec.y: is not a known field"));
  EXPECT_THAT(Faults(Json::array()), ElementsAre("spec: must be an object"));
  EXPECT_THAT(Faults(nullptr), ElementsAre("spec: must be an object"));
}

TEST(DescribeTest, NobodysInputMakesManyOrLongOrBrokenMessages) {
  Json json = {{"title", "t"}};
  for (int i = 0; i < 1000; ++i) json["x" + std::to_string(i)] = i;
  EXPECT_EQ(Faults(json).size(), Decoder::kMaxErrors);

  std::string wide = "x";  // so that a cut at an even number of bytes would split a character
  for (int i = 0; i < 50'000; ++i) wide += "\xC3\xBC";
  for (const Json& hostile :
       {Json{{"title", "t"}, {wide, 1}}, Json{{"title", "t"}, {"colour", wide}},
        Json{{"title", "t"}, {"code", wide.substr(0, 201)}},
        Json{{"title", "t"}, {"tags", Json::array({wide, wide})}},
        Json{{"title", "t"}, {"counts", {{wide, "text"}}}},
        Json{{"title", "t"}, {"since", wide}}}) {
    const auto faults = Faults(hostile);
    ASSERT_FALSE(faults.empty());
    for (const std::string& fault : faults) {
      EXPECT_LT(fault.size(), 600U);
      EXPECT_TRUE(CanonicalJson(Json(fault)).has_value()) << "not UTF-8: " << fault;
    }
  }
}

// Kubernetes counts characters; the digests and labels that a limit protects are bytes of ASCII.
TEST(DescribeTest, LimitsCountCharactersAsTheApiServerDoes) {
  EXPECT_THAT(Faults(Json{{"title", "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"}}),
              ::testing::IsEmpty());
  EXPECT_THAT(Faults(Json{{"title", "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"}}),
              ElementsAre(HasSubstr("at most 5 characters, has 6")));
}

TEST(DescribeTest, EachFormatAcceptsItsOwnAndNothingMore) {
  const std::string hex64(64, 'a');
  const struct {
    Format format;
    std::vector<std::string> good;
    std::vector<std::string> bad;
  } cases[] = {
      {Format::kText, {"", "any\nthing"}, {}},
      {Format::kName,
       {"a", "a-1", std::string(63, 'a')},
       {"", "-a", "a-", "A", "a.b", "a_b", "a\n", std::string(64, 'a')}},
      {Format::kObjectName,
       {"a", "a.b-c", std::string(253, 'a')},
       {"", ".a", "a.", "A", std::string(254, 'a')}},
      {Format::kToken,
       {"a", "system:serviceaccount:a:b", "Zo\xC3\xAB"},
       {"", "a b", "a\tb", "a\n", "\x7f", std::string(254, 'a')}},
      {Format::kIdentifier, {"a", "aB9"}, {"", "Ab", "a-b", "9a", "a\n"}},
      {Format::kNamespaceGlob, {"*", "lending-*", "a"}, {"", "-a", "a/*", "A", "a*-"}},
      {Format::kSha256,
       {"sha256:" + hex64},
       {hex64, "sha256:" + hex64 + "a", "sha256:" + std::string(64, 'A'),
        "sha256:", "sha512:" + hex64}},
      {Format::kCommit,
       {hex64, std::string(40, '0')},
       {std::string(41, '0'), std::string(39, '0')}},
      {Format::kImageDigest,
       {"r.example/a:tag@sha256:" + hex64},
       {"r.example/a:tag", "@sha256:" + hex64, "a b@sha256:" + hex64, "a@sha256:" + hex64 + "\n"}},
  };
  for (const auto& c : cases) {
    for (const auto& text : c.good) EXPECT_TRUE(MatchesFormat(c.format, text)) << text;
    for (const auto& text : c.bad) EXPECT_FALSE(MatchesFormat(c.format, text)) << text;
  }
}

TEST(DescribeTest, TheSchemaHasTheLimitsThatTheDecoderChecks) {
  const Json schema = SchemaOf<Thing>();
  EXPECT_EQ(schema.at("required"), Json::array({"title"}));
  const Json& properties = schema.at("properties");
  EXPECT_EQ(properties.size(), 12U);
  EXPECT_EQ(properties.at("title").at("maxLength"), 5);
  EXPECT_EQ(properties.at("title").at("minLength"), 1);
  EXPECT_EQ(properties.at("code").at("minLength"), 2);
  EXPECT_EQ(properties.at("code").at("pattern"), std::string(FormatPattern(Format::kIdentifier)));
  EXPECT_EQ(properties.at("colour").at("enum"), Json::array({"Red", "Green"}));
  EXPECT_EQ(properties.at("tags").at("maxItems"), 3);
  EXPECT_EQ(properties.at("tags").at("items").at("maxLength"), 4);
  EXPECT_EQ(properties.at("tags").at("x-kubernetes-list-type"), "set");
  EXPECT_EQ(properties.at("parts").at("minItems"), 1);
  EXPECT_EQ(properties.at("parts").at("x-kubernetes-list-map-keys"), Json::array({"name"}));
  const Json& weight = properties.at("parts").at("items").at("properties").at("weight");
  EXPECT_EQ(weight.at("minimum"), 1);
  EXPECT_EQ(weight.at("maximum"), 10);
  EXPECT_EQ(properties.at("counts").at("maxProperties"), 2);
  EXPECT_EQ(properties.at("raw").at("x-kubernetes-preserve-unknown-fields"), true);
}

TEST(JsonPathTest, QuotesKeysThatWouldBeAmbiguous) {
  const JsonPath root{nullptr, "spec"};
  const JsonPath list{&root, "list"};
  const JsonPath item{&list, {}, 2};
  EXPECT_EQ((JsonPath{&item, "name"}.ToString()), "spec.list[2].name");
  EXPECT_EQ((JsonPath{&root, "a.b/c"}.ToString()), "spec['a.b/c']");
  EXPECT_EQ((JsonPath{nullptr, "spec"}.ToString()), "spec");
}

}  // namespace
}  // namespace countersign
