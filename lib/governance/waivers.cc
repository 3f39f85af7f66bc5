#include "governance/waivers.h"

#include <algorithm>

#include "governance/emergency.h"
#include "governance/measures/evidence.h"

namespace countersign {
namespace {

bool Names(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// Whether the waiver is about this measure of this policy in this environment, for any model.
bool Concerns(const Context& context, const WaiverSpec& spec) {
  return spec.policy == context.policy.meta.name && spec.environment == context.environment.name &&
         Names(spec.measures, context.measure.name);
}

Seconds DurationOf(const AttestedWaiver& waiver) {
  const auto lasts = waiver.object->spec.expires_at - waiver.by.first_seen;
  return std::max(std::chrono::ceil<Seconds>(lasts), Seconds{0});
}

bool Precedes(const AttestedWaiver& a, const AttestedWaiver& b) {
  return std::pair(a.by.first_seen, a.object->meta.name) <
         std::pair(b.by.first_seen, b.object->meta.name);
}

// Whether somebody said yes at some time, even if that does not count any more: what was used up
// does not come back by a change of answers, developers, roles or keys, nor by a later rejection.
bool WasApproved(const EvidenceIndex& index, const AttestedWaiver& waiver) {
  const auto sign_offs = index.SignOffsOn(waiver.object->spec_digest);
  return std::any_of(sign_offs.begin(), sign_offs.end(), [&](const AttestedSignOff* sign_off) {
    const SignOffSpec& spec = sign_off->object->spec;
    return spec.subject.kind == SubjectOfSignOff::kWaiver &&
           spec.subject.waiver == waiver.object->meta.name && IsApproval(spec.decision) &&
           IsAuthentic(sign_off->by);
  });
}

WaiverJudgement Not(std::string reason, std::string text, std::string remedy = {}) {
  WaiverJudgement judgement;
  judgement.reason = std::move(reason);
  judgement.text = std::move(text);
  judgement.remedy = std::move(remedy);
  return judgement;
}

// What others agreed to comes before what nobody has looked at yet, then what lasts longer.
bool Better(const WaiverJudgement& a, const WaiverJudgement& b) {
  if (a.emergency != b.emergency) return b.emergency;
  return *a.valid_until > *b.valid_until;
}

// What earlier waivers have used up of the limits; nullopt: nothing too much.
std::optional<WaiverJudgement> UsedUp(const Context& context, const WaiverRules& rules,
                                      const AttestedWaiver& waiver) {
  std::int64_t renewals = 0;
  Seconds total = DurationOf(waiver);
  const EvidenceIndex& ever = context.index.Ever();
  for (const AttestedWaiver* one : ever.AllWaivers()) {
    const AttestedWaiver& other = *one;
    if (!Concerns(context, other.object->spec) || !IsAuthentic(other.by) ||
        !Precedes(other, waiver)) {
      continue;
    }
    if (!WasApproved(ever, other)) continue;
    if (other.object->spec.model == waiver.object->spec.model) ++renewals;
    total += DurationOf(other);
  }
  if (renewals > rules.max_renewals) {
    return Not("WaiverRenewedTooOften", "it is renewal " + std::to_string(renewals) +
                                            " for this model, allowed are " +
                                            std::to_string(rules.max_renewals));
  }
  if (rules.max_total && total > *rules.max_total) {
    return Not("WaiverTotalTooLong", "with earlier ones it is for " + FormatDuration(total) +
                                         " in total, allowed are " +
                                         FormatDuration(*rules.max_total));
  }
  return std::nullopt;
}

// What the policy wants in place meanwhile. Judged as a measure of its own would be, so that a
// control which is not shown, fails or has become too old ends the exception.
std::optional<WaiverJudgement> ControlShortfall(const Context& context, const WaiverRules& rules,
                                                WaiverJudgement& judgement) {
  for (const WaiverControl& control : rules.controls) {
    if (!control.measures.empty() && !Names(control.measures, context.measure.name)) continue;
    Measure measure;
    measure.name = control.name;
    measure.require.report = control.evidence;
    const Gate gate =
        EvidenceGate({context.policy, context.environment, measure, context.facts, context.insiders,
                      context.index, context.answers_digest, context.model, context.lineage},
                     control.evidence);
    if (gate.state != GateState::kPassed) {
      return Not("WaiverControlMissing",
                 "its compensating control '" + control.name + "' is " +
                     std::string(GateStateName(gate.state)) + " (" + gate.reason +
                     "): " + gate.message,
                 gate.remedy);
    }
    judgement.evidence.insert(judgement.evidence.end(), gate.evidence.begin(), gate.evidence.end());
    judgement.valid_until = std::min(judgement.valid_until.value_or(Time::max()),
                                     gate.valid_until.value_or(Time::max()));
  }
  return std::nullopt;
}

std::string NamesOf(const AttestedWaiver& waiver) {
  return "Waiver '" + waiver.object->meta.name + "' (" + Shorten(waiver.object->spec.ticket) + ")";
}

// Whether what people made of earlier emergencies, or did not yet, stands in the way of this one.
std::optional<WaiverJudgement> EarlierEmergency(const Context& context, const WaiverRules& rules,
                                                const AttestedWaiver& waiver,
                                                WaiverJudgement& judgement) {
  const WaiverScene scene = WaiverScene::Of(context);
  for (const AttestedWaiver* one : context.index.Ever().AllWaivers()) {
    const AttestedWaiver& other = *one;
    const WaiverSpec& spec = other.object->spec;
    // Of two at the same instant neither comes first: whoever names one must not choose.
    if (other.object == waiver.object || other.by.first_seen > waiver.by.first_seen ||
        !WasEmergency(scene, context.environment.name, other) ||
        !Names(spec.measures, context.measure.name)) {
      continue;
    }
    EmergencyReview review = ReviewOf(scene, rules, other);
    if (review.state == EmergencyState::kRejected && spec.model == waiver.object->spec.model) {
      return Not("EmergencyRejected", "an earlier one for this model, " + NamesOf(other) + ": " +
                                          review.sign_offs.message);
    }
    // For other models that closes it, unless by a key that has ended.
    if (review.state == EmergencyState::kRejected) {
      review = ReviewOf(scene.Strictly(), rules, other);
    }
    if (review.state != EmergencyState::kOpen) continue;
    if (spec.expires_at <= context.facts.now) {
      return Not("EmergencyUnclosed",
                 "an earlier one, " + NamesOf(other) + ", ended at " + FormatTime(spec.expires_at) +
                     " and is not signed off yet",
                 review.remedy);
    }
    judgement.valid_until = std::min(*judgement.valid_until, spec.expires_at);
  }
  return std::nullopt;
}

WaiverJudgement JudgeEmergency(const Context& context, const WaiverRules& rules,
                               const AttestedWaiver& waiver) {
  const WaiverSpec& spec = waiver.object->spec;
  if (auto fault = EmergencyFault(context.policy.spec, spec, waiver.by)) {
    return Not(fault->reason, fault->why);
  }
  const EmergencyReview review = ReviewOf(WaiverScene::Of(context), rules, waiver);
  if (review.state == EmergencyState::kRejected) {
    return Not("EmergencyRejected", review.sign_offs.message);
  }
  if (spec.expires_at <= context.facts.now) {
    return Not("WaiverExpired", "it ended at " + FormatTime(spec.expires_at), review.remedy);
  }
  WaiverJudgement judgement;
  judgement.valid_until = spec.expires_at;
  if (auto stopped = EarlierEmergency(context, rules, waiver, judgement)) {
    return *std::move(stopped);
  }
  judgement.active = true;
  judgement.emergency = review.state == EmergencyState::kOpen;
  judgement.reason = judgement.emergency ? "EmergencyWaived" : "Waived";
  judgement.text =
      "waived until " + FormatTime(*judgement.valid_until) + " by emergency " + NamesOf(waiver) +
      " of '" + waiver.by.user + "', " +
      (judgement.emergency ? "which is open until somebody signs it off: " + review.remedy
                           : review.sign_offs.message);
  judgement.evidence = {RefTo(context.policy.spec, waiver)};
  judgement.evidence.insert(judgement.evidence.end(), review.sign_offs.evidence.begin(),
                            review.sign_offs.evidence.end());
  return judgement;
}

}  // namespace

WaiverJudgement JudgeWaiver(const Context& context, const AttestedWaiver& waiver) {
  const WaiverSpec& spec = waiver.object->spec;
  const auto& rules = context.policy.spec.waivers;
  if (!rules) return Not("WaiverNotAllowed", "the policy has no spec.waivers: it allows none");
  if (Names(rules->never, context.measure.name)) {
    return Not("WaiverNotAllowed", "the policy's spec.waivers.never lists this measure");
  }
  if (!IsAuthentic(waiver.by)) return Not("WaiverNotAuthentic", WhyNotAuthentic(waiver.by));
  if (spec.emergency) return JudgeEmergency(context, *rules, waiver);
  if (const Seconds duration = DurationOf(waiver); duration > rules->max_duration) {
    return Not("WaiverTooLong", "it is for " + FormatDuration(duration) + ", allowed are " +
                                    FormatDuration(rules->max_duration));
  }
  if (auto used_up = UsedUp(context, *rules, waiver)) return *std::move(used_up);
  if (spec.expires_at <= context.facts.now) {
    return Not("WaiverExpired", "it ended at " + FormatTime(spec.expires_at));
  }
  const SignOffOutcome approval = WaiverSignOffs(WaiverScene::Of(context), *rules, waiver);
  if (approval.state != GateState::kPassed) {
    return Not("WaiverNotApproved", approval.message,
               RemedyText(context.policy.spec, approval,
                          "--waiver " + waiver.object->meta.name + " -n " +
                              waiver.object->meta.name_space));
  }
  WaiverJudgement judgement;
  judgement.active = true;
  judgement.reason = "Waived";
  judgement.text = "waived until " + FormatTime(spec.expires_at) + " by Waiver '" +
                   waiver.object->meta.name + "' (" + Shorten(spec.ticket) + "), " +
                   approval.message;
  judgement.evidence = {RefTo(context.policy.spec, waiver)};
  judgement.evidence.insert(judgement.evidence.end(), approval.evidence.begin(),
                            approval.evidence.end());
  judgement.valid_until = spec.expires_at;
  if (approval.valid_until) {
    judgement.valid_until = std::min(*judgement.valid_until, *approval.valid_until);
  }
  if (auto shortfall = ControlShortfall(context, *rules, judgement)) return *std::move(shortfall);
  return judgement;
}

Gate ApplyWaivers(const Context& context, Gate gate) {
  if (gate.state == GateState::kPassed || gate.final) return gate;
  const ModelDigest& model = context.facts.deployment->spec.model.digest;
  std::optional<WaiverJudgement> best;
  std::vector<std::string> notes;
  std::string remedy;
  for (const AttestedWaiver* one : context.index.Waivers(model)) {
    const AttestedWaiver& waiver = *one;
    if (!Concerns(context, waiver.object->spec)) continue;
    WaiverJudgement judgement = JudgeWaiver(context, waiver);
    if (!judgement.active) {
      notes.push_back("Waiver '" + waiver.object->meta.name + "' does not count (" +
                      judgement.reason + "): " + judgement.text);
      if (remedy.empty()) remedy = judgement.remedy;
    } else if (!best || Better(judgement, *best)) {
      best = std::move(judgement);
    }
  }
  if (!best) {
    if (!notes.empty()) gate.message += "; " + Join(notes);
    if (!remedy.empty()) gate.remedy += "; or " + remedy;
    return gate;
  }
  gate.unwaived = UnwaivedGate{gate.state, gate.reason};
  gate.message = best->text + "; without it: " + gate.message;
  gate.state = GateState::kWaived;
  gate.reason = best->reason;
  gate.evidence.insert(gate.evidence.end(), best->evidence.begin(), best->evidence.end());
  gate.valid_until = best->valid_until;
  gate.expired_at.reset();
  return gate;
}

}  // namespace countersign
