#include "base/time.h"

#include <cctype>
#include <charconv>

namespace countersign {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::microseconds;

constexpr std::int64_t kMaxDurationSeconds = 100LL * 366 * 86400;

// `before`, and `value` with leading zeros. Not by snprintf: a record has a dozen times, which took
// a fiftieth of all that a decision costs.
void Put(std::string& out, const char* before, std::int64_t value, std::size_t width) {
  const std::string digits = std::to_string(value);
  out += before;
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

std::string Format(Time time, bool micros) {
  const auto day = floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::string out;
  out.reserve(32);
  Put(out, "", static_cast<int>(date.year()), 4);
  Put(out, "-", static_cast<unsigned>(date.month()), 2);
  Put(out, "-", static_cast<unsigned>(date.day()), 2);
  Put(out, "T", clock.hours().count(), 2);
  Put(out, ":", clock.minutes().count(), 2);
  Put(out, ":", clock.seconds().count(), 2);
  if (micros) Put(out, ".", clock.subseconds().count(), 6);
  out += 'Z';
  return out;
}

// Reads exactly `width` digits at `text[at]` and moves on; −1 when there are none.
int Digits(std::string_view text, std::size_t& at, std::size_t width) {
  if (at + width > text.size()) return -1;
  int value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const char c = text[at + i];
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  at += width;
  return value;
}

bool Literal(std::string_view text, std::size_t& at, char expected) {
  if (at >= text.size() || std::toupper(static_cast<unsigned char>(text[at])) != expected) {
    return false;
  }
  ++at;
  return true;
}

}  // namespace

std::string FormatTime(Time time) { return Format(time, false); }
std::string FormatMicroTime(Time time) { return Format(time, true); }

Result<Time> ParseTime(std::string_view text) {
  const auto fail = [&] {
    return Fail(
        Code::kInvalidArgument,
        "must be an RFC 3339 time such as 2026-01-31T12:00:00Z, is '" + Excerpt(text, 64) + "'");
  };
  std::size_t at = 0;
  const int year = Digits(text, at, 4);
  if (year < 0 || !Literal(text, at, '-')) return fail();
  const int month = Digits(text, at, 2);
  if (month < 0 || !Literal(text, at, '-')) return fail();
  const int day = Digits(text, at, 2);
  if (day < 0 || !Literal(text, at, 'T')) return fail();
  const int hour = Digits(text, at, 2);
  if (hour < 0 || hour > 23 || !Literal(text, at, ':')) return fail();
  const int minute = Digits(text, at, 2);
  if (minute < 0 || minute > 59 || !Literal(text, at, ':')) return fail();
  const int second = Digits(text, at, 2);
  if (second < 0 || second > 60) return fail();
  std::int64_t micros = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    std::size_t count = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++count) {
      if (count < 6) micros = micros * 10 + (text[at] - '0');
    }
    if (count == 0 || count > 9) return fail();
    for (; count < 6; ++count) micros *= 10;
  }
  std::chrono::minutes offset{0};
  if (!Literal(text, at, 'Z')) {
    if (at >= text.size() || (text[at] != '+' && text[at] != '-')) return fail();
    const int sign = text[at++] == '-' ? -1 : 1;
    const int hours = Digits(text, at, 2);
    if (hours < 0 || hours > 23 || !Literal(text, at, ':')) return fail();
    const int minutes = Digits(text, at, 2);
    if (minutes < 0 || minutes > 59) return fail();
    offset = std::chrono::minutes(sign * (hours * 60 + minutes));
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (at != text.size() || !date.ok()) return fail();
  const Time time = Time(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
                    std::chrono::minutes(minute) + std::chrono::seconds(second) +
                    microseconds(micros) - offset;
  // An offset may lead out of the years that have four digits, which could not be written again.
  const auto utc_year = std::chrono::year_month_day(floor<days>(time)).year();
  if (utc_year < std::chrono::year(0) || utc_year > std::chrono::year(9999)) return fail();
  return time;
}

Result<Seconds> ParseDuration(std::string_view text) {
  const auto fail = [&](const char* why) {
    return Fail(Code::kInvalidArgument,
                std::string("must be a duration such as 90d, 12h or 1h30m") + why + ", is '" +
                    Excerpt(text, 64) + "'");
  };
  static constexpr std::string_view kUnits = "wdhms";
  static constexpr std::int64_t kSeconds[] = {604'800, 86'400, 3600, 60, 1};
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), number);
    if (error != std::errc{} || number < 0 || text[at] == '-') return fail("");
    at = static_cast<std::size_t>(end - text.data());
    const auto unit = at < text.size() ? kUnits.find(text[at]) : std::string_view::npos;
    if (unit == std::string_view::npos || unit < next_unit) return fail("");
    // Weeks and days stand alone: what Kubernetes' own duration format accepts.
    if (unit < 2 && (next_unit != 0 || at + 1 != text.size())) return fail("");
    next_unit = unit + 1;
    if (number > kMaxDurationSeconds / kSeconds[unit]) return fail(" of at most 100 years");
    total += number * kSeconds[unit];
    if (total > kMaxDurationSeconds) return fail(" of at most 100 years");
    ++at;
  }
  if (text.empty()) return fail("");
  return Seconds(total);
}

std::string FormatDuration(Seconds duration) {
  const std::int64_t total = duration.count();
  if (total != 0 && total % 86400 == 0) return std::to_string(total / 86400) + "d";
  if (total != 0 && total % 3600 == 0) return std::to_string(total / 3600) + "h";
  if (total != 0 && total % 60 == 0) return std::to_string(total / 60) + "m";
  return std::to_string(total) + "s";
}

}  // namespace countersign
