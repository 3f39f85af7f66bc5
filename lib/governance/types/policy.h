// policy.h: GovernancePolicy, the organisation's position as data: roles, environments, classes and
// the matrix of measures. See object.h for thread rules.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/certificate.h"
#include "governance/types/bias_requirement.h"
#include "governance/types/claim_assertion.h"
#include "governance/types/common.h"
#include "governance/types/components_requirement.h"
#include "governance/types/deployment_mode.h"
#include "governance/types/object.h"
#include "governance/types/reports.h"
#include "governance/types/sign_off.h"

namespace countersign {

// What an unmet gate does in an environment, from lenient to strict.
enum class Enforcement { kAudit, kWarn, kHold, kDeny };
template <>
struct EnumNames<Enforcement> {
  static constexpr std::pair<Enforcement, std::string_view> kNames[] = {
      {Enforcement::kAudit, "Audit"},
      {Enforcement::kWarn, "Warn"},
      {Enforcement::kHold, "Hold"},
      {Enforcement::kDeny, "Deny"}};
};

struct Ethics {
  std::vector<std::string> prohibited_purposes;
  std::vector<std::string> protected_attributes;
};

// What becomes of something that serves a model outside of a ModelDeployment, mild to severe.
enum class GuardMode { kAudit, kWarn, kDeny };
template <>
struct EnumNames<GuardMode> {
  static constexpr std::pair<GuardMode, std::string_view> kNames[] = {
      {GuardMode::kAudit, "Audit"}, {GuardMode::kWarn, "Warn"}, {GuardMode::kDeny, "Deny"}};
};

struct EnvironmentGuard {
  GuardMode mode = GuardMode::kDeny;
};

// Who alone may change what runs there, users and groups; the API server asks by itself.
struct EnvironmentLock {
  std::vector<Subject> requesters;
};

struct PolicyEnvironment {
  std::string name;
  std::vector<std::string> namespaces;
  Enforcement enforcement = Enforcement::kDeny;
  std::optional<EnvironmentGuard> guard = {};
  std::optional<EnvironmentLock> locked = {};
};

// A key by which a person, or a pipeline, signs outside of the cluster.
struct SignerKey {
  std::string public_key;
  std::optional<Time> not_before;
  std::optional<Time> not_after;
  std::optional<Time> revoked_at;
  std::string fingerprint;  // derived, see base/verification_key.h
};

// By which names an authority of the policy knows a person; exactly one of email and URI is given.
struct PersonCertificate {
  std::string authority;
  std::string email;
  std::string uri;
  std::optional<Time> revoked_at;
};

// An authority whose certificates tell who signed.
struct TrustedAuthority {
  std::string name;
  std::string certificate;
  std::vector<std::string> revocation_lists;
  std::vector<CertificateUse> usages;          // CodeSigning, if empty
  std::optional<CertificateAuthority> parsed;  // derived
};
[[nodiscard]] Result<CertificateAuthority> ParseAuthority(const TrustedAuthority& authority);

// How far another installation's word goes, from nothing but a no to all that it is listed for.
enum class InstallationTrust { kRejectionsOnly, kFull };
template <>
struct EnumNames<InstallationTrust> {
  static constexpr std::pair<InstallationTrust, std::string_view> kNames[] = {
      {InstallationTrust::kRejectionsOnly, "RejectionsOnly"}, {InstallationTrust::kFull, "Full"}};
};

// Another installation whose receipts are believed: of which kinds, in which environments.
struct TrustedInstallation {
  std::string name;  // as its webhook and operator are given by --installation
  std::vector<std::string> public_keys;
  std::vector<std::string> kinds;
  std::vector<std::string> environments;
  InstallationTrust trust = InstallationTrust::kFull;
  std::vector<std::string> fingerprints = {};  // derived, see base/verification_key.h
};

// Whether who signed in to the cluster moments before counts as Reauthenticated.
struct IdentityTokens {
  Seconds max_age{};
};

struct Person {
  std::string name;
  std::string display_name;
  std::vector<std::string> accounts;
  std::vector<std::string> groups = {};   // of whoever signs by a key
  std::vector<std::string> aliases = {};  // by which evidence names them
  std::vector<SignerKey> keys = {};
  std::vector<PersonCertificate> certificates = {};
};

enum class RoleLevel { kStrategic, kTactical, kOperational };

// How a role may be lent to a deputy; without it it may not.
struct RoleDelegation {
  Seconds max_duration{};
  std::vector<Subject> deputies;  // anybody, if empty
};

struct Role {
  std::string name;
  RoleLevel level = RoleLevel::kOperational;
  std::string description;
  std::vector<Subject> subjects;
  std::optional<RoleDelegation> delegation = {};
};

enum class Distinct { kDevelopers, kRequester, kClusterAdministrators };

// What an approval must list of what the signer had in view.
enum class ShownRule { kOptional, kRequired, kSamePolicy };

// Whether approvals with conditions count.
enum class Conditional { kRefused, kAllowed };

// Whose advice must be there, and from which severity on an approver must answer it.
struct Consultation {
  std::vector<std::string> roles;
  AdviceSeverity respond_to = AdviceSeverity::kMajor;
};

struct SignOffRequirement {
  std::string role;
  std::int64_t count = 1;
  std::vector<Distinct> distinct_from;
  std::vector<std::string> distinct_from_roles;
  std::optional<Seconds> max_age;
  Assurance assurance = Assurance::kRequester;
  std::optional<Consultation> consultation;
  Conditional conditional = Conditional::kRefused;
  bool own_environment = false;                           // one that names several does not count
  Seconds max_record_delay = std::chrono::hours(24 * 7);  // from decision to record
  ShownRule shown = ShownRule::kOptional;
};

struct Question {
  std::string name;
  std::string description;
  bool multiple = false;
  std::map<std::string, std::int64_t> options;
};

// A test on the score or one answer; exactly one member is set.
struct Leaf {
  std::optional<std::int64_t> score_at_least;
  std::string answer;
  std::string includes;
};

struct Clause : Leaf {
  std::vector<Leaf> any_of;
  std::vector<Leaf> all_of;
};

struct ClassCondition : Leaf {
  std::vector<Clause> any_of;
  std::vector<Clause> all_of;
  bool otherwise = false;
};

struct RiskClass {
  std::string name;
  std::string description;
  ClassCondition when;
};

struct Classification {
  SignOffRequirement sign_off;
  // Who agrees that a class which earlier answers led to applies no more; nullopt: nobody is asked.
  std::optional<SignOffRequirement> lowering;
  std::vector<Question> questions;
  std::vector<RiskClass> classes;
};

enum class Step {
  kBusinessScoping,
  kIdeation,
  kDevelopment,
  kPreProduction,
  kDeployment,
  kMonitoring
};

struct Applies {
  std::vector<std::string> classes;
  std::vector<std::string> environments;
};

enum class ReproducibilityLevel { kMetricsOnly, kRetrainable, kFullSnapshot };
enum class ReproducedBy { kNobody, kAnyone, kIndependent };

struct ReproducibilityRequirement {
  ReproducibilityLevel level = ReproducibilityLevel::kFullSnapshot;
  ReproducedBy reproduced_by = ReproducedBy::kNobody;
  std::optional<Decimal> tolerance;
  std::optional<Seconds> max_age;
  std::vector<Subject> issuers;
  std::vector<Subject> reproducers;
  Assurance assurance = Assurance::kRequester;
  std::int64_t signers = 1;
};

// What a report must be about.
enum class EvidenceScope { kModel, kUseCase };

// A report of the organisation's own making (types/evidence.h), judged by what it claims.
struct EvidenceRequirement {
  std::string type;
  EvidenceScope scope = EvidenceScope::kModel;
  std::vector<std::string> environments;
  bool independent = false;
  std::vector<ClaimAssertion> claims;
  std::vector<std::string> artifacts;
  std::optional<Seconds> max_age;
  std::vector<Subject> issuers;
  Assurance assurance = Assurance::kRequester;
  std::int64_t signers = 1;
};

// Exactly one member is set, of those that a policy writes.
struct Requirement {
  std::optional<SignOffRequirement> sign_off;
  std::optional<ReproducibilityRequirement> reproducibility;
  std::optional<BiasTestRequirement> bias_test;
  std::optional<EvidenceRequirement> evidence;
  std::optional<DocumentationRequirement> documentation;
  std::optional<VerificationRequirement> verification;
  std::optional<ExplainabilityRequirement> explainability;
  std::optional<HarmTestRequirement> harm_test;
  std::optional<LoadTestRequirement> load_test;
  std::optional<ReleaseRequirement> release;
  std::optional<DeploymentModeRequirement> deployment_mode;
  std::optional<ComponentsRequirement> components;
  std::optional<MonitoringRequirement> monitoring;
  std::optional<DataQualityRequirement> data_quality;
  std::optional<PromotionRequirement> promotion;
  std::optional<IncidentReadinessRequirement> incident_readiness;
  std::optional<HumanOversightRequirement> human_oversight;
  std::optional<EthicsReviewRequirement> ethics_review;
  std::optional<EnvironmentalImpactRequirement> environmental_impact;
  std::optional<DataSecurityRequirement> data_security;
  std::optional<ModelSignatureRequirement> model_signature;
  // What a requirement for a report asks of it, filled in by Decode; nothing at level None.
  std::optional<EvidenceRequirement> report;
};

// How one model differs from the one before it; computed, see model_change.h.
enum class ChangeKind {
  kDataRefresh,
  kParameter,
  kThreshold,
  kFeature,
  kServing,
  kAlgorithm,
  kPurpose
};
template <>
struct EnumNames<ChangeKind> {
  static constexpr std::pair<ChangeKind, std::string_view> kNames[] = {
      {ChangeKind::kDataRefresh, "DataRefresh"}, {ChangeKind::kParameter, "Parameter"},
      {ChangeKind::kThreshold, "Threshold"},     {ChangeKind::kFeature, "Feature"},
      {ChangeKind::kServing, "Serving"},         {ChangeKind::kAlgorithm, "Algorithm"},
      {ChangeKind::kPurpose, "Purpose"}};
};

// After changes of which kinds a measure is content with evidence about the model before.
struct CarryOverRule {
  std::vector<ChangeKind> kinds;
  std::optional<Seconds> max_age;
};

// What the operator does to a deployment that serves while a gate does not pass, mild to severe.
enum class Reaction { kAlert, kHold, kRollback, kSuspend };

struct ExpiryReaction {
  Reaction action = Reaction::kAlert;
  Seconds grace{14 * 86400};
  Reaction then = Reaction::kHold;
};

// What a measure asks evidence about, beside the name or role of a component.
inline constexpr std::string_view kSubjectComposite = "Composite";
inline constexpr std::string_view kSubjectEach = "Each";

struct Measure {
  std::string name;
  Step step = Step::kPreProduction;
  std::string description;
  std::string accountable;
  std::vector<std::string> responsible;
  std::vector<std::string> consulted;
  std::vector<std::string> informed;
  Applies applies;
  std::optional<Enforcement> enforcement;
  Requirement require;
  std::string subject;  // empty: Composite
  std::vector<CarryOverRule> carry_over;
  Reaction on_violation = Reaction::kHold;
  ExpiryReaction on_expiry;
};

// What must limit the harm while measures are waived, as a report that is judged like any other.
struct WaiverControl {
  std::string name;
  std::vector<std::string> measures;  // empty: whichever is waived
  EvidenceRequirement evidence;
};

// Who may make an exception that counts before anybody else has said so, and for how long.
struct EmergencyRules {
  std::string role;
  Seconds max_duration{};
};
// An emergency is over, or work on it has begun, after a long weekend.
inline constexpr Seconds kLongestEmergency{72 * 3600};

// What may be excepted for how long, and who says so; without it nothing may.
struct WaiverRules {
  SignOffRequirement sign_off;
  Seconds max_duration{};
  std::int64_t max_renewals = 0;
  std::optional<Seconds> max_total;
  std::vector<std::string> never;
  std::vector<WaiverControl> controls;
  std::optional<EmergencyRules> emergency;
};

// How long after awareness a report about an incident of a category is due.
struct IncidentDeadline {
  std::string category;
  Seconds within{};
};

// Who reviews and who closes incidents; without it nobody does.
struct IncidentRules {
  SignOffRequirement sign_off;
  std::vector<Subject> issuers;  // of reviews
  std::vector<IncidentDeadline> deadlines;
};

// Who agrees to how a use case ends; without it whoever signs its answers.
struct RetirementRules {
  SignOffRequirement sign_off;
};

// What people may approve of beforehand; without it nothing.
struct ProtocolRules {
  SignOffRequirement sign_off;
  std::vector<std::string> measures;  // sign-off measures that a protocol may stand for
  std::vector<ChangeKind> kinds;
  std::vector<std::string> fresh;  // measures that each new model must meet by itself
  std::int64_t max_uses = 1;
  Seconds max_duration{};
};

// Whose word tells what changed, and how far change may go; without it nothing is carried over.
struct ChangeRules {
  std::vector<Subject> issuers;         // of snapshots
  std::vector<Subject> health_issuers;  // of ServingRecords
  std::int64_t max_steps = 5;
  Seconds max_total{};
  std::optional<ProtocolRules> protocols;
};

// On every published version, so that deleting one is for the operator to finish
// (governance/in_force.h, KeptBecause).
inline constexpr std::string_view kVersionFinalizer = "countersign.dev/policy-version";

// What makes a policy a published version, whose spec never changes.
struct PolicyVersion {
  std::string label;
  std::string supersedes;  // name of the version before it; empty: the first of its line
  std::optional<Time> effective_from;
  std::optional<Seconds> transition;
};

// Who approves what comes after this version, and its withdrawal.
struct Succession {
  SignOffRequirement sign_off;
};

struct GovernancePolicySpec {
  static constexpr std::string_view kKind = "GovernancePolicy";
  std::string description;
  Ethics ethics;
  std::vector<PolicyEnvironment> environments;
  std::vector<Person> people;
  std::vector<Subject> cluster_administrators;
  std::vector<TrustedAuthority> certificate_authorities;
  std::vector<TrustedInstallation> trusted_installations;
  std::optional<IdentityTokens> identity_tokens;
  std::vector<Role> roles;
  Classification classification;
  std::vector<Measure> measures;
  std::optional<WaiverRules> waivers;
  std::optional<IncidentRules> incidents;
  std::optional<RetirementRules> retirement;
  std::optional<ChangeRules> changes;
  std::optional<PolicyVersion> version;
  std::optional<Succession> succession;
};
using GovernancePolicy = Object<GovernancePolicySpec>;

template <>
struct EnumNames<CertificateUse> {
  static constexpr std::pair<CertificateUse, std::string_view> kNames[] = {
      {CertificateUse::kCodeSigning, "CodeSigning"},
      {CertificateUse::kEmailProtection, "EmailProtection"},
      {CertificateUse::kClientAuth, "ClientAuth"}};
};
template <>
struct EnumNames<Step> {
  static constexpr std::pair<Step, std::string_view> kNames[] = {
      {Step::kBusinessScoping, "BusinessScoping"}, {Step::kIdeation, "Ideation"},
      {Step::kDevelopment, "Development"},         {Step::kPreProduction, "PreProduction"},
      {Step::kDeployment, "Deployment"},           {Step::kMonitoring, "Monitoring"}};
};
template <>
struct EnumNames<Reaction> {
  static constexpr std::pair<Reaction, std::string_view> kNames[] = {
      {Reaction::kAlert, "Alert"},
      {Reaction::kHold, "Hold"},
      {Reaction::kRollback, "Rollback"},
      {Reaction::kSuspend, "Suspend"}};
};
template <>
struct EnumNames<ReproducibilityLevel> {
  static constexpr std::pair<ReproducibilityLevel, std::string_view> kNames[] = {
      {ReproducibilityLevel::kMetricsOnly, "MetricsOnly"},
      {ReproducibilityLevel::kRetrainable, "Retrainable"},
      {ReproducibilityLevel::kFullSnapshot, "FullSnapshot"}};
};

}  // namespace countersign
