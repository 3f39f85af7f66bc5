#include "governance/requirement_text.h"

#include <utility>

namespace countersign {
namespace {

std::string Listed(const std::vector<std::string>& parts, const std::string& between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

std::string Age(const std::optional<Seconds>& max_age) {
  return max_age ? ", at most " + FormatDuration(*max_age) + " old" : "";
}

std::string Text(const SignOffRequirement& r) {
  std::string text =
      std::to_string(r.count) + (r.count == 1 ? " sign-off" : " sign-offs") + " by " + r.role;
  std::vector<std::string> others;
  for (const Distinct distinct : r.distinct_from) {
    others.emplace_back(distinct == Distinct::kDevelopers ? "developer" : "requester");
  }
  if (!others.empty()) {
    text += (r.count == 1 ? ", not " : ", none of them ") + Listed(others, " or ");
  }
  return text + Age(r.max_age);
}

std::string Text(const ReproducibilityRequirement& r) {
  static constexpr const char* kLevels[] = {"metrics of the model", "retrainable snapshot",
                                            "full snapshot"};
  std::string text = kLevels[static_cast<int>(r.level)];
  if (r.reproduced_by == ReproducedBy::kAnyone) text += ", run repeated";
  if (r.reproduced_by == ReproducedBy::kIndependent) text += ", run repeated by somebody else";
  if (r.tolerance) text += " within " + r.tolerance->ToString();
  return text + Age(r.max_age);
}

std::string Text(const BiasTestRequirement& r) {
  std::vector<std::string> attributes;
  for (const RequiredAttribute& attribute : r.attributes) attributes.push_back(attribute.name);
  for (const auto& names : r.intersections) attributes.push_back(Listed(names, " x "));
  std::vector<std::string> bounds;
  for (const MetricBound& bound : r.metrics) {
    std::string text = bound.name;
    if (bound.min && bound.max) {
      text += " " + bound.min->ToString() + " to " + bound.max->ToString();
    } else if (bound.min) {
      text += " at least " + bound.min->ToString();
    } else if (bound.max) {
      text += " at most " + bound.max->ToString();
    }
    bounds.push_back(std::move(text));
  }
  return "bias test on " + Listed(attributes, ", ") + ": " + Listed(bounds, ", ") +
         (r.judge == fairness::Rule::kPointEstimate ? "" : ", whole interval") + ", groups of " +
         std::to_string(r.min_group_size) + " or more" + Age(r.max_age);
}

std::string Text(const ClaimAssertion& claim) {
  const auto with = [&](const std::string& words) { return claim.claim + words; };
  const std::string values = Listed(claim.values, ", ");
  switch (claim.op) {
    case ClaimOperator::kExists: return with(" is given");
    case ClaimOperator::kEquals: return with(" is " + claim.value);
    case ClaimOperator::kNotEquals: return with(" is not " + claim.value);
    case ClaimOperator::kAtLeast: return with(" at least " + claim.value);
    case ClaimOperator::kAtMost: return with(" at most " + claim.value);
    case ClaimOperator::kAbove: return with(" above " + claim.value);
    case ClaimOperator::kBelow: return with(" below " + claim.value);
    case ClaimOperator::kIn: return with(" one of " + values);
    case ClaimOperator::kNotIn: return with(" none of " + values);
    case ClaimOperator::kIncludes: return with(" includes " + values);
    case ClaimOperator::kExcludes: return with(" excludes " + values);
    case ClaimOperator::kMatches: return with(" matches " + claim.value);
  }
  return claim.claim;
}

std::string Text(const EvidenceRequirement& r) {
  std::string text = (r.independent ? "independent " : "") + r.type + " report";
  if (r.scope == EvidenceScope::kUseCase) text += " on the use case";
  if (!r.environments.empty()) text += " from " + Listed(r.environments, " or ");
  std::vector<std::string> details;
  for (const ClaimAssertion& claim : r.claims) details.push_back(Text(claim));
  if (!r.artifacts.empty()) details.push_back("with " + Listed(r.artifacts, ", "));
  if (!details.empty()) text += ": " + Listed(details, ", ");
  return text + Age(r.max_age);
}

// The one place that knows the members of Requirement: its name and its phrase.
std::pair<std::string, std::string> Described(const Requirement& r) {
  if (r.sign_off) return {"signOff", Text(*r.sign_off)};
  if (r.reproducibility) return {"reproducibility", Text(*r.reproducibility)};
  if (r.bias_test) return {"biasTest", Text(*r.bias_test)};
  if (r.evidence) return {"evidence", Text(*r.evidence)};
  return {"unknown", "something that this version does not know"};
}

}  // namespace

std::string RequirementText(const Requirement& requirement) {
  return Described(requirement).second;
}

std::string RequirementKind(const Requirement& requirement) { return Described(requirement).first; }

}  // namespace countersign
