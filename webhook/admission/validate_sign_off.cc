#include <algorithm>

#include "evidence/signed_object.h"
#include "governance/identity.h"
#include "governance/measures/delegation.h"
#include "governance/signers.h"
#include "webhook/admission/handler.h"

namespace countersign {
namespace {

// What the policies say about one role and one person.
struct RoleHolding {
  bool known = false;   // some policy has the role
  bool held = false;    // and in one of them the person holds it
  std::string holders;  // whom to ask instead
};

RoleHolding HoldingOf(const PolicySet& policies, const std::string& role, const Provenance& who) {
  RoleHolding holding;
  for (const auto& policy : policies.policies) {
    if (FindRole(policy->spec, role) == nullptr) continue;
    holding.known = true;
    if (IsNamedBy(policy->spec, {SubjectKind::kRole, role}, who)) {
      holding.held = true;
      return holding;
    }
    holding.holders = HoldersText(policy->spec, role);
  }
  return holding;
}

// Whether some policy lets the role be lent so; the reason is the last one's.
std::optional<Disregarded> WhyNotLendable(const PolicySet& policies, const SignOffSpec& spec,
                                          Time now) {
  Disregarded why{"DelegationNotAllowed", "no policy lets role '" + spec.role +
                                              "' be lent: it has no spec.roles[].delegation"};
  for (const auto& policy : policies.policies) {
    const Role* role = FindRole(policy->spec, spec.role);
    if (role == nullptr || !role->delegation) continue;
    const Seconds longest = role->delegation->max_duration;
    // Decoding asks for an end.
    if (spec.expires_at.value_or(now) - now <= longest) return std::nullopt;
    why = {"DelegationTooLong", "policy '" + policy->meta.name + "' lets role '" + spec.role +
                                    "' be lent for at most " + FormatDuration(longest)};
  }
  return why;
}

// Whether by some policy the signer may act for spec.onBehalfOf; else why not.
std::optional<Disregarded> WhyNotDeputy(const PolicySet& policies,
                                        const SharedList<AttestedSignOff>& sign_offs,
                                        const SignOffSpec& spec, const Provenance& who) {
  std::vector<std::string> environments = spec.subject.environments;
  if (!spec.subject.environment.empty()) environments.push_back(spec.subject.environment);
  Disregarded why;
  for (const auto& policy : policies.policies) {
    if (FindRole(policy->spec, spec.role) == nullptr) continue;
    std::vector<AttestedSignOff> attributed;
    attributed.reserve(sign_offs.size());
    std::vector<const AttestedSignOff*> all;
    all.reserve(sign_offs.size());
    for (const AttestedSignOff& one : sign_offs) {
      all.push_back(&attributed.emplace_back(WithSigner(policy->spec, {}, one)));
    }
    auto found = FindDelegation(
        {policy->spec, spec.role, spec.subject.use_case, spec.on_behalf_of, who, environments},
        all);
    if (found) return std::nullopt;
    // A policy that lends nothing has less to say than one that might.
    if (why.reason.empty() || why.reason == "DelegationNotAllowed") why = found.error();
  }
  return why;
}

// Whether by some policy the key that signed belongs to the signer, who holds the role or was lent
// it; else why not.
std::optional<Disregarded> WhyNotSigner(const PolicySet& policies,
                                        const SharedList<AttestedSignOff>& sign_offs,
                                        const SignOffSpec& spec, const Provenance& by) {
  Disregarded why{"RoleUnknown",
                  "'" + spec.role + "' is not a role of any policy: kubectl get govpol -o yaml"};
  for (const auto& policy : policies.policies) {
    if (FindRole(policy->spec, spec.role) == nullptr) continue;
    const std::string under = " (policy '" + policy->meta.name + "')";
    const Provenance who = SignerOf(policy->spec, by, spec.signer.username, spec.performed_at);
    if (who.authenticity != Authenticity::kAttested) {
      why = {who.reason, who.problem + under};
    } else if (IsRobot(who.user)) {
      why = {"SignerIsRobot",
             "service accounts do not sign off, nor does what is the cluster's own (system:…): '" +
                 who.user + "'" + under};
    } else if (who.user != spec.signer.username) {
      why = {"SignerNotKeyHolder", "must be an account of whoever signed, '" + who.user +
                                       "', is '" + spec.signer.username +
                                       "': nobody signs in another person's name" + under};
    } else if (IsNamedBy(policy->spec, {SubjectKind::kRole, spec.role}, who)) {
      return std::nullopt;
    } else if (spec.on_behalf_of.empty()) {
      why = {"SignerNotInRole", "'" + who.user + "' does not hold role '" + spec.role +
                                    "'; it is held by " + HoldersText(policy->spec, spec.role) +
                                    under};
    } else {
      PolicySet alone;
      alone.policies = {policy};
      auto not_deputy = WhyNotDeputy(alone, sign_offs, spec, who);
      if (!not_deputy) return std::nullopt;
      why = *std::move(not_deputy);
    }
  }
  return why;
}

}  // namespace

void AdmissionHandler::DecideSignOff(Context& context) const {
  const Review& review = context.review;
  const auto sign_off = NewEvidence<SignOffSpec>(context);
  if (!sign_off) return;
  const SignOffSpec& spec = sign_off->spec;
  const std::optional<Provenance> carried = Carried(context);
  // What is carried had its dates looked at when it was made, and may have run out since.
  if (!carried && !CheckDates(context, spec)) return;
  if (spec.signature) return DecideSigned(context, *sign_off);
  const std::string& account = carried ? carried->user : review.user.name;
  if (IsRobot(account)) {
    return Refuse(
        context.answer, "SignerIsRobot",
        "service accounts do not sign off, nor does what is the cluster's own (system:…): '" +
            account +
            "' must be a person's account; what a person has signed off anybody may "
            "apply with its stamp and receipt (kubectl get signoff -o yaml)",
        "spec.signer.username");
  }
  if (spec.signer.username != account) {
    return Refuse(context.answer, "SignerNotRequester",
                  std::string("must be ") + (carried ? "whoever made it, '" : "the requester '") +
                      account + "', is '" + spec.signer.username +
                      "': nobody signs in another person's name",
                  "spec.signer.username");
  }
  if (!carried && options_.require_credential_id && review.user.credential_id.empty()) {
    return Refuse(
        context.answer, "CredentialUnknown",
        "the request does not show which credential authenticated '" + review.user.name + "'");
  }
  if (!carried && !CheckCorrection(context, *sign_off, nullptr)) return;
  Provenance who;
  who.authenticity = Authenticity::kAttested;
  who.user = account;
  who.groups = carried ? carried->groups : review.user.groups;
  const RoleHolding holding = [&] {
    RoleHolding found = HoldingOf(*catalog_.Policies(), spec.role, who);
    if (found.held) return found;
    // A policy applied in the same breath may not be in the cache yet.
    const UseCaseRef home{review.name_space, spec.subject.use_case};
    if (RefreshLive(context, home)) {
      found = HoldingOf(*catalog_.Policies(), spec.role, who);
    }
    return found;
  }();
  if (holding.held) {
    if (spec.subject.kind == SubjectOfSignOff::kDelegation && !CheckLending(context, spec)) return;
    if (CheckStamp(context, true, sign_off->spec_digest)) context.answer.allowed = true;
    return;
  }
  if (!holding.known) {
    return Refuse(context.answer, "RoleUnknown",
                  "'" + spec.role + "' is not a role of any policy: kubectl get govpol -o yaml",
                  "spec.role");
  }
  if (!spec.on_behalf_of.empty()) {
    if (CheckDeputy(context, spec, who) && CheckStamp(context, true, sign_off->spec_digest)) {
      context.answer.allowed = true;
    }
    return;
  }
  Refuse(context.answer, "SignerNotInRole",
         "'" + account + "' does not hold role '" + spec.role + "'; it is held by " +
             holding.holders + ", who may lend it: kubectl countersign delegate",
         "spec.role");
}

// What no policy could let count.
bool AdmissionHandler::CheckDates(Context& context, const SignOffSpec& spec) const {
  if (spec.performed_at && *spec.performed_at > context.now + kClockSkew) {
    Refuse(context.answer, "PerformedInFuture",
           "must not be in the future, is " + FormatTime(*spec.performed_at), "spec.performedAt");
    return false;
  }
  if (spec.expires_at && *spec.expires_at <= context.now) {
    Refuse(context.answer, "ExpiresInPast",
           "must be in the future, is " + FormatTime(*spec.expires_at), "spec.expiresAt");
    return false;
  }
  for (std::size_t i = 0; i < spec.conditions.size(); ++i) {
    if (spec.conditions[i].due_at > context.now) continue;
    Refuse(context.answer, "ConditionDueInPast",
           "must be in the future, is " + FormatTime(spec.conditions[i].due_at),
           "spec.conditions[" + std::to_string(i) + "].dueAt");
    return false;
  }
  return true;
}

// Whoever applies what a person has signed adds nothing to it: a robot may.
void AdmissionHandler::DecideSigned(Context& context, const SignOff& sign_off) const {
  const SignOffSpec& spec = sign_off.spec;
  Provenance by;
  by.authenticity = Authenticity::kSigned;
  by.first_seen = context.now;
  by.signature = CheckSignature(context);
  if (!by.signature) return;
  const UseCaseRef home{context.review.name_space, spec.subject.use_case};
  const auto judge = [&] {
    return WhyNotSigner(*catalog_.Policies(), catalog_.SignOffsOf(home), spec, by);
  };
  auto why = judge();
  // What was applied in the same breath may not be in the cache yet.
  if (why && RefreshLive(context, home)) why = judge();
  if (why) {
    return Refuse(context.answer, why->reason, why->why,
                  why->reason.starts_with("SignerKey") || why->reason.starts_with("SignerCert")
                      ? "spec.signature"
                      : "spec.signer.username");
  }
  if (!CheckCorrection(context, sign_off, by.signature)) return;
  if (spec.subject.kind == SubjectOfSignOff::kDelegation && !CheckLending(context, spec)) return;
  if (CheckStamp(context, true, sign_off.spec_digest)) context.answer.allowed = true;
}

// A withdrawal is never refused.
bool AdmissionHandler::CheckLending(Context& context, const SignOffSpec& spec) const {
  if (IsRobot(spec.subject.deputy)) {
    Refuse(context.answer, "DeputyIsRobot",
           "service accounts do not sign off, nor does what is the cluster's own (system:…): '" +
               spec.subject.deputy + "' cannot be a deputy",
           "spec.subject.deputy");
    return false;
  }
  if (spec.decision == SignOffDecision::kReject) return true;
  auto why = WhyNotLendable(*catalog_.Policies(), spec, context.now);
  if (!why) return true;
  Refuse(context.answer, why->reason, why->why,
         why->reason == "DelegationTooLong" ? "spec.expiresAt" : "spec.role");
  return false;
}

bool AdmissionHandler::CheckDeputy(Context& context, const SignOffSpec& spec,
                                   Provenance who) const {
  who.first_seen = context.now;
  const UseCaseRef home{context.review.name_space, spec.subject.use_case};
  const auto judge = [&] {
    return WhyNotDeputy(*catalog_.Policies(), catalog_.SignOffsOf(home), spec, who);
  };
  auto why = judge();
  // What was lent in the same breath may not be in the cache yet.
  if (why && RefreshLive(context, home)) why = judge();
  if (!why) return true;
  Refuse(context.answer, why->reason, why->why, "spec.onBehalfOf");
  return false;
}

}  // namespace countersign
