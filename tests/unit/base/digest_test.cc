#include "base/digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace countersign {
namespace {

using ::testing::MatchesRegex;

// FIPS 180-4 examples.
TEST(Sha256HexTest, GivesTheKnownDigests) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_NE(Sha256Hex(std::string("a\0b", 3)), Sha256Hex("a"));
}

TEST(JsonDigestTest, IsTakenOverTheCanonicalForm) {
  const Json json = {{"b", 1.0}, {"a", "x"}};
  EXPECT_EQ(JsonDigest(json), "sha256:" + Sha256Hex(R"({"a":"x","b":1})"));
  EXPECT_FALSE(JsonDigest(Json("\xff")).has_value());
  EXPECT_FALSE(JsonDigest(Json{{"n", INT64_MAX}}).has_value());
}

// RFC 4648 section 10.
TEST(Base64Test, GivesTheKnownTextAndReadsItBack) {
  const std::pair<std::string, const char*> cases[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {std::string("\0\0\0\0", 4), "AAAAAA=="},
      {"\xfb\xef\xff", "++//"},
  };
  for (const auto& [data, text] : cases) {
    EXPECT_EQ(Base64Encode(data), text);
    EXPECT_EQ(Base64Decode(text), data) << text;
  }
  const std::string large(100'000, '\xA5');
  EXPECT_EQ(Base64Decode(Base64Encode(large)), large);
  EXPECT_EQ(Base64Encode(large).find('\n'), std::string::npos);
}

// Two texts for the same bytes would make two digests of one signature.
TEST(Base64Test, EveryByteStringHasOneText) {
  for (const char* text : {"Zg",   "Zg=",      "Zg===",  "Zh==",  "Zm9=",
                           "Zm8",  "Z",        "=",      "==",    "===",
                           "====", "Zg==Zg==", "Zm9v\n", "\nZm9", " Zm9",
                           "Zm 9", "Zm9v====", "-_--",   "Z===",  "Zm9v\xFF\xFF\xFF\xFF",
                           "A=AA"}) {
    EXPECT_FALSE(Base64Decode(text).has_value()) << text;
  }
  EXPECT_FALSE(Base64Decode(std::string_view("AAA\0", 4)).has_value());
}

TEST(NewUuidTest, IsVersion7OfTheInstantAndNeverTheSame) {
  const Time now = ParseTime("2022-02-22T19:22:22Z").value();
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = NewUuid(now);
    // The time of RFC 9562's own example (appendix A.6).
    EXPECT_THAT(id, MatchesRegex("017f22e2-79b0-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
    EXPECT_TRUE(seen.insert(id).second) << id;
  }
  EXPECT_LT(NewUuid(now), NewUuid(now + std::chrono::milliseconds(1)));
}

}  // namespace
}  // namespace countersign
