// credentials.h: what to present to the API server, now.
//
// A source gives the current credential and hears when the server refuses one. Static for
// certificates, tokens and passwords of a kubeconfig; re-read for token files, which the kubelet
// rotates; re-run for exec plugins. A credential is for one request: ask again for the next.
// Thread-safe; Get may block while a plugin runs, until `stop`.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "kube/kubeconfig.h"

namespace countersign {

// A client certificate (with its chain) and its key, PEM.
struct ClientIdentity {
  std::string certificate_pem{};
  std::string key_pem{};

  friend bool operator==(const ClientIdentity&, const ClientIdentity&) = default;
};

struct Credential {
  std::string authorization{};  // value of the Authorization header, or empty
  // The same pointer as long as the identity is the same.
  std::shared_ptr<const ClientIdentity> identity{};

  friend bool operator==(const Credential&, const Credential&) = default;
};

class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // Errors: kUnauthenticated, kCancelled.
  [[nodiscard]] virtual Result<Credential> Get(std::stop_token stop) = 0;
  // The server answered 401 to `refused`. True when the next Get looks for a new one.
  [[nodiscard]] virtual bool Reject(const Credential& refused) = 0;
};

// client-go's transport/token_source.go: files are read again after a minute less ten seconds of
// leeway; when that fails the token read last is used further.
inline constexpr std::chrono::seconds kTokenFilePeriod{50};

// `clock` must outlive the source.
[[nodiscard]] std::unique_ptr<CredentialSource> MakeCredentialSource(const RestConfig& config,
                                                                     Clock& clock);

}  // namespace countersign
