#include "governance/signers.h"

#include <algorithm>

#include "governance/identity.h"
#include "governance/measures/context.h"

namespace countersign {
namespace {

// Whose key or certificate it is, and since and until when it counts.
struct Owner {
  const Person* person = nullptr;
  std::optional<Time> not_before;
  std::optional<Time> not_after;
  std::optional<Time> revoked_at;
};

// Why nobody signed: the code for programs, the rest for people.
struct Problem {
  std::string reason;
  std::string why;
};

bool Lists(const std::vector<std::string>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::string NameOfKey(const std::string& key) { return "key " + key; }
std::string NameOfChain(const CertificateChain& chain) { return "certificate of " + chain.Name(); }

std::string Name(const SignerProof& signer) {
  return signer.chain ? NameOfChain(*signer.chain) : NameOfKey(signer.key);
}

Owner OwnerOfKey(const GovernancePolicySpec& policy, const std::string& fingerprint) {
  for (const Person& person : policy.people) {
    for (const SignerKey& key : person.keys) {
      if (key.fingerprint == fingerprint) {
        return {&person, key.not_before, key.not_after, key.revoked_at};
      }
    }
  }
  return {};
}

bool IsFor(const PersonCertificate& name, const CertificateChain& chain) {
  const auto has = [](const std::vector<std::string>& all, const std::string& one) {
    return !one.empty() && std::find(all.begin(), all.end(), one) != all.end();
  };
  return has(chain.emails(), name.email) || has(chain.uris(), name.uri);
}

std::optional<Time> Earlier(const std::optional<Time>& a, const std::optional<Time>& b) {
  return a && b ? std::min(a, b) : (a ? a : b);
}

Problem Ambiguous(const CertificateChain& chain, const Person& one, const Person& other) {
  return {"SignerCertificateAmbiguous", NameOfChain(chain) + " names both '" + one.name +
                                            "' and '" + other.name + "': it must name one person"};
}

// Whom `authority` certifies by the chain; `problem` if that is nobody, or more than one person.
Owner OwnerOfName(const GovernancePolicySpec& policy, const std::string& authority,
                  const CertificateChain& chain, Problem& problem) {
  Owner owner;
  for (const Person& person : policy.people) {
    for (const PersonCertificate& name : person.certificates) {
      if (name.authority != authority || !IsFor(name, chain)) continue;
      if (owner.person != nullptr && owner.person != &person) {
        problem = Ambiguous(chain, *owner.person, person);
        return {};
      }
      owner.person = &person;
      owner.revoked_at = Earlier(owner.revoked_at, name.revoked_at);
    }
  }
  if (owner.person == nullptr) {
    problem = {"SignerCertificateUnknown",
               NameOfChain(chain) + ", by authority '" + authority +
                   "', names nobody in the policy's spec.people[].certificates"};
    return {};
  }
  // One key is one person's, in whichever way it came, and revoked or expired it is in all.
  const Owner by_key = OwnerOfKey(policy, chain.key().fingerprint());
  if (by_key.person == nullptr) return owner;
  if (by_key.person != owner.person) {
    problem = {"SignerCertificateAmbiguous", NameOfChain(chain) +
                                                 " is for a key that the policy lists for '" +
                                                 by_key.person->name + "'"};
    return {};
  }
  owner.revoked_at = Earlier(owner.revoked_at, by_key.revoked_at);
  owner.not_after = by_key.not_after;
  owner.not_before = by_key.not_before;
  return owner;
}

Owner OwnerOfCertificate(const GovernancePolicySpec& policy, const CertificateChain& chain,
                         Time seen, Revocation revocation, Problem& problem) {
  problem = {
      "SignerCertificateUntrusted",
      NameOfChain(chain) + " leads to no authority: the policy has no spec.certificateAuthorities"};
  Owner owner;
  Problem unknown;
  // It may lead to several, as where a root and what it issues to are both listed: their order must
  // not say whose it is.
  for (const TrustedAuthority& authority : policy.certificate_authorities) {
    if (!authority.parsed) continue;
    std::string why = authority.parsed->WhyNot(chain, seen, revocation);
    if (!why.empty()) {
      problem.why = NameOfChain(chain) + " did not count under authority '" + authority.name +
                    "' at " + FormatTime(seen) + ", when this was first seen: " + why;
      // What one of them has revoked, or keeps no list of that covers `seen`, does not count by
      // another, for whomever it was. An authority that certifies nobody by the chain has no say.
      Problem here;
      if (revocation == Revocation::kChecked &&
          authority.parsed->WhyNot(chain, seen, Revocation::kDisregarded).empty() &&
          (OwnerOfName(policy, authority.name, chain, here).person != nullptr ||
           here.reason == "SignerCertificateAmbiguous")) {
        return {};
      }
      continue;
    }
    Problem here;
    const Owner named = OwnerOfName(policy, authority.name, chain, here);
    if (here.reason == "SignerCertificateAmbiguous") {
      problem = std::move(here);
      return {};
    }
    if (named.person == nullptr) {
      if (unknown.reason.empty()) unknown = std::move(here);
    } else if (owner.person == nullptr) {
      owner = named;
    } else if (owner.person != named.person) {
      problem = Ambiguous(chain, *owner.person, *named.person);
      return {};
    } else {
      owner.revoked_at = Earlier(owner.revoked_at, named.revoked_at);
    }
  }
  if (owner.person == nullptr && !unknown.reason.empty()) problem = std::move(unknown);
  return owner;
}

Owner OwnerOf(const GovernancePolicySpec& policy, const SignerProof& signer, Time seen,
              Revocation revocation, Problem& problem) {
  Owner owner = signer.chain ? OwnerOfCertificate(policy, *signer.chain, seen, revocation, problem)
                             : OwnerOfKey(policy, signer.key);
  if (owner.person != nullptr && owner.person->accounts.empty()) owner.person = nullptr;
  if (owner.person == nullptr && !signer.chain) {
    problem = {"SignerKeyUnknown",
               NameOfKey(signer.key) + " belongs to nobody in the policy's spec.people[].keys" +
                   (policy.certificate_authorities.empty()
                        ? ""
                        : ", and no certificate came along: who is known by one signs with "
                          "--certificate-chain")};
  }
  return owner;
}

Problem WhyOwnerDoesNotCount(const Owner& owner, Time seen) {
  if (owner.revoked_at && *owner.revoked_at <= seen) {
    return {"SignerKeyRevoked", "is revoked since " + FormatTime(*owner.revoked_at)};
  }
  if (owner.not_before && seen < *owner.not_before) {
    return {"SignerKeyNotYetValid", "counts from " + FormatTime(*owner.not_before) + " on"};
  }
  if (owner.not_after && *owner.not_after <= seen) {
    return {"SignerKeyExpired", "counted until " + FormatTime(*owner.not_after)};
  }
  return {};
}

const TrustedInstallation* InstallationOf(const GovernancePolicySpec& policy,
                                          const ForeignStamp& stamp) {
  for (const TrustedInstallation& one : policy.trusted_installations) {
    if (one.name == stamp.installation && Lists(one.fingerprints, stamp.key)) return &one;
  }
  return nullptr;
}

// Who signed, or why that does not count.
Provenance Attributed(const GovernancePolicySpec& policy, const Provenance& by,
                      const SignerProof& signer, const std::string& account,
                      Revocation revocation) {
  if (revocation == Revocation::kDisregarded) {
    // Mostly it counts, and what is known of a certificate that does need not be worked out again.
    Provenance counts = Attributed(policy, by, signer, account, Revocation::kChecked);
    if (counts.authenticity == Authenticity::kAttested) return counts;
  }
  Provenance one;
  one.authenticity = Authenticity::kBadSignature;
  Problem problem;
  const Owner owner = OwnerOf(policy, signer, by.first_seen, revocation, problem);
  if (owner.person != nullptr) {
    problem = revocation == Revocation::kDisregarded ? Problem{}
                                                     : WhyOwnerDoesNotCount(owner, by.first_seen);
    if (!problem.why.empty()) {
      problem.why = Name(signer) + " of '" + owner.person->name + "' " + problem.why +
                    ", and this was first seen at " + FormatTime(by.first_seen);
    }
  }
  if (owner.person == nullptr || !problem.why.empty()) {
    one.reason = std::move(problem.reason);
    one.problem = std::move(problem.why);
    return one;
  }
  const auto& accounts = owner.person->accounts;
  one.authenticity = Authenticity::kAttested;
  one.user = Lists(accounts, account) ? account : accounts.front();
  one.groups = owner.person->groups;
  if (Lists(accounts, by.user)) one.seen_groups = by.groups;
  return one;
}

// What was read of the object, before a policy judged it.
Provenance Unjudged(const Provenance& by) {
  Provenance read;
  read.authenticity = Authenticity::kSigned;
  read.signature = by.signature;
  read.first_seen = by.recorded_at.value_or(by.first_seen);
  return read;
}

}  // namespace

Provenance SignerOf(const GovernancePolicySpec& policy, const Provenance& by,
                    const std::string& account, const std::optional<Time>& performed_at,
                    Revocation revocation) {
  if (by.authenticity != Authenticity::kSigned || !by.signature) return by;
  Provenance signer =
      Attributed(policy, by, {by.signature->key, by.signature->chain}, account, revocation);
  // Whoever of several counts; two keys of one person are one.
  for (const SignerProof& other : by.signature->cosigners) {
    Provenance one = Attributed(policy, by, other, {}, revocation);
    if (one.authenticity != Authenticity::kAttested) continue;
    if (signer.authenticity != Authenticity::kAttested) {
      signer = std::move(one);
      continue;
    }
    const std::string person = PersonOf(policy, one.user);
    const bool known =
        person == PersonOf(policy, signer.user) ||
        std::any_of(signer.cosigners.begin(), signer.cosigners.end(),
                    [&](const FurtherSigner& f) { return PersonOf(policy, f.user) == person; });
    if (!known) {
      signer.cosigners.push_back(
          {std::move(one.user), std::move(one.groups), std::move(one.seen_groups)});
    }
  }
  signer.signature = by.signature;
  signer.first_seen = by.first_seen;
  if (signer.authenticity != Authenticity::kAttested) return signer;
  if (performed_at && *performed_at > by.first_seen + kClockSkew) {
    signer.authenticity = Authenticity::kBadSignature;
    signer.reason = "SignedInFuture";
    signer.problem = "spec.performedAt, " + FormatTime(*performed_at) +
                     ", is after it was first seen, at " + FormatTime(by.first_seen);
    return signer;
  }
  signer.recorded_at = by.first_seen;
  signer.first_seen = std::min(by.first_seen, performed_at.value_or(by.first_seen));
  return signer;
}

std::optional<Provenance> DespiteRevocation(const GovernancePolicySpec& policy,
                                            const Provenance& by,
                                            const std::optional<Time>& performed_at) {
  const bool counts = by.authenticity == Authenticity::kAttested;
  if (!by.signature || (!counts && by.authenticity != Authenticity::kBadSignature)) {
    return std::nullopt;
  }
  Provenance signer = SignerOf(policy, Unjudged(by), {}, performed_at, Revocation::kDisregarded);
  if (signer.authenticity != Authenticity::kAttested) return std::nullopt;
  if (counts && signer.cosigners.size() == by.cosigners.size()) return std::nullopt;
  return signer;
}

Provenance VouchedFor(const GovernancePolicySpec& policy, std::string_view kind,
                      std::string_view environment, const Provenance& by, Vouched what) {
  if (by.authenticity != Authenticity::kForeign || !by.foreign) return by;
  const std::string who = "installation '" + by.foreign->installation + "'";
  Provenance vouched = by;
  vouched.reason = "InstallationNotTrusted";
  const TrustedInstallation* trusted = InstallationOf(policy, *by.foreign);
  if (trusted == nullptr) {
    vouched.problem = "it was seen by " + who + " with key " + by.foreign->key +
                      ", which is not among the policy's spec.trustedInstallations";
  } else if (trusted->trust == InstallationTrust::kRejectionsOnly && what != Vouched::kRejection) {
    vouched.problem = "the policy believes " + who + " no longer, but for what was rejected there";
  } else if (!Lists(trusted->kinds, kind)) {
    vouched.problem = "the policy believes " + who + " for " + Join(trusted->kinds) + " alone";
  } else if (environment != kAnyEnvironment && !Lists(trusted->environments, environment)) {
    vouched.problem = "the policy believes " + who + " in " + Join(trusted->environments) +
                      (environment.empty() ? std::string(" alone, and this is about no environment")
                                           : " alone, not in " + std::string(environment));
  } else {
    vouched.authenticity = Authenticity::kAttested;
    vouched.reason.clear();
    vouched.problem.clear();
  }
  return vouched;
}

bool IsTrustedByAny(const PolicySet& policies, std::string_view kind, const Provenance& by,
                    Vouched what) {
  return std::any_of(policies.policies.begin(), policies.policies.end(), [&](const auto& policy) {
    return VouchedFor(policy->spec, kind, kAnyEnvironment, by, what).authenticity ==
           Authenticity::kAttested;
  });
}

AttestedSignOff WithSigner(const GovernancePolicySpec& policy, std::string_view environment,
                           AttestedSignOff one, Revocation revocation) {
  const SignOffSpec& spec = one.object->spec;
  const bool rejects = spec.decision == SignOffDecision::kReject;
  if (one.by.authenticity == Authenticity::kForeign) {
    const Vouched what = rejects ? Vouched::kRejection : Vouched::kAnything;
    one.by = WithSignIn(policy, VouchedFor(policy, SignOffSpec::kKind, environment, one.by, what));
    return one;
  }
  Provenance by = SignerOf(policy, one.by, spec.signer.username, spec.performed_at, revocation);
  // Revoking a key must not let through what its owner had rejected: a no stands until its owner
  // takes it back, and from when it did before. One of tomorrow is as old as its record.
  if (by.authenticity == Authenticity::kBadSignature && by.signature && rejects) {
    const bool later = spec.performed_at && *spec.performed_at > one.by.first_seen;
    Provenance ever =
        SignerOf(policy, one.by, spec.signer.username,
                 later ? std::optional<Time>() : spec.performed_at, Revocation::kDisregarded);
    if (ever.authenticity == Authenticity::kAttested) by = std::move(ever);
  }
  one.by = WithSignIn(policy, std::move(by));
  return one;
}

Provenance WithSignIn(const GovernancePolicySpec& policy, Provenance by) {
  if (!by.sign_in) return by;
  SignIn& sign_in = *by.sign_in;
  sign_in.recent = false;
  const bool known =
      by.authenticity == Authenticity::kAttested || by.authenticity == Authenticity::kAssumed;
  const std::string when = "its maker signed in at " + FormatTime(sign_in.at);
  if (!known || by.foreign || by.signature) {
    sign_in.problem = "a sign-in counts for what its own account made here, unsigned";
  } else if (!policy.identity_tokens) {
    sign_in.problem = when + ", which the policy does not ask for (spec.identityTokens)";
  } else if (sign_in.at > by.first_seen + kClockSkew) {
    sign_in.problem = when + ", after this was first seen at " + FormatTime(by.first_seen);
  } else if (by.first_seen - sign_in.at > policy.identity_tokens->max_age) {
    sign_in.problem = when + ", more than " + FormatDuration(policy.identity_tokens->max_age) +
                      " before this was first seen at " + FormatTime(by.first_seen) +
                      " (spec.identityTokens.maxAge)";
  } else {
    sign_in.recent = true;
    sign_in.problem.clear();
  }
  return by;
}

Assurance AssuranceOf(const Provenance& by) {
  if (by.sign_in && by.sign_in->recent) return Assurance::kReauthenticated;
  if (!by.signature || by.authenticity != Authenticity::kAttested) return Assurance::kRequester;
  return by.signature->user_present ? Assurance::kReauthenticated : Assurance::kSigned;
}

std::string WhyTooWeak(Assurance wanted, const Provenance& by) {
  if (wanted == Assurance::kRequester) return {};
  // Who has signed in just now has signed nothing.
  const bool unsigned_and_asked = wanted == Assurance::kSigned && !by.signature;
  if (AssuranceOf(by) >= wanted && !unsigned_and_asked) return {};
  if (wanted == Assurance::kReauthenticated && !by.signature) {
    return "the measure wants it signed by a hardware key that its owner touched, or made by who "
           "had just signed in: it is not signed, and " +
           (by.sign_in ? by.sign_in->problem
                       : std::string("the API server did not say when its maker signed in"));
  }
  if (!by.signature) return "the measure wants it signed by a key of its maker, and it is not";
  return "the measure wants it signed by a hardware key that its owner touched, and key " +
         by.signature->key + " is none or was not touched";
}

std::vector<Provenance> EachSigner(const Provenance& by) {
  std::vector<Provenance> all = {by};
  for (const FurtherSigner& further : by.cosigners) {
    Provenance one;
    one.authenticity = by.authenticity;
    one.user = further.user;
    one.groups = further.groups;
    one.seen_groups = further.seen_groups;
    all.push_back(std::move(one));
  }
  return all;
}

std::vector<Provenance> EachSignerEver(const GovernancePolicySpec& policy, const Provenance& by) {
  std::vector<Provenance> all = EachSigner(by);
  if (!by.signature || by.authenticity != Authenticity::kAttested) return all;
  for (Provenance& one : EachSigner(
           SignerOf(policy, Unjudged(by), by.user, std::nullopt, Revocation::kDisregarded))) {
    const bool known = std::any_of(all.begin(), all.end(),
                                   [&](const Provenance& other) { return other.user == one.user; });
    if (!known && one.authenticity == Authenticity::kAttested) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace countersign
