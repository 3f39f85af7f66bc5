// sshsig.h: signatures by `ssh-keygen -Y sign`.
//
// Source: OpenSSH's PROTOCOL.sshsig; for hardware keys PROTOCOL.u2f. The namespace separates what
// was signed for us from what was signed for git or for files: another one is refused. Ed25519,
// ECDSA on the three curves and the two hardware kinds; RSA is not, since OpenSSH signs with
// PKCS #1 v1.5 there. Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/verification_key.h"

namespace countersign {

inline constexpr std::string_view kSshNamespace = "countersign";
inline constexpr std::size_t kMaxSshSignature = 8'192;  // the longest of ours takes 0.7 KiB

struct SshSignature {
  VerificationKey key;         // which the signature carries; whose it is, others must know
  bool user_present = false;   // a hardware key was touched
  bool user_verified = false;  // and had a PIN or a finger print
};

// Whose key made `armored` over `message`; what is wrong otherwise.
[[nodiscard]] Result<SshSignature> OpenSshSignature(std::string_view armored,
                                                    std::string_view message,
                                                    std::string_view name_space = kSshNamespace);

}  // namespace countersign
