#include "governance/fairness_bounds.h"

namespace countersign::fairness {
namespace {

// Enough to see a difference that matters, few enough to read.
constexpr int kShownDigits = 4;

// A metric as far as its bounds are concerned.
struct Bounded {
  std::string name;
  std::string kind;
  std::optional<int> least;  // none: unbounded
  std::optional<int> most;
  std::optional<int> ideal;
  bool interval = false;
};

Bounded BoundedBy(const Metric& metric) {
  Bounded bounded{.name = std::string(metric.name),
                  .kind = std::string(KindName(metric.kind())),
                  .least = 0,
                  .most = 1,
                  .ideal = metric.ideal,
                  .interval = metric.interval() != IntervalMethod::kNone};
  if (metric.kind() == Kind::kRatio) bounded.most = std::nullopt;
  if (metric.kind() == Kind::kPairwiseSigned) bounded.least = -1;
  return bounded;
}

Bounded BoundedBy(const SumMetric& metric) {
  return {.name = std::string(metric.name),
          .kind = std::string(SumFormName(metric.form)),
          .least = metric.least,
          .most = metric.most,
          .ideal = metric.ideal,
          .interval = false};
}

std::string RangeText(const Bounded& metric) {
  if (!metric.least) return "without limits";
  return "from " + std::to_string(*metric.least) +
         (metric.most ? " to " + std::to_string(*metric.most) : std::string(" upwards"));
}

Status CheckInRange(const Bounded& metric, const std::optional<Decimal>& bound, const char* path) {
  if (!bound) return {};
  const Rational value(*bound);
  if ((!metric.least || value >= Rational(*metric.least)) &&
      (!metric.most || value <= Rational(*metric.most))) {
    return {};
  }
  return Fail(Code::kInvalidArgument,
              metric.name + " ranges " + RangeText(metric) + " (" + metric.kind +
                  "), found the bound " + bound->ToString(),
              path);
}

bool AsksNothing(const Bounded& metric, const Bounds& bounds) {
  const bool open_below =
      !bounds.min || (metric.least && Rational(*bounds.min) == Rational(*metric.least));
  const bool open_above =
      !bounds.max || (metric.most && Rational(*bounds.max) == Rational(*metric.most));
  return open_below && open_above;
}

// Whether the decimal text of a value stands to `bound` as the value itself does.
bool TellsApart(const std::string& text, const Rational& value,
                const std::optional<Decimal>& bound) {
  if (!bound) return true;
  const auto shown = Decimal::Parse(text);
  // A ratio too large for a Decimal is above every bound, and so is its text.
  return !shown || (*shown <=> *bound) == (value <=> *bound);
}

Status CheckOf(const Bounded& metric, const Bounds& bounds, Rule rule) {
  const std::string& name = metric.name;
  if (!bounds.min && !bounds.max) {
    return Fail(Code::kInvalidArgument,
                name + " needs a minimum, a maximum or both, found neither");
  }
  if (Status status = CheckInRange(metric, bounds.min, "min"); !status) return status;
  if (Status status = CheckInRange(metric, bounds.max, "max"); !status) return status;
  if (bounds.min && bounds.max && *bounds.min > *bounds.max) {
    return Fail(Code::kInvalidArgument, "the minimum " + bounds.min->ToString() +
                                            " must not exceed the maximum " +
                                            bounds.max->ToString());
  }
  if (metric.ideal && PlaceOf(Rational(*metric.ideal), bounds) != Place::kWithin) {
    return Fail(Code::kInvalidArgument, "the bounds of " + name + " must include its ideal value " +
                                            std::to_string(*metric.ideal) +
                                            ", or no fair model could pass; found " +
                                            BoundsText(bounds));
  }
  if (AsksNothing(metric, bounds)) {
    return Fail(Code::kInvalidArgument, "every value of " + name + " satisfies \"" +
                                            BoundsText(bounds) + "\"" +
                                            ": a bound must ask for something");
  }
  if (rule != Rule::kPointEstimate && !metric.interval) {
    return Fail(Code::kInvalidArgument,
                name +
                    " has no declared interval, so it can only be judged by PointEstimate, found " +
                    std::string(RuleName(rule)),
                "judge");
  }
  return {};
}

}  // namespace

std::string_view RuleName(Rule rule) {
  switch (rule) {
    case Rule::kPointEstimate: return "PointEstimate";
    case Rule::kWholeInterval: return "WholeInterval";
    case Rule::kNotWhollyOutside: return "NotWhollyOutside";
  }
  return "Unknown";
}

std::optional<Rule> ParseRule(std::string_view name) {
  for (const Rule rule : {Rule::kPointEstimate, Rule::kWholeInterval, Rule::kNotWhollyOutside}) {
    if (RuleName(rule) == name) return rule;
  }
  return std::nullopt;
}

Status CheckBounds(const Metric& metric, const Bounds& bounds, Rule rule) {
  return CheckOf(BoundedBy(metric), bounds, rule);
}

Status CheckBounds(const SumMetric& metric, const Bounds& bounds, Rule rule) {
  return CheckOf(BoundedBy(metric), bounds, rule);
}

Place PlaceOf(const Rational& value, const Bounds& bounds) {
  if (bounds.min && value < *bounds.min) return Place::kBelow;
  if (bounds.max && value > *bounds.max) return Place::kAbove;
  return Place::kWithin;
}

// Written so that a NaN, should one ever come, is not inside and not within.
bool WhollyInside(const Interval& interval, const Bounds& bounds) {
  return interval.lower <= interval.upper &&
         (!bounds.min || interval.lower >= bounds.min->ToDouble()) &&
         (!bounds.max || interval.upper <= bounds.max->ToDouble());
}

Place PlaceOf(const Interval& interval, const Bounds& bounds) {
  if (bounds.min && !(interval.upper >= bounds.min->ToDouble())) return Place::kBelow;
  if (bounds.max && !(interval.lower <= bounds.max->ToDouble())) return Place::kAbove;
  return Place::kWithin;
}

std::string BoundsText(const Bounds& bounds) {
  if (bounds.min && bounds.max) return bounds.min->ToString() + " to " + bounds.max->ToString();
  if (bounds.min) return "at least " + bounds.min->ToString();
  if (bounds.max) return "at most " + bounds.max->ToString();
  return "anything";
}

std::string ValueText(const Rational& value, const Bounds& bounds) {
  std::string text;
  for (int digits = kShownDigits; digits <= kDecimalFractionDigits; ++digits) {
    text = value.ToText(digits);
    if (TellsApart(text, value, bounds.min) && TellsApart(text, value, bounds.max)) return text;
  }
  return text + " (" + value.ToFraction() + ")";
}

}  // namespace countersign::fairness
