// fairness_messages.h: the sentences of a judgement, apart from the judging.
//
// Internal to the fairness files; fairness_judge.h is the door. Pure functions that turn what was
// found into text for a person: what, from which counts, what is demanded, what to do.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "governance/fairness.h"
#include "governance/fairness_judge.h"

namespace countersign::fairness {

// A minimum that a group does not reach.
struct Shortfall {
  std::string group;
  std::string what;  // "members", "positives"…
  std::int64_t has = 0;
  std::int64_t required = 0;
};

// Who is compared: [group, reference], the group alone, or all groups.
using Compared = std::span<const NamedCounts>;

// `disparateImpact of "female" against "male"`.
[[nodiscard]] std::string SubjectText(const Metric& metric, Compared compared);
// `selection rate 1522/3696 against 1600/2454`: the counts that a reader can check by hand.
[[nodiscard]] std::string CountsText(const Metric& metric, Compared compared);
// "95 % interval 0.6102 to 0.6530".
[[nodiscard]] std::string IntervalText(const Interval& interval, Confidence confidence);

[[nodiscard]] std::string UndefinedText(const Undefined& undefined, const Metric& metric,
                                        Compared compared);
[[nodiscard]] std::string ShortfallText(const std::vector<Shortfall>& shortfalls);
[[nodiscard]] std::string ShortfallRemedy(const std::vector<Shortfall>& shortfalls);
// Why weighted and clustered counts cannot be judged as they are, and what cures it.
inline constexpr std::string_view kNoVarianceText =
    "counts are weighted or clustered, and spec.variances has none for it";
[[nodiscard]] std::string NoVarianceRemedy(std::string_view metric, const std::string& group);
// How much data would make the whole interval fit, if any amount would.
[[nodiscard]] std::string SampleSizeRemedy(const Metric& metric, Compared compared,
                                           const Criteria& criteria);

}  // namespace countersign::fairness
