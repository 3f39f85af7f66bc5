#include "governance/emergency.h"

#include <algorithm>

#include "governance/signers.h"

namespace countersign {
namespace {

std::string ArgsOf(const AttestedWaiver& waiver) {
  return "--waiver " + waiver.object->meta.name + " -n " + waiver.object->meta.name_space;
}

}  // namespace

SignOffOutcome WaiverSignOffs(const WaiverScene& scene, const WaiverRules& rules,
                              const AttestedWaiver& waiver) {
  SignOffRequirement requirement = rules.sign_off;
  requirement.distinct_from = {Distinct::kDevelopers, Distinct::kRequester};
  Insiders insiders = scene.insiders;
  for (const Provenance& one : EachSignerEver(scene.policy.spec, waiver.by)) {
    insiders.AddMakers(scene.policy.spec, one);
  }
  insiders.Add(scene.policy.spec, scene.facts.use_case->spec.owner);
  SignOffTarget target;
  target.kind = SubjectOfSignOff::kWaiver;
  target.use_case = waiver.object->spec.use_case;
  target.waiver = waiver.object->meta.name;
  target.waiver_digest = waiver.object->spec_digest;
  return JudgeSignOffs(scene.policy.spec, requirement, target, scene.facts, insiders, scene.index,
                       scene.answers_digest);
}

std::optional<Disregarded> EmergencyFault(const GovernancePolicySpec& policy,
                                          const WaiverSpec& spec, const Provenance& by) {
  if (!policy.waivers || !policy.waivers->emergency) {
    return Disregarded{"EmergencyNotAllowed",
                       "the policy has no spec.waivers.emergency: an exception counts once it is "
                       "signed off; leave out spec.emergency"};
  }
  const EmergencyRules& rules = *policy.waivers->emergency;
  if (IsRobot(by.user) || !IsTrustedIssuer(policy, {{SubjectKind::kRole, rules.role}}, by)) {
    return Disregarded{"EmergencyNotInRole", "'" + by.user + "' does not hold role '" + rules.role +
                                                 "', which may declare an emergency; it is held "
                                                 "by " +
                                                 HoldersText(policy, rules.role)};
  }
  const auto lasts = std::chrono::ceil<Seconds>(spec.expires_at - by.first_seen);
  if (lasts > rules.max_duration) {
    return Disregarded{"WaiverTooLong", "it is for " + FormatDuration(lasts) +
                                            ", allowed in an emergency are " +
                                            FormatDuration(rules.max_duration)};
  }
  return std::nullopt;
}

bool WasEmergency(const WaiverScene& scene, const std::string& environment,
                  const AttestedWaiver& waiver) {
  const WaiverSpec& spec = waiver.object->spec;
  const bool ours = spec.policy == scene.policy.meta.name ||
                    (scene.versions != nullptr && scene.versions->contains(spec.policy));
  return spec.emergency && ours && spec.environment == environment && IsAuthentic(waiver.by);
}

EmergencyReview ReviewOf(const WaiverScene& scene, const WaiverRules& rules,
                         const AttestedWaiver& waiver) {
  EmergencyReview review;
  review.sign_offs = WaiverSignOffs(scene, rules, waiver);
  const SignOffOutcome& outcome = review.sign_offs;
  // Whoever looked at it has done so, even where the sign-off itself has run out since.
  if (outcome.state == GateState::kPassed || outcome.state == GateState::kExpired) {
    review.state = EmergencyState::kApproved;
  } else if (outcome.state == GateState::kFailed) {
    review.state = EmergencyState::kRejected;
  } else {
    review.remedy = RemedyText(scene.policy.spec, outcome, ArgsOf(waiver));
  }
  return review;
}

std::vector<EmergencyNote> OpenEmergencies(const WaiverScene& scene,
                                           const PolicyEnvironment& environment) {
  std::vector<EmergencyNote> notes;
  const auto& rules = scene.policy.spec.waivers;
  if (!rules) return notes;
  for (const AttestedWaiver* one :
       scene.index.Ever().Waivers(scene.facts.deployment->spec.model.digest)) {
    const AttestedWaiver& waiver = *one;
    const WaiverSpec& spec = waiver.object->spec;
    if (!WasEmergency(scene, environment.name, waiver)) continue;
    EmergencyReview review = ReviewOf(scene.Strictly(), *rules, waiver);
    if (review.state != EmergencyState::kOpen) continue;
    notes.push_back({scene.policy.meta.name, waiver.object->meta.name_space,
                     waiver.object->meta.name, waiver.by.user, Shorten(spec.ticket), spec.measures,
                     spec.expires_at, spec.expires_at <= scene.facts.now,
                     std::move(review.remedy)});
  }
  return notes;
}

}  // namespace countersign
