#include "cli/todo.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "cli/render.h"
#include "governance/dossier.h"
#include "governance/environment.h"
#include "governance/evaluate.h"
#include "governance/evidence_index.h"
#include "governance/identity.h"
#include "governance/in_force.h"
#include "governance/measures/delegation.h"
#include "governance/measures/developers.h"
#include "governance/measures/sign_off.h"
#include "governance/signers.h"

namespace countersign {
namespace {

// Whom a gate waits for, and whether a sign-off by them would count as independent.
struct Wanted {
  std::vector<Subject> subjects;
  const SignOffRequirement* sign_off = nullptr;
};

std::vector<Subject> Both(std::vector<Subject> a, const std::vector<Subject>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Wanted ByRole(const SignOffRequirement& requirement) {
  return {{{SubjectKind::kRole, requirement.role}}, &requirement};
}

Wanted WantedBy(const Measure& measure, const Facts& facts) {
  const Requirement& require = measure.require;
  if (require.sign_off) return ByRole(*require.sign_off);
  if (require.report) return {require.report->issuers, nullptr};
  if (require.bias_test) return {require.bias_test->issuers, nullptr};
  if (require.reproducibility) {
    return {Both(require.reproducibility->issuers, require.reproducibility->reproducers), nullptr};
  }
  // What stands in the deployment itself.
  if (facts.use_case != nullptr) return {facts.use_case->spec.developers, nullptr};
  return {{{SubjectKind::kRole, measure.accountable}}, nullptr};
}

const GovernancePolicy* PolicyNamed(const PolicySet& policies, const std::string& name) {
  for (const auto& policy : policies.policies) {
    if (policy->meta.name == name) return policy.get();
  }
  return nullptr;
}

// Those who can do something about a check that every deployment has.
Wanted WantedForCheck(const Gate& gate, const GovernancePolicy* policy, const Facts& facts) {
  if (gate.measure == "incident" && policy != nullptr && policy->spec.incidents) {
    return {Both({{SubjectKind::kRole, policy->spec.incidents->sign_off.role}},
                 policy->spec.incidents->issuers),
            nullptr};
  }
  if (facts.use_case == nullptr) return {};
  if (gate.measure == "use-case") {
    return {{{SubjectKind::kUser, facts.use_case->spec.owner}}, nullptr};
  }
  return {facts.use_case->spec.developers, nullptr};
}

// The consulted roles of which nobody's advice is among what the gate relied on.
Wanted WantedAdvisers(const Consultation& consultation, const Gate& gate, const Facts& facts) {
  Wanted wanted;
  for (const std::string& role : consultation.roles) {
    const bool heard = std::any_of(
        facts.sign_offs.begin(), facts.sign_offs.end(), [&](const AttestedSignOff& one) {
          return one.object->spec.role == role &&
                 std::any_of(gate.evidence.begin(), gate.evidence.end(),
                             [&](const EvidenceRef& ref) {
                               return ref.name == one.object->meta.name &&
                                      ref.digest == one.object->spec_digest;
                             });
        });
    if (!heard || gate.state == GateState::kExpired) {
      wanted.subjects.push_back({SubjectKind::kRole, role});
    }
  }
  return wanted;
}

Wanted WantedForGate(const Gate& gate, const GovernancePolicy* policy, const Facts& facts) {
  if (gate.step.empty() || policy == nullptr) return WantedForCheck(gate, policy, facts);
  for (const Measure& measure : policy->spec.measures) {
    if (measure.name != gate.measure) continue;
    const auto& sign_off = measure.require.sign_off;
    if (sign_off && sign_off->consultation) {
      if (gate.reason == "AdviceMissing" || gate.reason == "AdviceExpired") {
        return WantedAdvisers(*sign_off->consultation, gate, facts);
      }
      // Who has approved has to do so again, with an answer.
      if (gate.reason == "AdviceUnanswered") {
        return {{{SubjectKind::kRole, sign_off->role}}, nullptr};
      }
    }
    return WantedBy(measure, facts);
  }
  return {{{SubjectKind::kRole, gate.accountable}}, nullptr};
}

bool HasSigned(const GovernancePolicySpec& policy, const std::vector<EvidenceRef>& evidence,
               const Facts& facts, const TodoPerson& person) {
  return std::any_of(
      facts.sign_offs.begin(), facts.sign_offs.end(), [&](const AttestedSignOff& one) {
        return PersonOf(policy, WithSigner(policy, kAnyEnvironment, one).by.user) ==
                   PersonOf(policy, person.user) &&
               std::any_of(evidence.begin(), evidence.end(), [&](const EvidenceRef& ref) {
                 return ref.name == one.object->meta.name && ref.digest == one.object->spec_digest;
               });
      });
}

bool IsDependent(const GovernancePolicySpec& policy, const SignOffRequirement& requirement,
                 const Facts& facts, const Provenance& who) {
  const auto distinct = [&](Distinct from) {
    return std::find(requirement.distinct_from.begin(), requirement.distinct_from.end(), from) !=
           requirement.distinct_from.end();
  };
  const bool author = !facts.author.user.empty() && MayBeOne(policy, facts.author.user, who.user);
  if (author && (distinct(Distinct::kRequester) || distinct(Distinct::kDevelopers))) return true;
  if (distinct(Distinct::kClusterAdministrators) && IsClusterAdministrator(policy, who)) {
    return true;
  }
  return distinct(Distinct::kDevelopers) && facts.use_case != nullptr &&
         DevelopersEver(policy, facts, EvidenceIndex(Dossier(facts), policy, kAnyEnvironment))
             .Has(policy, who);
}

// `one` as a delegation of the role that is in force for this deployment; `deputy` is whom it is
// looked at for.
std::optional<TodoDeputy> LentBy(const AttestedSignOff& one,
                                 const std::vector<const AttestedSignOff*>& all,
                                 const GovernancePolicySpec& policy, const std::string& role,
                                 const Facts& facts, Provenance deputy) {
  const SignOffSpec& spec = one.object->spec;
  if (spec.subject.kind != SubjectOfSignOff::kDelegation || spec.role != role ||
      PersonOf(policy, spec.subject.deputy) != PersonOf(policy, deputy.user)) {
    return std::nullopt;
  }
  deputy.first_seen = facts.now;
  std::vector<std::string> environments;
  for (const PolicyEnvironment* e : EnvironmentsOf(policy, facts.name_space)) {
    environments.push_back(e->name);
  }
  const auto found = FindDelegation(
      {policy, role, facts.deployment->spec.use_case.name, one.by.user, deputy, environments}, all);
  if (!found || *found != &one) return std::nullopt;
  return TodoDeputy{spec.subject.deputy, one.by.user, spec.expires_at};
}

std::string_view EnvironmentOf(const GovernancePolicySpec& policy, const Facts& facts) {
  const auto environments = EnvironmentsOf(policy, facts.name_space);
  return environments.empty() ? std::string_view() : environments.front()->name;
}

std::vector<TodoDeputy> DeputiesOf(const GovernancePolicySpec& policy, const std::string& role,
                                   const Facts& facts) {
  const Dossier dossier(facts);
  const EvidenceIndex index(dossier, policy, EnvironmentOf(policy, facts));
  const auto all = index.AllSignOffs();
  std::vector<TodoDeputy> deputies;
  for (const AttestedSignOff* one : all) {
    Provenance deputy;
    deputy.authenticity = Authenticity::kAssumed;  // their groups are not known here
    deputy.user = one->object->spec.subject.deputy;
    if (auto lent = LentBy(*one, all, policy, role, facts, std::move(deputy))) {
      deputies.push_back(*std::move(lent));
    }
  }
  return deputies;
}

bool ActsForHolder(const GovernancePolicySpec& policy, const Subject& subject, const Facts& facts,
                   const Provenance& who) {
  if (subject.kind != SubjectKind::kRole) return false;
  const Dossier dossier(facts);
  const EvidenceIndex index(dossier, policy, EnvironmentOf(policy, facts));
  const auto all = index.AllSignOffs();
  return std::any_of(all.begin(), all.end(), [&](const AttestedSignOff* one) {
    return LentBy(*one, all, policy, subject.name, facts, who).has_value();
  });
}

std::string GateName(const Gate& gate) {
  return gate.policy.empty() || gate.step.empty() ? gate.measure : gate.policy + "/" + gate.measure;
}

class Collector {
 public:
  Collector(const World& world, const TodoScope& scope) : world_(world), scope_(scope) {}

  std::vector<TodoActor> Run() {
    for (const World::Deployment& deployment : world_.deployments()) Collect(deployment);
    CollectVersions();
    std::vector<TodoActor> actors;
    for (auto& [key, actor] : actors_) {
      std::stable_sort(actor.tasks.begin(), actor.tasks.end(),
                       [](const TodoTask& a, const TodoTask& b) {
                         return std::tuple(a.due.value_or(Time::min()), !a.blocking) <
                                std::tuple(b.due.value_or(Time::min()), !b.blocking);
                       });
      actors.push_back(std::move(actor));
    }
    return actors;
  }

 private:
  void Collect(const World::Deployment& deployment) {
    const Facts facts = world_.FactsOf(deployment, scope_.now);
    Decision now = Evaluate(world_.policies(), facts);
    Facts later = facts;
    later.now = scope_.now + scope_.within;
    Decision then = Evaluate(world_.policies(), later);
    for (Decision* decision : {&now, &then}) NameFile(*decision, deployment);
    TodoTask task;
    task.deployment = facts.name_space + "/" + facts.name;
    task.use_case =
        facts.deployment->spec.use_case.name_space + "/" + facts.deployment->spec.use_case.name;
    task.environment = now.environment;
    CollectAnswers(now, then, facts, task);
    for (const Gate& gate : now.gates) {
      if (!IsMet(gate.state) && !gate.passes_from) AddGate(gate, std::nullopt, facts, task);
    }
    for (const Gate& gate : then.gates) {
      if (IsMet(gate.state)) continue;
      if (const Gate* before = MetBefore(now, gate); before != nullptr && before->valid_until) {
        AddGate(gate, before->valid_until, facts, task);
      }
    }
  }

  // Versions of policies that wait for sign-offs by the roles of the version before.
  void CollectVersions() {
    const PolicySet& policies = world_.policies();
    for (const PolicyStanding& standing : PolicyStandings(policies, scope_.now)) {
      const GovernancePolicy* before = PolicyNamed(policies, standing.Supersedes());
      if (standing.state != PolicyState::kPending || standing.remedy.empty() || before == nullptr) {
        continue;
      }
      const std::optional<Succession>& succession = before->spec.succession;
      if (!succession) continue;
      Facts facts;
      facts.now = scope_.now;
      facts.sign_offs = policies.sign_offs;
      if (const auto maker = policies.made_by.find(standing.policy->meta.name);
          maker != policies.made_by.end()) {
        facts.author = maker->second;
      }
      TodoTask task;
      task.deployment = "GovernancePolicy " + standing.policy->meta.name;
      task.gate = "version";
      task.state = "Missing";
      task.message = standing.message;
      task.next = standing.remedy;
      task.evidence = standing.sign_offs;
      Add(*before, ByRole(succession->sign_off), standing.sign_offs, facts, task);
    }
  }

  static const Gate* MetBefore(const Decision& now, const Gate& gate) {
    const auto it = std::find_if(now.gates.begin(), now.gates.end(), [&](const Gate& other) {
      return other.policy == gate.policy && other.measure == gate.measure && IsMet(other.state) &&
             other.step == gate.step;
    });
    return it == now.gates.end() ? nullptr : &*it;
  }

  void CollectAnswers(const Decision& now, const Decision& then, const Facts& facts,
                      const TodoTask& start) {
    if (then.answers_note.empty()) return;
    const bool due_now = !now.answers_note.empty();
    for (const PolicyRef& ref : now.policies) {
      const GovernancePolicy* policy = PolicyNamed(world_.policies(), ref.name);
      if (policy == nullptr) continue;
      TodoTask task = start;
      task.gate = "answers";
      task.state = due_now ? "Missing" : "Passed";
      task.message = due_now ? now.answers_note : then.answers_note;
      if (!due_now) task.due = now.next_change;
      const SignOffRequirement& requirement = policy->spec.classification.sign_off;
      task.next = ApproveText(policy->spec, requirement.role,
                              "--use-case " + facts.deployment->spec.use_case.name + " -n " +
                                  facts.deployment->spec.use_case.name_space);
      Add(*policy, ByRole(requirement), {}, facts, task);
    }
  }

  void AddGate(const Gate& gate, const std::optional<Time>& due, const Facts& facts,
               TodoTask task) {
    const GovernancePolicy* policy = PolicyNamed(world_.policies(), gate.policy);
    task.gate = GateName(gate);
    task.state = due ? "Passed" : std::string(GateStateName(gate.state));
    task.blocking = gate.final || gate.enforcement >= Enforcement::kHold;
    task.due = due;
    task.message = (gate.path.empty() ? "" : gate.path + ": ") + gate.message;
    task.next = gate.remedy;
    task.evidence = gate.evidence;
    const Wanted wanted = WantedForGate(gate, policy, facts);
    static const GovernancePolicy kNone;
    Add(policy == nullptr ? kNone : *policy, wanted,
        due || gate.state == GateState::kExpired ? std::vector<EvidenceRef>() : gate.evidence,
        facts, task);
  }

  void Add(const GovernancePolicy& policy, const Wanted& wanted,
           const std::vector<EvidenceRef>& evidence, const Facts& facts, const TodoTask& task) {
    std::vector<Subject> subjects = wanted.subjects;
    if (subjects.empty()) {
      const std::string& author = facts.author.user;
      subjects.push_back({SubjectKind::kUser, author.empty() ? "whoever deploys it" : author});
    }
    for (const Subject& subject : subjects) {
      if (!IsAskedFor(policy.spec, subject, wanted, evidence, facts)) continue;
      const bool of_policy =
          subject.kind == SubjectKind::kRole || subject.kind == SubjectKind::kPerson;
      TodoActor& actor = actors_[{of_policy ? policy.meta.name : "",
                                  std::string(NameOf(subject.kind)), subject.name}];
      actor.policy = of_policy ? policy.meta.name : "";
      actor.subject = subject;
      if (const Role* role = FindRole(policy.spec, subject.name);
          subject.kind == SubjectKind::kRole && role != nullptr) {
        actor.holders = role->subjects;
        for (TodoDeputy& deputy : DeputiesOf(policy.spec, role->name, facts)) {
          if (std::find(actor.deputies.begin(), actor.deputies.end(), deputy) ==
              actor.deputies.end()) {
            actor.deputies.push_back(std::move(deputy));
          }
        }
      }
      const auto same = [&](const TodoTask& other) {
        return other.gate == task.gate && other.deployment == task.deployment &&
               other.next == task.next && other.due == task.due;
      };
      if (std::none_of(actor.tasks.begin(), actor.tasks.end(), same)) actor.tasks.push_back(task);
    }
  }

  [[nodiscard]] bool IsAskedFor(const GovernancePolicySpec& policy, const Subject& subject,
                                const Wanted& wanted, const std::vector<EvidenceRef>& evidence,
                                const Facts& facts) const {
    if (!scope_.role.empty() &&
        (subject.kind != SubjectKind::kRole || subject.name != scope_.role)) {
      return false;
    }
    if (!scope_.person) return true;
    Provenance who;
    who.user = scope_.person->user;
    who.groups = scope_.person->groups;
    who.authenticity = Authenticity::kAttested;
    const bool deputy = wanted.sign_off != nullptr && ActsForHolder(policy, subject, facts, who);
    if (!deputy && !IsNamedBy(policy, subject, who)) return false;
    if (wanted.sign_off == nullptr) return true;
    return !HasSigned(policy, evidence, facts, *scope_.person) &&
           !IsDependent(policy, *wanted.sign_off, facts, who);
  }

  const World& world_;
  const TodoScope& scope_;
  // By policy, kind and name of who acts.
  std::map<std::tuple<std::string, std::string, std::string>, TodoActor> actors_;
};

std::string ActorText(const TodoActor& actor) {
  std::string text = SubjectsText({actor.subject});
  if (!actor.policy.empty()) text += " of policy '" + actor.policy + "'";
  if (!actor.holders.empty()) text += " (" + SubjectsText(actor.holders) + ")";
  return text;
}

}  // namespace

std::vector<TodoActor> TodoOf(const World& world, const TodoScope& scope) {
  return Collector(world, scope).Run();
}

std::string TodoText(const Todo& todo) {
  std::string out;
  for (const TodoActor& actor : todo.actors) {
    out += Printable(ActorText(actor)) + "\n";
    for (const TodoDeputy& one : actor.deputies) {
      out += "  deputy '" + Printable(one.deputy) + "' for '" + Printable(one.lender) + "'" +
             (one.until ? " until " + FormatTime(*one.until) : "") + ", who approves with " +
             "--on-behalf-of " + Printable(one.lender) + "\n";
    }
    for (const TodoTask& task : actor.tasks) {
      const std::string when = task.due        ? "by " + FormatTime(*task.due)
                               : task.blocking ? "now"
                                               : "now, though nothing waits for it";
      out += "  " + when + ": " + Printable(task.deployment) +
             (task.environment.empty() ? "" : " in " + Printable(task.environment)) + ", " +
             Printable(task.gate) + " " + task.state + "\n      " + Printable(task.message) + "\n";
      const Json evidence = EvidenceJson(task.evidence);
      for (const std::string& line : SignatoryLines(&evidence)) {
        out += "      Signed: " + line + "\n";
      }
      if (!task.next.empty()) out += "      Next: " + Printable(task.next) + "\n";
    }
    out += "\n";
  }
  if (todo.actors.empty()) {
    out += "Nothing to do now, and nothing expires within " + FormatDuration(todo.scope.within) +
           ".\n";
  }
  for (const std::string& line : todo.unreadable) out += "Not judged: " + Printable(line) + "\n";
  if (!todo.assumptions.empty()) out += "Taken for granted:\n";
  for (const std::string& line : todo.assumptions) out += "- " + line + "\n";
  return out;
}

Json TodoJson(const Todo& todo) {
  Json out = VersionedJson("Todo");
  out["at"] = FormatTime(todo.scope.now);
  out["within"] = FormatDuration(todo.scope.within);
  out["actors"] = Json::array();
  for (const TodoActor& actor : todo.actors) {
    Json holders = Json::array();
    for (const Subject& one : actor.holders) {
      holders.push_back({{"kind", std::string(NameOf(one.kind))}, {"name", one.name}});
    }
    Json deputies = Json::array();
    for (const TodoDeputy& lent : actor.deputies) {
      deputies.push_back({{"deputy", lent.deputy}, {"lender", lent.lender}});
      if (lent.until) deputies.back()["until"] = FormatTime(*lent.until);
    }
    Json tasks = Json::array();
    for (const TodoTask& task : actor.tasks) {
      Json one = {{"deployment", task.deployment},
                  {"useCase", task.use_case},
                  {"environment", task.environment},
                  {"gate", task.gate},
                  {"state", task.state},
                  {"blocking", task.blocking},
                  {"message", task.message},
                  {"evidence", EvidenceJson(task.evidence)},
                  {"next", task.next}};
      if (task.due) one["due"] = FormatTime(*task.due);
      tasks.push_back(std::move(one));
    }
    Json one = {{"kind", std::string(NameOf(actor.subject.kind))},
                {"name", actor.subject.name},
                {"holders", std::move(holders)},
                {"deputies", std::move(deputies)},
                {"tasks", std::move(tasks)}};
    if (!actor.policy.empty()) one["policy"] = actor.policy;
    out["actors"].push_back(std::move(one));
  }
  out["notJudged"] = todo.unreadable;
  out["assumptions"] = todo.assumptions;
  return out;
}

}  // namespace countersign
