// authority_state.h: the built-in certificate authority as it stands in its Secret.
//
// Three authorities at most: the one whose leaf is served, the one that comes after it (published
// already, serving nothing yet), and the certificate of the one before it. Whoever tends a caBundle
// writes Bundle() there, in the order of the Secret. Everything is checked when it is read: a key
// that does not fit, a leaf of somebody else, a certificate where an authority should be make the
// whole unreadable, and the error says which part. Values; pure functions; messages hold no keys.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "webhook/certificates/self_signed.h"

namespace countersign {

struct AuthorityState {
  PemPair authority;
  PemPair leaf;                 // of `authority`
  std::optional<PemPair> next;  // authority
  std::string previous;         // certificate of an authority; empty: none

  // What clients must trust, PEM.
  [[nodiscard]] std::string Bundle() const;
};

// When the parts of a state are valid, and for which name.
struct AuthorityTimes {
  Validity authority;
  Validity leaf;
  std::optional<Validity> next;
  bool names_us = false;  // the leaf is for the name that is wanted
};

// The data of a Secret, and back. The path of an error is the key in `data`.
[[nodiscard]] Json AuthorityData(const AuthorityState& state);
[[nodiscard]] Result<AuthorityState> AuthorityFromSecret(const Json& secret);

// Whether all parts fit together. `name`: DNS name or address for the leaf.
[[nodiscard]] Result<AuthorityTimes> CheckAuthority(const AuthorityState& state,
                                                    const std::string& name);

// Of the first certificate in a PEM text.
[[nodiscard]] Result<Validity> ValidityOfCertificate(const std::string& pem);

// On the Secret, by whoever wants new keys now; its value is of no interest. It goes once the next
// authority is there.
inline constexpr std::string_view kRotateAnnotation = "countersign.dev/rotate";

}  // namespace countersign
