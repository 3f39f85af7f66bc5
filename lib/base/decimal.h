// decimal.h: the decimal numbers of policies and reports, exactly as written.
//
// A Decimal holds a whole number of billionths, so "0.8" is four fifths and not the double next to
// it. It compares and prints; it does not calculate (see rational.h for that). What does not match
// `kDecimalPattern` is an error, never a rounded guess: no exponent, no "+", no bare point.
// A value type without state: safe to use from any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace countersign {

// The pattern that the CRD schemas give for decimals. Nine digits on either side of the point fit
// an int64 of billionths with room to spare (10^18 < 2^63).
inline constexpr std::string_view kDecimalPattern = R"(^-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?$)";
inline constexpr int kDecimalFractionDigits = 9;
inline constexpr std::int64_t kBillionthsPerOne = 1'000'000'000;

class Decimal {
 public:
  constexpr Decimal() = default;  // zero

  // Fails with kInvalidArgument and no path (the caller knows where the text stood). "-0" is zero.
  [[nodiscard]] static Result<Decimal> Parse(std::string_view text);

  // The shortest text of the same value: "0.80" gives "0.8", "-0.0" gives "0".
  [[nodiscard]] std::string ToString() const;

  [[nodiscard]] constexpr std::int64_t billionths() const { return billionths_; }

  // The nearest double: for intervals, which are approximate anyway, and for display.
  [[nodiscard]] double ToDouble() const;

  friend constexpr auto operator<=>(const Decimal&, const Decimal&) = default;

 private:
  explicit constexpr Decimal(std::int64_t billionths) : billionths_(billionths) {}

  std::int64_t billionths_ = 0;
};

}  // namespace countersign
