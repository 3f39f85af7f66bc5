// certificate.h: X.509 certificates (RFC 5280) of signers, and the authorities that vouch for them.
//
// A chain comes with a signature and proves nothing by itself. Whether it leads to an authority is
// OpenSSL's to say (X509_verify_cert: signatures, validity, basic constraints, path length, name
// constraints, critical extensions), at security level 3, so without SHA-1 and RSA below 3072 bits.
// On top of it: key usage digitalSignature, an extended key usage that the authority lists, and its
// revocation lists. All of it is judged as of one instant, so that the answer never changes.
// Immutable; copies share; safe to use from many threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/verification_key.h"

typedef struct x509_st X509;  // OpenSSL's, so that its headers stay out of ours

namespace countersign {

// What a certificate may have been issued for, as its extended key usage says it.
enum class CertificateUse { kCodeSigning, kEmailProtection, kClientAuth };

// A signer's certificate, and those that lead from it to an authority.
class CertificateChain {
 public:
  static constexpr std::size_t kMaxCertificates = 8;
  // PEM or DER, the signer's first; with an authority at the end or without.
  [[nodiscard]] static Result<CertificateChain> FromPem(std::string_view pem);
  [[nodiscard]] static Result<CertificateChain> FromDer(const std::vector<std::string>& all);

  [[nodiscard]] const VerificationKey& key() const;
  // Subject alternative names of the signer's certificate, byte by byte.
  [[nodiscard]] const std::vector<std::string>& emails() const;
  [[nodiscard]] const std::vector<std::string>& uris() const;
  // As it came, in PEM.
  [[nodiscard]] std::string Pem() const;
  // "'vera@bank.example'", or the subject where it has neither email nor URI.
  [[nodiscard]] std::string Name() const;

  struct Parts;

 private:
  friend class CertificateAuthority;
  explicit CertificateChain(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

// Whether lists of revoked certificates are looked at.
enum class Revocation { kChecked, kDisregarded };

class CertificateAuthority {
 public:
  // The authority's certificate and lists of revoked certificates (by it or by those below it), in
  // PEM. Errors: path is "certificate" or "revocationLists[i]".
  [[nodiscard]] static Result<CertificateAuthority> Parse(
      std::string_view certificate, const std::vector<std::string>& revocation_lists,
      std::vector<CertificateUse> uses);

  // One for each certificate of a PEM file.
  [[nodiscard]] static Result<std::vector<CertificateAuthority>> ParseAll(
      std::string_view certificates, const std::vector<std::string>& revocation_lists,
      const std::vector<CertificateUse>& uses);

  // SHA-256 over the certificate, hexadecimal.
  [[nodiscard]] const std::string& fingerprint() const;

  // Why `chain` did not count at that instant; empty if it did. With revocation lists each
  // certificate below the authority needs one by its issuer that had not ended then. Remembers what
  // it found, so that a chain costs its cryptography once.
  [[nodiscard]] std::string WhyNot(const CertificateChain& chain, Time at,
                                   Revocation revocation = Revocation::kChecked) const;

  struct State;

 private:
  [[nodiscard]] static Result<CertificateAuthority> Of(
      std::shared_ptr<X509> certificate, const std::vector<std::string>& revocation_lists,
      std::vector<CertificateUse> uses);
  explicit CertificateAuthority(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace countersign
