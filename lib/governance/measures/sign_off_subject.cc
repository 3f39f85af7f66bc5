#include "governance/measures/sign_off_subject.h"

#include <algorithm>

#include "governance/measures/corrections.h"
#include "governance/records.h"
#include "governance/signers.h"

namespace countersign {
namespace {

bool IsFor(const SignOffSubject& subject, const std::string& environment) {
  if (subject.environments.empty()) return subject.environment == environment;
  return std::find(subject.environments.begin(), subject.environments.end(), environment) !=
         subject.environments.end();
}

// A newer result on the same that came after the signer's decision, where the measure that rests on
// it fails.
template <class Spec>
std::string ReplacedByWorse(const SignOffContext& context, const AttestedSignOff& sign_off,
                            const ShownEvidence& shown, const Attested<Spec>* before) {
  if (before == nullptr) return {};
  for (const EvidenceInUse& used : *context.in_use) {
    if (!used.fails || used.ref.kind != Spec::kKind || used.ref.name == shown.name) continue;
    const Attested<Spec>* after = NamedIn<Spec>(context.index, used.ref.name);
    // By when it was recorded: its maker says when it was done, and the signer sees what is there.
    if (after == nullptr || after->by.Recorded() <= sign_off.by.first_seen ||
        !IsSameSubject(before->object->spec, after->object->spec)) {
      continue;
    }
    return shown.kind + " '" + shown.name + "', which was shown, has been replaced by '" +
           used.ref.name + "', with which measure '" + used.measure + "' fails";
  }
  return {};
}

// What `look` makes of the result of that kind and name, which may be null; `otherwise` of others.
template <class Look, class Value>
Value OfResult(const EvidenceIndex& index, const std::string& kind, const std::string& name,
               const Look& look, Value otherwise) {
  if (kind == BiasTestSpec::kKind) return look(NamedIn<BiasTestSpec>(index, name));
  if (kind == EvidenceSpec::kKind) return look(NamedIn<EvidenceSpec>(index, name));
  if (kind == ReproducibilitySnapshotSpec::kKind) {
    return look(NamedIn<ReproducibilitySnapshotSpec>(index, name));
  }
  return otherwise;
}

std::string ReplacedByWorse(const SignOffContext& context, const AttestedSignOff& sign_off,
                            const ShownEvidence& shown) {
  if (context.in_use == nullptr) return {};
  return OfResult(
      context.index, shown.kind, shown.name,
      [&](const auto* before) { return ReplacedByWorse(context, sign_off, shown, before); },
      std::string());
}

// When what a gate rests on was there to be shown; nullopt: nobody knows.
std::optional<Time> ThereSince(const EvidenceIndex& index, const EvidenceRef& ref) {
  const auto made = ref.signatory ? std::optional(ref.signatory->at) : std::nullopt;
  return OfResult(
      index, ref.kind, ref.name,
      [&](const auto* result) {
        return made && result != nullptr ? std::optional(result->by.Recorded()) : made;
      },
      made);
}

const ShownPolicy* FindShown(const Shown& shown, const std::string& policy) {
  const auto found = std::find_if(shown.policies.begin(), shown.policies.end(),
                                  [&](const ShownPolicy& one) { return one.name == policy; });
  return found == shown.policies.end() ? nullptr : &*found;
}

std::string PolicyReplaced(const SignOffContext& context, const Shown& shown) {
  if (context.requirement.shown != ShownRule::kSamePolicy || context.named == nullptr) return {};
  const ShownPolicy* policy = FindShown(shown, context.named->meta.name);
  if (policy == nullptr || policy->digest == context.named->spec_digest) return {};
  return "policy '" + policy->name + "', which was shown as " + policy->digest + ", is now " +
         context.named->spec_digest;
}

// Whether the role lists the person by an account of theirs, whichever they signed with.
bool ListsPerson(const GovernancePolicySpec& policy, const std::string& role,
                 const std::string& account) {
  const Role* found = FindRole(policy, role);
  return found != nullptr &&
         std::any_of(found->subjects.begin(), found->subjects.end(), [&](const Subject& subject) {
           return (subject.kind == SubjectKind::kPerson || subject.kind == SubjectKind::kUser) &&
                  MayBeOne(policy, subject.name, account);
         });
}

// A rejection counts however it was made.
std::optional<Disregarded> WhyTooWeak(const SignOffRequirement& requirement, const Provenance& by) {
  std::string why = WhyTooWeak(requirement.assurance, by);
  if (why.empty()) return std::nullopt;
  const bool reauthenticate = by.signature || requirement.assurance == Assurance::kReauthenticated;
  return Disregarded{reauthenticate ? "SignOffNotReauthenticated" : "SignOffNotSigned",
                     std::move(why)};
}

std::optional<Disregarded> WhyWrongTime(const SignOffRequirement& requirement,
                                        const AttestedSignOff& sign_off) {
  const auto& performed = sign_off.object->spec.performed_at;
  if (!performed) return std::nullopt;
  const Time recorded = sign_off.by.Recorded();
  if (*performed > recorded + kClockSkew) {
    return Disregarded{"SignOffInFuture", "its spec.performedAt, " + FormatTime(*performed) +
                                              ", is after it was first seen, at " +
                                              FormatTime(recorded)};
  }
  if (recorded - *performed > requirement.max_record_delay) {
    return Disregarded{"SignOffRecordedLate",
                       "it was made at " + FormatTime(*performed) + " and first seen at " +
                           FormatTime(recorded) + ", more than " +
                           FormatDuration(requirement.max_record_delay) + " later"};
  }
  return std::nullopt;
}

// As StandingOf, however the sign-off is known to be the signer's: who merely created one in a role
// has acted in it all the same.
tl::expected<const AttestedSignOff*, Disregarded> MayDecide(const SignOffContext& context,
                                                            const AttestedSignOff& sign_off) {
  const SignOffSpec& spec = sign_off.object->spec;
  const Provenance& by = sign_off.by;
  if (auto because = WhyNotSigners(sign_off)) return tl::unexpected(*std::move(because));
  // Whoever holds the role needs nobody to lend it: the decision is their own.
  if (by.authenticity == Authenticity::kAssumed ? spec.on_behalf_of.empty()
                                                : HoldsRole(context.policy, spec.role, by)) {
    return nullptr;
  }
  if (spec.on_behalf_of.empty()) {
    return tl::unexpected(
        Disregarded{"SignerNotInRole", "'" + by.user + "' does not hold role '" + spec.role + "'"});
  }
  std::vector<std::string> environments;
  if (!context.target.environment.empty()) environments.push_back(context.target.environment);
  return FindDelegation(
      {context.policy, spec.role, context.target.use_case, spec.on_behalf_of, by, environments},
      context.index.SignOffs(spec.role, {}));
}

}  // namespace

namespace {

SignOffContext By(const EvidenceIndex& index, const SignOffContext& context) {
  return {context.policy, context.requirement,    context.target, context.facts, context.insiders,
          index,          context.answers_digest, context.in_use, context.named};
}

}  // namespace

SignOffContext Ever(const SignOffContext& context) { return By(context.index.Ever(), context); }

SignOffContext EverStrictly(const SignOffContext& context) {
  return By(context.index.Ever().Strict(), context);
}

std::string_view DigestOf(const SignOffTarget& target) {
  switch (target.kind) {
    case SubjectOfSignOff::kModelDeployment: return target.governed_digest;
    case SubjectOfSignOff::kUseCase:
      return target.answers_digest.empty() ? target.retirement_digest : target.answers_digest;
    case SubjectOfSignOff::kWaiver: return target.waiver_digest;
    case SubjectOfSignOff::kIncident: return target.incident_digest;
    case SubjectOfSignOff::kDelegation: return {};
    case SubjectOfSignOff::kChangeProtocol: return target.protocol_digest;
    case SubjectOfSignOff::kGovernancePolicy: return target.policy_digest;
  }
  return {};
}

bool IsAbout(const SignOffSubject& s, const SignOffTarget& target) {
  return s.kind == target.kind && s.use_case == target.use_case && IsFor(s, target.environment) &&
         s.model == target.model && s.governed_digest == target.governed_digest &&
         s.answers_digest == target.answers_digest &&
         s.retirement_digest == target.retirement_digest && s.waiver == target.waiver &&
         s.waiver_digest == target.waiver_digest && s.incident == target.incident &&
         s.incident_digest == target.incident_digest && s.protocol == target.protocol &&
         s.protocol_digest == target.protocol_digest && s.policy == target.policy &&
         s.policy_digest == target.policy_digest && s.withdraw.value_or(false) == target.withdraw;
}

tl::expected<const AttestedSignOff*, Disregarded> StandingOf(const SignOffContext& context,
                                                             const AttestedSignOff& sign_off) {
  auto standing = MayDecide(context, sign_off);
  if (!standing || !IsApproval(sign_off.object->spec.decision)) return standing;
  if (auto weak = WhyTooWeak(context.requirement, sign_off.by)) {
    return tl::unexpected(*std::move(weak));
  }
  if (auto wrong = WhyWrongTime(context.requirement, sign_off)) {
    return tl::unexpected(*std::move(wrong));
  }
  if (auto wrong = WhyNoCorrection(context.policy, context.index, sign_off)) {
    return tl::unexpected(*std::move(wrong));
  }
  if (*standing == nullptr) return standing;
  if (auto weak = WhyTooWeak(context.requirement, (*standing)->by)) {
    weak->why = "SignOff '" + (*standing)->object->meta.name +
                "', by which the role was lent: " + weak->why;
    return tl::unexpected(*std::move(weak));
  }
  return standing;
}

std::string StaleBecause(const SignOffContext& context, const AttestedSignOff& sign_off) {
  const auto& shown = sign_off.object->spec.shown;
  if (!shown) return {};
  if (!shown->answers_digest.empty() && shown->answers_digest != context.answers_digest) {
    return "the use case's answers have changed since";
  }
  for (const ShownEvidence& one : shown->evidence) {
    if (!context.index.dossier().Has(one)) {
      return one.kind + " '" + one.name + "', which was shown, is gone";
    }
    if (auto worse = ReplacedByWorse(context, sign_off, one); !worse.empty()) return worse;
  }
  return PolicyReplaced(context, *shown);
}

std::string NotShown(const SignOffContext& context, const AttestedSignOff& sign_off) {
  if (context.requirement.shown == ShownRule::kOptional || context.named == nullptr) return {};
  const auto& shown = sign_off.object->spec.shown;
  if (!shown || FindShown(*shown, context.named->meta.name) == nullptr) {
    return "it does not list policy '" + context.named->meta.name + "' as shown to the signer";
  }
  if (shown->answers_digest.empty()) return "it does not list the answers as shown to the signer";
  if (context.in_use == nullptr) return "what the measures rest on is not known here";
  for (const EvidenceInUse& used : *context.in_use) {
    const auto since = ThereSince(context.index, used.ref);
    if (!since || *since > sign_off.by.first_seen) continue;
    const auto is_this = [&](const ShownEvidence& one) {
      return one.kind == used.ref.kind && one.name == used.ref.name &&
             one.digest == used.ref.digest;
    };
    if (std::none_of(shown->evidence.begin(), shown->evidence.end(), is_this)) {
      return "it does not list " + used.ref.kind + " '" + used.ref.name + "', on which measure '" +
             used.measure + "' rests, as shown to the signer";
    }
  }
  return {};
}

namespace {

// As the record of the model has it.
bool HasActed(const SignOffContext& context, const std::string& role, const Provenance& by) {
  const auto& target = context.target;
  const ModelRecord* record =
      target.model ? RecordOf(context.facts, target.model->digest) : nullptr;
  if (record == nullptr) return false;
  const std::string_view digest = DigestOf(target);
  return std::any_of(record->spec.decisions.begin(), record->spec.decisions.end(),
                     [&](const RecordedDecision& one) {
                       if (one.role != role || one.governed_digest != digest || digest.empty())
                         return false;
                       const Provenance then = RecordedBy(context.policy, one.by);
                       return HoldsRole(context.policy, role, then) &&
                              MayBeOne(context.policy, then.user, by.user);
                     });
}

}  // namespace

std::string HoldsOtherRole(const SignOffContext& context, const Provenance& by) {
  const SignOffContext ever = Ever(context);
  for (const std::string& role : context.requirement.distinct_from_roles) {
    if (WasSeenAs(context.policy, {SubjectKind::kRole, role}, by) ||
        ListsPerson(context.policy, role, by.user)) {
      return "holds role '" + role + "' too";
    }
    const auto acted = [&](const SignOffContext& seen) {
      const auto others = seen.index.SignOffs(role, DigestOf(seen.target));
      return std::any_of(others.begin(), others.end(), [&](const AttestedSignOff* other) {
        return IsAbout(other->object->spec.subject, seen.target) && MayDecide(seen, *other) &&
               MayBeOne(seen.policy, other->by.user, by.user);
      });
    };
    // Whoever acted in it by a key that has ended, or was revoked, has acted in it, also where that
    // was deleted.
    if (acted(context) || acted(ever) || HasActed(context, role, by)) {
      return "signed off as '" + role + "' too";
    }
  }
  return {};
}

std::optional<Time> EndOfSignOff(const SignOffContext& context, const AttestedSignOff& sign_off) {
  const Time made =
      std::min(sign_off.by.first_seen, sign_off.object->spec.performed_at.value_or(Time::max()));
  const auto end = EndOf(made, context.requirement.max_age);
  const auto& expires = sign_off.object->spec.expires_at;
  return expires && (!end || *expires < *end) ? expires : end;
}

}  // namespace countersign
