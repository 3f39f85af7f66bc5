#include "base/decimal.h"

#include <algorithm>

namespace countersign {
namespace {

constexpr std::size_t kMaxWholeDigits = 9;
constexpr std::size_t kMaxFractionDigits = kDecimalFractionDigits;
// How much of a rejected text is shown: more than any valid decimal, less than a line.
constexpr std::size_t kMaxShown = 32;

bool AllDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// At most nine digits by the callers' checks, so this cannot overflow.
std::int64_t DigitsValue(std::string_view digits) {
  std::int64_t value = 0;
  for (char c : digits) value = value * 10 + (c - '0');
  return value;
}

// The text may come from anyone and go to a log or a terminal.
std::string Shown(std::string_view text) {
  std::string shown(text.substr(0, kMaxShown));
  for (char& c : shown) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text.size() > kMaxShown ? shown + "..." : shown;
}

tl::unexpected<Error> NotADecimal(std::string_view text) {
  return Fail(Code::kInvalidArgument,
              "must be a decimal such as \"0.8\" or \"-12.5\" (at most nine digits before and nine "
              "after the point, no exponent), found \"" +
                  Shown(text) + "\"");
}

}  // namespace

Result<Decimal> Decimal::Parse(std::string_view text) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);

  const std::size_t point = rest.find('.');
  const std::string_view whole = rest.substr(0, point);
  if (whole.empty() || whole.size() > kMaxWholeDigits || !AllDigits(whole))
    return NotADecimal(text);
  if (whole.size() > 1 && whole.front() == '0') return NotADecimal(text);

  std::int64_t billionths = DigitsValue(whole) * kBillionthsPerOne;
  if (point != std::string_view::npos) {
    const std::string_view fraction = rest.substr(point + 1);
    if (fraction.empty() || fraction.size() > kMaxFractionDigits || !AllDigits(fraction)) {
      return NotADecimal(text);
    }
    std::string padded(fraction);
    padded.resize(kMaxFractionDigits, '0');
    billionths += DigitsValue(padded);
  }
  return Decimal(negative ? -billionths : billionths);
}

std::string Decimal::ToString() const {
  const std::int64_t magnitude = billionths_ < 0 ? -billionths_ : billionths_;
  std::string text = (billionths_ < 0 ? "-" : "") + std::to_string(magnitude / kBillionthsPerOne);
  if (const std::int64_t rest = magnitude % kBillionthsPerOne; rest != 0) {
    std::string fraction = std::to_string(rest);
    fraction.insert(0, kMaxFractionDigits - fraction.size(), '0');
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text += '.' + fraction;
  }
  return text;
}

double Decimal::ToDouble() const {
  // Both operands are exact in a double up to 2^53 billionths (about 9 million) and the division is
  // correctly rounded; beyond that the first conversion rounds once more, below anyone's notice.
  return static_cast<double>(billionths_) / static_cast<double>(kBillionthsPerOne);
}

}  // namespace countersign
