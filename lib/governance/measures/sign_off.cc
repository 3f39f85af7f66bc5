#include "governance/measures/sign_off.h"

#include <algorithm>
#include <map>

#include "governance/measures/conditions.h"
#include "governance/measures/consultation.h"
#include "governance/measures/developers.h"
#include "governance/records.h"

namespace countersign {
namespace {

// One person's latest decision on the subject.
struct Vote {
  const AttestedSignOff* sign_off = nullptr;
  const AttestedSignOff* delegation = nullptr;  // if somebody else's role is exercised
  std::string person;
  std::string holder;    // the person whose role it is
  std::string excluded;  // reason code; empty: counts
  std::string why;
  std::optional<Time> end;
  std::string open;  // conditions that it waits for
  bool overdue = false;
};

// The account of whose role it is.
const std::string& HolderOf(const Vote& vote) {
  return (vote.delegation == nullptr ? vote.sign_off : vote.delegation)->by.user;
}

// "'dan' for 'vera'"
std::string SignerText(const Vote& vote) {
  const std::string text = "'" + vote.sign_off->by.user + "'";
  return vote.delegation == nullptr ? text : text + " for '" + vote.delegation->by.user + "'";
}

class Judge {
 public:
  explicit Judge(const SignOffContext& context) : context_(context) {}

  SignOffOutcome Run() {
    Collect();
    std::vector<Vote> approvals;
    std::vector<Vote> expired;
    SignOffOutcome outcome;
    for (auto& [person, vote] : votes_) {
      const SignOffSpec& spec = vote.sign_off->object->spec;
      if (spec.decision == SignOffDecision::kReject) {
        if (IsOverruled(vote)) continue;
        outcome.evidence = {RefTo(policy(), *vote.sign_off)};
        return Finish(std::move(outcome), GateState::kFailed, "SignOffRejected",
                      SignerText(vote) + " rejected it as '" + requirement().role +
                          "': " + Shorten(spec.rationale));
      }
      Exclude(vote);
      if (!vote.excluded.empty()) {
        Leave(SignerText(vote), {vote.excluded, vote.why});
      } else if (vote.end && *vote.end <= facts().now) {
        expired.push_back(vote);
      } else {
        approvals.push_back(vote);
      }
    }
    OncePerHolder(approvals);
    std::erase_if(expired, [&](const Vote& vote) {
      return std::any_of(approvals.begin(), approvals.end(),
                         [&](const Vote& other) { return other.holder == vote.holder; });
    });
    OncePerHolder(expired);
    NameOtherAccounts();
    return Count(std::move(outcome), std::move(approvals), std::move(expired));
  }

 private:
  // Who lent the role and approves later takes back what the deputy rejected, if they may decide
  // themselves.
  [[nodiscard]] bool IsOverruled(const Vote& vote) const {
    if (vote.delegation == nullptr) return false;
    const auto own = votes_.find(vote.holder);
    return own != votes_.end() && own->second.delegation == nullptr &&
           IsApproval(own->second.sign_off->object->spec.decision) &&
           own->second.sign_off->by.first_seen > vote.sign_off->by.first_seen &&
           Dependence(own->second).empty();
  }

  // A role that is lent is not doubled: of its holder and their deputies the one counts whose
  // decision lasts longest. Nor is one doubled by two spellings of an account.
  void OncePerHolder(std::vector<Vote>& votes) {
    std::vector<Vote> kept;
    for (Vote& vote : votes) {
      const auto same = std::find_if(kept.begin(), kept.end(), [&](const Vote& other) {
        return MayBeOne(policy(), HolderOf(vote), HolderOf(other));
      });
      if (same == kept.end()) {
        kept.push_back(std::move(vote));
        continue;
      }
      if (LastsLonger(vote, *same)) std::swap(vote, *same);
      Leave(SignerText(vote), {"SignOffCountedOnce", "the same holder's role counts by " +
                                                         SignerText(*same) + " already"});
    }
    votes = std::move(kept);
  }

  // People are counted, not their accounts.
  void NameOtherAccounts() {
    for (const AttestedSignOff* earlier : replaced_) {
      const AttestedSignOff& later = *votes_.at(PersonOf(policy(), earlier->by.user)).sign_off;
      if (later.by.user == earlier->by.user) continue;
      Leave("SignOff '" + earlier->object->meta.name + "'",
            {"SignOffCountedOnce", "'" + earlier->by.user + "' and '" + later.by.user +
                                       "' are accounts of one person, who decided anew by '" +
                                       later.object->meta.name + "'"});
    }
  }

  // Looked for only when nothing else explains what is missing.
  [[nodiscard]] std::size_t OtherRevisions() const {
    const SignOffTarget& t = target();
    const std::size_t all = context_.index.dossier().CountOf(
        requirement().role, {t.kind, t.use_case, t.environment, !t.retirement_digest.empty(),
                             t.waiver, t.incident, t.protocol, t.policy, t.withdraw});
    const auto here = context_.index.SignOffs(requirement().role, DigestOf(t));
    const auto about = std::count_if(here.begin(), here.end(), [&](const AttestedSignOff* one) {
      return IsAbout(one->object->spec.subject, t);
    });
    return all - std::min(all, static_cast<std::size_t>(about));
  }

  void Leave(const std::string& what, const Disregarded& because) {
    notes_.push_back(what + " does not count: " + because.why);
    if (first_excluded_.empty()) first_excluded_ = because.reason;
  }

  // Keeps the latest decision of each person who holds the role.
  void Collect() {
    const SignOffContext by_any_key = Ever(context_);
    const auto all = context_.index.SignOffs(requirement().role, DigestOf(target()));
    const auto ever = by_any_key.index.SignOffs(requirement().role, DigestOf(target()));
    for (std::size_t i = 0; i < all.size(); ++i) {
      const AttestedSignOff* found = all[i];
      const SignOffSpec& spec = found->object->spec;
      if (!IsAbout(spec.subject, target()) || spec.decision == SignOffDecision::kAdvise) continue;
      auto standing = StandingOf(context_, *found);
      // A deputy's no stands as well when the key is revoked that lent the role, or by which
      // somebody took that back.
      if (!standing && spec.decision == SignOffDecision::kReject) {
        if (const auto despite = StandingOf(EverStrictly(context_), *found)) standing = despite;
      }
      if (!standing && IsRestricted(spec) && StandingOf(by_any_key, *ever[i])) {
        const AttestedSignOff*& latest = restricted_[PersonOf(policy(), ever[i]->by.user)];
        if (latest == nullptr || latest->by.first_seen < ever[i]->by.first_seen) latest = ever[i];
      }
      std::optional<Disregarded> disregarded;
      if (!standing) disregarded = standing.error();
      // An approval that names other environments beside this one must not hide one that does not.
      if (!disregarded && requirement().own_environment && spec.subject.environments.size() > 1 &&
          IsApproval(spec.decision)) {
        disregarded = Disregarded{
            "SignOffNotOwnEnvironment",
            "the measure wants one that names environment '" + target().environment + "' alone"};
      }
      if (disregarded) {
        Leave("SignOff '" + found->object->meta.name + "'", *disregarded);
      } else {
        Keep(*found, *standing);
      }
    }
  }

  // Whether an approval says less than one before it may have said.
  static bool IsRestricted(const SignOffSpec& spec) {
    return spec.decision == SignOffDecision::kApproveWithConditions ||
           (IsApproval(spec.decision) && spec.expires_at);
  }

  void Keep(const AttestedSignOff& sign_off, const AttestedSignOff* delegation) {
    const std::string person = PersonOf(policy(), sign_off.by.user);
    Vote& vote = votes_[person];
    // At the same instant the stricter one is the later one: the safe reading of an unclear order.
    const auto rank = [](const AttestedSignOff& s) {
      return std::tuple(s.by.first_seen, s.object->spec.decision, s.object->meta.name);
    };
    if (vote.sign_off != nullptr) {
      const bool earlier = rank(sign_off) < rank(*vote.sign_off);
      const AttestedSignOff* replaced = earlier ? &sign_off : vote.sign_off;
      if (IsApproval(replaced->object->spec.decision)) replaced_.push_back(replaced);
      if (earlier) return;
    }
    vote.sign_off = &sign_off;
    vote.delegation = delegation;
    vote.person = person;
    vote.holder = delegation == nullptr ? person : PersonOf(policy(), delegation->by.user);
    vote.end = EndOfSignOff(context_, sign_off);
  }

  // Why they are not independent; empty if they are.
  [[nodiscard]] std::string Dependence(const Provenance& by) const {
    const auto distinct = [&](Distinct from) {
      const auto& list = requirement().distinct_from;
      return std::find(list.begin(), list.end(), from) != list.end();
    };
    if (distinct(Distinct::kRequester) && !facts().author.user.empty() &&
        MayBeOne(policy(), by.user, facts().author.user)) {
      return target().kind == SubjectOfSignOff::kGovernancePolicy ? "published the version"
                                                                  : "requested the deployment";
    }
    if (distinct(Distinct::kDevelopers) && context_.insiders.Has(policy(), by)) {
      return target().kind == SubjectOfSignOff::kWaiver
                 ? "asked for the exception, owns the use case or is a developer of the model"
                 : "is a developer of the model";
    }
    if (distinct(Distinct::kDevelopers) && target().answers_digest.empty() &&
        target().kind != SubjectOfSignOff::kGovernancePolicy) {
      auto unknown = WhyDevelopersUnknown(policy(), facts(), context_.insiders, context_.index);
      if (!unknown.empty()) return unknown;
    }
    if (distinct(Distinct::kClusterAdministrators) && IsClusterAdministrator(policy(), by)) {
      return "is a cluster administrator";
    }
    return HoldsOtherRole(context_, by);
  }

  // A deputy must be independent, and so must whoever chose them.
  [[nodiscard]] std::string Dependence(const Vote& vote) const {
    std::string why = Dependence(vote.sign_off->by);
    if (!why.empty() || vote.delegation == nullptr) return why;
    why = Dependence(vote.delegation->by);
    return why.empty() ? why : "'" + vote.delegation->by.user + "', who lent the role, " + why;
  }

  // An approval of theirs that a record has and that is there no more. One of the same instant may
  // have come after.
  [[nodiscard]] std::string LaterDeleted(const Vote& vote) const {
    const SignOffSpec& spec = vote.sign_off->object->spec;
    const SignOffTarget& about = target();
    const ModelRecord* record = about.model ? RecordOf(facts(), about.model->digest) : nullptr;
    if (record == nullptr) return {};
    const std::string digest(DigestOfSubject(spec.subject));
    for (const RecordedDecision& one : record->spec.decisions) {
      const bool later = one.by.first_seen.time >= vote.sign_off->by.Recorded();
      if (one.withdrawn.text.empty() || !later || !IsApproval(one.decision) ||
          one.role != spec.role || one.governed_digest != digest ||
          one.digest == vote.sign_off->object->KnownAs() ||
          PersonOf(policy(), RecordedBy(policy(), one.by).user) != vote.person) {
        continue;
      }
      return one.name;
    }
    return {};
  }

  void Exclude(Vote& vote) {
    const auto restricted = restricted_.find(vote.person);
    if (const auto gone = LaterDeleted(vote); !gone.empty()) {
      vote.excluded = "SignOffWithdrawn";
      vote.why = "a later one of theirs, '" + gone +
                 "', was deleted, and may have had conditions or an end: they approve anew";
    } else if (restricted != restricted_.end() &&
               restricted->second->by.first_seen >= vote.sign_off->by.first_seen) {
      vote.excluded = "SignOffNotAuthentic";
      vote.why = "a later one of theirs, '" + restricted->second->object->meta.name +
                 "', had conditions or an end, and its key is revoked or has ended: which lifts "
                 "neither";
    } else if (auto dependence = Dependence(vote); !dependence.empty()) {
      vote.excluded = "SignOffNotIndependent";
      vote.why = std::move(dependence);
    } else if (auto stale = StaleBecause(context_, *vote.sign_off); !stale.empty()) {
      vote.excluded = "SignOffStale";
      vote.why = std::move(stale);
    } else if (auto missing = NotShown(context_, *vote.sign_off); !missing.empty()) {
      vote.excluded = "SignOffShownIncomplete";
      vote.why = std::move(missing);
    } else if (vote.sign_off->object->spec.decision == SignOffDecision::kApproveWithConditions) {
      Condition(vote);
    }
  }

  void Condition(Vote& vote) {
    if (requirement().conditional == Conditional::kRefused) {
      vote.excluded = "SignOffConditional";
      vote.why = "approved with conditions, which this measure does not accept";
      return;
    }
    OpenConditions open = OpenConditionsOf(context_, *vote.sign_off);
    vote.open = std::move(open.text);
    if (open.due && (!vote.end || *open.due < *vote.end)) {
      vote.end = open.due;
      vote.overdue = *open.due <= facts().now;
    }
  }

  // The consulted roles beside those who approve.
  [[nodiscard]] std::vector<Advice> AdviceFor(const std::vector<Vote>& approvals) const {
    const auto& consultation = requirement().consultation;
    if (!consultation) return {};
    std::vector<const AttestedSignOff*> sign_offs;
    sign_offs.reserve(approvals.size());
    for (const Vote& vote : approvals) sign_offs.push_back(vote.sign_off);
    return AdviceOf(context_, consultation->roles, sign_offs);
  }

  SignOffOutcome Approved(SignOffOutcome outcome, std::vector<Vote> approvals,
                          const std::string& names) {
    const auto needed = static_cast<std::size_t>(requirement().count);
    const std::vector<Advice> advice = AdviceFor(approvals);
    std::vector<Approver> people;
    std::string message = "signed off by " + names;
    for (const Vote& vote : approvals) {
      people.push_back({vote.person, vote.holder});
      if (vote.open.empty()) continue;
      message += "; " + SignerText(vote) + " on condition: " + vote.open;
    }
    for (const Advice& one : advice) outcome.evidence.push_back(RefTo(policy(), *one.given));
    if (!advice.empty()) message += "; " + AdviceText(advice);
    std::stable_sort(approvals.begin(), approvals.end(), LastsLonger);
    outcome.valid_until = approvals[needed - 1].end;
    ConsultationOutcome consulted = JudgeConsultation(context_, advice, people);
    if (consulted.state != GateState::kPassed) {
      outcome.valid_until.reset();
      outcome.expired_at = consulted.expired_at;
      outcome.flags = std::move(consulted.flags);
      outcome.role = std::move(consulted.role);
      return Finish(std::move(outcome), consulted.state, std::move(consulted.reason),
                    consulted.message + "; " + message);
    }
    if (consulted.valid_until &&
        (!outcome.valid_until || *consulted.valid_until < *outcome.valid_until)) {
      outcome.valid_until = consulted.valid_until;
    }
    // A version of a policy that has taken effect stays in force whatever becomes of its sign-offs.
    if (outcome.valid_until && target().kind != SubjectOfSignOff::kGovernancePolicy) {
      message += "; due again by " + FormatTime(*outcome.valid_until);
    }
    return Finish(std::move(outcome), GateState::kPassed, "SignedOff", std::move(message));
  }

  static bool LastsLonger(const Vote& a, const Vote& b) {
    return a.end.value_or(Time::max()) > b.end.value_or(Time::max());
  }

  SignOffOutcome Count(SignOffOutcome outcome, std::vector<Vote> approvals,
                       std::vector<Vote> expired) {
    const auto needed = static_cast<std::size_t>(requirement().count);
    std::string names;
    for (const Vote& vote : approvals) {
      names += (names.empty() ? "" : ", ") + SignerText(vote);
      outcome.evidence.push_back(RefTo(policy(), *vote.sign_off));
    }
    const std::string needs = "needs " + std::to_string(needed) + " sign-off" +
                              (needed == 1 ? "" : "s") + " in role '" + requirement().role + "'";
    if (approvals.size() >= needed) {
      return Approved(std::move(outcome), std::move(approvals), names);
    }
    const std::string has = names.empty()
                                ? ", has none"
                                : ", has " + std::to_string(approvals.size()) + " (" + names + ")";
    if (approvals.size() + expired.size() >= needed) {
      std::vector<Vote> all = approvals;
      all.insert(all.end(), expired.begin(), expired.end());
      std::stable_sort(all.begin(), all.end(), LastsLonger);
      outcome.expired_at = all[needed - 1].end;
      for (const Vote& vote : expired) outcome.evidence.push_back(RefTo(policy(), *vote.sign_off));
      const Vote& first = expired.front();
      std::string ended = "; that of " + SignerText(first) + " ended";
      if (first.end) ended += " at " + FormatTime(*first.end);
      if (first.overdue) ended += ", condition " + first.open;
      return Finish(std::move(outcome), GateState::kExpired,
                    first.overdue ? "SignOffConditionOverdue" : "SignOffExpired",
                    needs + has + ended);
    }
    std::string reason = first_excluded_.empty() ? "SignOffMissing" : first_excluded_;
    const auto others = first_excluded_.empty() ? OtherRevisions() : 0;
    if (others > 0) {
      reason = "SignOffForOtherRevision";
      notes_.push_back(
          std::to_string(others) +
          (!target().retirement_digest.empty()            ? " for another way to end it"
           : target().kind == SubjectOfSignOff::kUseCase  ? " for other answers"
           : target().kind == SubjectOfSignOff::kWaiver   ? " for another waiver of that name"
           : target().kind == SubjectOfSignOff::kIncident ? " for another incident of that name"
           : target().kind == SubjectOfSignOff::kChangeProtocol
               ? " for another protocol of that name"
           : target().kind == SubjectOfSignOff::kGovernancePolicy
               ? " for another policy of that name"
               : " for another model or revision (wanted governed digest " +
                     target().governed_digest + ")"));
    }
    return Finish(std::move(outcome), GateState::kMissing, std::move(reason),
                  needs + has + (notes_.empty() ? "" : "; " + Join(notes_)));
  }

  SignOffOutcome Finish(SignOffOutcome outcome, GateState state, std::string reason,
                        std::string message) {
    if (outcome.role.empty()) {
      outcome.role = requirement().role;
      if (MustSign()) outcome.flags += " --sign-with KEYFILE";
    }
    outcome.state = state;
    outcome.reason = std::move(reason);
    outcome.message = std::move(message);
    return outcome;
  }

  // Whether whoever has just signed in cannot do without a key.
  [[nodiscard]] bool MustSign() const {
    return requirement().assurance == Assurance::kSigned ||
           (requirement().assurance == Assurance::kReauthenticated && !policy().identity_tokens);
  }

  [[nodiscard]] const GovernancePolicySpec& policy() const { return context_.policy; }
  [[nodiscard]] const SignOffRequirement& requirement() const { return context_.requirement; }
  [[nodiscard]] const SignOffTarget& target() const { return context_.target; }
  [[nodiscard]] const Facts& facts() const { return context_.facts; }

  const SignOffContext& context_;
  std::map<std::string, Vote> votes_;  // by person
  // Their latest approval with conditions or an end by a key that has ended.
  std::map<std::string, const AttestedSignOff*> restricted_;
  std::vector<const AttestedSignOff*> replaced_;  // approvals, by a later decision of theirs
  std::vector<std::string> notes_;
  std::string first_excluded_;
};

}  // namespace

SignOffOutcome JudgeSignOffs(const GovernancePolicySpec& policy,
                             const SignOffRequirement& requirement, const SignOffTarget& target,
                             const Facts& facts, const Insiders& insiders,
                             const EvidenceIndex& index, const std::string& answers_digest) {
  return Judge({policy, requirement, target, facts, insiders, index, answers_digest}).Run();
}

std::string RemedyText(const GovernancePolicySpec& policy, const SignOffOutcome& outcome,
                       const std::string& subject) {
  return ApproveText(policy, outcome.role, subject, outcome.flags);
}

std::string ApproveText(const GovernancePolicySpec& policy, const std::string& role,
                        const std::string& subject, const std::string& flags) {
  return HoldersText(policy, role) + " can run: kubectl countersign approve " + subject +
         " --role " + role + flags + " --rationale \"…\"";
}

std::string WithFile(std::string remedy, const std::string& name_space, const std::string& name,
                     const std::string& by) {
  const std::string in = " -n " + name_space + " --role ";
  const std::string by_name = "approve " + name + in;
  if (const auto at = remedy.find(by_name); at != std::string::npos) {
    remedy.replace(at, by_name.size(), "approve " + by + in);
  }
  return remedy;
}

Gate SignOffGate(const Context& context, const SignOffRequirement& requirement) {
  const ModelDeploymentSpec& spec = context.facts.deployment->spec;
  SignOffTarget target;
  target.use_case = spec.use_case.name;
  target.environment = context.environment.name;
  target.model = spec.model.digest;
  target.governed_digest = context.facts.governed_digest;
  SignOffOutcome outcome =
      Judge({context.policy.spec, requirement, target, context.facts, context.insiders,
             context.index, context.answers_digest, context.in_use, &context.policy})
          .Run();
  Gate gate = StartGate(context);
  gate.evidence = std::move(outcome.evidence);
  gate.valid_until = outcome.valid_until;
  gate.expired_at = outcome.expired_at;
  std::string remedy;
  if (outcome.state != GateState::kPassed) {
    remedy = RemedyText(context.policy.spec, outcome, DeploymentArgs(context.facts));
  }
  outcome.message += OtherAdvice(context, requirement, target);
  return Conclude(std::move(gate), outcome.state, std::move(outcome.reason),
                  std::move(outcome.message), std::move(remedy));
}

}  // namespace countersign
