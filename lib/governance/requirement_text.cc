#include "governance/requirement_text.h"

#include "governance/report_requirements.h"

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

const char* DistinctText(Distinct distinct) {
  switch (distinct) {
    case Distinct::kDevelopers: return "developer";
    case Distinct::kRequester: return "requester";
    case Distinct::kClusterAdministrators: return "cluster administrator";
  }
  return "";
}

std::string Text(const SignOffRequirement& r) {
  std::string text =
      std::to_string(r.count) + (r.count == 1 ? " sign-off" : " sign-offs") + " by " + r.role;
  std::vector<std::string> others;
  others.reserve(r.distinct_from.size());
  for (const Distinct distinct : r.distinct_from) {
    others.emplace_back(DistinctText(distinct));
  }
  others.insert(others.end(), r.distinct_from_roles.begin(), r.distinct_from_roles.end());
  if (!others.empty()) {
    text += (r.count == 1 ? ", not " : ", none of them ") + Listed(others, " or ");
  }
  if (r.consultation) text += ", advised by " + Listed(r.consultation->roles, " and ");
  if (r.conditional == Conditional::kAllowed) text += ", conditions allowed";
  if (r.assurance == Assurance::kSigned) text += ", signed by a key";
  if (r.assurance == Assurance::kReauthenticated) text += ", reauthenticated";
  if (r.own_environment) text += ", for this environment alone";
  if (r.shown != ShownRule::kOptional) text += ", listing what was shown";
  if (r.shown == ShownRule::kSamePolicy) text += ", under this very policy";
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

std::string LabelsText(const BiasTestRequirement& r) {
  if (!r.labels) return {};
  std::string text;
  for (const LabelSource source : r.labels->sources) {
    text += (text.empty() ? ", labels by " : " or ") + std::string(NameOf(source));
  }
  if (r.labels->min_maturity) {
    text += ", outcomes waited for " + FormatDuration(*r.labels->min_maturity);
  }
  return text;
}

std::string Text(const BiasTestRequirement& r) {
  std::vector<std::string> attributes;
  attributes.reserve(r.attributes.size() + r.intersections.size());
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
         std::to_string(r.min_group_size) + " or more" + LabelsText(r) +
         (r.independent_of_training ? ", not the training data" : "") + Age(r.max_age);
}

std::string Text(const ClaimAssertion& claim) {
  const auto with = [&](const std::string& words) { return claim.claim + words; };
  const std::string values = Listed(claim.values, ", ");
  const std::string value = claim.value + (claim.unit.empty() ? "" : " " + claim.unit);
  switch (claim.op) {
    case ClaimOperator::kExists: return with(" is given");
    case ClaimOperator::kEquals: return with(" is " + value);
    case ClaimOperator::kNotEquals: return with(" is not " + value);
    case ClaimOperator::kAtLeast: return with(" at least " + value);
    case ClaimOperator::kAtMost: return with(" at most " + value);
    case ClaimOperator::kAbove: return with(" above " + value);
    case ClaimOperator::kBelow: return with(" below " + value);
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
  details.reserve(r.claims.size() + 1);
  for (const ClaimAssertion& claim : r.claims) details.push_back(Text(claim));
  if (!r.artifacts.empty()) details.push_back("with " + Listed(r.artifacts, ", "));
  if (!details.empty()) text += ": " + Listed(details, ", ");
  return text + Age(r.max_age);
}

// "at least 0.8" or "0.8 to 1"
std::string BoundText(const std::optional<Decimal>& min, const std::optional<Decimal>& max) {
  if (min && max) return min->ToString() + " to " + max->ToString();
  if (min) return "at least " + min->ToString();
  return max ? "at most " + max->ToString() : "given";
}

void AddBounds(std::vector<std::string>& out, const std::vector<NumberBound>& bounds) {
  for (const NumberBound& b : bounds) {
    out.push_back(b.name + " " + BoundText(b.min, b.max) + (b.unit.empty() ? "" : " " + b.unit));
  }
}

// "FullPipeline verification: accuracy at least 0.8, at most 90d old"
std::string Report(const std::string& what, const std::vector<std::string>& details,
                   const ReportRules& rules) {
  std::string text = (rules.independent ? "independent " : "") + what;
  if (!rules.environments.empty()) text += " from " + Listed(rules.environments, " or ");
  if (!details.empty()) text += ": " + Listed(details, ", ");
  return text + Age(rules.max_age);
}

template <class Level>
std::string Leveled(Level level, const char* what) {
  return std::string(NameOf(level)) + " " + what;
}

std::string Text(const DocumentationRequirement& r) {
  std::vector<std::string> details = r.sections;
  if (r.min_completeness) details.push_back("complete to " + r.min_completeness->ToString());
  return Report(Leveled(r.level, "documentation"), details, r.rules);
}

std::string Text(const VerificationRequirement& r) {
  std::vector<std::string> details;
  if (r.environment_likeness != Likeness::kAny) {
    details.push_back(std::string(NameOf(r.environment_likeness)) + " environment");
  }
  if (r.max_failed_tests > 0) {
    details.push_back("at most " + std::to_string(r.max_failed_tests) + " failed tests");
  }
  AddBounds(details, r.metrics);
  if (!r.model_name_pattern.empty()) details.push_back("name like " + r.model_name_pattern);
  if (!r.model_version_pattern.empty()) {
    details.push_back("version like " + r.model_version_pattern);
  }
  return Report(Leveled(r.level, "verification"), details, r.rules);
}

std::string Text(const ExplainabilityRequirement& r) {
  std::vector<std::string> details = r.methods;
  if (r.top_features > 0) {
    details.push_back((r.excluded_features.empty() ? std::string("no protected attribute")
                                                   : "no " + Listed(r.excluded_features, ", ")) +
                      " in the top " + std::to_string(r.top_features));
  }
  if (r.min_coverage) details.push_back("coverage at least " + r.min_coverage->ToString());
  return Report(Leveled(r.level, "explanation"), details, r.rules);
}

std::string Text(const HarmTestRequirement& r) {
  std::vector<std::string> details = r.attack_vectors;
  details.push_back("open findings: at most " + std::to_string(r.max_open.critical) +
                    " critical, " + std::to_string(r.max_open.high) + " high");
  return Report(Leveled(r.level, "harm test"), details, r.rules);
}

std::string Text(const LoadTestRequirement& r) {
  std::vector<std::string> details;
  const auto add = [&](const char* what, const std::optional<Decimal>& bound) {
    if (bound) details.push_back(what + bound->ToString());
  };
  add("requests per second at least ", r.min_requests_per_second);
  add("error rate at most ", r.max_error_rate);
  add("p50 in ms at most ", r.max_latency_p50);
  add("p95 in ms at most ", r.max_latency_p95);
  add("p99 in ms at most ", r.max_latency_p99);
  return Report("load test", details, r.rules);
}

std::string Text(const ReleaseRequirement& r) {
  std::vector<std::string> modes;
  modes.reserve(r.modes.size());
  for (const ReleaseMode mode : r.modes) modes.emplace_back(NameOf(mode));
  std::vector<std::string> details;
  if (r.min_duration) details.push_back("for " + FormatDuration(*r.min_duration));
  AddBounds(details, r.metrics);
  return Report(Listed(modes, " or ") + " release first", details, r.rules);
}

std::string Text(const MonitoringRequirement& r) {
  std::vector<std::string> details;
  for (const MonitoringCheck check : ChecksOf(r)) details.emplace_back(NameOf(check));
  details.push_back("every " + FormatDuration(MaxIntervalOf(r)));
  return Report(Leveled(r.level, "monitoring plan"), details, r.rules);
}

std::string Text(const DataQualityRequirement& r) {
  std::vector<std::string> details;
  AddBounds(details, r.rules_on_data);
  if (r.lineage) details.emplace_back("lineage of columns");
  if (r.impact_assessment) details.emplace_back("impact assessment of personal data");
  return Report("data quality", details, r.rules);
}

std::string Text(const PromotionRequirement& r) {
  return Report("ran in " + r.from + (r.soak ? " for " + FormatDuration(*r.soak) : "") + " before",
                {}, r.rules);
}

std::string Text(const EthicsReviewRequirement& r) {
  std::vector<std::string> details = r.topics;
  if (r.max_open_concerns > 0) {
    details.push_back("at most " + std::to_string(r.max_open_concerns) + " open concerns");
  }
  return Report("ethics review", details, r.rules);
}

std::string Text(const EnvironmentalImpactRequirement& r) {
  std::vector<std::string> details;
  if (r.max_training_energy) {
    details.push_back("at most " + r.max_training_energy->ToString() + " kWh");
  }
  if (r.max_carbon) details.push_back("at most " + r.max_carbon->ToString() + " kg CO2e");
  return Report("environmental impact", details, r.rules);
}

std::string Text(const DataSecurityRequirement& r) {
  std::vector<std::string> details;
  if (!r.regions.empty()) details.push_back("in " + Listed(r.regions, ", "));
  return Report("data security", details, r.rules);
}

std::string Text(const ModelSignatureRequirement& r) {
  std::vector<std::string> details;
  if (!r.ignored_paths.empty()) {
    details.push_back("may leave out " + Listed(r.ignored_paths, ", "));
  }
  if (r.symlinks == Symlinks::kAllowed) details.emplace_back("symbolic links allowed");
  return Report("signature over the model's files", details, r.rules);
}

std::string Text(const DeploymentModeRequirement& r) {
  std::vector<std::string> details = {std::to_string(r.min_replicas) + " or more replicas"};
  if (r.max_replicas) details.push_back("at most " + std::to_string(*r.max_replicas));
  if (r.autoscaling) details.emplace_back("bounded scaling");
  if (r.topology_spread) details.emplace_back("spread over nodes");
  if (r.resources) details.emplace_back("resources set");
  if (r.readiness_probe) details.emplace_back("readiness probe");
  if (r.disruption_budget) details.emplace_back("disruption budget");
  return Listed(details, ", ");
}

std::string Text(const ComponentsRequirement& r) {
  std::vector<std::string> details;
  details.reserve(r.required_roles.size() + 2);
  for (const ComponentRole role : r.required_roles) details.emplace_back(NameOf(role));
  if (r.hosted == HostedModels::kRefused) details.emplace_back("no hosted models");
  if (r.hosted == HostedModels::kPinned) details.emplace_back("hosted models by snapshot");
  if (!r.providers.empty()) details.push_back("hosted by " + Listed(r.providers, " or "));
  return "components: " + Listed(details, ", ");
}

}  // namespace

std::string SubjectText(const Measure& measure) {
  if (measure.subject.empty() || measure.subject == kSubjectComposite) return {};
  if (measure.subject == kSubjectEach) return ", for each component";
  return ", for component " + measure.subject;
}

std::string CarryOverText(const Measure& measure) {
  std::vector<std::string> rules;
  rules.reserve(measure.carry_over.size());
  for (const CarryOverRule& rule : measure.carry_over) {
    std::vector<std::string> kinds;
    kinds.reserve(rule.kinds.size());
    for (const ChangeKind kind : rule.kinds) kinds.emplace_back(NameOf(kind));
    rules.push_back(Listed(kinds, ", ") +
                    (rule.max_age ? " (at most " + FormatDuration(*rule.max_age) + " old)" : ""));
  }
  return rules.empty() ? "" : ", carried over after " + Listed(rules, ", ");
}

std::string RequirementText(const Requirement& r) {
  if (AsksForNothing(r)) return "none";
  if (r.sign_off) return Text(*r.sign_off);
  if (r.reproducibility) return Text(*r.reproducibility);
  if (r.bias_test) return Text(*r.bias_test);
  if (r.evidence) return Text(*r.evidence);
  if (r.documentation) return Text(*r.documentation);
  if (r.verification) return Text(*r.verification);
  if (r.explainability) return Text(*r.explainability);
  if (r.harm_test) return Text(*r.harm_test);
  if (r.load_test) return Text(*r.load_test);
  if (r.release) return Text(*r.release);
  if (r.deployment_mode) return Text(*r.deployment_mode);
  if (r.components) return Text(*r.components);
  if (r.monitoring) return Text(*r.monitoring);
  if (r.data_quality) return Text(*r.data_quality);
  if (r.promotion) return Text(*r.promotion);
  if (r.incident_readiness) {
    return Report("incident plan", {}, r.incident_readiness->rules);
  }
  if (r.human_oversight) {
    return Report("human oversight", {}, r.human_oversight->rules);
  }
  if (r.ethics_review) return Text(*r.ethics_review);
  if (r.environmental_impact) return Text(*r.environmental_impact);
  if (r.data_security) return Text(*r.data_security);
  if (r.model_signature) return Text(*r.model_signature);
  return "something that this version does not know";
}

}  // namespace countersign
