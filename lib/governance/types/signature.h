// signature.h: a signature over the object that carries it, made outside of the cluster. See
// object.h for threads; lib/evidence/signed_object.h says what is signed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/describe.h"
#include "base/json.h"
#include "base/result.h"

namespace countersign {

// Of an SSHSIG, as much as a DSSE envelope may take.
inline constexpr std::int64_t kMaxSignedPayload = 262'144;

enum class SignatureFormat { kDsse, kSsh };
template <>
struct EnumNames<SignatureFormat> {
  static constexpr std::pair<SignatureFormat, std::string_view> kNames[] = {
      {SignatureFormat::kDsse, "DSSE"}, {SignatureFormat::kSsh, "SSHSIG"}};
};

// By what one of several signatures in an envelope is verified: exactly one is given.
struct Cosigner {
  std::string public_key;
  std::string certificate_chain;
};

struct ObjectSignature {
  SignatureFormat format = SignatureFormat::kSsh;
  std::string value;
  std::string payload;
  std::string public_key;
  std::string certificate_chain;
  std::vector<Cosigner> cosigners;
};

constexpr FieldInfo CertificateChainField() {
  return {.name = "certificateChain",
          .doc =
              "Instead of publicKey the signer's X.509 certificate in PEM, and after it those "
              "that lead to an authority which the policy lists (spec.certificateAuthorities).",
          .length = 65'536};
}

template <class V>
void Describe(V& v, Cosigner& c) {
  v.Field({.name = "publicKey", .doc = "The key to verify with, in PEM.", .length = 16'384},
          c.public_key);
  v.Field(CertificateChainField(), c.certificate_chain);
  v.Rules({{"has(self.publicKey) != has(self.certificateChain)",
            "must have exactly one of publicKey and certificateChain"}});
}

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
  v.Field({.name = "payload",
           .doc = "For SSHSIG the statement that was signed, byte for byte: by it a signature that "
                  "was made for something else tells for what. Without it the signature must be "
                  "over the bytes that `countersign sign --statement` prints. A DSSE envelope "
                  "carries its own.",
           .length = kMaxSignedPayload},
          s.payload);
  v.Field({.name = "publicKey",
           .doc = "For DSSE the key to verify with, in PEM or as a line of OpenSSH; an SSHSIG "
                  "carries its own. Whose key it is, and whether it counts, the policy says "
                  "(spec.people[].keys).",
           .length = 16'384},
          s.public_key);
  v.Field(CertificateChainField(), s.certificate_chain);
  v.Field({.name = "cosigners",
           .doc = "For a DSSE envelope that carries more signatures: by what each further one is "
                  "verified. Each must hold.",
           .max = 15},
          s.cosigners);
  v.Rules(
      {{"self.format == 'DSSE' ? has(self.publicKey) != has(self.certificateChain) && "
        "!has(self.payload) : "
        "!has(self.publicKey) && !has(self.certificateChain) && !has(self.cosigners)",
        "format DSSE needs one of publicKey and certificateChain and has no payload, SSHSIG has "
        "neither, nor cosigners"}});
}

// By what a ModelRecord knows an object: a digest of what was signed, or of the whole spec where
// nothing is. One and the same signature can be spelled in many ways (base64, white space, fields
// that nobody signed), and so can what stands beside the statement of another tool (predicates.h):
// else whatever was withdrawn would be something new.
[[nodiscard]] Result<std::string> RecordDigest(const Json& spec);

// For each kind that can be signed.
constexpr FieldInfo SignatureField() {
  return {.name = "signature",
          .doc =
              "A signature over everything else in this spec, the kind and the namespace: "
              "`countersign sign` makes it. Who signed is then who holds the key, whoever "
              "applies the object."};
}

}  // namespace countersign
