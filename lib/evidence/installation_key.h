// installation_key.h: the key pair with which one installation vouches for what it has seen.
//
// ECDSA P-256 with SHA-256 (FIPS 186-5), signatures in DER. The private key signs stamps and
// revisions; verification needs the public keys alone, several of them while a key is replaced.
// Keys are immutable once made, so safe to use from many threads; errors never contain key
// material.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "evidence/verified_signatures.h"

typedef struct evp_pkey_st EVP_PKEY;  // OpenSSL's, so that its headers stay out of ours

namespace countersign {

class PublicKeys {
 public:
  PublicKeys() = default;  // verifies nothing
  // PEM text with one or more public keys (SubjectPublicKeyInfo).
  [[nodiscard]] static Result<PublicKeys> Parse(std::string_view pem);

  // The keys without the one of that fingerprint, which remember nothing.
  [[nodiscard]] PublicKeys Without(std::string_view fingerprint) const;
  [[nodiscard]] std::vector<std::string> Fingerprints() const;
  [[nodiscard]] std::string Pem() const;

  // Whether any of the keys made `signature` over `data`. Copies share what they remember.
  [[nodiscard]] bool Verify(std::string_view data, std::string_view signature) const;

 private:
  friend class InstallationKey;
  std::vector<std::shared_ptr<EVP_PKEY>> keys_;
  std::shared_ptr<VerifiedSignatures> verified_ = std::make_shared<VerifiedSignatures>();
};

class InstallationKey {
 public:
  [[nodiscard]] static Result<InstallationKey> Generate();
  // PEM text with one private key (PKCS #8 or SEC 1), which must be on P-256.
  [[nodiscard]] static Result<InstallationKey> Parse(std::string_view pem);
  [[nodiscard]] static Result<InstallationKey> Load(const std::string& file);

  [[nodiscard]] Result<std::string> Sign(std::string_view data) const;
  [[nodiscard]] std::string PrivatePem() const;
  [[nodiscard]] std::string PublicPem() const;
  [[nodiscard]] PublicKeys Public() const;
  // "SHA256:" and the base64 of the digest of the public key's DER: for people and key hints.
  [[nodiscard]] std::string Fingerprint() const;

 private:
  std::shared_ptr<EVP_PKEY> key_;
};

// The public key of `key`, and those that it replaced or that will replace it: PEM in the file
// `trusted` or, where that is empty, in `trusted.pem` beside `key_file` if there is one.
[[nodiscard]] Result<PublicKeys> LoadTrustedKeys(const InstallationKey& key,
                                                 const std::string& key_file,
                                                 const std::string& trusted);

}  // namespace countersign
