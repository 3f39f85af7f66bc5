// certificate.h: one serving certificate with its key and chain, and the CAs that clients are
// verified against, each checked once and immutable from then on.
//
// Snapshots are handed about as shared_ptr<const T>: a handshake holds the one it began with while
// the next one is already published. Safe to use from any thread. What does not fit together (key
// of another certificate, expired, name missing, key too weak for TLS) is an Error that says so;
// keys never appear in messages.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "webhook/certificates/openssl.h"

namespace countersign {

class ServingCertificate {
 public:
  // `certificate_pem`: the leaf, then its intermediates. `wanted_name`: a DNS name or IP address
  // that must be among the subject alternative names (clients in Go look nowhere else); empty: any.
  static Result<std::shared_ptr<const ServingCertificate>> Parse(std::string_view certificate_pem,
                                                                 std::string_view key_pem,
                                                                 const std::string& wanted_name,
                                                                 Time now);

  [[nodiscard]] Time NotBefore() const { return not_before_; }
  [[nodiscard]] Time NotAfter() const { return not_after_; }
  [[nodiscard]] const std::string& Serial() const { return serial_; }  // hexadecimal, for logs

  // Gives leaf, key and chain to one connection. Called inside the handshake.
  [[nodiscard]] bool Apply(SSL* ssl) const;

 private:
  ServingCertificate() = default;

  openssl::X509Ptr leaf_;
  openssl::KeyPtr key_;
  openssl::CertificateStack chain_;
  Time not_before_;
  Time not_after_;
  std::string serial_;
};

// The CAs whose client certificates are accepted (mutual TLS).
class ClientTrust {
 public:
  static Result<std::shared_ptr<const ClientTrust>> Parse(std::string_view ca_pem);

  // Makes `ssl` verify against these CAs and name them in its request. Before the handshake.
  [[nodiscard]] bool Apply(SSL* ssl) const;

 private:
  ClientTrust() = default;

  openssl::StorePtr store_;
  openssl::NameStack names_;
};

}  // namespace countersign
