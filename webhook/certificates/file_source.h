// file_source.h: the serving certificate as files that someone else renews (cert-manager, an
// administrator); and the CA of the clients, also where the certificate comes from elsewhere.
//
// Polls the content rather than watching it: a Secret volume is renewed by swapping a symbolic
// link, after which a watch on the file is silently gone. A pair is published only if it is whole
// and valid; otherwise the last good one stays and the failure is counted and logged. The CA of
// the clients is taken in by itself: neither waits for the other. Nobody restarts, no connection is
// dropped: new handshakes see the new pair. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "webhook/certificates/source.h"

namespace countersign {

struct CertificateFiles {
  std::string certificate;  // PEM: leaf, then intermediates (`tls.crt`); empty: the client CA alone
  std::string key;          // PEM, unencrypted (`tls.key`)
  std::string client_ca;    // PEM bundle for mutual TLS; empty: clients are not asked
  std::string wanted_name;  // must be among the certificate's names, e.g. `<service>.<ns>.svc`
  // cert-manager and controller-runtime poll at the same pace; kubelet itself needs about a minute.
  std::chrono::milliseconds poll_interval = std::chrono::seconds(10);
};

class FileCertificateSource final : public CertificateSource {
 public:
  // Fails if the files do not hold a valid pair now: there is nothing to fall back to yet.
  // `clock` must outlive the source.
  static Result<std::unique_ptr<FileCertificateSource>> Create(CertificateFiles files,
                                                               Clock& clock);
  ~FileCertificateSource() override;

  [[nodiscard]] std::shared_ptr<const ServingCertificate> Current() const override;
  [[nodiscard]] std::shared_ptr<const ClientTrust> Trust() const;  // null without `client_ca`

  // Reads the files now. The poll does the same; a failure changes nothing that is served.
  Status Reload();

  [[nodiscard]] Time NotAfter() const override;  // of the pair being served
  [[nodiscard]] std::uint64_t Reloads() const;   // pairs published after the first
  // Polls that found no valid pair, or no valid CA of the clients.
  [[nodiscard]] std::uint64_t Failures() const;

  // An error when the pair being served is expired. A failed renewal alone does not make a replica
  // unready: it still serves well, and taking it away would help nobody.
  [[nodiscard]] Status Healthy() const override;

 private:
  // What was last taken in from files; null where none are read.
  template <class T>
  struct Taken {
    std::string digest;  // of the files' content; the key itself is not kept as text
    std::shared_ptr<const T> value;
    std::string failure = {};  // the same one is logged once
  };
  using Pair = Taken<ServingCertificate>;
  using Clients = Taken<ClientTrust>;

  FileCertificateSource(CertificateFiles files, Clock& clock);
  // Without a value where the content is known.
  [[nodiscard]] Result<Pair> LoadPair(const std::string& known_digest) const;
  [[nodiscard]] Result<Clients> LoadClients(const std::string& known_digest) const;
  // What a look gave. `kept` and `renewed` are what the log says of a failure and of something new.
  template <class T>
  Status Take(Result<Taken<T>> next, Taken<T>& current, const char* kept, const char* renewed);
  void Poll(const std::stop_token& stop);

  const CertificateFiles files_;
  Clock& clock_;
  mutable std::mutex mutex_;
  Pair pair_;                   // under mutex_
  Clients clients_;             // under mutex_
  std::uint64_t reloads_ = 0;   // under mutex_
  std::uint64_t failures_ = 0;  // under mutex_
  std::jthread poller_;
};

}  // namespace countersign
