#include "governance/measures/consultation.h"

#include <algorithm>
#include <map>

namespace countersign {
namespace {

const SignOffSpec& SpecOf(const Advice& advice) { return advice.given->object->spec; }

// Decoding asks for one.
AdviceSeverity SeverityOf(const Advice& advice) {
  return SpecOf(advice).severity.value_or(AdviceSeverity::kCritical);
}

// Later is worse at the same instant, so that an unclear order hides nothing.
bool IsLater(const AttestedSignOff& a, const AttestedSignOff& b) {
  const auto rank = [](const AttestedSignOff& s) {
    return std::tuple(s.by.first_seen, s.object->spec.severity, s.object->meta.name);
  };
  return rank(a) > rank(b);
}

void FindResponse(Advice& advice, const std::vector<const AttestedSignOff*>& approvals) {
  for (const AttestedSignOff* approval : approvals) {
    if (approval->by.first_seen < advice.given->by.first_seen) continue;
    for (const AdviceResponse& response : approval->object->spec.responses) {
      if (response.advice != advice.given->object->meta.name) continue;
      advice.response = response.response;
      advice.responded_by = approval->by.user;
      return;
    }
  }
}

// What the roles' advice is worth, one role after the other.
class Consulted {
 public:
  Consulted(const SignOffContext& context, const Consultation& consultation,
            const std::vector<Advice>& advice, const std::vector<Approver>& approvers)
      : context_(context), consultation_(consultation), advice_(advice), approvers_(approvers) {}

  ConsultationOutcome Run() {
    ConsultationOutcome outcome;
    for (const std::string& role : consultation_.roles) {
      Heard(role, outcome);
      if (outcome.state != GateState::kPassed) return outcome;
    }
    for (const Advice& advice : advice_) {
      if (SeverityOf(advice) < consultation_.respond_to || !advice.response.empty()) continue;
      const std::string& name = advice.given->object->meta.name;
      outcome.state = GateState::kMissing;
      outcome.reason = "AdviceUnanswered";
      outcome.message = "nobody who approves has answered advice '" + name + "'";
      outcome.role = context_.requirement.role;
      outcome.flags = " --respond " + name + "=TEXT";
      return outcome;
    }
    return outcome;
  }

 private:
  // Somebody of the role has advised, and still does.
  void Heard(const std::string& role, ConsultationOutcome& outcome) const {
    std::vector<std::string> notes;
    std::optional<Time> ended;
    bool heard = false;
    std::optional<Time> until;
    for (const Advice& advice : advice_) {
      if (SpecOf(advice).role != role) continue;
      const std::string who = "that of '" + advice.given->by.user + "' ";
      const auto end = EndOfSignOff(context_, *advice.given);
      if (advice.ended) {
        notes.push_back(who + "does not count: the key that signed it is revoked or has ended");
      } else if (NeededToApprove(advice.person)) {
        notes.push_back(who + "does not count: the same person is needed to approve");
      } else if (auto stale = StaleBecause(context_, *advice.given); !stale.empty()) {
        notes.push_back(who + "does not count: ");
        notes.back() += stale;
      } else if (end && *end <= context_.facts.now) {
        notes.push_back(who + "ended at " + FormatTime(*end));
        ended = std::max(ended.value_or(*end), *end);
      } else {
        if (!heard || (until && (!end || *end > *until))) until = end;
        heard = true;
      }
    }
    if (heard) {
      if (until && (!outcome.valid_until || *until < *outcome.valid_until)) {
        outcome.valid_until = until;
      }
      return;
    }
    outcome.state = ended ? GateState::kExpired : GateState::kMissing;
    outcome.expired_at = ended;
    outcome.reason = ended ? "AdviceExpired" : "AdviceMissing";
    outcome.message =
        "needs advice in role '" + role + "'" + (notes.empty() ? ", has none" : "; " + Join(notes));
    outcome.role = role;
    outcome.flags = " --advise --severity None|Minor|Major|Critical";
  }

  [[nodiscard]] bool NeededToApprove(const std::string& person) const {
    const auto others = std::count_if(approvers_.begin(), approvers_.end(), [&](const Approver& a) {
      return a.person != person && a.holder != person;
    });
    return others < context_.requirement.count;
  }

  const SignOffContext& context_;
  const Consultation& consultation_;
  const std::vector<Advice>& advice_;
  const std::vector<Approver>& approvers_;
};

}  // namespace

std::vector<Advice> AdviceOf(const SignOffContext& context, const std::vector<std::string>& roles,
                             const std::vector<const AttestedSignOff*>& approvals) {
  const SignOffContext by_any_key = Ever(context);
  std::vector<Advice> all;
  for (const std::string& role : roles) {
    const auto given = context.index.SignOffs(role, DigestOf(context.target));
    const auto ever = by_any_key.index.SignOffs(role, DigestOf(context.target));
    std::map<std::string, const AttestedSignOff*> latest;  // by person
    std::vector<const AttestedSignOff*> ended;
    for (std::size_t i = 0; i < given.size(); ++i) {
      const SignOffSpec& spec = given[i]->object->spec;
      if (spec.decision != SignOffDecision::kAdvise || !IsAbout(spec.subject, context.target)) {
        continue;
      }
      if (StandingOf(context, *given[i])) {
        const AttestedSignOff*& kept = latest[PersonOf(context.policy, given[i]->by.user)];
        if (kept == nullptr || IsLater(*given[i], *kept)) kept = given[i];
      } else if (StandingOf(by_any_key, *ever[i])) {
        ended.push_back(ever[i]);
      }
    }
    for (const auto& [person, one] : latest) {
      all.push_back({one, person, {}, {}});
      FindResponse(all.back(), approvals);
    }
    for (const AttestedSignOff* one : ended) {
      const std::string person = PersonOf(context.policy, one->by.user);
      const auto later = latest.find(person);
      if (later != latest.end() && IsLater(*later->second, *one)) continue;
      all.push_back({one, person, {}, {}, true});
      FindResponse(all.back(), approvals);
    }
  }
  return all;
}

std::string AdviceText(const std::vector<Advice>& advice) {
  std::vector<std::string> texts;
  texts.reserve(advice.size());
  for (const Advice& one : advice) {
    const SignOffSpec& spec = SpecOf(one);
    texts.push_back("'" + one.given->by.user + "' advised as '" + spec.role + "' (" +
                    std::string(NameOf(SeverityOf(one))) + "): " + Shorten(spec.rationale));
    if (one.ended) texts.back() += ", by a key that is revoked or has ended";
    if (one.response.empty()) continue;
    texts.back() += "; answered by '" + one.responded_by + "': " + Shorten(one.response);
  }
  return Join(texts);
}

std::string OtherAdvice(const Context& context, const SignOffRequirement& requirement,
                        const SignOffTarget& target) {
  std::vector<std::string> roles;
  for (const std::string& role : context.measure.consulted) {
    const auto& asked = requirement.consultation;
    if (!asked || std::find(asked->roles.begin(), asked->roles.end(), role) == asked->roles.end()) {
      roles.push_back(role);
    }
  }
  const SignOffContext asked{context.policy.spec,   requirement,      target,
                             context.facts,         context.insiders, context.index,
                             context.answers_digest};
  const std::string text = AdviceText(AdviceOf(asked, roles, {}));
  return text.empty() ? text : "; " + text;
}

ConsultationOutcome JudgeConsultation(const SignOffContext& context,
                                      const std::vector<Advice>& advice,
                                      const std::vector<Approver>& approvers) {
  if (!context.requirement.consultation) return {};
  return Consulted(context, *context.requirement.consultation, advice, approvers).Run();
}

}  // namespace countersign
