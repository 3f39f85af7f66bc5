#include "base/time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace countersign {
namespace {

using ::testing::HasSubstr;

TEST(ParseTimeTest, ReadsRfc3339AndGivesTheInstantInUtc) {
  const struct {
    const char* text;
    const char* micro;
  } cases[] = {
      {"2026-11-24T08:30:00Z", "2026-11-24T08:30:00.000000Z"},
      {"2026-11-24t08:30:00z", "2026-11-24T08:30:00.000000Z"},
      {"2026-11-24T08:30:00.5Z", "2026-11-24T08:30:00.500000Z"},
      {"2026-11-24T08:30:00.123456789Z", "2026-11-24T08:30:00.123456Z"},
      {"2026-11-24T08:30:00+00:00", "2026-11-24T08:30:00.000000Z"},
      {"2026-11-24T08:30:00-00:00", "2026-11-24T08:30:00.000000Z"},
      {"2026-11-24T08:30:00+05:45", "2026-11-24T02:45:00.000000Z"},
      {"2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00.000000Z"},
      {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"},  // leap years
      {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000000Z"},
      {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"},  // a leap second
      {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
      {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"},
      {"2038-01-19T03:14:08Z", "2038-01-19T03:14:08.000000Z"},  // beyond 32 bits
      {"0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000Z"},
      {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
  };
  for (const auto& c : cases) {
    const auto time = ParseTime(c.text);
    ASSERT_TRUE(time.has_value()) << c.text;
    EXPECT_EQ(FormatMicroTime(*time), c.micro) << c.text;
    EXPECT_EQ(ParseTime(FormatMicroTime(*time)), *time) << c.text;
    // metav1.Time has no fraction, and cutting it never gives the next second.
    EXPECT_EQ(FormatTime(*time), std::string(c.micro).substr(0, 19) + "Z") << c.text;
  }
  EXPECT_EQ(ParseTime("1970-01-01T00:00:00Z")->time_since_epoch().count(), 0);
}

TEST(ParseTimeTest, RefusesEverythingElse) {
  for (const char* text : {
           "",
           "2026",
           "2026-11-24",
           "2026-11-24T08:30Z",
           "2026-11-24T08:30:00",
           "2026-11-24 08:30:00Z",
           " 2026-11-24T08:30:00Z",
           "2026-11-24T08:30:00Z ",
           "2026-11-24T08:30:00ZZ",
           "2026-11-24T08:30:00.Z",
           "2026-11-24T08:30:00,5Z",
           "2026-11-24T08:30:00.1234567890Z",
           "2026-11-24T08:30:00+0100",
           "2026-11-24T08:30:00+1:00",
           "2026-11-24T08:30:00+24:00",
           "2026-11-24T08:30:00+01:60",
           "2026-11-24T24:00:00Z",
           "2026-11-24T08:60:00Z",
           "2026-11-24T08:30:61Z",
           "2026-13-01T00:00:00Z",
           "2026-00-01T00:00:00Z",
           "2026-01-00T00:00:00Z",
           "2026-04-31T00:00:00Z",
           "2025-02-29T00:00:00Z",
           "1900-02-29T00:00:00Z",
           "+2026-11-24T08:30:00Z",
           "-026-11-24T08:30:00Z",
           "12026-11-24T08:30:00Z",
           "2026-1-24T08:30:00Z",
           "2026-11-24T8:30:00Z",
           "2026-11-24T-8:30:00Z",
           "now",
           // Not a year of four digits any more once in UTC.
           "0000-01-01T00:00:00+00:01",
           "9999-12-31T23:59:59-00:01",
           "9999-12-31T23:59:60Z",
       }) {
    const auto time = ParseTime(text);
    ASSERT_FALSE(time.has_value()) << text;
    EXPECT_THAT(time.error().message, HasSubstr("is '" + std::string(text) + "'"));
  }
}

TEST(ParseTimeTest, MessagesStayShortAndValidUtf8) {
  const std::string message = ParseTime(std::string(63, 'x') + "\xC3\xBC and more").error().message;
  EXPECT_THAT(message, ::testing::EndsWith("xxx…'"));
  EXPECT_LT(ParseDuration(std::string(100'000, '9')).error().message.size(), 200U);
}

TEST(ParseDurationTest, ReadsWeeksDaysAndHoursMinutesSeconds) {
  const struct {
    const char* text;
    std::int64_t seconds;
    const char* shortest;
  } cases[] = {
      {"0s", 0, "0s"},
      {"0h", 0, "0s"},
      {"90s", 90, "90s"},
      {"60s", 60, "1m"},
      {"1m30s", 90, "90s"},
      {"1h", 3600, "1h"},
      {"36h", 129'600, "36h"},
      {"24h", 86'400, "1d"},
      {"1h30m", 5400, "90m"},
      {"1h0m1s", 3601, "3601s"},
      {"2h5s", 7205, "7205s"},
      {"90d", 7'776'000, "90d"},
      {"2w", 1'209'600, "14d"},
      {"007d", 604'800, "7d"},
      {"36600d", 3'162'240'000, "36600d"},  // 100 years of 366 days
      {"3162240000s", 3'162'240'000, "36600d"},
  };
  for (const auto& c : cases) {
    const auto duration = ParseDuration(c.text);
    ASSERT_TRUE(duration.has_value()) << c.text;
    EXPECT_EQ(duration->count(), c.seconds) << c.text;
    EXPECT_EQ(FormatDuration(*duration), c.shortest) << c.text;
    EXPECT_EQ(ParseDuration(FormatDuration(*duration)), *duration) << c.text;
  }
}

TEST(ParseDurationTest, RefusesOtherSpellingsAndMoreThanAHundredYears) {
  for (const char* text :
       {"",     "1",    "d",    "1y",     "1D",    "-1d",  "+1d",  " 1d",
        "1d ",  "1 d",  "1.5h", "1h 30m", "30m1h", "1h1h", "1s1s", "1d12h",
        "1w1d", "1h1d", "1ms",  "1h30",   "0x1h",  "1e3s", "P1D",  "99999999999999999999s"}) {
    EXPECT_FALSE(ParseDuration(text).has_value()) << text;
  }
  for (const char* text : {"36601d", "5229w", "3162240001s", "878399h3601s", "878400h1s",
                           "9223372036854775807w", "9223372036854775807s"}) {
    const auto duration = ParseDuration(text);
    ASSERT_FALSE(duration.has_value()) << text;
    EXPECT_THAT(duration.error().message, HasSubstr("at most 100 years")) << text;
  }
}

}  // namespace
}  // namespace countersign
