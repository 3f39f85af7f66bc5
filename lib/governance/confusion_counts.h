// confusion_counts.h: how often a model was right and wrong about one group of people.
//
// The positive class is the favourable outcome that policy names (a loan granted, bail allowed), so
// "selected" means predicted favourable and "positive" means favourable in the label. Swapping the
// two turns a ratio of 0.63 into one of 1.69, which is why policy and not the report decides it.
// Plain values and pure functions. Counts come from reports: `IsValid` says whether they can be
// trusted with arithmetic, and everything in `fairness` asks it first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace countersign::fairness {

// The most that one group may count in total: far above any test set, far below 2^53, so that every
// count and every sum of four counts is exact in an int64 and in a double.
inline constexpr std::int64_t kMaxTotal = 1'000'000'000'000'000;

struct ConfusionCounts {
  std::int64_t tp = 0;  // selected, and favourable in the label
  std::int64_t fp = 0;  // selected, not favourable in the label
  std::int64_t fn = 0;  // not selected, favourable in the label
  std::int64_t tn = 0;  // not selected, not favourable in the label

  // Sums are meant for valid counts.
  [[nodiscard]] constexpr std::int64_t Total() const { return tp + fp + fn + tn; }
  [[nodiscard]] constexpr std::int64_t Selected() const { return tp + fp; }
  [[nodiscard]] constexpr std::int64_t Positives() const { return tp + fn; }
  [[nodiscard]] constexpr std::int64_t Negatives() const { return fp + tn; }

  friend constexpr bool operator==(const ConfusionCounts&, const ConfusionCounts&) = default;
};

// Nothing negative, and no more than kMaxTotal together.
[[nodiscard]] bool IsValid(const ConfusionCounts& counts);
// The same with the reason: kInvalidArgument; `path` is the field ("fn") or empty for the total.
[[nodiscard]] Status Validate(const ConfusionCounts& counts);

// Fails when either side or the sum is not valid.
[[nodiscard]] Result<ConfusionCounts> Add(const ConfusionCounts& a, const ConfusionCounts& b);

// "tp=505 fp=349 fn=461 tn=1139".
[[nodiscard]] std::string ToString(const ConfusionCounts& counts);

// The rates that the metrics compare. Each is a share of some of the group.
enum class Rate {
  kSelection,      // (tp + fp) / all
  kTruePositive,   // tp / (tp + fn), also recall, sensitivity
  kFalsePositive,  // fp / (fp + tn)
  kFalseNegative,  // fn / (tp + fn)
  kPrecision,      // tp / (tp + fp), also positive predictive value
  kAccuracy,       // (tp + tn) / all
};

struct Proportion {
  std::int64_t hits = 0;
  std::int64_t of = 0;
};

[[nodiscard]] Proportion ProportionOf(Rate rate, const ConfusionCounts& counts);

// "selection rate", for messages.
[[nodiscard]] std::string_view RateName(Rate rate);
// What the rate is a share of, in the plural: "members", "positives", "negatives", "selections".
[[nodiscard]] std::string_view DenominatorName(Rate rate);

}  // namespace countersign::fairness
