#include "base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <string>
#include <thread>

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

// stdout is a pipe while it lives.
class PipedStdout {
 public:
  PipedStdout() : before_(dup(STDOUT_FILENO)) {
    std::fflush(stdout);
    if (pipe2(ends_.data(), O_CLOEXEC) == 0) dup2(ends_[1], STDOUT_FILENO);
  }
  ~PipedStdout() {
    dup2(before_, STDOUT_FILENO);
    for (const int fd : {before_, ends_[0], ends_[1]}) close(fd);
  }
  // All that is in it.
  [[nodiscard]] std::string Read() const {
    int size = 0;
    ioctl(ends_[0], FIONREAD, &size);
    std::string text(static_cast<std::size_t>(size), '\0');
    const ssize_t n = size == 0 ? 0 : read(ends_[0], text.data(), text.size());
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    return text;
  }

 private:
  int before_;
  std::array<int, 2> ends_{-1, -1};
};

TEST(LogTest, ARecordThatWouldHaveToWaitIsNotTried) {
  const std::string line(2000, 'x');
  std::string all;
  int taken = 0;
  bool again = false;
  bool too_long = true;
  {
    const PipedStdout out;
    while (taken < 100'000 && TryWriteRecord(line)) ++taken;
    all = out.Read();
    again = TryWriteRecord(line);
    all += out.Read();
    too_long = TryWriteRecord(std::string(PIPE_BUF, 'x'));
  }
  EXPECT_GT(taken, 0);
  EXPECT_LT(taken, 100'000) << "nobody read, and the pipe was never full";
  EXPECT_TRUE(again) << "there is room again";
  EXPECT_FALSE(too_long);
  std::string expected;
  for (int i = 0; i < taken + 1; ++i) expected += line + "\n";
  EXPECT_EQ(all, expected);
}

TEST(LogTest, ALongRecordGoesThroughAPipeWhole) {
  const std::string line(300'000, 'x');
  std::string all;
  {
    const PipedStdout out;
    std::jthread writer([&] { WriteRecord(line); });
    while (all.size() < line.size() + 1) all += out.Read();
  }
  EXPECT_EQ(all, line + "\n");
}

}  // namespace
}  // namespace countersign
