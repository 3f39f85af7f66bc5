// signature.h: a signature over the object that carries it, made outside of the cluster. See
// object.h for threads; lib/evidence/signed_object.h says what is signed.
#pragma once

#include <string>

#include "base/describe.h"

namespace countersign {

enum class SignatureFormat { kDsse, kSsh };
template <>
struct EnumNames<SignatureFormat> {
  static constexpr std::pair<SignatureFormat, std::string_view> kNames[] = {
      {SignatureFormat::kDsse, "DSSE"}, {SignatureFormat::kSsh, "SSHSIG"}};
};

struct ObjectSignature {
  SignatureFormat format = SignatureFormat::kSsh;
  std::string value;
  std::string public_key;
};

template <class V>
void Describe(V& v, ObjectSignature& s) {
  v.Field({.name = "format",
           .doc = "SSHSIG: by `ssh-keygen -Y sign -n countersign` over the statement. DSSE: an "
                  "envelope whose payload is the statement (in-toto Statement v1).",
           .required = true},
          s.format);
  v.Field({.name = "value",
           .doc = "The signature as its tool wrote it: the armoured text, or the envelope's JSON.",
           .required = true,
           .min = 1,
           .length = 262'144},
          s.value);
  v.Field({.name = "publicKey",
           .doc = "For DSSE the key to verify with, in PEM or as a line of OpenSSH; an SSHSIG "
                  "carries its own. Whose key it is, and whether it counts, the policy says "
                  "(spec.people[].keys).",
           .length = 16'384},
          s.public_key);
  v.Rules({{"(self.format == 'DSSE') == has(self.publicKey)",
            "format DSSE needs publicKey, SSHSIG has none"}});
}

// For each kind that can be signed.
constexpr FieldInfo SignatureField() {
  return {.name = "signature",
          .doc =
              "A signature over everything else in this spec, the kind and the namespace: "
              "`countersign sign` makes it. Who signed is then who holds the key, whoever "
              "applies the object."};
}

}  // namespace countersign
