#include "governance/measures/delegation.h"

#include <algorithm>
#include <tuple>

#include "governance/identity.h"
#include "governance/measures/context.h"

namespace countersign {
namespace {

tl::unexpected<Disregarded> Not(const char* reason, std::string why) {
  return tl::unexpected(Disregarded{reason, std::move(why)});
}

bool IsWordOn(const ActingFor& acting, const AttestedSignOff& one) {
  const SignOffSpec& spec = one.object->spec;
  return spec.subject.kind == SubjectOfSignOff::kDelegation && spec.role == acting.role &&
         spec.subject.use_case == acting.use_case &&
         PersonOf(acting.policy, spec.signer.username) == PersonOf(acting.policy, acting.lender) &&
         PersonOf(acting.policy, spec.subject.deputy) ==
             PersonOf(acting.policy, acting.deputy.user);
}

// At the same instant a withdrawal is the later one.
bool IsLater(const AttestedSignOff& a, const AttestedSignOff& b) {
  const auto rank = [](const AttestedSignOff& s) {
    return std::tuple(s.by.Recorded(), s.object->spec.decision, s.object->meta.name);
  };
  return rank(a) > rank(b);
}

// Of several words the latest one; null if there is none.
void KeepLater(const AttestedSignOff*& kept, const AttestedSignOff& one) {
  if (kept == nullptr || IsLater(one, *kept)) kept = &one;
}

bool IsLentFor(const SignOffSubject& subject, const std::vector<std::string>& environments) {
  if (subject.environments.empty()) return true;
  const auto& lent = subject.environments;
  return !environments.empty() &&
         std::all_of(environments.begin(), environments.end(), [&](const std::string& name) {
           return std::find(lent.begin(), lent.end(), name) != lent.end();
         });
}

}  // namespace

std::optional<Disregarded> WhyNotSigners(const AttestedSignOff& sign_off) {
  const Provenance& by = sign_off.by;
  if (by.authenticity == Authenticity::kWithdrawn)
    return Disregarded{"SignOffWithdrawn", by.problem};
  if (!IsAuthentic(by)) return Disregarded{"SignOffNotAuthentic", WhyNotAuthentic(by)};
  if (sign_off.object->spec.signer.username != by.user) {
    return Disregarded{"SignOffNotAuthentic", "it was made by '" + by.user + "' in another name"};
  }
  if (IsRobot(by.user))
    return Disregarded{"SignerIsRobot", "'" + by.user +
                                            "' is no person: service accounts do not sign off, nor "
                                            "do accounts of the cluster itself (system:…)"};
  return std::nullopt;
}

bool HoldsRole(const GovernancePolicySpec& policy, const std::string& role, const Provenance& by) {
  if (by.authenticity == Authenticity::kAssumed) return true;
  return IsNamedBy(policy, {SubjectKind::kRole, role}, by);
}

tl::expected<const AttestedSignOff*, Disregarded> FindDelegation(
    const ActingFor& acting, const std::vector<const AttestedSignOff*>& sign_offs) {
  const std::string who =
      "'" + acting.deputy.user + "' acts for '" + acting.lender + "' as '" + acting.role + "', ";
  const Role* role = FindRole(acting.policy, acting.role);
  if (role == nullptr || !role->delegation) {
    return Not("DelegationNotAllowed", who + "but the policy does not let the role be lent");
  }
  // What a deputy signed counts from the date in it, which they choose: the role must have been
  // lent by then, and still be when the system saw it.
  const Time seen = acting.deputy.Recorded();
  const AttestedSignOff* latest = nullptr;
  const AttestedSignOff* withdrawal = nullptr;
  std::string note;
  for (const AttestedSignOff* one : sign_offs) {
    if (!IsWordOn(acting, *one)) continue;
    if (auto because = WhyNotSigners(*one)) {
      note = ": SignOff '" + one->object->meta.name + "' does not count, " + because->why;
    } else if (one->object->spec.decision == SignOffDecision::kReject &&
               one->by.Recorded() <= seen) {
      KeepLater(withdrawal, *one);
    } else if (one->by.Recorded() > acting.deputy.first_seen) {
      note = ": SignOff '" + one->object->meta.name + "' came only afterwards";
    } else {
      KeepLater(latest, *one);
    }
  }
  if (withdrawal != nullptr && (latest == nullptr || IsLater(*withdrawal, *latest))) {
    latest = withdrawal;
  }
  if (latest == nullptr) return Not("DelegationMissing", who + "who has not lent it" + note);
  const SignOffSpec& spec = latest->object->spec;
  const std::string by = who + "but Delegation '" + latest->object->meta.name + "' ";
  if (spec.decision == SignOffDecision::kReject) {
    return Not("DelegationWithdrawn",
               by + "had withdrawn that at " + FormatTime(latest->by.Recorded()));
  }
  if (!HoldsRole(acting.policy, acting.role, latest->by)) {
    return Not("DelegationNotHeld", by + "is by somebody who does not hold the role; a lent role "
                                         "cannot be lent on");
  }
  // Decoding asks for an end.
  const Time ends = spec.expires_at.value_or(latest->by.Recorded());
  if (ends - latest->by.Recorded() > role->delegation->max_duration) {
    return Not("DelegationTooLong", by + "is for longer than the policy's " +
                                        FormatDuration(role->delegation->max_duration));
  }
  if (ends <= seen) {
    return Not("DelegationExpired", by + "had ended at " + FormatTime(ends));
  }
  if (!IsLentFor(spec.subject, acting.environments)) {
    return Not("DelegationForOtherEnvironment", by + "is for other environments");
  }
  if (const auto& deputies = role->delegation->deputies;
      !deputies.empty() && acting.deputy.authenticity != Authenticity::kAssumed &&
      !IsNamedByAny(acting.policy, deputies, acting.deputy)) {
    return Not("DeputyNotAllowed",
               who + "but the policy lets only " + SubjectsText(deputies) + " be deputies");
  }
  return latest;
}

}  // namespace countersign
