// verification_key.h: a public key of a person or pipeline, and what it verifies.
//
// Read from PEM (SubjectPublicKeyInfo) or from a line of OpenSSH (`ssh-ed25519 AAAA… comment`).
// Ed25519 (RFC 8032), ECDSA on P-256, P-384 and P-521 with SHA-256, SHA-384 and SHA-512 (FIPS
// 186-5), RSA of at least 3072 bits with PSS (RFC 8017), and the two kinds of hardware keys of
// OpenSSH (PROTOCOL.u2f). One key has one wire form (RFC 4253 section 6.6, RFC 5656, RFC 8709)
// and so one fingerprint, whichever way it was written: that of `ssh-keygen -l`.
// Immutable; copies share the key; safe to use from many threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

typedef struct evp_pkey_st EVP_PKEY;  // OpenSSL's, so that its headers stay out of ours

namespace countersign {

// Reads the binary form of RFC 4251 section 5. What was not there is told by ok().
class WireReader {
 public:
  explicit WireReader(std::string_view data) : rest_(data) {}
  [[nodiscard]] std::string_view String();
  [[nodiscard]] std::uint32_t Uint32();
  [[nodiscard]] std::uint8_t Byte();
  [[nodiscard]] std::string_view Bytes(std::size_t count);
  [[nodiscard]] bool ok() const { return ok_; }
  // Everything was read, and nothing was missing.
  [[nodiscard]] bool Done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

[[nodiscard]] std::string WireString(std::string_view value);
// A name that was read from binary, for a message: as it is where it is short and in ASCII.
[[nodiscard]] std::string WireName(std::string_view name);

class VerificationKey {
 public:
  // PEM or one line of OpenSSH; private keys are refused.
  [[nodiscard]] static Result<VerificationKey> Parse(std::string_view text);
  [[nodiscard]] static Result<VerificationKey> FromWire(std::string_view wire);

  // "SHA256:" and the base64 of the wire form's digest, without padding.
  [[nodiscard]] const std::string& fingerprint() const { return fingerprint_; }
  // As OpenSSH names it: ssh-ed25519, ecdsa-sha2-nistp256, ssh-rsa, sk-ssh-ed25519@openssh.com …
  [[nodiscard]] const std::string& algorithm() const { return algorithm_; }
  // Of a hardware key what it was made for, `ssh:` usually; else empty.
  [[nodiscard]] const std::string& application() const { return application_; }
  [[nodiscard]] bool IsHardwareKey() const { return !application_.empty(); }

  // Whether it made `signature` over `data`: Ed25519 64 bytes; ECDSA in DER, or r and s of the
  // curve's size one after the other; RSA-PSS with the digest of its salt's length. Of hardware
  // keys `data` is what the device signed.
  [[nodiscard]] bool Verify(std::string_view data, std::string_view signature) const;
  // The same for an ECDSA signature as two multiple precision integers (RFC 5656).
  [[nodiscard]] bool VerifyIntegers(std::string_view data, std::string_view r,
                                    std::string_view s) const;

  friend bool operator==(const VerificationKey& a, const VerificationKey& b) {
    return a.fingerprint_ == b.fingerprint_;
  }

 private:
  VerificationKey() = default;
  [[nodiscard]] static Result<VerificationKey> FromPem(std::string_view pem);
  void Name(std::string_view wire);

  std::shared_ptr<EVP_PKEY> key_;
  std::string algorithm_;
  std::string application_;
  std::string fingerprint_;
};

}  // namespace countersign
