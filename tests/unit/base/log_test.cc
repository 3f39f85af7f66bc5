#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/time.h"

namespace countersign {
namespace {

std::string Logged(LogLevel level, std::string_view message,
                   std::initializer_list<LogField> fields = {}) {
  ::testing::internal::CaptureStderr();
  Log(level, message, fields);
  return ::testing::internal::GetCapturedStderr();
}

TEST(LogTest, WritesOneJsonObjectALine) {
  const std::string line = Logged(LogLevel::kWarning, "refused", {{"count", 3}, {"ok", false}});
  const auto json = ParseJson(line);
  ASSERT_TRUE(json.has_value()) << line;
  EXPECT_EQ(StringAt(*json, "level"), "warning");
  EXPECT_EQ(StringAt(*json, "message"), "refused");
  EXPECT_EQ(IntAt(*json, "count"), 3);
  EXPECT_EQ(json->at("ok"), false);
  EXPECT_TRUE(ParseTime(StringAt(*json, "time")).has_value());
  EXPECT_EQ(json->size(), 5U);
}

// An attacker chooses names, messages of refused objects and user agents. Whatever ends a line for
// any reader (Unicode 5.8, terminals) must not reach the log, and the content must come back whole.
TEST(LogTest, NoContentForgesALineOrAField) {
  const std::string forged = R"({"level":"info","message":"approved"})";
  const std::string contents[] = {"a\n" + forged,
                                  "a\r" + forged,
                                  "a\r\n" + forged,
                                  "a\v\f" + forged,
                                  "a\xC2\x85" + forged,      // NEL
                                  "a\xE2\x80\xA8" + forged,  // LINE SEPARATOR
                                  "a\xE2\x80\xA9" + forged,  // PARAGRAPH SEPARATOR
                                  "\x1b[2K\x1b[1A" + forged,
                                  "\xC2\x9B"
                                  "2K",  // CSI in one character
                                  "\x7f\b\b",
                                  std::string("a\0b", 3),
                                  "\",\"level\":\"info",
                                  "a\\",
                                  "{}{0}%v%s%n",
                                  "Zo\xC3\xAB \xF0\x9F\x98\x80"};
  for (const std::string& content : contents) {
    const std::string line =
        Logged(LogLevel::kError, content, {{"value", content}, {"list", {content}}, {content, 1}});
    ASSERT_FALSE(line.empty());
    EXPECT_EQ(line.back(), '\n');
    EXPECT_TRUE(std::all_of(line.begin(), line.end() - 1, [](char c) {
      return c >= 0x20 && c < 0x7F;
    })) << line;
    const auto json = ParseJson(line);
    ASSERT_TRUE(json.has_value()) << line;
    EXPECT_EQ(StringAt(*json, "level"), "error") << line;
    EXPECT_EQ(StringAt(*json, "message"), content) << line;
    EXPECT_EQ(StringAt(*json, "value"), content) << line;
    EXPECT_EQ(json->at("list"), Json::array({content})) << line;
    EXPECT_EQ(json->size(), 6U) << line;
  }
}

TEST(LogTest, InvalidUtf8IsReplacedRatherThanThrown) {
  const std::string line =
      Logged(LogLevel::kError, "a\xff", {{"\xc3", "\xed\xa0\x80"}, {"deep", {{"\xff", "\xff"}}}});
  const auto json = ParseJson(line);
  ASSERT_TRUE(json.has_value()) << line;
  EXPECT_EQ(StringAt(*json, "message"), "a\xEF\xBF\xBD");
}

TEST(LogTest, LinesBelowTheLevelAreDropped) {
  EXPECT_EQ(Logged(LogLevel::kDebug, "quiet"), "");
  SetLogLevel(LogLevel::kError);
  EXPECT_EQ(Logged(LogLevel::kWarning, "quiet"), "");
  EXPECT_NE(Logged(LogLevel::kError, "loud"), "");
  SetLogLevel(LogLevel::kDebug);
  EXPECT_NE(Logged(LogLevel::kDebug, "loud"), "");
  SetLogLevel(LogLevel::kInfo);
}

TEST(LogTest, RecordsGoToStdoutUntouchedAndNothingElseDoes) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Log(LogLevel::kError, "for people");
  WriteRecord(R"({"{}":"%v {0}"})");
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "{\"{}\":\"%v {0}\"}\n");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), ::testing::HasSubstr("for people"));
}

}  // namespace
}  // namespace countersign
