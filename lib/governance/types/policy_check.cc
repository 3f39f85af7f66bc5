#include "governance/types/policy_check.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/verification_key.h"
#include "governance/claims.h"
#include "governance/report_requirements.h"
#include "governance/types/authority_check.h"
#include "governance/types/bias_check.h"

namespace countersign {
namespace {

std::string At(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

// Collects the faults of one policy. Each member function checks one part.
class Checker {
 public:
  Checker(const GovernancePolicySpec& spec, std::vector<Error>& errors)
      : spec_(spec), errors_(errors) {
    for (const Role& role : spec.roles) roles_.insert(role.name);
    for (const Person& person : spec.people) people_.insert(person.name);
    for (const PolicyEnvironment& e : spec.environments) environments_.insert(e.name);
    for (const RiskClass& c : spec.classification.classes) classes_.insert(c.name);
    for (const Measure& m : spec.measures) measures_.insert(m.name);
  }

  void Run() {
    People();
    CheckInstallations(spec_, errors_);
    CheckAuthorities(spec_, errors_);
    Roles();
    ClassificationPart();
    for (std::size_t i = 0; i < spec_.measures.size(); ++i) {
      OneMeasure(spec_.measures[i], At("spec.measures", i));
    }
    if (spec_.waivers) Waivers(*spec_.waivers);
    if (spec_.retirement) SignOffAnywhere(spec_.retirement->sign_off, "spec.retirement.signOff");
    if (spec_.changes) Changes(*spec_.changes);
    if (spec_.incidents) {
      SignOffAnywhere(spec_.incidents->sign_off, "spec.incidents.signOff");
      Issuers(spec_.incidents->issuers, "spec.incidents.issuers");
    }
    if (spec_.version) Version(*spec_.version);
    if (spec_.succession) SuccessionPart(spec_.succession->sign_off);
  }

 private:
  void Add(const std::string& path, const std::string& message) {
    errors_.push_back({Code::kInvalidArgument, message, path, std::nullopt});
  }

  void Known(const std::set<std::string>& known, const std::string& name, const std::string& path,
             const char* what) {
    if (!known.contains(name)) Add(path, "'" + name + "' is not " + what + " of this policy");
  }

  void KnownAll(const std::set<std::string>& known, const std::vector<std::string>& names,
                const std::string& path, const char* what) {
    for (std::size_t i = 0; i < names.size(); ++i) Known(known, names[i], At(path, i), what);
  }

  void People() {
    std::map<std::string, std::string> owners;
    std::map<std::string, std::string> key_owners;
    for (std::size_t i = 0; i < spec_.people.size(); ++i) {
      const Person& person = spec_.people[i];
      for (std::size_t k = 0; k < person.accounts.size(); ++k) {
        const auto [it, fresh] = owners.emplace(person.accounts[k], person.name);
        if (fresh) continue;
        Add(At(At("spec.people", i) + ".accounts", k),
            "account '" + person.accounts[k] + "' already belongs to '" + it->second + "'");
      }
      Keys(person, At("spec.people", i) + ".keys", key_owners);
    }
    // After all accounts: an alias that is somebody's account would make two people of one name.
    for (std::size_t i = 0; i < spec_.people.size(); ++i) {
      const Person& person = spec_.people[i];
      for (std::size_t k = 0; k < person.aliases.size(); ++k) {
        const auto [it, fresh] = owners.emplace(person.aliases[k], person.name);
        if (fresh || it->second == person.name) continue;
        Add(At(At("spec.people", i) + ".aliases", k),
            "'" + person.aliases[k] + "' already belongs to '" + it->second + "'");
      }
    }
    Issuers(spec_.cluster_administrators, "spec.clusterAdministrators");
  }

  void Keys(const Person& person, const std::string& path,
            std::map<std::string, std::string>& owners) {
    for (std::size_t i = 0; i < person.keys.size(); ++i) {
      const SignerKey& key = person.keys[i];
      auto parsed = VerificationKey::Parse(key.public_key);
      if (!parsed) {
        Add(At(path, i) + ".publicKey", parsed.error().message);
        continue;
      }
      const auto [it, fresh] = owners.emplace(parsed->fingerprint(), person.name);
      if (!fresh) {
        Add(At(path, i) + ".publicKey",
            "key " + parsed->fingerprint() + " already belongs to '" + it->second + "'");
      }
      if (key.not_before && key.not_after && *key.not_after <= *key.not_before) {
        Add(At(path, i) + ".notAfter", "must be after notBefore");
      }
    }
  }

  void Roles() {
    for (std::size_t i = 0; i < spec_.roles.size(); ++i) {
      if (const auto& lent = spec_.roles[i].delegation) {
        const std::string path = At("spec.roles", i) + ".delegation";
        if (lent->max_duration <= Seconds{0}) Add(path + ".maxDuration", "must be positive");
        Issuers(lent->deputies, path + ".deputies");
      }
      const auto& subjects = spec_.roles[i].subjects;
      for (std::size_t k = 0; k < subjects.size(); ++k) {
        const std::string path = At(At("spec.roles", i) + ".subjects", k);
        if (subjects[k].kind == SubjectKind::kRole) {
          Add(path + ".kind", "must be one of 'User', 'Group', 'Person', is 'Role'");
        } else if (subjects[k].kind == SubjectKind::kPerson) {
          Known(people_, subjects[k].name, path + ".name", "a person");
        }
      }
    }
  }

  void SignOffPart(const SignOffRequirement& r, const std::string& path) {
    Known(roles_, r.role, path + ".role", "a role");
    OtherRoles(r.role, r.distinct_from_roles, path + ".distinctFromRoles");
    if (r.consultation) OtherRoles(r.role, r.consultation->roles, path + ".consultation.roles");
  }

  void OtherRoles(const std::string& own, const std::vector<std::string>& roles,
                  const std::string& path) {
    KnownAll(roles_, roles, path, "a role");
    for (std::size_t i = 0; i < roles.size(); ++i) {
      if (roles[i] == own) Add(At(path, i), "must be another role than '" + own + "' itself");
    }
  }

  // What is signed off for all environments at once has none of its own.
  void SignOffAnywhere(const SignOffRequirement& r, const std::string& path) {
    SignOffPart(r, path);
    if (r.own_environment) {
      Add(path + ".ownEnvironment", "only a measure's signOff may ask for it");
    }
    if (r.shown != ShownRule::kOptional) {
      Add(path + ".shown", "only a measure's signOff may ask for it");
    }
  }

  void Version(const PolicyVersion& v) {
    if (!spec_.succession) {
      Add("spec.succession",
          "is required for a published version: it says who approves the one after it");
    }
    if (!v.supersedes.empty()) return;
    const char* why = "needs spec.version.supersedes: a first version takes effect at once";
    if (v.effective_from) Add("spec.version.effectiveFrom", why);
    if (v.transition) Add("spec.version.transition", why);
  }

  void SuccessionPart(const SignOffRequirement& r) {
    SignOffPart(r, "spec.succession.signOff");
    for (std::size_t i = 0; i < r.distinct_from.size(); ++i) {
      if (r.distinct_from[i] != Distinct::kDevelopers) continue;
      Add(At("spec.succession.signOff.distinctFrom", i),
          "must be 'requester', who publishes the version, or 'clusterAdministrators': a policy "
          "has "
          "no developers");
    }
  }

  void LeafPart(const Leaf& leaf, const std::string& path, int others) {
    const int set = others + (leaf.score_at_least ? 1 : 0) + (leaf.answer.empty() ? 0 : 1);
    if (set != 1) {
      Add(path, "must have exactly one of its tests, has " + std::to_string(set));
    }
    if (leaf.answer.empty() != leaf.includes.empty()) {
      Add(path, "answer and includes go together");
    } else if (!leaf.answer.empty()) {
      for (const Question& q : spec_.classification.questions) {
        if (q.name != leaf.answer) continue;
        if (!q.options.contains(leaf.includes)) {
          Add(path + ".includes",
              "'" + leaf.includes + "' is not an option of question '" + q.name + "'");
        }
        return;
      }
      Add(path + ".answer", "'" + leaf.answer + "' is not a question of this policy");
    }
  }

  template <class Group>
  void GroupPart(const Group& group, const std::string& path, int others) {
    LeafPart(group, path, others + (group.any_of.empty() ? 0 : 1) + (group.all_of.empty() ? 0 : 1));
    for (std::size_t i = 0; i < group.any_of.size(); ++i)
      Nested(group.any_of[i], At(path + ".anyOf", i));
    for (std::size_t i = 0; i < group.all_of.size(); ++i)
      Nested(group.all_of[i], At(path + ".allOf", i));
  }
  void Nested(const Clause& clause, const std::string& path) { GroupPart(clause, path, 0); }
  void Nested(const Leaf& leaf, const std::string& path) { LeafPart(leaf, path, 0); }

  void ClassificationPart() {
    const Classification& c = spec_.classification;
    SignOffAnywhere(c.sign_off, "spec.classification.signOff");
    if (c.lowering) SignOffAnywhere(*c.lowering, "spec.classification.lowering");
    for (std::size_t i = 0; i < c.questions.size(); ++i) {
      const std::string path = At("spec.classification.questions", i) + ".options";
      if (c.questions[i].options.empty()) Add(path, "must not be empty");
      for (const auto& [option, score] : c.questions[i].options) {
        if (option.empty() || option.size() > 63)
          Add(path, "an option must have 1 to 63 characters");
      }
    }
    int otherwise = 0;
    for (std::size_t i = 0; i < c.classes.size(); ++i) {
      otherwise += c.classes[i].when.otherwise ? 1 : 0;
      GroupPart(c.classes[i].when, At("spec.classification.classes", i) + ".when",
                c.classes[i].when.otherwise ? 1 : 0);
    }
    // A use case in no class would owe nothing: there must be a class for whatever is left.
    if (otherwise != 1) {
      Add("spec.classification.classes",
          "exactly one class must be `when: {otherwise: true}`, there are " +
              std::to_string(otherwise));
    }
  }

  void Issuers(const std::vector<Subject>& issuers, const std::string& path) {
    for (std::size_t i = 0; i < issuers.size(); ++i) {
      if (issuers[i].kind == SubjectKind::kPerson) {
        Known(people_, issuers[i].name, At(path, i) + ".name", "a person");
      } else if (issuers[i].kind == SubjectKind::kRole) {
        Known(roles_, issuers[i].name, At(path, i) + ".name", "a role");
      }
    }
  }

  void Evidence(const EvidenceRequirement& r, const std::string& path) {
    KnownAll(environments_, r.environments, path + ".environments", "an environment");
    Issuers(r.issuers, path + ".issuers");
    Signers(r.signers, r.assurance, path);
    if (r.claims.empty() && r.artifacts.empty()) {
      Add(path, "must ask for claims or artifacts: a report that may say anything proves nothing");
    }
    for (std::size_t i = 0; i < r.claims.size(); ++i) {
      auto ok = CheckAssertion(r.type, r.claims[i]);
      if (!ok) Add(At(path + ".claims", i) + "." + ok.error().path, ok.error().message);
    }
  }

  // Hardware keys sign alone, and what is not signed has one maker.
  void Signers(std::int64_t signers, Assurance assurance, const std::string& path) {
    if (signers > 1 && assurance != Assurance::kSigned) {
      Add(path + ".signers", "needs assurance Signed where it is more than 1");
    }
  }

  void Rules(const ReportRules& r, const std::string& path) {
    Signers(r.signers, r.assurance, path);
    KnownAll(environments_, r.environments, path + ".environments", "an environment");
    Issuers(r.issuers, path + ".issuers");
  }

  void Bounds(std::string_view type, const std::vector<NumberBound>& bounds,
              const std::string& path) {
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      const NumberBound& b = bounds[i];
      if (!b.min && !b.max) Add(At(path, i), "must have min or max");
      if (auto wrong = WrongUnit(type, b.name, b.unit); !wrong.empty()) {
        Add(At(path, i) + ".unit", std::move(wrong));
      }
      if (b.min && b.max && *b.min > *b.max) {
        Add(At(path, i) + ".min", "must be at most max, " + b.max->ToString() + ", is " +
                                      b.min->ToString() + ": nothing could pass");
      }
    }
  }

  void Share(const std::optional<Decimal>& share, const std::string& path) {
    if (share && (*share < Decimal() || share->ToDouble() > 1.0)) {
      Add(path, "must be between 0 and 1, is " + share->ToString());
    }
  }

  void Expression(const std::string& text, const std::string& path) {
    const auto ok = CheckAssertion({}, {"name", ClaimOperator::kMatches, text, {}});
    if (!text.empty() && !ok) Add(path, ok.error().message);
  }

  void ReportParts(const Requirement& r, const std::string& path) {
    if (r.documentation) {
      Rules(r.documentation->rules, path + ".documentation");
      Share(r.documentation->min_completeness, path + ".documentation.minCompleteness");
    }
    if (r.verification) {
      const std::string at = path + ".verification";
      Rules(r.verification->rules, at);
      Bounds("Verification", r.verification->metrics, at + ".metrics");
      Expression(r.verification->model_name_pattern, at + ".modelNamePattern");
      Expression(r.verification->model_version_pattern, at + ".modelVersionPattern");
    }
    if (r.explainability) {
      Rules(r.explainability->rules, path + ".explainability");
      Share(r.explainability->min_coverage, path + ".explainability.minCoverage");
    }
    if (r.harm_test) Rules(r.harm_test->rules, path + ".harmTest");
    if (r.load_test) LoadTest(*r.load_test, path + ".loadTest");
    if (r.release) {
      Rules(r.release->rules, path + ".release");
      Bounds("Release", r.release->metrics, path + ".release.metrics");
    }
    if (r.deployment_mode && r.deployment_mode->max_replicas &&
        *r.deployment_mode->max_replicas < r.deployment_mode->min_replicas) {
      Add(path + ".deploymentMode.maxReplicas",
          "must be at least minReplicas, " + std::to_string(r.deployment_mode->min_replicas) +
              ", is " + std::to_string(*r.deployment_mode->max_replicas));
    }
    if (r.components) Components(*r.components, path + ".components");
    if (r.monitoring) Rules(r.monitoring->rules, path + ".monitoring");
    if (r.data_quality) {
      Rules(r.data_quality->rules, path + ".dataQuality");
      Bounds("DataQuality", r.data_quality->rules_on_data, path + ".dataQuality.rules");
    }
    if (r.promotion) {
      Rules(r.promotion->rules, path + ".promotion");
      Known(environments_, r.promotion->from, path + ".promotion.from", "an environment");
    }
    if (r.incident_readiness) Rules(r.incident_readiness->rules, path + ".incidentReadiness");
    if (r.human_oversight) Rules(r.human_oversight->rules, path + ".humanOversight");
    if (r.ethics_review) Rules(r.ethics_review->rules, path + ".ethicsReview");
    if (r.model_signature) Rules(r.model_signature->rules, path + ".modelSignature");
    if (r.environmental_impact) Impact(*r.environmental_impact, path + ".environmentalImpact");
    if (r.data_security) Rules(r.data_security->rules, path + ".dataSecurity");
  }

  void Impact(const EnvironmentalImpactRequirement& r, const std::string& path) {
    Rules(r.rules, path);
    const auto not_negative = [&](const std::optional<Decimal>& bound, const char* name) {
      if (bound && *bound < Decimal()) {
        Add(path + "." + name, "must not be negative, is " + bound->ToString());
      }
    };
    not_negative(r.max_training_energy, "maxTrainingEnergy");
    not_negative(r.max_carbon, "maxCarbon");
  }

  void Components(const ComponentsRequirement& r, const std::string& path) {
    if (r.hosted == HostedModels::kRefused && !r.providers.empty()) {
      Add(path + ".providers", "must be empty where hosted is 'Refused'");
    }
    if (r.hosted == HostedModels::kAny && r.providers.empty() && r.required_roles.empty()) {
      Add(path, "must ask for something: requiredRoles, providers, or hosted Pinned or Refused");
    }
  }

  void LoadTest(const LoadTestRequirement& r, const std::string& path) {
    Rules(r.rules, path);
    Share(r.max_error_rate, path + ".maxErrorRate");
    if (!r.min_requests_per_second && !r.max_error_rate && !r.max_latency_p50 &&
        !r.max_latency_p95 && !r.max_latency_p99) {
      Add(path,
          "must bound a rate, errors or latency: a test that may show anything proves nothing");
    }
  }

  void Waivers(const WaiverRules& w) {
    SignOffAnywhere(w.sign_off, "spec.waivers.signOff");
    KnownAll(measures_, w.never, "spec.waivers.never", "a measure");
    if (w.max_duration <= Seconds{0}) Add("spec.waivers.maxDuration", "must be positive");
    if (w.emergency) {
      Known(roles_, w.emergency->role, "spec.waivers.emergency.role", "a role");
      if (w.emergency->max_duration <= Seconds{0} ||
          w.emergency->max_duration > kLongestEmergency) {
        Add("spec.waivers.emergency.maxDuration",
            "must be positive and at most " + FormatDuration(kLongestEmergency) +
                ": what takes longer is a waiver that is signed off first");
      }
    }
    for (std::size_t i = 0; i < w.controls.size(); ++i) {
      const std::string at = At("spec.waivers.controls", i);
      KnownAll(measures_, w.controls[i].measures, at + ".measures", "a measure");
      Evidence(w.controls[i].evidence, at + ".evidence");
    }
  }

  void Changes(const ChangeRules& c) {
    Issuers(c.issuers, "spec.changes.issuers");
    Issuers(c.health_issuers, "spec.changes.healthIssuers");
    if (c.max_total <= Seconds{0}) Add("spec.changes.maxTotal", "must be positive");
    if (c.protocols) Protocols(*c.protocols, "spec.changes.protocols");
  }

  void Protocols(const ProtocolRules& p, const std::string& path) {
    SignOffAnywhere(p.sign_off, path + ".signOff");
    KnownAll(measures_, p.fresh, path + ".freshMeasures", "a measure");
    for (std::size_t i = 0; i < p.measures.size(); ++i) {
      const auto found = std::find_if(spec_.measures.begin(), spec_.measures.end(),
                                      [&](const Measure& m) { return m.name == p.measures[i]; });
      if (found != spec_.measures.end() && found->require.sign_off) continue;
      Add(At(path + ".measures", i),
          "'" + p.measures[i] + "' is not a measure of this policy that requires a signOff");
    }
    for (std::size_t i = 0; i < p.kinds.size(); ++i) {
      if (p.kinds[i] != ChangeKind::kAlgorithm && p.kinds[i] != ChangeKind::kPurpose) continue;
      Add(At(path + ".kinds", i), "'" + std::string(NameOf(p.kinds[i])) +
                                      "' cannot be approved of beforehand: such a model is another "
                                      "one");
    }
    if (p.max_duration <= Seconds{0}) Add(path + ".maxDuration", "must be positive");
  }

  static bool IsSubject(const std::string& text) {
    if (text == kSubjectComposite || text == kSubjectEach) return true;
    for (const auto& [role, name] : EnumNames<ComponentRole>::kNames) {
      if (name == text) return true;
    }
    return MatchesFormat(Format::kName, text);
  }

  void SubjectPart(const Measure& m, const std::string& path) {
    if (m.subject.empty()) return;
    if (!IsSubject(m.subject)) {
      Add(path,
          "must be Composite, Each, a role of components such as BaseModel, or the name of "
          "a component, is '" +
              m.subject + "'");
    }
    if (m.subject == kSubjectComposite) return;
    const Requirement& r = m.require;
    const auto report = ReportRequirementOf(r);
    if (!r.bias_test && !r.reproducibility && !AsksForNothing(r) &&
        !(report && report->scope == EvidenceScope::kModel)) {
      Add(path,
          "only a biasTest, reproducibility or a report about the model can be about "
          "components");
    }
    if (!m.carry_over.empty()) {
      Add(path,
          "goes with no carryOver: evidence about a component holds as long as the model "
          "contains it");
    }
  }

  // Sign-offs name a governed digest, snapshots tell what changed, and what is about the use case
  // holds for every model: nothing of that can be carried over from one model to the next.
  void CarryOver(const Measure& m, const std::string& path) {
    if (m.carry_over.empty()) return;
    const Requirement& r = m.require;
    const auto report = ReportRequirementOf(r);
    const bool about_a_model =
        r.bias_test || AsksForNothing(r) || (report && report->scope == EvidenceScope::kModel);
    if (!about_a_model) {
      Add(path, "only a biasTest or a report about the model can be carried over");
    }
    if (!spec_.changes) Add(path, "needs spec.changes: it says whose snapshots tell what changed");
    std::set<ChangeKind> seen;
    for (std::size_t i = 0; i < m.carry_over.size(); ++i) {
      for (std::size_t k = 0; k < m.carry_over[i].kinds.size(); ++k) {
        const ChangeKind kind = m.carry_over[i].kinds[k];
        const std::string at = At(At(path, i) + ".kinds", k);
        if (kind == ChangeKind::kAlgorithm || kind == ChangeKind::kPurpose) {
          Add(at, "'" + std::string(NameOf(kind)) +
                      "' carries nothing over: such a model is another one");
        } else if (!seen.insert(kind).second) {
          Add(at, "'" + std::string(NameOf(kind)) + "' is listed twice");
        }
      }
    }
  }

  void OneMeasure(const Measure& m, const std::string& path) {
    Known(roles_, m.accountable, path + ".accountable", "a role");
    KnownAll(roles_, m.responsible, path + ".responsible", "a role");
    KnownAll(roles_, m.consulted, path + ".consulted", "a role");
    KnownAll(roles_, m.informed, path + ".informed", "a role");
    KnownAll(classes_, m.applies.classes, path + ".applies.classes", "a class");
    KnownAll(environments_, m.applies.environments, path + ".applies.environments",
             "an environment");
    const Requirement& r = m.require;
    const bool kinds[] = {
        r.sign_off.has_value(),
        r.reproducibility.has_value(),
        r.bias_test.has_value(),
        r.evidence.has_value(),
        r.documentation.has_value(),
        r.verification.has_value(),
        r.explainability.has_value(),
        r.harm_test.has_value(),
        r.load_test.has_value(),
        r.release.has_value(),
        r.deployment_mode.has_value(),
        r.monitoring.has_value(),
        r.data_quality.has_value(),
        r.promotion.has_value(),
        r.incident_readiness.has_value(),
        r.human_oversight.has_value(),
        r.ethics_review.has_value(),
        r.components.has_value(),
        r.environmental_impact.has_value(),
        r.data_security.has_value(),
        r.model_signature.has_value(),
    };
    const auto set = std::count(std::begin(kinds), std::end(kinds), true);
    if (set != 1) {
      Add(path + ".require",
          "must have exactly one kind of requirement, has " + std::to_string(set));
    }
    if (r.sign_off) SignOffPart(*r.sign_off, path + ".require.signOff");
    if (r.reproducibility) {
      const std::string at = path + ".require.reproducibility";
      Issuers(r.reproducibility->issuers, at + ".issuers");
      Signers(r.reproducibility->signers, r.reproducibility->assurance, at);
      Issuers(r.reproducibility->reproducers, at + ".reproducers");
      if (r.reproducibility->tolerance && *r.reproducibility->tolerance < Decimal()) {
        Add(path + ".require.reproducibility.tolerance", "must not be negative");
      }
    }
    if (r.bias_test) {
      CheckBias(*r.bias_test, path + ".require.biasTest", errors_);
      Issuers(r.bias_test->issuers, path + ".require.biasTest.issuers");
      Signers(r.bias_test->signers, r.bias_test->assurance, path + ".require.biasTest");
    }
    if (r.evidence) Evidence(*r.evidence, path + ".require.evidence");
    ReportParts(r, path + ".require");
    CarryOver(m, path + ".carryOver");
    SubjectPart(m, path + ".subject");
  }

  const GovernancePolicySpec& spec_;
  std::vector<Error>& errors_;
  std::set<std::string> roles_;
  std::set<std::string> people_;
  std::set<std::string> environments_;
  std::set<std::string> classes_;
  std::set<std::string> measures_;
};

}  // namespace

void CheckPolicy(const GovernancePolicySpec& spec, std::vector<Error>& errors) {
  Checker(spec, errors).Run();
}

}  // namespace countersign
