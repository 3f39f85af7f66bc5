#include "governance/evaluate.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "governance/change_protocol.h"
#include "governance/classify.h"
#include "governance/dossier.h"
#include "governance/emergency.h"
#include "governance/environment.h"
#include "governance/in_force.h"
#include "governance/incidents.h"
#include "governance/insiders.h"
#include "governance/lowering.h"
#include "governance/measures/bias_test.h"
#include "governance/measures/carry_over.h"
#include "governance/measures/components.h"
#include "governance/measures/deployment_mode.h"
#include "governance/measures/evidence.h"
#include "governance/measures/preconditions.h"
#include "governance/measures/protocols.h"
#include "governance/measures/reproducibility.h"
#include "governance/measures/sign_off.h"
#include "governance/measures/subjects.h"
#include "governance/records.h"
#include "governance/report_requirements.h"
#include "governance/retirement.h"
#include "governance/waivers.h"

namespace countersign {
namespace {

void Earlier(std::optional<Time>& next, const std::optional<Time>& candidate, Time now) {
  if (candidate && *candidate > now && (!next || *candidate < *next)) next = candidate;
}

// The policies that list the namespace.
struct Matches {
  std::vector<MatchedPolicy> in_force;  // by name
  std::vector<std::string> waiting;     // of the others, why they do not count
  std::optional<Time> next_change;      // when one begins or ceases to count
};

// Those that supersede another: most policies are no published versions.
std::vector<const PolicyStanding*> Successors(const std::vector<PolicyStanding>& standings) {
  std::vector<const PolicyStanding*> successors;
  for (const PolicyStanding& standing : standings) {
    if (!standing.Supersedes().empty()) successors.push_back(&standing);
  }
  return successors;
}

// Names of the policies that are versions of the same, whether they count or not.
std::set<std::string> VersionsOf(const std::vector<const PolicyStanding*>& successors,
                                 const std::string& name) {
  std::set<std::string> versions = {name};
  for (std::size_t before = 0; before != versions.size();) {
    before = versions.size();
    for (const PolicyStanding* standing : successors) {
      const std::string& other = standing->Supersedes();
      if (versions.contains(standing->policy->meta.name)) versions.insert(other);
      if (versions.contains(other)) versions.insert(standing->policy->meta.name);
    }
  }
  return versions;
}

Matches Match(const PolicySet& policies, const std::string& name_space, Time now) {
  Matches matches;
  const std::vector<PolicyStanding> standings = PolicyStandings(policies, now);
  const std::vector<const PolicyStanding*> successors = Successors(standings);
  for (const PolicyStanding& standing : standings) {
    auto environments = EnvironmentsOf(standing.policy->spec, name_space);
    if (environments.empty()) continue;
    Earlier(matches.next_change, standing.next_change, now);
    if (standing.Counts()) {
      matches.in_force.push_back({standing.policy, std::move(environments), false,
                                  VersionsOf(successors, standing.policy->meta.name)});
    } else {
      matches.waiting.push_back("'" + standing.policy->meta.name + "' lists it, but is " +
                                standing.message);
    }
  }
  for (const PolicyStanding& standing : standings) {
    if (!standing.in_transition) continue;
    const auto counting = [&](const std::string& name) {
      return std::find_if(matches.in_force.begin(), matches.in_force.end(),
                          [&](const MatchedPolicy& m) { return m.policy->meta.name == name; });
    };
    const auto found = counting(standing.policy->meta.name);
    if (found == matches.in_force.end()) continue;
    found->in_transition = counting(standing.Supersedes()) != matches.in_force.end();
  }
  return matches;
}

Gate RunForModel(const Context& context) {
  const Requirement& require = context.measure.require;
  if (require.sign_off) return SignOffGate(context, *require.sign_off);
  if (require.reproducibility) return ReproducibilityGate(context, *require.reproducibility);
  if (require.bias_test) return BiasTestGate(context, *require.bias_test);
  if (require.deployment_mode) return DeploymentModeGate(context, *require.deployment_mode);
  if (require.components) return ComponentsGate(context, *require.components);
  if (require.report) return EvidenceGate(context, *require.report);
  if (AsksForNothing(require)) {
    return Conclude(StartGate(context), GateState::kPassed, "NothingAsked",
                    "nothing is asked at level None");
  }
  return Conclude(StartGate(context), GateState::kFailed, "RequirementUnknown",
                  "the measure requires nothing that this version knows",
                  "upgrade Countersign, or correct the policy");
}

Gate RunMeasure(const Context& context) { return RunForSubjects(context, RunForModel); }

bool Contains(const std::vector<std::string>& list, const std::string& name) {
  return list.empty() || std::find(list.begin(), list.end(), name) != list.end();
}

bool Applies(const Measure& measure, const PolicyEnvironment& environment,
             const std::vector<std::string>& classes) {
  return Contains(measure.applies.environments, environment.name) &&
         (measure.applies.classes.empty() ||
          std::any_of(classes.begin(), classes.end(), [&](const std::string& name) {
            return Contains(measure.applies.classes, name);
          }));
}

// Other environments and policies may have said something else.
void AddNote(const std::string& note, Decision& decision) {
  if (note.empty() || decision.answers_note.find(note) != std::string::npos) return;
  decision.answers_note += (decision.answers_note.empty() ? "" : ". ") + note;
}

// Whether the answers count, and the sentence about it if they do not.
bool AnswersApproved(const GovernancePolicy& policy, const Facts& facts, const Insiders& insiders,
                     const EvidenceIndex& index, const std::string& answers_digest,
                     Decision& decision, std::optional<Time>& until) {
  const SignOffRequirement& requirement = policy.spec.classification.sign_off;
  SignOffTarget target;
  target.kind = SubjectOfSignOff::kUseCase;
  target.use_case = facts.use_case->meta.name;
  target.answers_digest = answers_digest;
  const SignOffOutcome outcome =
      JudgeSignOffs(policy.spec, requirement, target, facts, insiders, index, answers_digest);
  if (outcome.state == GateState::kPassed) {
    until = outcome.valid_until;
    return true;
  }
  AddNote("Every class applies that the answers of use case '" + facts.use_case->meta.name +
              "' could lead to, because they do not count yet: " + outcome.message + ". " +
              RemedyText(policy.spec, outcome,
                         "--use-case " + facts.use_case->meta.name + " -n " +
                             facts.use_case->meta.name_space),
          decision);
  return false;
}

// A use case that people agreed to retire has ended, whatever is registered under its name now.
std::optional<Gate> RevivedGate(const GovernancePolicy& policy, const Facts& facts,
                                const EvidenceIndex& index) {
  const UseCase& use_case = *facts.use_case;
  if (use_case.spec.lifecycle == Lifecycle::kRetiring ||
      use_case.spec.lifecycle == Lifecycle::kRetired) {
    return std::nullopt;
  }
  auto agreed = AgreedRetirement(policy.spec, facts, index);
  if (!agreed) return std::nullopt;
  Gate gate;
  gate.measure = "retirement";
  gate.enforcement = Enforcement::kDeny;
  gate.policy = policy.meta.name;
  gate.path = "spec.useCaseRef";
  gate.evidence = std::move(agreed->evidence);
  gate.on_violation = Reaction::kSuspend;
  const std::string name = use_case.meta.name;
  return Conclude(std::move(gate), GateState::kFailed, "UseCaseWasRetired",
                  "the end of use case '" + use_case.meta.name_space + "/" + name + "' was " +
                      agreed->message + "; it may not serve under that name again",
                  "register a new use case; or, if the end was not meant, whoever signed it takes "
                  "it back: kubectl countersign approve --reject --use-case " +
                      name + " -n " + use_case.meta.name_space +
                      " --retirement --role … --rationale \"…\"");
}

// What is about the use case or all of its environments, once.
void AddOnce(Gate gate, std::vector<Gate>& gates) {
  const bool known = std::any_of(gates.begin(), gates.end(), [&](const Gate& one) {
    return one.policy == gate.policy && one.measure == gate.measure && one.message == gate.message;
  });
  if (!known) gates.push_back(std::move(gate));
}

void AddInUse(const Gate& gate, std::vector<EvidenceInUse>& in_use) {
  const GateState state = gate.unwaived ? gate.unwaived->state : gate.state;
  const bool fails = state == GateState::kFailed || state == GateState::kInsufficient;
  for (const EvidenceRef& ref : gate.evidence) in_use.push_back({ref, gate.measure, fails});
}

// In one of the environments that list the namespace: each has other installations to believe.
void EvaluateIn(const PolicyEnvironment& environment, const MatchedPolicy& matched,
                const Facts& facts, const Dossier& dossier, const std::string& answers_digest,
                Decision& decision, std::set<std::string>& classes,
                std::optional<Time>& next_change) {
  const GovernancePolicy& policy = *matched.policy;
  const EvidenceIndex index(dossier, policy.spec, environment.name);
  const Lineage lineage = LineageOf(policy.spec, facts, index);
  if (policy.spec.changes && policy.spec.changes->protocols && decision.frame_digest.empty()) {
    if (auto frame = FrameDigest(facts.deployment->spec)) decision.frame_digest = *frame;
  }
  if (!lineage.steps.empty()) {
    const LineageStep& last = lineage.steps.front();
    ChangeNote note{policy.meta.name, last.model.digest, KindNames(last.change.kinds),
                    last.change.because};
    const bool noted =
        std::any_of(decision.changes.begin(), decision.changes.end(),
                    [&](const ChangeNote& one) { return one.Text() == note.Text(); });
    if (!noted) decision.changes.push_back(std::move(note));
  }
  const Insiders insiders = InsidersOf(policy.spec, facts, index);
  std::optional<Time> answers_until;
  const bool approved =
      AnswersApproved(policy, facts, insiders, index, answers_digest, decision, answers_until);
  if (answers_until && (!next_change || *answers_until < *next_change)) {
    next_change = answers_until;
  }
  ClassesOf classified = Classify(policy.spec.classification, &facts.use_case->spec, approved);
  if (approved && !classified.faults.empty()) {
    std::string note = "Every class applies that these could lead to: ";
    for (std::size_t i = 0; i < classified.faults.size() && i < 3; ++i) {
      note += (i > 0 ? "; " : "") + classified.faults[i];
    }
    AddNote(note, decision);
  }
  decision.answers_approved = decision.answers_approved && classified.certain;
  if (approved) {
    Lowering lowering = JudgeLowering(policy.spec, facts, insiders, index, classified.classes);
    Earlier(next_change, lowering.valid_until, facts.now);
    classified.classes.insert(classified.classes.end(), lowering.kept.begin(), lowering.kept.end());
    AddNote(lowering.note, decision);
  }
  classes.insert(classified.classes.begin(), classified.classes.end());
  if (auto revived = RevivedGate(policy, facts, index)) {
    AddOnce(*std::move(revived), decision.gates);
  }
  OpenIncidents open = OpenIncidentsOf(policy, facts, insiders, index, answers_digest);
  for (Gate& gate : open.gates) AddOnce(std::move(gate), decision.gates);
  Earlier(next_change, open.next_change, facts.now);
  // Sign-offs come last: they turn stale when what was shown to the signer has become worse.
  std::vector<EvidenceInUse> in_use;
  std::vector<std::optional<Gate>> gates(policy.spec.measures.size());
  for (const bool sign_offs : {false, true}) {
    for (std::size_t i = 0; i < gates.size(); ++i) {
      const Measure& measure = policy.spec.measures[i];
      if (measure.require.sign_off.has_value() != sign_offs ||
          !Applies(measure, environment, classified.classes)) {
        continue;
      }
      const Context context{
          policy,   environment, measure,          facts,
          insiders, index,       answers_digest,   facts.deployment->spec.model.digest,
          lineage,  &in_use,     &matched.versions};
      Gate gate = ApplyCarryOver(context, RunMeasure(context), RunMeasure);
      gate = ApplyProtocols(context, std::move(gate), RunMeasure);
      gate = ApplyWaivers(context, std::move(gate));
      if (!sign_offs) AddInUse(gate, in_use);
      gates[i] = std::move(gate);
    }
  }
  for (std::optional<Gate>& gate : gates) {
    if (gate) decision.gates.push_back(*std::move(gate));
  }
  for (EmergencyNote& note : OpenEmergencies(
           {policy, facts, insiders, index, answers_digest, &matched.versions}, environment)) {
    // Two versions may count at once; it is one emergency.
    const bool noted = std::any_of(
        decision.emergencies.begin(), decision.emergencies.end(), [&](const EmergencyNote& one) {
          return one.waiver == note.waiver && one.name_space == note.name_space;
        });
    if (noted) continue;
    Earlier(next_change, note.until, facts.now);
    decision.emergencies.push_back(std::move(note));
  }
}

// What an incident quarantines does not serve, also where its use case is gone or does not list the
// namespace any more. The gate's text stays what it is: who deploys elsewhere must not learn from
// it which incidents there are. Each environment believes other installations of what closes one.
void KeepQuarantine(const MatchedPolicy& matched, const Facts& facts, const EvidenceIndex& index,
                    std::vector<Gate>& gates, std::optional<Time>& next_change) {
  const GovernancePolicy& policy = *matched.policy;
  Insiders insiders;
  std::string answers_digest;
  if (facts.use_case != nullptr) {
    insiders = InsidersOf(policy.spec, facts, index);
    answers_digest = facts.use_case->spec.answers_digest;
  } else {
    AddPerson(policy.spec, facts.author, insiders);
  }
  const OpenIncidents open = OpenIncidentsOf(policy, facts, insiders, index, answers_digest);
  Earlier(next_change, open.next_change, facts.now);
  Reaction worst = Reaction::kAlert;
  for (const Gate& gate : open.gates) worst = std::max(worst, gate.on_violation);
  for (Gate& gate : gates) {
    if (!gate.policy.empty() || gate.measure != "use-case") continue;
    gate.on_violation = std::max(gate.on_violation, worst);
  }
}

// While a version is in transition its measures tell, and do not take down what serves. The checks
// before `first`, which no policy can switch off, stay as they are.
void Soften(std::vector<Gate>& gates, std::size_t first, const std::string& policy) {
  for (std::size_t i = first; i < gates.size(); ++i) {
    if (gates[i].policy != policy) continue;
    gates[i].on_violation = Reaction::kAlert;
    gates[i].on_expiry.action = Reaction::kAlert;
    gates[i].on_expiry.then = Reaction::kAlert;
  }
}

Verdict VerdictOf(const Gate& gate) {
  if (gate.state == GateState::kPassed) return Verdict::kAllow;
  if (gate.state == GateState::kWaived) return Verdict::kWarn;
  if (gate.final) return Verdict::kDeny;
  switch (gate.enforcement) {
    case Enforcement::kAudit:
    case Enforcement::kWarn: return Verdict::kWarn;
    case Enforcement::kHold: return Verdict::kHold;
    case Enforcement::kDeny: return Verdict::kDeny;
  }
  return Verdict::kDeny;
}

std::shared_ptr<const Dossier> DossierOf(const Facts& facts) {
  if (facts.dossier != nullptr && facts.dossier->IsOf(facts)) return facts.dossier;
  return std::make_shared<const Dossier>(facts);
}

Facts Ordered(Facts facts, std::shared_ptr<const Dossier> dossier) {
  static_cast<StoredEvidence&>(facts) = dossier->evidence();
  facts.dossier = std::move(dossier);
  return facts;
}

// Of facts in the dossier's order, with what the records say of them.
Decision Judge(const PolicySet& policies, const Facts& facts, const Dossier& dossier) {
  Decision decision;
  decision.governed_digest = facts.governed_digest;
  const Matches matches = Match(policies, facts.name_space, facts.now);
  const std::vector<MatchedPolicy>& matched = matches.in_force;
  for (const MatchedPolicy& m : matched) {
    decision.policies.push_back({m.policy->meta.name, m.policy->spec_digest});
  }
  if (!matched.empty()) decision.environment = matched.front().environments.front()->name;
  decision.gates = Preconditions(policies, matched, matches.waiting, facts);
  const std::size_t preconditions = decision.gates.size();

  std::optional<Time> next_change = matches.next_change;
  std::set<std::string> classes;
  if (!matched.empty() && UseCaseAvailable(facts)) {
    decision.answers_approved = true;
    decision.answers_digest = facts.use_case->spec.answers_digest;
    for (const MatchedPolicy& m : matched) {
      for (const PolicyEnvironment* environment : m.environments) {
        EvaluateIn(*environment, m, facts, dossier, decision.answers_digest, decision, classes,
                   next_change);
      }
    }
  } else {
    for (const MatchedPolicy& m : matched) {
      for (const PolicyEnvironment* environment : m.environments) {
        KeepQuarantine(m, facts, EvidenceIndex(dossier, m.policy->spec, environment->name),
                       decision.gates, next_change);
      }
    }
  }
  const auto measures = decision.gates.begin() + static_cast<std::ptrdiff_t>(preconditions);
  decision.gates.insert(measures, FallbackGate(facts, {measures, decision.gates.end()}));
  for (const MatchedPolicy& m : matched) {
    if (m.in_transition) Soften(decision.gates, preconditions, m.policy->meta.name);
  }
  decision.classes.assign(classes.begin(), classes.end());
  decision.verdict = Verdict::kAllow;
  for (const Gate& gate : decision.gates) {
    decision.verdict = std::max(decision.verdict, VerdictOf(gate));
    Earlier(next_change, gate.valid_until, facts.now);
    Earlier(next_change, gate.passes_from, facts.now);
    if (gate.state == GateState::kExpired && gate.expired_at) {
      Earlier(next_change, *gate.expired_at + gate.on_expiry.grace, facts.now);
    }
  }
  decision.next_change = next_change;
  return decision;
}

}  // namespace

Decision Evaluate(const PolicySet& policies, const Facts& facts) {
  // Reasons and messages name evidence in the order in which it comes. A decision that changed with
  // that order would be written to the status again and again.
  auto dossier = DossierOf(facts);
  if (!dossier->IsOf(facts)) return Evaluate(policies, Ordered(facts, std::move(dossier)));
  auto recorded = WithRecords(facts, *dossier);
  if (!recorded) return Judge(policies, facts, *dossier);
  dossier = std::make_shared<const Dossier>(*recorded);
  const Facts ordered = Ordered(*std::move(recorded), dossier);
  return Judge(policies, ordered, *dossier);
}

}  // namespace countersign
