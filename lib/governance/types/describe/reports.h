// reports.h: requirements on reports of well-known types and on the mode of deployment, described
// once (base/describe.h). For policy.cc alone, which instantiates it.
#pragma once

#include "governance/types/deployment_mode.h"
#include "governance/types/describe/claim_assertion.h"
#include "governance/types/describe/fields.h"
#include "governance/types/reports.h"

namespace countersign {

// The fields of ReportRules stand beside those of the requirement itself.
template <class V>
void DescribeRules(V& v, ReportRules& r) {
  v.Field({.name = "independent",
           .doc = "Whether the report must come from somebody who is neither developer of the "
                  "model nor author of the deployment."},
          r.independent);
  v.Field({.name = "environments",
           .doc = "Where it must have been made or for which: names of environments of this "
                  "policy. Anywhere, if the list is empty.",
           .format = Format::kName,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          r.environments);
  v.Field(MaxAgeField(), r.max_age);
  v.Field(IssuersField(), r.issuers);
  v.Field(AssuranceField(), r.assurance);
  v.Field(SignersField(), r.signers);
}

constexpr FieldInfo BoundsField(std::string_view name, std::string_view doc) {
  return {.name = name, .doc = doc, .max = kMaxMetrics, .list = ListType::kMap, .list_key = "name"};
}

template <class V>
void Describe(V& v, NumberBound& b) {
  v.Field({.name = "name",
           .doc = "Name of the claim that gives the number.",
           .required = true,
           .format = Format::kIdentifier,
           .length = 63},
          b.name);
  v.Field({.name = "min", .doc = "Least allowed value, inclusive, a decimal."}, b.min);
  v.Field({.name = "max", .doc = "Greatest allowed value, inclusive, a decimal."}, b.max);
  v.Field(UnitField(), b.unit);
}

template <class V>
void Describe(V& v, DocumentationRequirement& r) {
  v.Field({.name = "level",
           .doc = "FullHistory (every change and experiment, with reasons), Automatic (what the "
                  "pipeline writes by itself) or None.",
           .required = true},
          r.level);
  v.Field({.name = "sections",
           .doc = "Artifacts that the report must have, each with its digest. Default for "
                  "FullHistory: intended-use, limits, data, algorithm, experiments, owner; for "
                  "Automatic: data, algorithm, owner.",
           .format = Format::kName,
           .max = 32,
           .length = 63,
           .list = ListType::kSet},
          r.sections);
  v.Field({.name = "minCompleteness",
           .doc = "Least share of the model card's fields that are filled in, a decimal between 0 "
                  "and 1: claim completeness."},
          r.min_completeness);
  DescribeRules(v, r.rules);
}

template <class V>
void Describe(V& v, VerificationRequirement& r) {
  v.Field({.name = "level",
           .doc = "IndependentRecode (written again by somebody else, and compared), FullPipeline "
                  "(all tests in an environment like production), AutomaticChecks or None.",
           .required = true},
          r.level);
  v.Field({.name = "environmentLikeness",
           .doc = "How like production the environment of the tests must be: Any, Equivalent "
                  "(same software, other size) or Identical. Default Any."},
          r.environment_likeness);
  v.Field({.name = "minTests",
           .doc = "Fewest tests that must have passed, 1 to 10^6. Default 1.",
           .min = 1,
           .max = 1'000'000},
          r.min_tests);
  v.Field({.name = "maxFailedTests",
           .doc = "Most tests that may have failed. Default 0.",
           .max = 1'000'000},
          r.max_failed_tests);
  v.Field(BoundsField("metrics",
                      "Bounds on performance: accuracy, precision, recall, auc, rmse or "
                      "any other claim that is a number."),
          r.metrics);
  v.Field({.name = "modelNamePattern",
           .doc = "What spec.model.name of the deployment must match as a whole, an RE2 "
                  "expression.",
           .length = 256},
          r.model_name_pattern);
  v.Field({.name = "modelVersionPattern",
           .doc = "What spec.model.version of the deployment must match as a whole, an RE2 "
                  "expression.",
           .length = 256},
          r.model_version_pattern);
  DescribeRules(v, r.rules);
}

template <class V>
void Describe(V& v, ExplainabilityRequirement& r) {
  v.Field({.name = "level",
           .doc = "Interpretable (by construction), Explained (by tools), Opaque (described only) "
                  "or None.",
           .required = true},
          r.level);
  v.Field({.name = "methods",
           .doc = "Methods that must all have been used: SHAP, PermutationImportance, "
                  "PartialDependence and so on.",
           .format = Format::kToken,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          r.methods);
  v.Field({.name = "topFeatures",
           .doc = "How many of the most important features the report must list, among which no "
                  "excluded one may be unless it is justified, 0 to 256. Default 0.",
           .max = 256},
          r.top_features);
  v.Field({.name = "excludedFeatures",
           .doc = "Protected attributes and their proxies. Default: ethics.protectedAttributes.",
           .format = Format::kToken,
           .max = kMaxListed,
           .length = 63,
           .list = ListType::kSet},
          r.excluded_features);
  v.Field({.name = "minCoverage",
           .doc = "Least share of predictions that can be explained, a decimal between 0 and 1: "
                  "claim coverage."},
          r.min_coverage);
  DescribeRules(v, r.rules);
}

template <class V>
void Describe(V& v, OpenFindings& f) {
  v.Field({.name = "critical", .doc = "Default 0.", .max = 1'000'000}, f.critical);
  v.Field({.name = "high", .doc = "Default 0.", .max = 1'000'000}, f.high);
  v.Field({.name = "medium", .doc = "Default: any number.", .max = 1'000'000}, f.medium);
  v.Field({.name = "low", .doc = "Default: any number.", .max = 1'000'000}, f.low);
}

template <class V>
void Describe(V& v, HarmTestRequirement& r) {
  v.Field({.name = "level",
           .doc = "RedTeam (people attack it), Automated (tools do) or None.",
           .required = true},
          r.level);
  v.Field({.name = "attackVectors",
           .doc = "Attacks that must all have been tried: evasion, poisoning, prompt-injection, "
                  "model-extraction and so on.",
           .format = Format::kToken,
           .max = 64,
           .length = 63,
           .list = ListType::kSet},
          r.attack_vectors);
  v.Field({.name = "maxOpen", .doc = "Most findings that may still be open, by severity."},
          r.max_open);
  DescribeRules(v, r.rules);
}

template <class V>
void Describe(V& v, LoadTestRequirement& r) {
  v.Field({.name = "minRequestsPerSecond",
           .doc = "Least rate that was sustained, a decimal: claim requestsPerSecond."},
          r.min_requests_per_second);
  v.Field({.name = "maxErrorRate",
           .doc = "Greatest share of failed requests, a decimal between 0 and 1: claim errorRate."},
          r.max_error_rate);
  v.Field({.name = "maxLatencyP50",
           .doc = "Greatest median latency in ms, a decimal: claim latencyP50."},
          r.max_latency_p50);
  v.Field({.name = "maxLatencyP95",
           .doc = "Greatest 95th percentile in ms, a decimal: claim latencyP95."},
          r.max_latency_p95);
  v.Field({.name = "maxLatencyP99",
           .doc = "Greatest 99th percentile in ms, a decimal: claim latencyP99."},
          r.max_latency_p99);
  DescribeRules(v, r.rules);
}

template <class V>
void Describe(V& v, ReleaseRequirement& r) {
  v.Field({.name = "modes",
           .doc = "Ways of trying it beside or before full traffic, one of which must have been "
                  "used: Shadow, Canary, ABTest, Challenger.",
           .required = true,
           .min = 1,
           .max = 4,
           .list = ListType::kSet},
          r.modes);
  v.Field({.name = "minDuration", .doc = "How long at least, for example 7d: claim duration."},
          r.min_duration);
  v.Field(BoundsField("metrics", "Bounds on what was measured meanwhile."), r.metrics);
  DescribeRules(v, r.rules);
}

template <class V>
void Describe(V& v, MonitoringRequirement& r) {
  v.Field({.name = "level",
           .doc = "RealTime (each check at least hourly), Weekly, InfrastructureOnly (health "
                  "alone) or None.",
           .required = true},
          r.level);
  v.Field({.name = "checks",
           .doc = "What must be watched. Default for RealTime and Weekly: Performance, InputDrift, "
                  "Bias, DataQuality, BusinessKpi, Health; for InfrastructureOnly: Health.",
           .max = 6,
           .list = ListType::kSet},
          r.checks);
  v.Field({.name = "maxInterval",
           .doc = "Longest time between two checks. Default for RealTime 1h, for Weekly and "
                  "InfrastructureOnly 7d."},
          r.max_interval);
  DescribeRules(v, r.rules);
}

template <class V>
void Describe(V& v, DataQualityRequirement& r) {
  v.Field(BoundsField("rules",
                      "Bounds on what was measured of the data: accuracy, completeness, "
                      "consistency or any other claim that is a number."),
          r.rules_on_data);
  v.Field({.name = "lineage",
           .doc = "Whether the origin of every column must be recorded: artifact lineage."},
          r.lineage);
  v.Field({.name = "impactAssessment",
           .doc = "Whether an ImpactAssessment with outcome Accepted must exist when the report "
                  "declares personal data (GDPR art. 35). Default true."},
          r.impact_assessment);
  DescribeRules(v, r.rules);
}

template <class V>
void Describe(V& v, PromotionRequirement& r) {
  v.Field({.name = "from",
           .doc = "The environment of this policy in which this very model must have run before.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          r.from);
  v.Field({.name = "soak",
           .doc = "How long it must have run there, healthy, for example 7d; counted from when the "
                  "record was first seen."},
          r.soak);
  DescribeRules(v, r.rules);
}

template <class V>
void Describe(V& v, IncidentReadinessRequirement& r) {
  DescribeRules(v, r.rules);
}

template <class V>
void Describe(V& v, HumanOversightRequirement& r) {
  DescribeRules(v, r.rules);
}

template <class V>
void Describe(V& v, EnvironmentalImpactRequirement& r) {
  v.Field({.name = "maxTrainingEnergy",
           .doc = "Most energy that training may have taken, in kWh. Then it must be stated; "
                  "without a bound energy or compute."},
          r.max_training_energy);
  v.Field({.name = "maxCarbon",
           .doc = "Most that training may have emitted, in kg of CO2 equivalent. Then it must be "
                  "stated."},
          r.max_carbon);
  DescribeRules(v, r.rules);
}

template <class V>
void Describe(V& v, DataSecurityRequirement& r) {
  v.Field({.name = "regions",
           .doc = "Where data may be kept and processed, for example eu-central. Anywhere that the "
                  "report states, if the list is empty.",
           .format = Format::kName,
           .max = 64,
           .length = 63,
           .list = ListType::kSet},
          r.regions);
  DescribeRules(v, r.rules);
}

template <class V>
void Describe(V& v, EthicsReviewRequirement& r) {
  v.Field({.name = "topics",
           .doc = "What the board must have weighed, for example human-autonomy, "
                  "prevention-of-harm, fairness, explicability.",
           .format = Format::kName,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          r.topics);
  v.Field({.name = "maxOpenConcerns",
           .doc = "How many concerns may be left open, 0 to 1000. Default 0.",
           .max = 1000},
          r.max_open_concerns);
  DescribeRules(v, r.rules);
}

template <class V>
void Describe(V& v, ModelSignatureRequirement& r) {
  v.Field({.name = "ignoredPaths",
           .doc = "Paths within the model that its signature may leave out. What Git keeps beside "
                  "it (.git, .gitattributes, .github, .gitignore) and model.sig may always.",
           .format = Format::kToken,
           .max = 64,
           .length = 253,
           .list = ListType::kSet},
          r.ignored_paths);
  v.Field({.name = "symlinks",
           .doc = "Whether symbolic links may have been followed when it was signed: Refused or "
                  "Allowed. Default Refused."},
          r.symlinks);
  v.Field({.name = "independent",
           .doc = "Whether it must be signed by somebody who is neither developer of the model nor "
                  "author of the deployment."},
          r.rules.independent);
  v.Field(MaxAgeField(), r.rules.max_age);
  v.Field(IssuersField(), r.rules.issuers);
}

template <class V>
void Describe(V& v, DeploymentModeRequirement& r) {
  v.Field({.name = "minReplicas",
           .doc = "Fewest replicas: of spec.serving.replicas and, with autoscaling, minReplicas. "
                  "1 to 1000, default 1.",
           .min = 1,
           .max = 1000},
          r.min_replicas);
  v.Field({.name = "maxReplicas",
           .doc = "Most replicas that scaling may reach, 1 to 10000.",
           .min = 1,
           .max = 10'000},
          r.max_replicas);
  v.Field({.name = "autoscaling",
           .doc = "Whether minReplicas and maxReplicas must be set, between which the number may "
                  "change without a new approval."},
          r.autoscaling);
  v.Field({.name = "topologySpread",
           .doc = "Whether the Pods must be spread over nodes or zones: "
                  "template.spec.topologySpreadConstraints with whenUnsatisfiable DoNotSchedule."},
          r.topology_spread);
  v.Field({.name = "resources",
           .doc = "Whether every container must have requests for cpu and memory and a limit for "
                  "memory."},
          r.resources);
  v.Field({.name = "readinessProbe",
           .doc = "Whether a container must have a readiness probe, without which traffic reaches "
                  "a model that is not loaded."},
          r.readiness_probe);
  v.Field({.name = "podDisruptionBudget",
           .doc = "Whether spec.serving.podDisruptionBudget must keep a pod available while nodes "
                  "are drained and still let a drain take one, at the fewest replicas there may "
                  "be."},
          r.disruption_budget);
}

}  // namespace countersign
