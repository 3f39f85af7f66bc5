// signers.h: whose keys signed what, under one policy.
//
// That a signature holds is found out once, when the object is read (evidence/signed_object.h);
// which person stands behind the key, and whether it counted then, is the policy's to say
// (spec.people[].keys, or a certificate of one of spec.certificateAuthorities for one of the names
// in spec.people[].certificates). A key is judged by when the system first saw the signature, which
// its maker cannot choose; ages and the order of decisions count from spec.performedAt, which the
// signature covers, so that whoever applies the object again changes neither.
//
// What speaks for a model counts by keys that count. What speaks against it, or binds, stays its
// owner's whatever became of the key since (Revocation::kDisregarded). A key that the policy lists
// is so revoked, ended or not begun; a certificate must have been valid at the time all the same,
// and what is left aside is that it, or its name, is revoked and that no list of revocations covers
// that time. What the policy lists for nobody stays nobody's. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "governance/facts.h"

namespace countersign {

// Who made a signed object: the key's person, or why the signature does not count (kBadSignature).
// `account` is the one that the object claims, if it claims one.
[[nodiscard]] Provenance SignerOf(const GovernancePolicySpec& policy, const Provenance& by,
                                  const std::string& account,
                                  const std::optional<Time>& performed_at,
                                  Revocation revocation = Revocation::kChecked);

// Where what is judged is not about one environment: what other installations vouch for is shown as
// theirs.
inline constexpr std::string_view kAnyEnvironment = "*";

// What another installation vouches for as its maker's, if the policy believes it of that kind in
// that environment (spec.trustedInstallations); else as it is, with why it does not count.
// Of an installation with `trust: RejectionsOnly` it believes a no alone.
enum class Vouched { kAnything, kRejection };
[[nodiscard]] Provenance VouchedFor(const GovernancePolicySpec& policy, std::string_view kind,
                                    std::string_view environment, const Provenance& by,
                                    Vouched what = Vouched::kAnything);

// What the API server and a key say of who made an object, judged by the policy: signatures are
// their owners', and a sign-in is recent or not (spec.identityTokens).
[[nodiscard]] Provenance WithSignIn(const GovernancePolicySpec& policy, Provenance by);

// Whether any of the policies believes what vouches for `by` of that kind, somewhere.
[[nodiscard]] bool IsTrustedByAny(const PolicySet& policies, std::string_view kind,
                                  const Provenance& by, Vouched what = Vouched::kAnything);

// Evidence in the name of whose key signed it, or of whom a trusted installation saw make it; other
// evidence as it is.
[[nodiscard]] AttestedSignOff WithSigner(const GovernancePolicySpec& policy,
                                         std::string_view environment, AttestedSignOff one,
                                         Revocation revocation = Revocation::kChecked);
// What the signature covers of when the work was done: of the files of a model, nothing.
template <class Spec>
[[nodiscard]] std::optional<Time> SignedDate(const Spec& spec) {
  if constexpr (std::is_same_v<Spec, EvidenceSpec>) {
    if (spec.model_signature) return std::nullopt;
  }
  if constexpr (std::is_same_v<Spec, WaiverSpec>) {
    return std::nullopt;  // it says until when, and not since when
  } else {
    return spec.performed_at;
  }
}
template <class Spec>
[[nodiscard]] Attested<Spec> WithSigner(const GovernancePolicySpec& policy,
                                        std::string_view environment, Attested<Spec> one,
                                        Revocation revocation = Revocation::kChecked) {
  one.by = WithSignIn(policy,
                      one.by.authenticity == Authenticity::kForeign
                          ? VouchedFor(policy, Spec::kKind, environment, one.by)
                          : SignerOf(policy, one.by, {}, SignedDate(one.object->spec), revocation));
  return one;
}

// Who made it, revocation and time of keys disregarded; nullopt where that is nobody more than as
// it is.
[[nodiscard]] std::optional<Provenance> DespiteRevocation(const GovernancePolicySpec& policy,
                                                          const Provenance& by,
                                                          const std::optional<Time>& performed_at);

[[nodiscard]] Assurance AssuranceOf(const Provenance& by);
// What an object lacks where `wanted` is asked for; empty if nothing.
[[nodiscard]] std::string WhyTooWeak(Assurance wanted, const Provenance& by);

// Everybody who signed what counts as `by`'s, `by` first: people, each once.
[[nodiscard]] std::vector<Provenance> EachSigner(const Provenance& by);
// And whoever signed as well with a key that is revoked: by that nobody becomes independent of it.
[[nodiscard]] std::vector<Provenance> EachSignerEver(const GovernancePolicySpec& policy,
                                                     const Provenance& by);

// Clocks of laptops and pipelines differ; more than this is a date that did not happen yet.
inline constexpr Seconds kClockSkew = std::chrono::minutes(5);

}  // namespace countersign
