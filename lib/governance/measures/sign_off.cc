#include "governance/measures/sign_off.h"

#include <algorithm>
#include <map>

namespace countersign {
namespace {

// One person's latest decision on the subject.
struct Vote {
  const AttestedSignOff* sign_off = nullptr;
  std::string person;
  std::string excluded;  // reason code; empty: counts
  std::string why;
  std::optional<Time> end;
};

bool SameSubject(const SignOffSubject& s, const SignOffTarget& target) {
  return s.kind == target.kind && s.use_case == target.use_case &&
         s.environment == target.environment && s.model == target.model &&
         s.governed_digest == target.governed_digest && s.answers_digest == target.answers_digest &&
         s.retirement_digest == target.retirement_digest && s.waiver == target.waiver &&
         s.waiver_digest == target.waiver_digest && s.incident == target.incident &&
         s.incident_digest == target.incident_digest;
}

std::string_view DigestOf(const SignOffTarget& target) {
  switch (target.kind) {
    case SubjectOfSignOff::kModelDeployment: return target.governed_digest;
    case SubjectOfSignOff::kUseCase:
      return target.answers_digest.empty() ? target.retirement_digest : target.answers_digest;
    case SubjectOfSignOff::kWaiver: return target.waiver_digest;
    case SubjectOfSignOff::kIncident: return target.incident_digest;
  }
  return {};
}

// The same deployment in an earlier or other state: worth a word in the message.
bool OtherRevision(const SignOffSubject& s, const SignOffTarget& target) {
  return s.kind == target.kind && s.use_case == target.use_case &&
         s.environment == target.environment && s.waiver == target.waiver &&
         s.retirement_digest.empty() == target.retirement_digest.empty() &&
         s.incident == target.incident && !SameSubject(s, target);
}

bool HoldsRole(const GovernancePolicySpec& policy, const std::string& role, const Provenance& by) {
  if (by.authenticity == Authenticity::kAssumed) return true;
  return IsNamedBy(policy, {SubjectKind::kRole, role}, by);
}

bool IsInsider(const GovernancePolicySpec& policy, const Insiders& insiders,
               const std::string& person, const Provenance& by) {
  return insiders.people.contains(person) || IsNamedByAny(policy, insiders.groups, by);
}

template <class Spec>
bool StillThere(const ShownEvidence& shown, const std::vector<Attested<Spec>>& evidence) {
  return std::any_of(evidence.begin(), evidence.end(), [&](const Attested<Spec>& one) {
    return one.object->meta.name == shown.name && one.object->spec_digest == shown.digest;
  });
}

// What has changed under the signer's feet; empty if nothing.
std::string StaleBecause(const SignOffSpec& spec, const Facts& facts,
                         const std::string& answers_digest) {
  if (!spec.shown) return {};
  if (!spec.shown->answers_digest.empty() && spec.shown->answers_digest != answers_digest) {
    return "the use case's answers have changed since";
  }
  for (const ShownEvidence& shown : spec.shown->evidence) {
    const bool there = shown.kind == BiasTestSpec::kKind ? StillThere(shown, facts.bias_tests)
                       : shown.kind == ReproducibilitySnapshotSpec::kKind
                           ? StillThere(shown, facts.snapshots)
                       : shown.kind == EvidenceSpec::kKind ? StillThere(shown, facts.reports)
                                                           : true;
    if (!there) return shown.kind + " '" + shown.name + "', which was shown, is gone";
  }
  return {};
}

class Judge {
 public:
  Judge(const GovernancePolicySpec& policy, const SignOffRequirement& requirement,
        const SignOffTarget& target, const Facts& facts, const Insiders& insiders,
        const EvidenceIndex& index, const std::string& answers_digest)
      : policy_(policy),
        requirement_(requirement),
        target_(target),
        facts_(facts),
        insiders_(insiders),
        index_(index),
        answers_digest_(answers_digest) {}

  SignOffOutcome Run() {
    Collect();
    std::vector<Vote> approvals;
    std::vector<Vote> expired;
    SignOffOutcome outcome;
    for (auto& [person, vote] : votes_) {
      const SignOffSpec& spec = vote.sign_off->object->spec;
      if (spec.decision == SignOffDecision::kReject) {
        outcome.evidence = {RefTo(*vote.sign_off)};
        return Finish(std::move(outcome), GateState::kFailed, "SignOffRejected",
                      "'" + vote.sign_off->by.user + "' rejected it as '" + requirement_.role +
                          "': " + Shorten(spec.rationale));
      }
      Exclude(vote);
      if (!vote.excluded.empty()) {
        notes_.push_back("'" + vote.sign_off->by.user + "' does not count: " + vote.why);
        if (first_excluded_.empty()) first_excluded_ = vote.excluded;
      } else if (vote.end && *vote.end <= facts_.now) {
        expired.push_back(vote);
      } else {
        approvals.push_back(vote);
      }
    }
    return Count(std::move(outcome), std::move(approvals), std::move(expired));
  }

 private:
  // Looked for only when nothing else explains what is missing.
  [[nodiscard]] std::ptrdiff_t OtherRevisions() const {
    return std::count_if(
        facts_.sign_offs.begin(), facts_.sign_offs.end(), [&](const AttestedSignOff& sign_off) {
          const SignOffSpec& spec = sign_off.object->spec;
          return spec.role == requirement_.role && OtherRevision(spec.subject, target_);
        });
  }

  void Note(const AttestedSignOff& sign_off, const std::string& why, const std::string& reason) {
    notes_.push_back("SignOff '" + sign_off.object->meta.name + "' does not count: " + why);
    if (first_excluded_.empty()) first_excluded_ = reason;
  }

  // Keeps the latest decision of each person who holds the role.
  void Collect() {
    for (const AttestedSignOff* found : index_.SignOffs(requirement_.role, DigestOf(target_))) {
      const AttestedSignOff& sign_off = *found;
      const SignOffSpec& spec = sign_off.object->spec;
      if (!SameSubject(spec.subject, target_)) continue;
      if (!IsAuthentic(sign_off.by)) {
        Note(sign_off, WhyNotAuthentic(sign_off.by), "SignOffNotAuthentic");
      } else if (spec.signer.username != sign_off.by.user) {
        Note(sign_off, "it was made by '" + sign_off.by.user + "' in another name",
             "SignOffNotAuthentic");
      } else if (IsRobot(sign_off.by.user)) {
        Note(sign_off, "service accounts do not sign off", "SignerIsRobot");
      } else if (!HoldsRole(policy_, requirement_.role, sign_off.by)) {
        Note(sign_off, "'" + sign_off.by.user + "' does not hold role '" + requirement_.role + "'",
             "SignerNotInRole");
      } else {
        Keep(sign_off);
      }
    }
  }

  void Keep(const AttestedSignOff& sign_off) {
    const std::string person = PersonOf(policy_, sign_off.by.user);
    Vote& vote = votes_[person];
    // At the same instant the rejection is the later one: the safe reading of an unclear order.
    const auto rank = [](const AttestedSignOff& s) {
      return std::tuple(s.by.first_seen, s.object->spec.decision == SignOffDecision::kReject,
                        s.object->meta.name);
    };
    if (vote.sign_off != nullptr && rank(sign_off) < rank(*vote.sign_off)) return;
    vote.sign_off = &sign_off;
    vote.person = person;
    vote.end = EndOf(sign_off.by.first_seen, requirement_.max_age);
    if (const auto& expires = sign_off.object->spec.expires_at;
        expires && (!vote.end || *expires < *vote.end)) {
      vote.end = expires;
    }
  }

  void Exclude(Vote& vote) {
    const auto distinct = [&](Distinct from) {
      const auto& list = requirement_.distinct_from;
      return std::find(list.begin(), list.end(), from) != list.end();
    };
    if (distinct(Distinct::kRequester) && vote.person == PersonOf(policy_, facts_.author.user)) {
      vote.excluded = "SignOffNotIndependent";
      vote.why = "requested the deployment";
    } else if (distinct(Distinct::kDevelopers) &&
               IsInsider(policy_, insiders_, vote.person, vote.sign_off->by)) {
      vote.excluded = "SignOffNotIndependent";
      vote.why = "is a developer of the model";
    } else if (auto stale = StaleBecause(vote.sign_off->object->spec, facts_, answers_digest_);
               !stale.empty()) {
      vote.excluded = "SignOffStale";
      vote.why = stale;
    }
  }

  SignOffOutcome Count(SignOffOutcome outcome, std::vector<Vote> approvals,
                       std::vector<Vote> expired) {
    const auto needed = static_cast<std::size_t>(requirement_.count);
    const auto later = [](const Vote& a, const Vote& b) {
      return a.end.value_or(Time::max()) > b.end.value_or(Time::max());
    };
    std::string names;
    for (const Vote& vote : approvals) {
      names += (names.empty() ? "'" : ", '") + vote.sign_off->by.user + "'";
      outcome.evidence.push_back(RefTo(*vote.sign_off));
    }
    const std::string needs = "needs " + std::to_string(needed) + " sign-off" +
                              (needed == 1 ? "" : "s") + " in role '" + requirement_.role + "'";
    if (approvals.size() >= needed) {
      std::stable_sort(approvals.begin(), approvals.end(), later);
      outcome.valid_until = approvals[needed - 1].end;
      return Finish(std::move(outcome), GateState::kPassed, "SignedOff", "signed off by " + names);
    }
    const std::string has = names.empty()
                                ? ", has none"
                                : ", has " + std::to_string(approvals.size()) + " (" + names + ")";
    if (approvals.size() + expired.size() >= needed) {
      std::vector<Vote> all = approvals;
      all.insert(all.end(), expired.begin(), expired.end());
      std::stable_sort(all.begin(), all.end(), later);
      outcome.expired_at = all[needed - 1].end;
      for (const Vote& vote : expired) outcome.evidence.push_back(RefTo(*vote.sign_off));
      const Vote& first = expired.front();
      std::string ended = "; that of '" + first.sign_off->by.user + "' ended";
      if (first.end) ended += " at " + FormatTime(*first.end);
      return Finish(std::move(outcome), GateState::kExpired, "SignOffExpired", needs + has + ended);
    }
    std::string reason = first_excluded_.empty() ? "SignOffMissing" : first_excluded_;
    const auto others = first_excluded_.empty() ? OtherRevisions() : 0;
    if (others > 0) {
      reason = "SignOffForOtherRevision";
      notes_.push_back(std::to_string(others) +
                       (!target_.retirement_digest.empty()           ? " for another way to end it"
                        : target_.kind == SubjectOfSignOff::kUseCase ? " for other answers"
                        : target_.kind == SubjectOfSignOff::kWaiver
                            ? " for another waiver of that name"
                        : target_.kind == SubjectOfSignOff::kIncident
                            ? " for another incident of that name"
                            : " for another model or revision (wanted governed digest " +
                                  target_.governed_digest + ")"));
    }
    return Finish(std::move(outcome), GateState::kMissing, std::move(reason),
                  needs + has + (notes_.empty() ? "" : "; " + Join(notes_)));
  }

  SignOffOutcome Finish(SignOffOutcome outcome, GateState state, std::string reason,
                        std::string message) {
    outcome.state = state;
    outcome.reason = std::move(reason);
    outcome.message = std::move(message);
    return outcome;
  }

  const GovernancePolicySpec& policy_;
  const SignOffRequirement& requirement_;
  const SignOffTarget& target_;
  const Facts& facts_;
  const Insiders& insiders_;
  const EvidenceIndex& index_;
  const std::string& answers_digest_;
  std::map<std::string, Vote> votes_;  // by person
  std::vector<std::string> notes_;
  std::string first_excluded_;
};

}  // namespace

SignOffOutcome JudgeSignOffs(const GovernancePolicySpec& policy,
                             const SignOffRequirement& requirement, const SignOffTarget& target,
                             const Facts& facts, const Insiders& insiders,
                             const EvidenceIndex& index, const std::string& answers_digest) {
  return Judge(policy, requirement, target, facts, insiders, index, answers_digest).Run();
}

Gate SignOffGate(const Context& context, const SignOffRequirement& requirement) {
  const ModelDeploymentSpec& spec = context.facts.deployment->spec;
  SignOffTarget target;
  target.use_case = spec.use_case.name;
  target.environment = context.environment.name;
  target.model = spec.model.digest;
  target.governed_digest = context.facts.governed_digest;
  SignOffOutcome outcome = JudgeSignOffs(context.policy.spec, requirement, target, context.facts,
                                         context.insiders, context.index, context.answers_digest);
  Gate gate = StartGate(context);
  gate.evidence = std::move(outcome.evidence);
  gate.valid_until = outcome.valid_until;
  gate.expired_at = outcome.expired_at;
  const std::string remedy = outcome.state == GateState::kPassed
                                 ? std::string()
                                 : HoldersText(context.policy.spec, requirement.role) +
                                       " can run: kubectl countersign approve " +
                                       DeploymentArgs(context.facts) + " --role " +
                                       requirement.role;
  return Conclude(std::move(gate), outcome.state, std::move(outcome.reason),
                  std::move(outcome.message), remedy);
}

}  // namespace countersign
