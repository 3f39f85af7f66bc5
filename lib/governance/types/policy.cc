#include "governance/types/policy.h"

#include "governance/types/codec.h"
#include "governance/types/policy_check.h"

namespace countersign {

template <>
struct EnumNames<RoleLevel> {
  static constexpr std::pair<RoleLevel, std::string_view> kNames[] = {
      {RoleLevel::kStrategic, "Strategic"},
      {RoleLevel::kTactical, "Tactical"},
      {RoleLevel::kOperational, "Operational"}};
};
template <>
struct EnumNames<Distinct> {
  static constexpr std::pair<Distinct, std::string_view> kNames[] = {
      {Distinct::kDevelopers, "developers"}, {Distinct::kRequester, "requester"}};
};
template <>
struct EnumNames<Assurance> {
  static constexpr std::pair<Assurance, std::string_view> kNames[] = {
      {Assurance::kRequester, "Requester"}};
};
template <>
struct EnumNames<ReproducedBy> {
  static constexpr std::pair<ReproducedBy, std::string_view> kNames[] = {
      {ReproducedBy::kNobody, "Nobody"},
      {ReproducedBy::kAnyone, "Anyone"},
      {ReproducedBy::kIndependent, "Independent"}};
};
template <>
struct EnumNames<fairness::Rule> {
  static constexpr std::pair<fairness::Rule, std::string_view> kNames[] = {
      {fairness::Rule::kPointEstimate, "PointEstimate"},
      {fairness::Rule::kWholeInterval, "WholeInterval"},
      {fairness::Rule::kNotWhollyOutside, "NotWhollyOutside"}};
};

namespace {

// Budget of CEL and of the reader's patience: see docs/concepts.md, "Limits".
constexpr std::int64_t kMaxListed = 128;
constexpr std::int64_t kMaxMetrics = 32;

constexpr FieldInfo NameField(std::string_view doc) {
  return {.name = "name", .doc = doc, .required = true, .format = Format::kName, .length = 63};
}

constexpr FieldInfo IssuersField() {
  return {.name = "issuers",
          .doc =
              "Whose reports this measure believes: accounts, groups, people or roles of this "
              "policy. Nobody, if the list is empty.",
          .max = kMaxListed};
}

constexpr FieldInfo MaxAgeField() {
  return {.name = "maxAge",
          .doc =
              "How long the evidence holds, counted from when the system first saw it, for "
              "example 90d. Without it the evidence does not age."};
}

}  // namespace

template <class V>
void Describe(V& v, Ethics& e) {
  v.Field({.name = "prohibitedPurposes",
           .doc = "Purpose categories that are refused whatever evidence there is.",
           .format = Format::kName,
           .max = kMaxListed,
           .length = 63,
           .list = ListType::kSet},
          e.prohibited_purposes);
  v.Field({.name = "protectedAttributes",
           .doc = "Attributes of people that the organisation protects; every biasTest measure of "
                  "this policy covers some of them.",
           .format = Format::kIdentifier,
           .max = 64,
           .length = 63,
           .list = ListType::kSet},
          e.protected_attributes);
}

template <class V>
void Describe(V& v, PolicyEnvironment& e) {
  v.Field(NameField("Name of the environment, for example prod."), e.name);
  v.Field(
      {.name = "namespaces",
       .doc = "Namespaces that belong to it: exact names, or patterns with '*' for places where "
              "tenants cannot create namespaces. A namespace in no environment admits no "
              "ModelDeployment.",
       .required = true,
       .format = Format::kNamespaceGlob,
       .min = 1,
       .max = kMaxListed,
       .length = 63,
       .list = ListType::kSet},
      e.namespaces);
  v.Field({.name = "enforcement",
           .doc = "What an unmet gate does: Deny (refused at admission), Hold (admitted, nothing "
                  "new is served), Warn (served, with a warning) or Audit (served, recorded).",
           .required = true},
          e.enforcement);
}

template <class V>
void Describe(V& v, Person& p) {
  v.Field(NameField("Name of the person in this policy."), p.name);
  v.Field({.name = "displayName", .doc = "Name for people."}, p.display_name);
  v.Field({.name = "accounts",
           .doc = "All accounts of this person: two of them never count as two people.",
           .required = true,
           .format = Format::kToken,
           .min = 1,
           .max = 16,
           .list = ListType::kSet},
          p.accounts);
}

template <class V>
void Describe(V& v, Role& r) {
  v.Field(NameField("Name of the role."), r.name);
  v.Field({.name = "level", .doc = "Strategic, Tactical or Operational.", .required = true},
          r.level);
  v.Field({.name = "description", .doc = "What the role answers for.", .length = 1024},
          r.description);
  v.Field({.name = "subjects",
           .doc = "Who holds it: users, groups or people of this policy.",
           .required = true,
           .min = 1,
           .max = kMaxListed},
          r.subjects);
}

template <class V>
void Describe(V& v, SignOffRequirement& r) {
  v.Field({.name = "role",
           .doc = "Role that the signers hold.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          r.role);
  v.Field({.name = "count",
           .doc = "How many different people must approve, 1 to 16.",
           .required = true,
           .min = 1,
           .max = 16},
          r.count);
  v.Field(
      {.name = "distinctFrom",
       .doc = "People whose sign-off does not count: developers (listed by the use case, issuers "
              "of the evidence, author of the deployment) and requester (who applied the "
              "deployment).",
       .max = 2,
       .list = ListType::kSet},
      r.distinct_from);
  v.Field(MaxAgeField(), r.max_age);
  v.Field({.name = "assurance",
           .doc = "How a sign-off is known to be the signer's. Requester: the API server "
                  "authenticated the signer when the object was created.",
           .required = true},
          r.assurance);
}

template <class V>
void Describe(V& v, Question& q) {
  v.Field({.name = "name",
           .doc = "Name of the question.",
           .required = true,
           .format = Format::kIdentifier,
           .length = 63},
          q.name);
  v.Field({.name = "description", .doc = "The question as people read it.", .length = 1024},
          q.description);
  v.Field({.name = "multiple", .doc = "Whether several options may be chosen. Default false."},
          q.multiple);
  v.Field({.name = "options",
           .doc = "Possible answers and what each adds to the score, 0 to 64.",
           .required = true,
           .max = 64},
          q.options);
}

template <class V>
void DescribeLeaf(V& v, Leaf& l) {
  v.Field({.name = "scoreAtLeast",
           .doc = "True when the scores of all given answers add up to at least this, 0 to 10000.",
           .max = 10000},
          l.score_at_least);
  v.Field({.name = "answer",
           .doc = "Name of a question; true when its answer includes the option "
                  "in `includes`.",
           .format = Format::kIdentifier,
           .length = 63},
          l.answer);
  v.Field({.name = "includes", .doc = "The option.", .length = 63}, l.includes);
}

template <class V>
void Describe(V& v, Leaf& l) {
  DescribeLeaf(v, l);
  v.Rules({{"has(self.answer) == has(self.includes)", "answer and includes go together"},
           {"has(self.answer) != has(self.scoreAtLeast)",
            "must have exactly one of scoreAtLeast and answer"}});
}

template <class V>
void Describe(V& v, Clause& c) {
  DescribeLeaf(v, c);
  v.Field({.name = "anyOf", .doc = "True when one of these is.", .max = 16}, c.any_of);
  v.Field({.name = "allOf", .doc = "True when all of these are.", .max = 16}, c.all_of);
}

template <class V>
void Describe(V& v, ClassCondition& c) {
  DescribeLeaf(v, c);
  v.Field({.name = "anyOf", .doc = "True when one of these is.", .max = 16}, c.any_of);
  v.Field({.name = "allOf", .doc = "True when all of these are.", .max = 16}, c.all_of);
  v.Field({.name = "otherwise", .doc = "True when no other class is."}, c.otherwise);
}

template <class V>
void Describe(V& v, RiskClass& c) {
  v.Field(NameField("Name of the class, for example high."), c.name);
  v.Field({.name = "description", .doc = "What it stands for.", .length = 1024}, c.description);
  v.Field({.name = "when",
           .doc = "When a use case belongs to it; a use case may belong to several. Exactly one of "
                  "scoreAtLeast, answer, anyOf, allOf, otherwise.",
           .required = true},
          c.when);
}

template <class V>
void Describe(V& v, Classification& c) {
  v.Field({.name = "signOff",
           .doc = "Whose sign-off on a use case makes its answers count. Until then every class "
                  "that its answers could lead to applies.",
           .required = true},
          c.sign_off);
  v.Field({.name = "questions",
           .doc = "The checklist that every use case answers.",
           .max = 64,
           .list = ListType::kMap,
           .list_key = "name"},
          c.questions);
  v.Field({.name = "classes",
           .doc = "The risk classes.",
           .required = true,
           .min = 1,
           .max = 32,
           .list = ListType::kMap,
           .list_key = "name"},
          c.classes);
}

template <class V>
void Describe(V& v, Applies& a) {
  v.Field({.name = "classes",
           .doc = "Classes it applies to; all, if empty.",
           .format = Format::kName,
           .max = 32,
           .length = 63,
           .list = ListType::kSet},
          a.classes);
  v.Field({.name = "environments",
           .doc = "Environments it applies in; all, if empty.",
           .format = Format::kName,
           .max = 32,
           .length = 63,
           .list = ListType::kSet},
          a.environments);
}

template <class V>
void Describe(V& v, ReproducibilityRequirement& r) {
  v.Field({.name = "level",
           .doc = "FullSnapshot (clean commit, pinned environment, digests of all data, result) or "
                  "Retrainable (commit, environment, training data) or MetricsOnly (metrics of the "
                  "model).",
           .required = true},
          r.level);
  v.Field({.name = "reproducedBy",
           .doc = "Independent: somebody other than the author and the developers has repeated the "
                  "run; Anyone: anybody has. Default Nobody."},
          r.reproduced_by);
  v.Field({.name = "tolerance",
           .doc = "How far the metrics of a repetition may be from the original when the digests "
                  "differ, a decimal. Without it the digests must be equal."},
          r.tolerance);
  v.Field(MaxAgeField(), r.max_age);
  v.Field(IssuersField(), r.issuers);
  v.Field({.name = "reproducers",
           .doc = "Whose repetitions this measure believes: accounts, groups, people or roles of "
                  "this policy. Needed with reproducedBy Anyone or Independent.",
           .max = kMaxListed},
          r.reproducers);
}

template <class V>
void Describe(V& v, RequiredAttribute& a) {
  v.Field({.name = "name",
           .doc = "Name of the attribute.",
           .required = true,
           .format = Format::kIdentifier,
           .length = 63},
          a.name);
  v.Field({.name = "groups",
           .doc = "All groups that must be tested; one that is left out is missing "
                  "evidence.",
           .required = true,
           .format = Format::kToken,
           .min = 2,
           .max = 32,
           .length = 63,
           .list = ListType::kSet},
          a.groups);
  v.Field({.name = "reference",
           .doc = "The group that the others are compared with.",
           .required = true,
           .format = Format::kToken,
           .length = 63},
          a.reference);
  v.Field({.name = "bins",
           .doc = "Inner boundaries of a binned number, ascending decimals; the "
                  "test must have used the same.",
           .max = 32},
          a.bins);
  v.Field({.name = "unknownGroup",
           .doc = "Group of the people whose value is not known. They are counted, not judged.",
           .format = Format::kToken,
           .length = 63},
          a.unknown_group);
  v.Field({.name = "minCoverage",
           .doc = "Least share of people whose value is known, a decimal between 0 and 1. Default "
                  "0.95 where there is an unknownGroup."},
          a.min_coverage);
}

template <class V>
void Describe(V& v, MetricBound& m) {
  v.Field({.name = "name",
           .doc = "Name of the metric: see docs/reference/fairness-metrics.md for all of them with "
                  "formulae and sources.",
           .required = true,
           .format = Format::kIdentifier,
           .length = 63},
          m.name);
  v.Field({.name = "min", .doc = "Least allowed value, inclusive, a decimal."}, m.min);
  v.Field({.name = "max", .doc = "Greatest allowed value, inclusive, a decimal."}, m.max);
}

template <class V>
void Describe(V& v, BiasTestRequirement& r) {
  v.Field({.name = "favorableOutcome",
           .doc = "The outcome people hope for; the positive class.",
           .required = true,
           .format = Format::kToken,
           .length = 63},
          r.favorable_outcome);
  v.Field({.name = "attributes",
           .doc = "Attributes and groups to be tested.",
           .required = true,
           .min = 1,
           .max = 8,
           .list = ListType::kMap,
           .list_key = "name"},
          r.attributes);
  v.Field({.name = "intersections",
           .doc = "Sets of attributes whose combinations are judged as groups of their own.",
           .format = Format::kIdentifier,
           .max = 8,
           .length = 63},
          r.intersections);
  v.Field({.name = "metrics",
           .doc = "Metrics and their bounds.",
           .required = true,
           .min = 1,
           .max = kMaxMetrics,
           .list = ListType::kMap,
           .list_key = "name"},
          r.metrics);
  v.Field({.name = "judge",
           .doc = "What must lie within the bounds: PointEstimate (the value), WholeInterval (the "
                  "whole confidence interval too) or NotWhollyOutside (some of the interval). "
                  "Default PointEstimate."},
          r.judge);
  v.Field({.name = "confidence", .doc = "Confidence level: 0.9, 0.95 or 0.99. Default 0.95."},
          r.confidence);
  v.Field({.name = "minGroupSize",
           .doc = "Fewest people in a group for it to be judged, 1 to 10^9. Default 100.",
           .min = 1,
           .max = 1'000'000'000},
          r.min_group_size);
  v.Field(
      {.name = "minPositives",
       .doc = "Fewest people with the favourable label in a group, where the metric needs them, "
              "1 to 10^9. Default 10.",
       .min = 1,
       .max = 1'000'000'000},
      r.min_positives);
  v.Field(
      {.name = "minNegatives",
       .doc = "Fewest people with the other label in a group, where the metric needs them, 1 to "
              "10^9. Default 10.",
       .min = 1,
       .max = 1'000'000'000},
      r.min_negatives);
  v.Field(MaxAgeField(), r.max_age);
  v.Field(IssuersField(), r.issuers);
}

template <class V>
void Describe(V& v, Requirement& r) {
  v.Field({.name = "signOff", .doc = "People approve."}, r.sign_off);
  v.Field({.name = "reproducibility", .doc = "The model can be made again."}, r.reproducibility);
  v.Field({.name = "biasTest", .doc = "The model treats groups alike, within bounds."},
          r.bias_test);
  v.Rules(
      {{"(has(self.signOff) ? 1 : 0) + (has(self.reproducibility) ? 1 : 0) + "
        "(has(self.biasTest) ? 1 : 0) == 1",
        "must have exactly one of signOff, reproducibility and biasTest"}});
}

template <class V>
void Describe(V& v, ExpiryReaction& e) {
  v.Field({.name = "action",
           .doc = "At the instant of expiry: Alert, Hold, Rollback or Suspend.",
           .required = true},
          e.action);
  v.Field({.name = "grace", .doc = "How long until `then`, for example 14d.", .required = true},
          e.grace);
  v.Field({.name = "then",
           .doc = "After the grace period: Alert, Hold, Rollback or Suspend.",
           .required = true},
          e.then);
}

template <class V>
void Describe(V& v, Measure& m) {
  v.Field(NameField("Name of the measure."), m.name);
  v.Field({.name = "step",
           .doc = "Process step it belongs to: BusinessScoping, Ideation, Development, "
                  "PreProduction, Deployment or Monitoring.",
           .required = true},
          m.step);
  v.Field({.name = "description",
           .doc = "Why it is asked; shown to whoever is refused.",
           .length = 1024},
          m.description);
  v.Field({.name = "accountable",
           .doc = "The one role that answers for it.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          m.accountable);
  v.Field({.name = "responsible",
           .doc = "Roles that do the work.",
           .format = Format::kName,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          m.responsible);
  v.Field({.name = "consulted",
           .doc = "Roles that are asked.",
           .format = Format::kName,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          m.consulted);
  v.Field({.name = "informed",
           .doc = "Roles that are told.",
           .format = Format::kName,
           .max = 16,
           .length = 63,
           .list = ListType::kSet},
          m.informed);
  v.Field({.name = "applies", .doc = "Where it applies; everywhere, if absent."}, m.applies);
  v.Field({.name = "enforcement",
           .doc = "Enforcement of this measure where it is stricter than the environment's."},
          m.enforcement);
  v.Field({.name = "require", .doc = "What is required; exactly one member.", .required = true},
          m.require);
  v.Field(
      {.name = "onViolation",
       .doc = "What the operator does to a serving revision when the gate fails or its evidence "
              "is withdrawn: Alert, Hold (nothing new is served), Rollback (to an earlier "
              "approved revision that still passes) or Suspend. Default Hold."},
      m.on_violation);
  v.Field({.name = "onExpiry",
           .doc = "What the operator does when evidence gets too old. Default: Alert, after 14d "
                  "Hold."},
          m.on_expiry);
}

template <class V>
void Describe(V& v, GovernancePolicySpec& s) {
  v.Field({.name = "description", .doc = "What the policy is for.", .length = 4096}, s.description);
  v.Field({.name = "ethics", .doc = "The organisation's ethical position."}, s.ethics);
  v.Field({.name = "environments",
           .doc = "Environments in the order of promotion.",
           .required = true,
           .min = 1,
           .max = 32,
           .list = ListType::kMap,
           .list_key = "name"},
          s.environments);
  v.Field({.name = "people",
           .doc = "People with more than one account. An account that is not listed is a person of "
                  "its own.",
           .max = kMaxListed,
           .list = ListType::kMap,
           .list_key = "name"},
          s.people);
  v.Field({.name = "roles",
           .doc = "Roles and who holds them.",
           .required = true,
           .min = 1,
           .max = kMaxListed,
           .list = ListType::kMap,
           .list_key = "name"},
          s.roles);
  v.Field({.name = "classification", .doc = "How use cases are classified.", .required = true},
          s.classification);
  v.Field({.name = "measures",
           .doc = "The matrix: what is required of whom, and where.",
           .max = kMaxListed,
           .list = ListType::kMap,
           .list_key = "name"},
          s.measures);
}

static void Check(const GovernancePolicySpec& spec, const Json& /*json*/,
                  std::vector<Error>& errors) {
  CheckPolicy(spec, errors);
}

COUNTERSIGN_INSTANTIATE_KIND(GovernancePolicySpec);

}  // namespace countersign
