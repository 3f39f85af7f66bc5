#include "governance/fairness_judge.h"

#include <algorithm>
#include <array>
#include <utility>

#include "governance/fairness.h"
#include "governance/fairness_messages.h"

namespace countersign::fairness {
namespace {

constexpr std::string_view kCloseTheGap =
    "reduce the gap (other data, features, training or threshold) and run the bias test again; the "
    "bound is the policy's to change";

bool IsSampled(const NamedCounts& group) { return group.sampling.has_value(); }

std::vector<Shortfall> ShortfallsOf(const Metric& metric, Compared compared,
                                    const Minimums& minimums) {
  const Needs needs = metric.needs();
  std::vector<Shortfall> shortfalls;
  for (const NamedCounts& group : compared) {
    const auto require = [&](std::string_view what, std::int64_t counted, std::int64_t required) {
      const std::int64_t has = IndependentOf(group.sampling, counted, group.counts.Total());
      if (has < required) shortfalls.push_back({group.name, std::string(what), has, required});
    };
    require("members", group.counts.Total(), minimums.group_size);
    if (needs.positives) require("positives", group.counts.Positives(), minimums.positives);
    if (needs.negatives) require("negatives", group.counts.Negatives(), minimums.negatives);
    if (needs.selections) require("selections", group.counts.Selected(), minimums.selections);
  }
  return shortfalls;
}

Value ValueOf(const Metric& metric, Compared compared) {
  if (metric.kind() == Kind::kAcrossGroups) {
    std::vector<ConfusionCounts> counts;
    counts.reserve(compared.size());
    for (const NamedCounts& group : compared) counts.push_back(group.counts);
    return ValueAcross(metric, counts);
  }
  if (metric.kind() == Kind::kGroupRate && compared.size() == 1) {
    return RateOf(metric.rate, compared[0].counts);
  }
  if (compared.size() != 2) return tl::unexpected(Undefined{UndefinedReason::kWrongKind, 0, {}});
  return ValueOf(metric, compared[0].counts, compared[1].counts);
}

Judgement Decide(Judgement judgement, Verdict verdict, Reason reason, std::string message,
                 std::string remedy = {}) {
  judgement.verdict = verdict;
  judgement.reason = reason;
  judgement.message = std::move(message);
  judgement.remedy = std::move(remedy);
  return judgement;
}

// What is judged, by what: what a text about it is made of once one is needed.
struct Case {
  const Metric& metric;
  Compared compared;
  const Criteria& criteria;
};

// "disparateImpact of … is 0.6316 (selection rate … against …)", with the interval if it decides.
std::string FoundText(const Judgement& judgement, const Case& of) {
  const auto& [metric, compared, criteria] = of;
  const std::string value =
      judgement.value ? ValueText(*judgement.value, criteria.bounds) : judgement.value_text;
  std::string text =
      SubjectText(metric, compared) + " is " + value + " (" + CountsText(metric, compared) + ")";
  if (criteria.rule != Rule::kPointEstimate && judgement.interval) {
    text += ", " + IntervalText(*judgement.interval, criteria.confidence);
    if (compared[0].sampling) text += " by the supplied variance";
  }
  return text;
}

Judgement Pass(Judgement judgement, const Case& of) {
  std::string message;
  if (of.criteria.detail == Detail::kAll) {
    message = FoundText(judgement, of) + ", required is " + BoundsText(of.criteria.bounds);
  }
  return Decide(std::move(judgement), Verdict::kPass, Reason::kWithinBounds, std::move(message));
}

// The value, or all of its interval, lies on the wrong side of a bound.
Judgement FailOutside(Judgement judgement, Place place, bool whole_interval, const Case& of) {
  const Bounds& bounds = of.criteria.bounds;
  std::string found = FoundText(judgement, of);
  const bool below = place == Place::kBelow;
  const auto& bound = below ? bounds.min : bounds.max;
  Reason reason = below ? Reason::kBelowMinimum : Reason::kAboveMaximum;
  if (whole_interval) reason = below ? Reason::kIntervalBelow : Reason::kIntervalAbove;
  return Decide(std::move(judgement), Verdict::kFail, reason,
                std::move(found) + (whole_interval ? ", all of it " : ", ") +
                    (below ? "below the minimum " : "above the maximum ") +
                    (bound ? bound->ToString() : std::string()),
                std::string(kCloseTheGap));
}

Judgement JudgeInterval(Judgement judgement, const Case& of) {
  const auto& [metric, compared, criteria] = of;
  if (!judgement.interval) {
    const std::string found = FoundText(judgement, of);
    if (compared[0].sampling) {
      return Decide(std::move(judgement), Verdict::kInsufficient, Reason::kNoInterval,
                    found + ": a ratio of 0 has no interval by a supplied variance, which " +
                        std::string(RuleName(criteria.rule)) + " needs",
                    "test on more data, in which the ratio is not 0");
    }
    return Decide(std::move(judgement), Verdict::kInsufficient, Reason::kNoInterval,
                  found + ": a rate of 0 % or 100 % gives no " +
                      std::string(IntervalMethodName(metric.interval())) + " interval, which " +
                      std::string(RuleName(criteria.rule)) + " needs",
                  "test on more data, in which neither rate is 0 % or 100 %");
  }
  if (criteria.rule == Rule::kNotWhollyOutside) {
    const Place place = PlaceOf(*judgement.interval, criteria.bounds);
    if (place != Place::kWithin) return FailOutside(std::move(judgement), place, true, of);
  } else if (!WhollyInside(*judgement.interval, criteria.bounds)) {
    std::string found = FoundText(judgement, of);
    return Decide(std::move(judgement), Verdict::kInsufficient, Reason::kIntervalTooWide,
                  std::move(found) + ": the value is within the bounds (" +
                      BoundsText(criteria.bounds) + "), the whole interval is not",
                  compared[0].sampling
                      ? "test on more independent units, so that the variance falls"
                      : SampleSizeRemedy(metric, compared, criteria));
  }
  return Pass(std::move(judgement), of);
}

Judgement JudgeValue(Judgement judgement, const Rational& value, const Case& of) {
  const Criteria& criteria = of.criteria;
  const Place place = PlaceOf(value, criteria.bounds);
  // NotWhollyOutside forgives a value that is out of bounds; the other two never do.
  if (criteria.rule != Rule::kNotWhollyOutside && place != Place::kWithin) {
    return FailOutside(std::move(judgement), place, false, of);
  }
  if (criteria.rule != Rule::kPointEstimate) return JudgeInterval(std::move(judgement), of);
  return Pass(std::move(judgement), of);
}

// Weighted and clustered counts show no variance of their own.
Judgement JudgeSampled(Judgement judgement, const Rational& value, const Case& of) {
  const auto& [metric, compared, criteria] = of;
  const std::string subject = SubjectText(metric, compared);
  if (metric.kind() == Kind::kAcrossGroups) {
    return Decide(std::move(judgement), Verdict::kInsufficient, Reason::kNoVariance,
                  subject +
                      " cannot be judged: counts are weighted or clustered, and which groups "
                      "are furthest apart has no variance that could be supplied",
                  "ask in the policy for a metric of each group against the reference group");
  }
  const auto variances = compared[0].sampling.value_or(Sampling{}).variances;
  const auto variance = variances.find(metric.name);
  if (variance == variances.end()) {
    return Decide(std::move(judgement), Verdict::kInsufficient, Reason::kNoVariance,
                  subject + " cannot be judged: " + std::string(kNoVarianceText),
                  NoVarianceRemedy(metric.name, compared[0].name));
  }
  judgement.interval =
      IntervalFromVariance(metric, value.ToDouble(), variance->second, criteria.confidence);
  return JudgeValue(std::move(judgement), value, of);
}

// Texts are made where they are needed: most metrics pass, and nobody asks how.
Judgement Judge(const Metric& metric, Compared compared, const Criteria& criteria) {
  Judgement judgement;
  judgement.metric = metric.name;
  judgement.value_text = "undefined";
  const bool all = criteria.detail == Detail::kAll;
  if (metric.kind() != Kind::kAcrossGroups && !compared.empty()) {
    judgement.group = compared[0].name;
    if (compared.size() > 1) judgement.reference = compared[1].name;
  }
  if (Status status = CheckBounds(metric, criteria.bounds, criteria.rule); !status) {
    return Decide(std::move(judgement), Verdict::kInsufficient, Reason::kBadCriteria,
                  SubjectText(metric, compared) + " cannot be judged: " + status.error().message,
                  "correct the bounds in the policy");
  }
  const Value value = ValueOf(metric, compared);
  if (value) {
    judgement.value = *value;
    if (all) judgement.value_text = ValueText(*value, criteria.bounds);
    const bool sampled = std::any_of(compared.begin(), compared.end(), IsSampled);
    if (metric.interval() != IntervalMethod::kNone && !sampled &&
        (all || criteria.rule != Rule::kPointEstimate)) {
      judgement.interval =
          IntervalOf(metric, compared[0].counts, compared.back().counts, criteria.confidence);
    }
  }
  // Before `undefined`: "7 of the 10 positives" helps more, and a value from too few is none.
  // Invalid counts are no counts, so they are not compared with a minimum.
  const bool all_valid = std::all_of(compared.begin(), compared.end(),
                                     [](const NamedCounts& g) { return IsValid(g.counts); });
  if (all_valid) {
    const auto shortfalls = ShortfallsOf(metric, compared, criteria.minimums);
    if (!shortfalls.empty()) {
      return Decide(
          std::move(judgement), Verdict::kInsufficient, Reason::kTooFew,
          SubjectText(metric, compared) + " cannot be judged: " + ShortfallText(shortfalls),
          ShortfallRemedy(shortfalls));
    }
  }
  if (!value) {
    return Decide(std::move(judgement), Verdict::kInsufficient, Reason::kUndefined,
                  SubjectText(metric, compared) +
                      " is undefined: " + UndefinedText(value.error(), metric, compared),
                  "test on data in which it is defined, or choose another metric in the policy");
  }
  if (std::any_of(compared.begin(), compared.end(), IsSampled)) {
    return JudgeSampled(std::move(judgement), *value, {metric, compared, criteria});
  }
  return JudgeValue(std::move(judgement), *value, {metric, compared, criteria});
}

Judgement NothingToJudge(const Metric& metric, std::string_view reference, std::string message) {
  Judgement judgement;
  judgement.metric = metric.name;
  judgement.reference = std::string(reference);
  judgement.value_text = "undefined";
  return Decide(std::move(judgement), Verdict::kInsufficient, Reason::kUndefined,
                std::string(metric.name) + " cannot be judged: " + std::move(message),
                "report counts for the reference group and at least one other");
}

}  // namespace

Judgement JudgeMetric(const Metric& metric, const NamedCounts& group, const NamedCounts& reference,
                      const Criteria& criteria) {
  if (metric.kind() == Kind::kGroupRate) return Judge(metric, std::span(&group, 1), criteria);
  return Judge(metric, std::array{group, reference}, criteria);
}

Judgement JudgeAcross(const Metric& metric, std::span<const NamedCounts> groups,
                      const Criteria& criteria) {
  if (metric.kind() == Kind::kAcrossGroups) return Judge(metric, groups, criteria);
  return NothingToJudge(metric, {}, "it compares a group with a reference group");
}

std::vector<Judgement> JudgeAttribute(const Metric& metric, std::span<const NamedCounts> groups,
                                      std::string_view reference, const Criteria& criteria) {
  const auto found = std::find_if(groups.begin(), groups.end(),
                                  [&](const NamedCounts& g) { return g.name == reference; });
  if (found == groups.end()) {
    return {NothingToJudge(metric, reference,
                           "the reference group \"" + std::string(reference) + "\" has no counts")};
  }
  if (groups.size() < 2) {
    return {NothingToJudge(metric, reference, "there is no group to compare with the reference")};
  }
  if (metric.kind() == Kind::kAcrossGroups) return {JudgeAcross(metric, groups, criteria)};

  std::vector<Judgement> judgements;
  judgements.reserve(groups.size());
  for (auto group = groups.begin(); group != groups.end(); ++group) {
    if (group == found && metric.kind() != Kind::kGroupRate) continue;
    judgements.push_back(JudgeMetric(metric, *group, *found, criteria));
  }
  return judgements;
}

Result<bool> AgreesWithDeclared(std::string_view declared, const Rational& computed) {
  const auto decimal = Decimal::Parse(declared);
  if (!decimal) return Fail(decimal.error());
  const std::size_t point = declared.find('.');
  const std::size_t written = point == std::string_view::npos ? 0 : declared.size() - point - 1;
  // At least two digits count, whatever was written.
  std::int64_t unit = 1;
  for (std::size_t i = 0; i < std::max<std::size_t>(written, 2); ++i) unit *= 10;
  const Rational off = (Rational(*decimal) - computed).Abs();
  return off * Rational(2 * unit) <= Rational(1);
}

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass: return "Pass";
    case Verdict::kFail: return "Fail";
    case Verdict::kInsufficient: break;
  }
  return "Insufficient";
}

std::string_view ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kWithinBounds: return "WithinBounds";
    case Reason::kBelowMinimum: return "BelowMinimum";
    case Reason::kAboveMaximum: return "AboveMaximum";
    case Reason::kIntervalBelow: return "IntervalBelow";
    case Reason::kIntervalAbove: return "IntervalAbove";
    case Reason::kIntervalTooWide: return "IntervalTooWide";
    case Reason::kNoInterval: return "NoInterval";
    case Reason::kTooFew: return "TooFew";
    case Reason::kUndefined: return "Undefined";
    case Reason::kNoVariance: return "NoVariance";
    case Reason::kBadCriteria: return "BadCriteria";
  }
  return "Unknown";
}

}  // namespace countersign::fairness
