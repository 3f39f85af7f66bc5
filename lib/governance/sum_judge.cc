#include "governance/sum_judge.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "governance/fairness_messages.h"

namespace countersign::fairness {
namespace {

constexpr int kShownDigits = 4;

// The value with the parts that it comes from.
struct Comparison {
  Rational value;
  Part group;
  std::optional<Part> reference;
};
using Compare = tl::expected<Comparison, std::string>;

std::string Quoted(const std::string& name) { return '"' + name + '"'; }

Compare LowestOf(const std::vector<Part>& parts) {
  const auto lowest = std::min_element(
      parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.value < b.value; });
  return Comparison{lowest->value, *lowest, std::nullopt};
}

// Both have the same classes: those that the test lists.
Compare LargestOf(const std::vector<Part>& group, const std::vector<Part>& reference) {
  std::optional<Comparison> largest;
  for (std::size_t i = 0; i < std::min(group.size(), reference.size()); ++i) {
    Rational gap = (group[i].value - reference[i].value).Abs();
    if (!largest || gap > largest->value) largest = Comparison{gap, group[i], reference[i]};
  }
  if (!largest) return tl::unexpected(std::string("there is nothing to compare"));
  return *largest;
}

Compare ComparisonOf(const SumMetric& metric, const NamedSums& group, const NamedSums& reference) {
  const Parts own = PartsOf(metric.statistic, group.sums);
  if (!own) return tl::unexpected("in " + Quoted(group.name) + " " + own.error());
  // The one part of a statistic without classes is its lowest.
  if (!metric.compares()) return LowestOf(*own);
  const Parts other = PartsOf(metric.statistic, reference.sums);
  if (!other) return tl::unexpected("in " + Quoted(reference.name) + " " + other.error());
  if (metric.form == SumForm::kLargestDifference) return LargestOf(*own, *other);
  const Part& a = own->front();
  const Part& b = other->front();
  if (metric.form == SumForm::kDifference) return Comparison{a.value - b.value, a, b};
  const auto ratio = Rational::Quotient(a.value, b.value);
  if (ratio) return Comparison{*ratio, a, b};
  return tl::unexpected("the " + std::string(StatisticName(metric.statistic)) + " of " +
                        Quoted(reference.name) + " is zero");
}

// A root is irrational; its square is compared with the squares of what it is compared with, none
// of which is negative.
std::strong_ordering Against(const SumMetric& metric, const Rational& value,
                             const Rational& other) {
  if (metric.form != SumForm::kRootRatio) return value <=> other;
  return value <=> other * other;
}

Place PlaceOfValue(const SumMetric& metric, const Rational& value, const Bounds& bounds) {
  if (bounds.min && Against(metric, value, Rational(*bounds.min)) < 0) return Place::kBelow;
  if (bounds.max && Against(metric, value, Rational(*bounds.max)) > 0) return Place::kAbove;
  return Place::kWithin;
}

// Whether a text stands to a bound as the value does.
bool TellsApart(const SumMetric& metric, const std::string& text, const Rational& value,
                const std::optional<Decimal>& bound) {
  const auto shown = Decimal::Parse(text);
  if (!bound || !shown) return true;
  return (*shown <=> *bound) == Against(metric, value, Rational(*bound));
}

std::string RootText(const Rational& square, int digits) {
  char buffer[64];
  std::snprintf(buffer, sizeof(buffer), "%.*f", digits, std::sqrt(square.ToDouble()));
  return buffer;
}

std::string TextOf(const SumMetric& metric, const Rational& value, const Bounds& bounds) {
  if (metric.form != SumForm::kRootRatio) return ValueText(value, bounds);
  std::string text;
  for (int digits = kShownDigits; digits <= kDecimalFractionDigits; ++digits) {
    text = RootText(value, digits);
    if (TellsApart(metric, text, value, bounds.min) && TellsApart(metric, text, value, bounds.max))
      return text;
  }
  return text + " (the root of " + value.ToFraction() + ")";
}

std::string SubjectOf(const SumMetric& metric, const NamedSums& group, const NamedSums& reference) {
  std::string text = std::string(metric.name) + " of " + Quoted(group.name);
  if (metric.compares()) text += " against " + Quoted(reference.name);
  return text;
}

// "on 'refused' 0.6000 against 0.7200", "mean error 0.1000 against 0.0200"
std::string PartsText(const SumMetric& metric, const Comparison& comparison) {
  std::string text = comparison.group.name.empty() ? std::string(StatisticName(metric.statistic))
                                                   : "on '" + comparison.group.name + "'";
  text += " ";
  text += comparison.group.value.ToText(kShownDigits);
  if (comparison.reference) text += " against " + comparison.reference->value.ToText(kShownDigits);
  return text;
}

std::vector<Shortfall> ShortfallsOf(const SumMetric& metric, const NamedSums& group,
                                    const Minimums& minimums) {
  std::vector<Shortfall> shortfalls;
  const auto require = [&](std::string what, std::int64_t counted, std::int64_t required) {
    const std::int64_t has = IndependentOf(group.sampling, counted, group.sums.n);
    if (has < required) shortfalls.push_back({group.name, std::move(what), has, required});
  };
  require("members", group.sums.n, minimums.group_size);
  if (metric.statistic != Statistic::kClassAccuracy) return shortfalls;
  std::map<std::string, std::int64_t> labelled;
  for (const auto& [entry, count] : group.sums.matrix) labelled[entry.first] += count;
  for (const auto& [label, count] : labelled) {
    require("members labelled '" + label + "'", count, minimums.positives);
  }
  return shortfalls;
}

Judgement Decide(Judgement judgement, Verdict verdict, Reason reason, std::string message,
                 std::string remedy = {}) {
  judgement.verdict = verdict;
  judgement.reason = reason;
  judgement.message = std::move(message);
  judgement.remedy = std::move(remedy);
  return judgement;
}

Judgement JudgePlace(Judgement judgement, const SumMetric& metric, const Comparison& comparison,
                     const std::string& subject, const Criteria& criteria) {
  const Bounds& bounds = criteria.bounds;
  const Place place = PlaceOfValue(metric, comparison.value, bounds);
  if (place == Place::kWithin && criteria.detail == Detail::kOfFailures) {
    return Decide(std::move(judgement), Verdict::kPass, Reason::kWithinBounds, {});
  }
  const std::string found =
      subject + " is " + judgement.value_text + " (" + PartsText(metric, comparison) + ")";
  if (place == Place::kWithin) {
    return Decide(std::move(judgement), Verdict::kPass, Reason::kWithinBounds,
                  found + ", required is " + BoundsText(bounds));
  }
  const bool below = place == Place::kBelow;
  const std::optional<Decimal>& bound = below ? bounds.min : bounds.max;
  return Decide(std::move(judgement), Verdict::kFail,
                below ? Reason::kBelowMinimum : Reason::kAboveMaximum,
                found + (below ? ", below the minimum " : ", above the maximum ") +
                    bound.value_or(Decimal()).ToString(),
                "reduce the gap (other data, features, training or threshold) and run the bias "
                "test again; the bound is the policy's to change");
}

Judgement JudgeOne(const SumMetric& metric, const NamedSums& group, const NamedSums& reference,
                   const Criteria& criteria) {
  Judgement judgement;
  judgement.metric = metric.name;
  judgement.group = group.name;
  if (metric.compares()) judgement.reference = reference.name;
  judgement.value_text = "undefined";
  const std::string subject = SubjectOf(metric, group, reference);
  const std::string cannot = subject + " cannot be judged: ";
  if (Status status = CheckBounds(metric, criteria.bounds, criteria.rule); !status) {
    return Decide(std::move(judgement), Verdict::kInsufficient, Reason::kBadCriteria,
                  cannot + status.error().message, "correct the bounds in the policy");
  }
  auto shortfalls = ShortfallsOf(metric, group, criteria.minimums);
  if (metric.compares()) {
    auto more = ShortfallsOf(metric, reference, criteria.minimums);
    std::move(more.begin(), more.end(), std::back_inserter(shortfalls));
  }
  if (!shortfalls.empty()) {
    return Decide(std::move(judgement), Verdict::kInsufficient, Reason::kTooFew,
                  cannot + ShortfallText(shortfalls), ShortfallRemedy(shortfalls));
  }
  const Compare comparison = ComparisonOf(metric, group, reference);
  if (!comparison) {
    return Decide(std::move(judgement), Verdict::kInsufficient, Reason::kUndefined,
                  subject + " is undefined: " + comparison.error(),
                  "test on data in which it is defined, or choose another metric in the policy");
  }
  if (metric.form != SumForm::kRootRatio) judgement.value = comparison->value;
  judgement.value_text = TextOf(metric, comparison->value, criteria.bounds);
  if (group.sampling && !group.sampling->variances.contains(metric.name)) {
    return Decide(std::move(judgement), Verdict::kInsufficient, Reason::kNoVariance,
                  cannot + std::string(kNoVarianceText), NoVarianceRemedy(metric.name, group.name));
  }
  return JudgePlace(std::move(judgement), metric, *comparison, subject, criteria);
}

Judgement NothingToJudge(const SumMetric& metric, std::string why) {
  Judgement judgement;
  judgement.metric = metric.name;
  judgement.value_text = "undefined";
  return Decide(std::move(judgement), Verdict::kInsufficient, Reason::kUndefined,
                std::string(metric.name) + " cannot be judged: " + std::move(why),
                "report counts for the reference group and at least one other");
}

}  // namespace

std::vector<Judgement> JudgeSums(const SumMetric& metric, std::span<const NamedSums> groups,
                                 std::string_view reference, const Criteria& criteria) {
  const auto found = std::find_if(groups.begin(), groups.end(),
                                  [&](const NamedSums& g) { return g.name == reference; });
  if (found == groups.end()) {
    return {NothingToJudge(metric,
                           "the reference group \"" + std::string(reference) + "\" has no counts")};
  }
  if (groups.size() < 2) {
    return {NothingToJudge(metric, "there is no group to compare with the reference")};
  }
  std::vector<Judgement> judgements;
  for (auto group = groups.begin(); group != groups.end(); ++group) {
    if (group == found && metric.compares()) continue;
    judgements.push_back(JudgeOne(metric, *group, *found, criteria));
  }
  return judgements;
}

std::string DisagreementOf(const SumMetric& metric, const Decimal& declared, const NamedSums& group,
                           const NamedSums& reference) {
  const Compare comparison = ComparisonOf(metric, group, reference);
  if (!comparison) return "which the counts leave undefined";
  const Rational& value = comparison->value;
  if (metric.form != SumForm::kRootRatio) {
    const auto agrees = AgreesWithDeclared(declared.ToString(), value);
    return agrees && *agrees ? "" : "the counts give " + value.ToText(kShownDigits);
  }
  // The root lies within half a unit of the last digit: the same, squared.
  const std::string text = declared.ToString();
  const std::size_t point = text.find('.');
  const std::size_t written = point == std::string::npos ? 0 : text.size() - point - 1;
  std::int64_t unit = 1;
  for (std::size_t i = 0; i < std::max<std::size_t>(written, 2); ++i) unit *= 10;
  const Rational half = Rational::Fraction(1, 2 * unit).value_or(Rational());
  const Rational low = Rational(declared) - half;
  const Rational high = Rational(declared) + half;
  const bool above = low <= Rational(0) || value >= low * low;
  if (above && high >= Rational(0) && value <= high * high) return {};
  return "the counts give " + RootText(value, kShownDigits);
}

}  // namespace countersign::fairness
