// source.h: where the server's certificate comes from, whoever renews it. Thread-safe.
#pragma once

#include <chrono>
#include <memory>

#include "base/result.h"
#include "base/time.h"
#include "webhook/certificates/certificate.h"

namespace countersign {

class CertificateSource {
 public:
  virtual ~CertificateSource() = default;
  // The pair for the next handshake; null while there is none.
  [[nodiscard]] virtual std::shared_ptr<const ServingCertificate> Current() const = 0;
  // Of that pair; the epoch while there is none.
  [[nodiscard]] virtual Time NotAfter() const = 0;
  // How long it is valid in all; zero while there is none.
  [[nodiscard]] std::chrono::seconds Lifetime() const {
    const auto current = Current();
    return current == nullptr ? std::chrono::seconds(0)
                              : std::chrono::duration_cast<std::chrono::seconds>(
                                    current->NotAfter() - current->NotBefore());
  }
  // Why this replica should get no traffic for its certificate's sake.
  [[nodiscard]] virtual Status Healthy() const = 0;
};

}  // namespace countersign
