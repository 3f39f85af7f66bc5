#include "governance/confusion_counts.h"

#include <utility>

namespace countersign::fairness {

Status Validate(const ConfusionCounts& counts) {
  const std::pair<const char*, std::int64_t> fields[] = {
      {"tp", counts.tp}, {"fp", counts.fp}, {"fn", counts.fn}, {"tn", counts.tn}};
  for (const auto& [name, count] : fields) {
    if (count < 0 || count > kMaxTotal) {
      return Fail(Code::kInvalidArgument,
                  "must be a count from 0 to " + std::to_string(kMaxTotal) + ", found " +
                      std::to_string(count),
                  name);
    }
  }
  // Four counts of at most kMaxTotal each cannot overflow.
  if (counts.Total() > kMaxTotal) {
    return Fail(Code::kInvalidArgument, "the counts of a group must not exceed " +
                                            std::to_string(kMaxTotal) + " together, found " +
                                            std::to_string(counts.Total()));
  }
  return {};
}

bool IsValid(const ConfusionCounts& counts) { return Validate(counts).has_value(); }

Result<ConfusionCounts> Add(const ConfusionCounts& a, const ConfusionCounts& b) {
  if (Status status = Validate(a); !status) return Fail(std::move(status.error()));
  if (Status status = Validate(b); !status) return Fail(std::move(status.error()));
  const ConfusionCounts sum{a.tp + b.tp, a.fp + b.fp, a.fn + b.fn, a.tn + b.tn};
  if (Status status = Validate(sum); !status) return Fail(std::move(status.error()));
  return sum;
}

std::string ToString(const ConfusionCounts& counts) {
  return "tp=" + std::to_string(counts.tp) + " fp=" + std::to_string(counts.fp) +
         " fn=" + std::to_string(counts.fn) + " tn=" + std::to_string(counts.tn);
}

Proportion ProportionOf(Rate rate, const ConfusionCounts& counts) {
  switch (rate) {
    case Rate::kSelection: return {counts.Selected(), counts.Total()};
    case Rate::kTruePositive: return {counts.tp, counts.Positives()};
    case Rate::kFalsePositive: return {counts.fp, counts.Negatives()};
    case Rate::kFalseNegative: return {counts.fn, counts.Positives()};
    case Rate::kPrecision: return {counts.tp, counts.Selected()};
    case Rate::kAccuracy: return {counts.tp + counts.tn, counts.Total()};
  }
  return {};  // a value outside of the enum has no denominator, so nothing is defined for it
}

std::string_view RateName(Rate rate) {
  switch (rate) {
    case Rate::kSelection: return "selection rate";
    case Rate::kTruePositive: return "true positive rate";
    case Rate::kFalsePositive: return "false positive rate";
    case Rate::kFalseNegative: return "false negative rate";
    case Rate::kPrecision: return "precision";
    case Rate::kAccuracy: return "accuracy";
  }
  return "unknown rate";
}

std::string_view DenominatorName(Rate rate) {
  switch (rate) {
    case Rate::kTruePositive:
    case Rate::kFalseNegative: return "positives";
    case Rate::kFalsePositive: return "negatives";
    case Rate::kPrecision: return "selections";
    case Rate::kSelection:
    case Rate::kAccuracy: break;
  }
  return "members";
}

}  // namespace countersign::fairness
