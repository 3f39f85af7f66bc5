// reports.h: requirements that a report of a well-known type meets: the rows of the matrix between
// development and monitoring. Part of GovernancePolicy (policy.h).
//
// Each is shorthand for an EvidenceRequirement on one type of Evidence (report_types.h), which
// report_requirements.h spells out, and where claims alone cannot say it a check of its own
// (measures/reports.h). Levels are ordered from lenient to strict; a report of a stricter level
// meets a more lenient requirement. At level None nothing is asked, and the matrix says so.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/describe.h"
#include "governance/types/common.h"
#include "governance/types/object.h"

namespace countersign {

// What the judgement of every report shares.
struct ReportRules {
  bool independent = false;
  std::vector<std::string> environments;
  std::optional<Seconds> max_age;
  std::vector<Subject> issuers;
  Assurance assurance = Assurance::kRequester;
  std::int64_t signers = 1;
};

// A bound on a number that a report claims.
struct NumberBound {
  std::string name;
  std::optional<Decimal> min;
  std::optional<Decimal> max;
  std::string unit = {};
};

enum class DocumentationLevel { kNone, kAutomatic, kFullHistory };
struct DocumentationRequirement {
  DocumentationLevel level = DocumentationLevel::kFullHistory;
  std::vector<std::string> sections;
  std::optional<Decimal> min_completeness;
  ReportRules rules;
};

enum class VerificationLevel { kNone, kAutomaticChecks, kFullPipeline, kIndependentRecode };
enum class Likeness { kAny, kEquivalent, kIdentical };
struct VerificationRequirement {
  VerificationLevel level = VerificationLevel::kFullPipeline;
  Likeness environment_likeness = Likeness::kAny;
  std::int64_t min_tests = 1;
  std::int64_t max_failed_tests = 0;
  std::vector<NumberBound> metrics;
  std::string model_name_pattern;
  std::string model_version_pattern;
  ReportRules rules;
};

enum class ExplainabilityLevel { kNone, kOpaque, kExplained, kInterpretable };
struct ExplainabilityRequirement {
  ExplainabilityLevel level = ExplainabilityLevel::kExplained;
  std::vector<std::string> methods;
  std::int64_t top_features = 0;
  std::vector<std::string> excluded_features;
  std::optional<Decimal> min_coverage;
  ReportRules rules;
};

enum class HarmTestLevel { kNone, kAutomated, kRedTeam };
struct OpenFindings {
  std::int64_t critical = 0;
  std::int64_t high = 0;
  std::optional<std::int64_t> medium;
  std::optional<std::int64_t> low;
};
struct HarmTestRequirement {
  HarmTestLevel level = HarmTestLevel::kRedTeam;
  std::vector<std::string> attack_vectors;
  OpenFindings max_open;
  ReportRules rules;
};

struct LoadTestRequirement {
  std::optional<Decimal> min_requests_per_second;
  std::optional<Decimal> max_error_rate;
  std::optional<Decimal> max_latency_p50;
  std::optional<Decimal> max_latency_p95;
  std::optional<Decimal> max_latency_p99;
  ReportRules rules;
};

enum class ReleaseMode { kShadow, kCanary, kAbTest, kChallenger };
struct ReleaseRequirement {
  std::vector<ReleaseMode> modes;
  std::optional<Seconds> min_duration;
  std::vector<NumberBound> metrics;
  ReportRules rules;
};

enum class MonitoringLevel { kNone, kInfrastructureOnly, kWeekly, kRealTime };
enum class MonitoringCheck {
  kPerformance,
  kInputDrift,
  kBias,
  kDataQuality,
  kBusinessKpi,
  kHealth
};
struct MonitoringRequirement {
  MonitoringLevel level = MonitoringLevel::kWeekly;
  std::vector<MonitoringCheck> checks;
  std::optional<Seconds> max_interval;
  ReportRules rules;
};

struct DataQualityRequirement {
  std::vector<NumberBound> rules_on_data;
  bool lineage = false;
  bool impact_assessment = true;
  ReportRules rules;
};

struct PromotionRequirement {
  std::string from;
  std::optional<Seconds> soak;
  ReportRules rules;
};

struct IncidentReadinessRequirement {
  ReportRules rules;
};

struct HumanOversightRequirement {
  ReportRules rules;
};

// Quantities as the report's claims of these names.
struct EnvironmentalImpactRequirement {
  std::optional<Decimal> max_training_energy;
  std::optional<Decimal> max_carbon;
  ReportRules rules;
};

struct DataSecurityRequirement {
  std::vector<std::string> regions;
  ReportRules rules;
};

struct EthicsReviewRequirement {
  std::vector<std::string> topics;
  std::int64_t max_open_concerns = 0;
  ReportRules rules;
};

// Whether a model may be signed with links in it, which lead elsewhere on another machine.
enum class Symlinks { kRefused, kAllowed };
struct ModelSignatureRequirement {
  std::vector<std::string> ignored_paths;
  Symlinks symlinks = Symlinks::kRefused;
  ReportRules rules;
};

template <>
struct EnumNames<Symlinks> {
  static constexpr std::pair<Symlinks, std::string_view> kNames[] = {
      {Symlinks::kRefused, "Refused"}, {Symlinks::kAllowed, "Allowed"}};
};
template <>
struct EnumNames<DocumentationLevel> {
  static constexpr std::pair<DocumentationLevel, std::string_view> kNames[] = {
      {DocumentationLevel::kNone, "None"},
      {DocumentationLevel::kAutomatic, "Automatic"},
      {DocumentationLevel::kFullHistory, "FullHistory"}};
};
template <>
struct EnumNames<VerificationLevel> {
  static constexpr std::pair<VerificationLevel, std::string_view> kNames[] = {
      {VerificationLevel::kNone, "None"},
      {VerificationLevel::kAutomaticChecks, "AutomaticChecks"},
      {VerificationLevel::kFullPipeline, "FullPipeline"},
      {VerificationLevel::kIndependentRecode, "IndependentRecode"}};
};
template <>
struct EnumNames<Likeness> {
  static constexpr std::pair<Likeness, std::string_view> kNames[] = {
      {Likeness::kAny, "Any"},
      {Likeness::kEquivalent, "Equivalent"},
      {Likeness::kIdentical, "Identical"}};
};
template <>
struct EnumNames<ExplainabilityLevel> {
  static constexpr std::pair<ExplainabilityLevel, std::string_view> kNames[] = {
      {ExplainabilityLevel::kNone, "None"},
      {ExplainabilityLevel::kOpaque, "Opaque"},
      {ExplainabilityLevel::kExplained, "Explained"},
      {ExplainabilityLevel::kInterpretable, "Interpretable"}};
};
template <>
struct EnumNames<HarmTestLevel> {
  static constexpr std::pair<HarmTestLevel, std::string_view> kNames[] = {
      {HarmTestLevel::kNone, "None"},
      {HarmTestLevel::kAutomated, "Automated"},
      {HarmTestLevel::kRedTeam, "RedTeam"}};
};
template <>
struct EnumNames<ReleaseMode> {
  static constexpr std::pair<ReleaseMode, std::string_view> kNames[] = {
      {ReleaseMode::kShadow, "Shadow"},
      {ReleaseMode::kCanary, "Canary"},
      {ReleaseMode::kAbTest, "ABTest"},
      {ReleaseMode::kChallenger, "Challenger"}};
};
template <>
struct EnumNames<MonitoringLevel> {
  static constexpr std::pair<MonitoringLevel, std::string_view> kNames[] = {
      {MonitoringLevel::kNone, "None"},
      {MonitoringLevel::kInfrastructureOnly, "InfrastructureOnly"},
      {MonitoringLevel::kWeekly, "Weekly"},
      {MonitoringLevel::kRealTime, "RealTime"}};
};
template <>
struct EnumNames<MonitoringCheck> {
  static constexpr std::pair<MonitoringCheck, std::string_view> kNames[] = {
      {MonitoringCheck::kPerformance, "Performance"},
      {MonitoringCheck::kInputDrift, "InputDrift"},
      {MonitoringCheck::kBias, "Bias"},
      {MonitoringCheck::kDataQuality, "DataQuality"},
      {MonitoringCheck::kBusinessKpi, "BusinessKpi"},
      {MonitoringCheck::kHealth, "Health"}};
};

}  // namespace countersign
