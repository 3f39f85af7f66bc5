// signing_key.h: signing a statement with a private key in PEM, as a DSSE envelope.
//
// PKCS #8, SEC 1 or PKCS #1 without a pass phrase: Ed25519, ECDSA on the three curves, RSA with
// PSS. Keys of OpenSSH and hardware keys sign by ssh-keygen, not here. Errors never contain key
// material. Pure but for the randomness of ECDSA and PSS; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace countersign {

struct DsseSignature {
  std::string envelope;    // JSON
  std::string public_key;  // PEM
};

[[nodiscard]] Result<DsseSignature> SignDsse(std::string_view private_pem, std::string_view type,
                                             std::string_view payload);

// The public half, in PEM.
[[nodiscard]] Result<std::string> PublicHalf(std::string_view private_pem);

// The same envelope with one more signature, over the payload that it has.
[[nodiscard]] Result<DsseSignature> AddDsse(std::string_view private_pem,
                                            std::string_view envelope);

}  // namespace countersign
