#include "governance/report_requirements.h"

#include <algorithm>
#include <cctype>

namespace countersign {
namespace {

EvidenceRequirement Start(std::string type, const ReportRules& rules) {
  EvidenceRequirement r;
  r.type = std::move(type);
  r.independent = rules.independent;
  r.environments = rules.environments;
  r.max_age = rules.max_age;
  r.issuers = rules.issuers;
  r.assurance = rules.assurance;
  r.signers = rules.signers;
  return r;
}

void Assert(EvidenceRequirement& r, std::string claim, ClaimOperator op, std::string value = {},
            std::string unit = {}) {
  r.claims.push_back({std::move(claim), op, std::move(value), {}, std::move(unit)});
}

// "one of 'FullPipeline', 'IndependentRecode'": the required level and every stricter one.
template <class Level>
void AssertLevel(EvidenceRequirement& r, std::string claim, Level least) {
  ClaimAssertion assertion{std::move(claim), ClaimOperator::kIn, {}, {}};
  for (const auto& [level, name] : EnumNames<Level>::kNames) {
    if (level >= least) assertion.values.emplace_back(name);
  }
  r.claims.push_back(std::move(assertion));
}

void AssertBounds(EvidenceRequirement& r, const std::vector<NumberBound>& bounds) {
  for (const NumberBound& bound : bounds) {
    if (bound.min) {
      Assert(r, bound.name, ClaimOperator::kAtLeast, bound.min->ToString(), bound.unit);
    }
    if (bound.max) {
      Assert(r, bound.name, ClaimOperator::kAtMost, bound.max->ToString(), bound.unit);
    }
  }
}

void AssertAtMost(EvidenceRequirement& r, const char* claim, const std::optional<Decimal>& most) {
  if (most) Assert(r, claim, ClaimOperator::kAtMost, most->ToString());
}

void AssertIncludes(EvidenceRequirement& r, const char* claim,
                    const std::vector<std::string>& words) {
  if (!words.empty()) r.claims.push_back({claim, ClaimOperator::kIncludes, {}, words});
}

EvidenceRequirement Spell(const DocumentationRequirement& d) {
  EvidenceRequirement r = Start("Documentation", d.rules);
  AssertLevel(r, "level", d.level);
  if (!d.sections.empty()) {
    r.artifacts = d.sections;
  } else if (d.level == DocumentationLevel::kFullHistory) {
    r.artifacts = {"intended-use", "limits", "data", "algorithm", "experiments", "owner"};
  } else {
    r.artifacts = {"data", "algorithm", "owner"};
  }
  if (d.min_completeness) {
    Assert(r, "completeness", ClaimOperator::kAtLeast, d.min_completeness->ToString());
  }
  return r;
}

EvidenceRequirement Spell(const VerificationRequirement& v) {
  EvidenceRequirement r = Start("Verification", v.rules);
  AssertLevel(r, "level", v.level);
  Assert(r, "result", ClaimOperator::kEquals, "Passed");
  Assert(r, "testsPassed", ClaimOperator::kAtLeast, std::to_string(v.min_tests));
  Assert(r, "testsFailed", ClaimOperator::kAtMost, std::to_string(v.max_failed_tests));
  if (v.environment_likeness != Likeness::kAny) {
    AssertLevel(r, "environmentLikeness", v.environment_likeness);
  }
  AssertBounds(r, v.metrics);
  r.artifacts = {"report"};
  // Whoever wrote it the first time cannot write it independently.
  if (v.level == VerificationLevel::kIndependentRecode) r.independent = true;
  return r;
}

EvidenceRequirement Spell(const ExplainabilityRequirement& e) {
  EvidenceRequirement r = Start("Explainability", e.rules);
  AssertLevel(r, "level", e.level);
  AssertIncludes(r, "methods", e.methods);
  if (e.top_features > 0) Assert(r, "topFeatures", ClaimOperator::kExists);
  if (e.min_coverage) Assert(r, "coverage", ClaimOperator::kAtLeast, e.min_coverage->ToString());
  r.artifacts = {"explanation"};
  return r;
}

EvidenceRequirement Spell(const HarmTestRequirement& h) {
  EvidenceRequirement r = Start("HarmTest", h.rules);
  AssertLevel(r, "level", h.level);
  if (h.attack_vectors.empty()) {
    Assert(r, "attackVectors", ClaimOperator::kExists);
  } else {
    AssertIncludes(r, "attackVectors", h.attack_vectors);
  }
  Assert(r, "openCritical", ClaimOperator::kAtMost, std::to_string(h.max_open.critical));
  Assert(r, "openHigh", ClaimOperator::kAtMost, std::to_string(h.max_open.high));
  if (h.max_open.medium) {
    Assert(r, "openMedium", ClaimOperator::kAtMost, std::to_string(*h.max_open.medium));
  }
  if (h.max_open.low) {
    Assert(r, "openLow", ClaimOperator::kAtMost, std::to_string(*h.max_open.low));
  }
  r.artifacts = {"report"};
  return r;
}

EvidenceRequirement Spell(const LoadTestRequirement& l) {
  EvidenceRequirement r = Start("LoadTest", l.rules);
  if (l.min_requests_per_second) {
    Assert(r, "requestsPerSecond", ClaimOperator::kAtLeast, l.min_requests_per_second->ToString());
  }
  AssertAtMost(r, "errorRate", l.max_error_rate);
  AssertAtMost(r, "latencyP50", l.max_latency_p50);
  AssertAtMost(r, "latencyP95", l.max_latency_p95);
  AssertAtMost(r, "latencyP99", l.max_latency_p99);
  return r;
}

EvidenceRequirement Spell(const ReleaseRequirement& release) {
  EvidenceRequirement r = Start("Release", release.rules);
  ClaimAssertion mode{"mode", ClaimOperator::kIn, {}, {}};
  for (const ReleaseMode allowed : release.modes) mode.values.emplace_back(NameOf(allowed));
  r.claims.push_back(std::move(mode));
  Assert(r, "result", ClaimOperator::kEquals, "Passed");
  if (release.min_duration) Assert(r, "duration", ClaimOperator::kExists);
  AssertBounds(r, release.metrics);
  return r;
}

EvidenceRequirement Spell(const MonitoringRequirement& m) {
  EvidenceRequirement r = Start("MonitoringPlan", m.rules);
  for (const MonitoringCheck check : ChecksOf(m)) {
    for (const char* part : {"Threshold", "Interval", "Action"}) {
      Assert(r, ClaimPrefix(check) + part, ClaimOperator::kExists);
    }
  }
  return r;
}

EvidenceRequirement Spell(const DataQualityRequirement& d) {
  EvidenceRequirement r = Start("DataQuality", d.rules);
  Assert(r, "personalData", ClaimOperator::kExists);
  AssertBounds(r, d.rules_on_data);
  if (d.lineage) r.artifacts = {"lineage"};
  return r;
}

EvidenceRequirement Spell(const PromotionRequirement& p) {
  EvidenceRequirement r = Start("ServingRecord", p.rules);
  r.environments = {p.from};
  Assert(r, "healthy", ClaimOperator::kEquals, "true");
  return r;
}

EvidenceRequirement Spell(const IncidentReadinessRequirement& i) {
  EvidenceRequirement r = Start("IncidentPlan", i.rules);
  r.scope = EvidenceScope::kUseCase;
  Assert(r, "contact", ClaimOperator::kExists);
  Assert(r, "rollbackTarget", ClaimOperator::kExists);
  r.artifacts = {"response-plan"};
  return r;
}

EvidenceRequirement Spell(const HumanOversightRequirement& h) {
  EvidenceRequirement r = Start("HumanOversight", h.rules);
  r.scope = EvidenceScope::kUseCase;
  Assert(r, "stopControl", ClaimOperator::kExists);
  Assert(r, "overseers", ClaimOperator::kExists);
  return r;
}

EvidenceRequirement Spell(const EthicsReviewRequirement& e) {
  EvidenceRequirement r = Start("EthicsReview", e.rules);
  r.scope = EvidenceScope::kUseCase;
  Assert(r, "outcome", ClaimOperator::kEquals, "Approved");
  Assert(r, "reviewers", ClaimOperator::kExists);
  AssertIncludes(r, "topics", e.topics);
  Assert(r, "openConcerns", ClaimOperator::kAtMost, std::to_string(e.max_open_concerns));
  r.artifacts = {"review"};
  return r;
}

EvidenceRequirement Spell(const EnvironmentalImpactRequirement& e) {
  EvidenceRequirement r = Start("EnvironmentalImpact", e.rules);
  Assert(r, "method", ClaimOperator::kExists);
  if (const auto& most = e.max_training_energy) {
    Assert(r, "trainingEnergy", ClaimOperator::kAtMost, most->ToString());
  }
  if (const auto& most = e.max_carbon) {
    Assert(r, "carbon", ClaimOperator::kAtMost, most->ToString());
  }
  return r;
}

EvidenceRequirement Spell(const DataSecurityRequirement& d) {
  EvidenceRequirement r = Start("DataSecurity", d.rules);
  r.scope = EvidenceScope::kUseCase;
  Assert(r, "encryptedAtRest", ClaimOperator::kEquals, "true");
  Assert(r, "encryptedInTransit", ClaimOperator::kEquals, "true");
  Assert(r, "accessControl", ClaimOperator::kExists);
  Assert(r, "regions", ClaimOperator::kExists);
  r.artifacts = {"access-list"};
  return r;
}

EvidenceRequirement Spell(const ModelSignatureRequirement& m) {
  EvidenceRequirement r = Start("ModelSignature", m.rules);
  r.assurance = Assurance::kSigned;
  return r;
}

}  // namespace

std::string ClaimPrefix(MonitoringCheck check) {
  std::string name(NameOf(check));
  name.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(name.front())));
  return name;
}

std::vector<MonitoringCheck> ChecksOf(const MonitoringRequirement& require) {
  if (!require.checks.empty()) return require.checks;
  if (require.level == MonitoringLevel::kInfrastructureOnly) return {MonitoringCheck::kHealth};
  std::vector<MonitoringCheck> all;
  for (const auto& [check, name] : EnumNames<MonitoringCheck>::kNames) all.push_back(check);
  return all;
}

Seconds MaxIntervalOf(const MonitoringRequirement& require) {
  if (require.max_interval) return *require.max_interval;
  return require.level == MonitoringLevel::kRealTime ? Seconds{3600} : Seconds{7 * 86'400};
}

bool AsksForNothing(const Requirement& r) {
  return (r.documentation && r.documentation->level == DocumentationLevel::kNone) ||
         (r.verification && r.verification->level == VerificationLevel::kNone) ||
         (r.explainability && r.explainability->level == ExplainabilityLevel::kNone) ||
         (r.harm_test && r.harm_test->level == HarmTestLevel::kNone) ||
         (r.monitoring && r.monitoring->level == MonitoringLevel::kNone);
}

std::optional<EvidenceRequirement> ReportRequirementOf(const Requirement& r) {
  if (AsksForNothing(r)) return std::nullopt;
  if (r.evidence) return r.evidence;
  if (r.documentation) return Spell(*r.documentation);
  if (r.verification) return Spell(*r.verification);
  if (r.explainability) return Spell(*r.explainability);
  if (r.harm_test) return Spell(*r.harm_test);
  if (r.load_test) return Spell(*r.load_test);
  if (r.release) return Spell(*r.release);
  if (r.monitoring) return Spell(*r.monitoring);
  if (r.data_quality) return Spell(*r.data_quality);
  if (r.promotion) return Spell(*r.promotion);
  if (r.incident_readiness) return Spell(*r.incident_readiness);
  if (r.human_oversight) return Spell(*r.human_oversight);
  if (r.ethics_review) return Spell(*r.ethics_review);
  if (r.environmental_impact) return Spell(*r.environmental_impact);
  if (r.data_security) return Spell(*r.data_security);
  if (r.model_signature) return Spell(*r.model_signature);
  return std::nullopt;
}

}  // namespace countersign
