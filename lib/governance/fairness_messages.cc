#include "governance/fairness_messages.h"

#include <cstdio>

#include "governance/fairness_sample_size.h"

namespace countersign::fairness {
namespace {

// Groups named in full before the rest is only counted.
constexpr std::size_t kMaxNamed = 4;

std::string Quoted(const std::string& name) { return '"' + name + '"'; }

std::string ProportionText(Rate rate, const NamedCounts& group) {
  const Proportion proportion = ProportionOf(rate, group.counts);
  return std::to_string(proportion.hits) + "/" + std::to_string(proportion.of);
}

std::string AgainstText(Rate rate, Compared compared) {
  std::string text = std::string(RateName(rate)) + " " + ProportionText(rate, compared[0]);
  if (compared.size() > 1) text += " against " + ProportionText(rate, compared[1]);
  return text;
}

// Intervals are approximate, so a fixed number of decimals is honest.
std::string EndpointText(double endpoint) {
  char buffer[64];
  std::snprintf(buffer, sizeof(buffer), "%.4f", endpoint);
  return buffer;
}

}  // namespace

std::string SubjectText(const Metric& metric, Compared compared) {
  std::string text(metric.name);
  if (metric.kind() != Kind::kAcrossGroups) {
    if (compared.empty()) return text;
    text += " of " + Quoted(compared[0].name);
    if (compared.size() > 1) text += " against " + Quoted(compared[1].name);
    return text;
  }
  text += " across ";
  for (std::size_t i = 0; i < compared.size() && i < kMaxNamed; ++i) {
    text += (i == 0 ? "" : ", ") + Quoted(compared[i].name);
  }
  if (compared.size() > kMaxNamed) {
    text += " and " + std::to_string(compared.size() - kMaxNamed) + " more";
  }
  return compared.empty() ? std::string(metric.name) : text;
}

std::string CountsText(const Metric& metric, Compared compared) {
  if (compared.empty()) return {};
  if (metric.kind() == Kind::kAcrossGroups) {
    std::vector<ConfusionCounts> counts;
    counts.reserve(compared.size());
    for (const NamedCounts& group : compared) counts.push_back(group.counts);
    const auto extremes = ExtremesOf(metric.rate, counts);
    if (!extremes) return {};
    const NamedCounts& lowest = compared[extremes->lowest];
    const NamedCounts& highest = compared[extremes->highest];
    return std::string(RateName(metric.rate)) + " from " + ProportionText(metric.rate, lowest) +
           " in " + Quoted(lowest.name) + " to " + ProportionText(metric.rate, highest) + " in " +
           Quoted(highest.name);
  }
  if (metric.compares_odds()) {
    return AgainstText(Rate::kTruePositive, compared) + ", " +
           AgainstText(Rate::kFalsePositive, compared);
  }
  return AgainstText(metric.rate, compared);
}

std::string IntervalText(const Interval& interval, Confidence confidence) {
  return std::string(ConfidenceText(confidence)) + " interval " + EndpointText(interval.lower) +
         " to " + EndpointText(interval.upper);
}

std::string UndefinedText(const Undefined& undefined, const Metric& metric, Compared compared) {
  const std::string who =
      undefined.group < compared.size() ? Quoted(compared[undefined.group].name) : "the group";
  const std::string counts = " (" + ToString(undefined.counts) + ")";
  switch (undefined.reason) {
    case UndefinedReason::kInvalidCounts: return "the counts of " + who + " are invalid" + counts;
    case UndefinedReason::kTooFewGroups:
      return "it compares at least two groups, found " + std::to_string(compared.size());
    case UndefinedReason::kWrongKind: return "it compares a group with a reference group";
    case UndefinedReason::kEmptyGroup: return who + " has no members";
    case UndefinedReason::kNoPositives:
      return who + " has no positives, nobody with the favourable outcome in the label" + counts;
    case UndefinedReason::kNoNegatives:
      return who + " has no negatives, nobody without the favourable outcome in the label" + counts;
    case UndefinedReason::kNoSelections:
      return who + " has no selections, nobody whom the model favours" + counts;
    case UndefinedReason::kReferenceRateZero:
      return "the " + std::string(RateName(metric.rate)) + " of the reference group " + who +
             " is zero" + counts;
    case UndefinedReason::kAllRatesZero:
      return "the " + std::string(RateName(metric.rate)) + " of every group is zero";
  }
  return "the reason is unknown";
}

std::string ShortfallText(const std::vector<Shortfall>& shortfalls) {
  std::string text;
  for (const Shortfall& shortfall : shortfalls) {
    if (!text.empty()) text += "; ";
    text += Quoted(shortfall.group) + " has " + std::to_string(shortfall.has) + " of the " +
            std::to_string(shortfall.required) + " " + shortfall.what + " that are required";
  }
  return text;
}

std::string ShortfallRemedy(const std::vector<Shortfall>& shortfalls) {
  std::string text = "test on data with at least ";
  for (std::size_t i = 0; i < shortfalls.size(); ++i) {
    const Shortfall& shortfall = shortfalls[i];
    text += (i == 0 ? "" : ", ") + std::to_string(shortfall.required) + " " + shortfall.what +
            " in " + Quoted(shortfall.group);
  }
  return text;
}

std::string NoVarianceRemedy(std::string_view metric, const std::string& group) {
  return "a new BiasTest with the variance of " + std::string(metric) + " for " + Quoted(group) +
         ", by a method that knows weights and clusters";
}

std::string SampleSizeRemedy(const Metric& metric, Compared compared, const Criteria& criteria) {
  const NamedCounts& group = compared[0];
  const NamedCounts& reference = compared[compared.size() > 1 ? 1 : 0];
  const auto sizes = RequiredSampleSize(metric, group.counts, reference.counts, criteria.bounds,
                                        criteria.confidence);
  if (!sizes) {
    return "no amount of data would do at this value, which is too close to a bound: reduce the "
           "gap "
           "and run the bias test again";
  }
  const std::string what(DenominatorName(metric.rate));
  const auto needs = [&](const NamedCounts& side, std::int64_t wanted) {
    return std::to_string(wanted) + " " + what + " in " + Quoted(side.name) + " (now " +
           std::to_string(ProportionOf(metric.rate, side.counts).of) + ")";
  };
  std::string text = "test on more data: at the present rates about " + needs(group, sizes->group);
  if (compared.size() > 1) text += " and " + needs(reference, sizes->reference);
  return text + " would bring the whole interval within the bounds";
}

}  // namespace countersign::fairness
