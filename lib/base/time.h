// time.h: instants and durations as they stand in Kubernetes objects.
//
// Instants are UTC (RFC 3339, `Z`), durations are written as `90d`, `12h`, `1h30m`. Pure functions:
// nothing here reads a clock (see clock.h).
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace countersign {

using Time = std::chrono::sys_time<std::chrono::microseconds>;  // UTC
using Seconds = std::chrono::seconds;

// "2026-11-24T08:30:00Z": metav1.Time, whole seconds (the fraction is cut).
[[nodiscard]] std::string FormatTime(Time time);
// "2026-11-24T08:30:00.123456Z": metav1.MicroTime.
[[nodiscard]] std::string FormatMicroTime(Time time);
// Accepts RFC 3339 with `Z` or a numeric offset and up to nine decimals (cut to microseconds).
[[nodiscard]] Result<Time> ParseTime(std::string_view text);

// `<n>w`, `<n>d`, or hours, minutes and seconds in that order (`36h`, `1h30m`, `90s`). Not
// negative, at most 100 years: what a policy can mean, and far from overflow.
[[nodiscard]] Result<Seconds> ParseDuration(std::string_view text);
// The largest whole unit: 90d, 36h, 90s.
[[nodiscard]] std::string FormatDuration(Seconds duration);

}  // namespace countersign
