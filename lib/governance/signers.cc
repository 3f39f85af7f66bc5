#include "governance/signers.h"

#include <algorithm>

namespace countersign {
namespace {

struct Owner {
  const Person* person = nullptr;
  const SignerKey* key = nullptr;
};

Owner OwnerOf(const GovernancePolicySpec& policy, const std::string& fingerprint) {
  for (const Person& person : policy.people) {
    for (const SignerKey& key : person.keys) {
      if (key.fingerprint == fingerprint) return {&person, &key};
    }
  }
  return {};
}

std::string WhyKeyDoesNotCount(const SignerKey& key, Time seen) {
  if (key.revoked_at && *key.revoked_at <= seen) {
    return "is revoked since " + FormatTime(*key.revoked_at);
  }
  if (key.not_before && seen < *key.not_before) {
    return "counts from " + FormatTime(*key.not_before) + " on";
  }
  if (key.not_after && *key.not_after <= seen) {
    return "counted until " + FormatTime(*key.not_after);
  }
  return {};
}

}  // namespace

Provenance SignerOf(const GovernancePolicySpec& policy, const Provenance& by,
                    const std::string& account, const std::optional<Time>& performed_at) {
  if (by.authenticity != Authenticity::kSigned || !by.signature) return by;
  Provenance signer;
  signer.authenticity = Authenticity::kBadSignature;
  signer.signature = by.signature;
  signer.first_seen = by.first_seen;
  const Owner owner = OwnerOf(policy, by.signature->key);
  const std::string key = "key " + by.signature->key;
  if (owner.person == nullptr || owner.person->accounts.empty()) {
    signer.problem = key + " belongs to nobody in the policy's spec.people[].keys";
    return signer;
  }
  if (auto why = WhyKeyDoesNotCount(*owner.key, by.first_seen); !why.empty()) {
    signer.problem = key + " of '" + owner.person->name + "' " + why +
                     ", and this was first seen at " + FormatTime(by.first_seen);
    return signer;
  }
  if (performed_at && *performed_at > by.first_seen + kClockSkew) {
    signer.problem = "spec.performedAt, " + FormatTime(*performed_at) +
                     ", is after it was first seen, at " + FormatTime(by.first_seen);
    return signer;
  }
  const auto& accounts = owner.person->accounts;
  const bool own = std::find(accounts.begin(), accounts.end(), account) != accounts.end();
  signer.authenticity = Authenticity::kAttested;
  signer.user = own ? account : accounts.front();
  signer.groups = owner.person->groups;
  signer.recorded_at = by.first_seen;
  signer.first_seen = std::min(by.first_seen, performed_at.value_or(by.first_seen));
  return signer;
}

AttestedSignOff WithSigner(const GovernancePolicySpec& policy, AttestedSignOff one) {
  const SignOffSpec& spec = one.object->spec;
  Provenance by = SignerOf(policy, one.by, spec.signer.username, spec.performed_at);
  // Revoking a key must not let through what its owner had rejected: a no stands until its owner
  // takes it back.
  if (by.authenticity == Authenticity::kBadSignature && by.signature &&
      spec.decision == SignOffDecision::kReject) {
    const Person* person = OwnerOf(policy, by.signature->key).person;
    if (person != nullptr && !person->accounts.empty()) {
      by.authenticity = Authenticity::kAttested;
      by.problem.clear();
      by.user = spec.signer.username;
      by.groups = person->groups;
      const auto& accounts = person->accounts;
      if (std::find(accounts.begin(), accounts.end(), by.user) == accounts.end()) {
        by.user = accounts.front();
      }
    }
  }
  one.by = std::move(by);
  return one;
}

Assurance AssuranceOf(const Provenance& by) {
  if (!by.signature || by.authenticity != Authenticity::kAttested) return Assurance::kRequester;
  return by.signature->user_present ? Assurance::kReauthenticated : Assurance::kSigned;
}

std::string WhyTooWeak(Assurance wanted, const Provenance& by) {
  if (AssuranceOf(by) >= wanted) return {};
  if (!by.signature) return "the measure wants it signed by a key of its maker, and it is not";
  return "the measure wants it signed by a hardware key that its owner touched, and key " +
         by.signature->key + " is none or was not touched";
}

}  // namespace countersign
