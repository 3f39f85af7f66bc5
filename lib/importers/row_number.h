// row_number.h: scores and weights of predictions, exactly as they are written. Pure functions.
//
// A threshold must not depend on rounding: "0.49999999999999994" is below 0.5. Decimals of our own
// kind are fast, and what programs write beside them (more digits, exponents) is a fraction.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/decimal.h"
#include "base/rational.h"
#include "base/result.h"

namespace countersign {

struct RowNumber {
  Decimal decimal;
  std::optional<Rational> finer;  // then `decimal` says nothing

  // "-12.5", "0.8333333333333334", "1e-05": at most 64 digits before and after the point, and 400
  // as an exponent, which is more than a double has. Error, and no path: anything else, infinities
  // among it.
  [[nodiscard]] static Result<RowNumber> Parse(std::string_view text);
  [[nodiscard]] std::strong_ordering Compare(const Decimal& other) const;
};

// Of weights, each from 0 to below kMostWeight.
class WeightSum {
 public:
  static constexpr std::int64_t kMostWeight = 1'000'000'000;

  void Add(const RowNumber& weight);
  void Add(const WeightSum& other);
  // Half is rounded up. A file has fewer rows than would not fit.
  [[nodiscard]] std::int64_t Rounded() const;

 private:
  void Carry();

  std::int64_t whole_ = 0;
  std::int64_t rest_ = 0;  // billionths
  std::optional<Rational> finer_;
};

}  // namespace countersign
