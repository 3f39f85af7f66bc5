// fields.h: fields that several descriptions of a policy share. For policy.cc alone.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/describe.h"

namespace countersign {

// Budget of CEL and of the reader's patience: see docs/concepts.md, "Limits".
inline constexpr std::int64_t kMaxListed = 128;
inline constexpr std::int64_t kMaxMetrics = 32;

constexpr FieldInfo NameField(std::string_view doc) {
  return {.name = "name", .doc = doc, .required = true, .format = Format::kName, .length = 63};
}

constexpr FieldInfo IssuersField() {
  return {.name = "issuers",
          .doc =
              "Whose reports this measure believes: accounts, groups, people or roles of this "
              "policy. Nobody, if the list is empty.",
          .max = kMaxListed};
}

constexpr FieldInfo AssuranceField() {
  return {.name = "assurance",
          .doc =
              "How the evidence is known to be the issuer's, at least. Requester: the API server "
              "authenticated the issuer when the object was created. Signed: a key of the issuer "
              "signed it (spec.people[].keys). Reauthenticated: that key is in hardware, which was "
              "touched, or the issuer had just signed in to the cluster (spec.identityTokens). "
              "Default Requester."};
}

constexpr FieldInfo SignersField() {
  return {.name = "signers",
          .doc =
              "How many people among the issuers must have signed it, each by a key or certificate "
              "of their own, in one DSSE envelope: 1 to 16, more than 1 with assurance Signed. "
              "Default 1.",
          .min = 1,
          .max = 16};
}

constexpr FieldInfo MaxAgeField() {
  return {
      .name = "maxAge",
      .doc =
          "How long the evidence holds, for example 90d, counted from when the system first saw "
          "it, or from performedAt, which may be longer ago. Without it the evidence does not "
          "age."};
}

}  // namespace countersign
