// people.h: the people of a policy, what they sign by, and the roles they hold, described once
// (base/describe.h). For policy.cc alone, which instantiates it.
#pragma once

#include "governance/types/describe/fields.h"
#include "governance/types/policy.h"

namespace countersign {

template <>
struct EnumNames<RoleLevel> {
  static constexpr std::pair<RoleLevel, std::string_view> kNames[] = {
      {RoleLevel::kStrategic, "Strategic"},
      {RoleLevel::kTactical, "Tactical"},
      {RoleLevel::kOperational, "Operational"}};
};

template <class V>
void Describe(V& v, SignerKey& k) {
  v.Field({.name = "publicKey",
           .doc = "In PEM or as a line of OpenSSH: Ed25519, ECDSA on P-256, P-384 or P-521, RSA of "
                  "3072 bits or more, or a hardware key of OpenSSH (sk-…).",
           .required = true,
           .min = 1,
           .length = 16'384},
          k.public_key);
  v.Field({.name = "notBefore", .doc = "What was first seen before does not count. RFC 3339."},
          k.not_before);
  v.Field({.name = "notAfter", .doc = "What was first seen from then on does not count. RFC 3339."},
          k.not_after);
  v.Field({.name = "revokedAt",
           .doc = "Since when the key is not trusted: what was first seen from then on does not "
                  "count. For a stolen key give the time from which it may have been used. RFC "
                  "3339."},
          k.revoked_at);
}

template <class V>
void Describe(V& v, PersonCertificate& c) {
  v.Field({.name = "authority",
           .doc = "Name of the authority, in spec.certificateAuthorities.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          c.authority);
  v.Field({.name = "email",
           .doc = "Email address that the certificate has as subject alternative name, exactly.",
           .min = 1,
           .length = 320},
          c.email);
  v.Field({.name = "uri",
           .doc = "URI that the certificate has as subject alternative name, exactly.",
           .min = 1,
           .length = 2048},
          c.uri);
  v.Field({.name = "revokedAt",
           .doc = "Since when certificates for this name are not trusted: what was first seen from "
                  "then on does not count. RFC 3339."},
          c.revoked_at);
  v.Rules({{"has(self.email) != has(self.uri)", "must have exactly one of email and uri"}});
}

template <class V>
void Describe(V& v, Person& p) {
  v.Field(NameField("Name of the person in this policy."), p.name);
  v.Field(
      {.name = "displayName", .doc = "Printed name, as it is shown with what this person signs."},
      p.display_name);
  v.Field({.name = "accounts",
           .doc = "All accounts of this person: two of them never count as two people.",
           .required = true,
           .format = Format::kToken,
           .min = 1,
           .max = 16,
           .list = ListType::kSet},
          p.accounts);
  v.Field(
      {.name = "groups",
       .doc = "Groups that this person is in, for what they sign by a key: there the API server "
              "does not tell.",
       .format = Format::kToken,
       .max = 32,
       .list = ListType::kSet},
      p.groups);
  v.Field({.name = "aliases",
           .doc = "Other names by which commits, training runs and reports name this person, for "
                  "example e-mail addresses. They let nobody in: they only tell who made what.",
           .format = Format::kToken,
           .max = 16,
           .list = ListType::kSet},
          p.aliases);
  v.Field({.name = "keys",
           .doc = "Public keys by which this person signs. A key belongs to one person.",
           .max = 16},
          p.keys);
  v.Field({.name = "certificates",
           .doc = "Names for which an authority of this policy issues certificates to this person. "
                  "Such a name belongs to one person.",
           .max = 16},
          p.certificates);
}

template <class V>
void Describe(V& v, RoleDelegation& d) {
  v.Field({.name = "maxDuration",
           .doc = "The longest that the role may be lent for, for example 21d, counted from when "
                  "the system first saw the delegation.",
           .required = true},
          d.max_duration);
  v.Field({.name = "deputies",
           .doc = "Who may act for its holders: accounts, groups, people or roles of this policy. "
                  "Anybody, if the list is empty.",
           .max = kMaxListed},
          d.deputies);
}

template <class V>
void Describe(V& v, Role& r) {
  v.Field(NameField("Name of the role."), r.name);
  v.Field({.name = "level", .doc = "Strategic, Tactical or Operational.", .required = true},
          r.level);
  v.Field({.name = "description", .doc = "What the role answers for.", .length = 1024},
          r.description);
  v.Field({.name = "subjects",
           .doc = "Who holds it: users, groups or people of this policy.",
           .required = true,
           .min = 1,
           .max = kMaxListed},
          r.subjects);
  v.Field({.name = "delegation",
           .doc = "How holders may lend the role to a deputy. Without it they may not."},
          r.delegation);
}

}  // namespace countersign
