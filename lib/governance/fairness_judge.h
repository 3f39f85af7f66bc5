// fairness_judge.h: whether a group's counts satisfy what a policy demands of a metric.
//
// Three outcomes. `Insufficient` is everything that cannot be judged (too few people, no value, an
// interval too wide, bounds that make no sense) and never counts as passed. Everything is
// recomputed from counts; `AgreesWithDeclared` is for telling a report that its own number is
// wrong. Pure functions: equal arguments give equal judgements. Names of groups appear in the texts
// as they were given, so whoever prints them escapes for the medium.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/rational.h"
#include "base/result.h"
#include "governance/confusion_counts.h"
#include "governance/fairness_bounds.h"
#include "governance/fairness_interval.h"
#include "governance/fairness_metrics.h"
#include "governance/fairness_sampling.h"

namespace countersign::fairness {

// No standard gives these numbers. A hundred people is a default seen in another fairness gate
// (Fair-Code); ten in a denominator is where one person more or less moves a rate by a tenth at
// most.
inline constexpr std::int64_t kDefaultMinGroupSize = 100;
inline constexpr std::int64_t kDefaultMinDenominator = 10;

// What each side (group, reference, every group across groups) must count before it is judged.
// Positives, negatives and selections are asked for only by metrics that divide by them.
struct Minimums {
  std::int64_t group_size = kDefaultMinGroupSize;
  std::int64_t positives = kDefaultMinDenominator;
  std::int64_t negatives = kDefaultMinDenominator;
  std::int64_t selections = kDefaultMinDenominator;
};

// Who looks at failures alone spares the texts and intervals of what passed, which take longer to
// make than the verdict. The verdict is the same.
enum class Detail { kAll, kOfFailures };

struct Criteria {
  Bounds bounds{};
  Rule rule = Rule::kPointEstimate;
  Minimums minimums{};
  Confidence confidence = Confidence::k95;
  Detail detail = Detail::kAll;
};

struct NamedCounts {
  std::string name;  // "female", or a label such as "ageBand=<30, sex=female"
  ConfusionCounts counts;
  std::optional<Sampling> sampling = std::nullopt;
};

enum class Verdict { kPass, kFail, kInsufficient };

enum class Reason {
  kWithinBounds,     // Pass
  kBelowMinimum,     // Fail: the value
  kAboveMaximum,     // Fail: the value
  kIntervalBelow,    // Fail: the whole interval (NotWhollyOutside)
  kIntervalAbove,    // Fail: the whole interval (NotWhollyOutside)
  kIntervalTooWide,  // Insufficient: the value is within, the whole interval is not (WholeInterval)
  kNoInterval,       // Insufficient: these counts give no interval
  kTooFew,           // Insufficient: a minimum count is not reached
  kUndefined,        // Insufficient: the metric has no value
  kNoVariance,       // Insufficient: weighted or clustered, and nobody says how far chance goes
  kBadCriteria,      // Insufficient: CheckBounds refuses what is demanded
};

struct Judgement {
  Verdict verdict = Verdict::kInsufficient;
  Reason reason = Reason::kUndefined;
  std::string_view metric;           // the name in kMetrics
  std::string group;                 // empty for a metric across groups
  std::string reference;             // empty where there is none
  std::optional<Rational> value;     // whenever it is defined, also if it was not judged
  std::string value_text;            // "0.6316", or "undefined"; Detail::kAll alone
  std::optional<Interval> interval;  // where the metric and the counts have one (and, with
                                     // Detail::kOfFailures, the rule looks at it)
  std::string message;  // one sentence: what was found, from which counts, and what is demanded
  std::string remedy;   // one sentence: what to do about it; empty for a pass
};

// One group against the reference. A metric across groups takes the two as all there are.
[[nodiscard]] Judgement JudgeMetric(const Metric& metric, const NamedCounts& group,
                                    const NamedCounts& reference, const Criteria& criteria);

// A metric across groups over all of `groups`, the reference among them.
[[nodiscard]] Judgement JudgeAcross(const Metric& metric, std::span<const NamedCounts> groups,
                                    const Criteria& criteria);

// All that `metric` has to say about one attribute: one judgement for each group but the reference,
// for each group including it when the metric is a plain rate, or a single one across groups. Never
// empty: without the reference, or without a group to compare with it, the one judgement is
// Insufficient.
[[nodiscard]] std::vector<Judgement> JudgeAttribute(const Metric& metric,
                                                    std::span<const NamedCounts> groups,
                                                    std::string_view reference,
                                                    const Criteria& criteria);

// Whether a report's own number is the computed one to the digits it is written with: at most half
// a unit of its last digit off, and never more than half a hundredth, so that "1" cannot stand for
// 0.63. Fails when `declared` is not a decimal.
[[nodiscard]] Result<bool> AgreesWithDeclared(std::string_view declared, const Rational& computed);

// "Pass", "Fail", "Insufficient"; "BelowMinimum"…, for reports and reason codes.
[[nodiscard]] std::string_view VerdictName(Verdict verdict);
[[nodiscard]] std::string_view ReasonName(Reason reason);

}  // namespace countersign::fairness
