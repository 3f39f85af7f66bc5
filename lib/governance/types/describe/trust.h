// trust.h: whose word a policy takes for who made something (certificate authorities, other
// installations, tokens of an identity provider), described once (base/describe.h). For policy.cc
// alone, which instantiates it.
#pragma once

#include "governance/types/describe/fields.h"
#include "governance/types/policy.h"

namespace countersign {

template <class V>
void Describe(V& v, TrustedAuthority& a) {
  v.Field(NameField("Name of the authority in this policy."), a.name);
  v.Field({.name = "certificate",
           .doc = "Its certificate in PEM; one that another authority issued is trusted as well.",
           .required = true,
           .min = 1,
           .length = 16'384},
          a.certificate);
  v.Field(
      {.name = "revocationLists",
       .doc = "Lists of what was revoked (X509 CRL in PEM), by it and by those below it. With "
              "any, each certificate of a chain needs the one of its issuer, and what was first "
              "seen after its nextUpdate does not count until there is a newer one. Without "
              "any, nothing is revoked but by spec.people[].certificates[].revokedAt.",
       .max = 8,
       .length = 262'144},
      a.revocation_lists);
  v.Field({.name = "usages",
           .doc = "Extended key usages of which a signer's certificate needs one: CodeSigning, "
                  "EmailProtection, ClientAuth. Default CodeSigning.",
           .max = 3,
           .list = ListType::kSet},
          a.usages);
}

template <class V>
void Describe(V& v, TrustedInstallation& i) {
  v.Field({.name = "name",
           .doc = "The installation's name, as its webhook and operator have it (--installation).",
           .required = true,
           .min = 1,
           .length = 253},
          i.name);
  v.Field({.name = "publicKeys",
           .doc = "Public keys with which it gives receipts, each in PEM: the one in use, and the "
                  "next while it is replaced.",
           .required = true,
           .min = 1,
           .max = 8,
           .length = 4096},
          i.public_keys);
  v.Field({.name = "kinds",
           .doc = "Of which kinds it is believed: SignOff, BiasTest, Evidence, "
                  "ReproducibilitySnapshot.",
           .required = true,
           .min = 1,
           .max = 4,
           .list = ListType::kSet},
          i.kinds);
  v.Field({.name = "environments",
           .doc = "Environments of this policy in whose deployments that counts.",
           .required = true,
           .format = Format::kName,
           .min = 1,
           .max = kMaxListed,
           .length = 63,
           .list = ListType::kSet},
          i.environments);
  v.Field({.name = "trust",
           .doc = "Full, or RejectionsOnly for an installation that is believed no longer: nothing "
                  "that it vouches for counts, but what was rejected there stays rejected. Default "
                  "Full."},
          i.trust);
}

template <class V>
void Describe(V& v, IdentityTokens& i) {
  v.Field(
      {.name = "maxAge",
       .doc = "How long before it made an object an account may have signed in (claim auth_time "
              "of its identity token), for example 5m.",
       .required = true},
      i.max_age);
}

}  // namespace countersign
