// tls_context.h: how connections to one API server are secured.
//
// An immutable OpenSSL client context: TLS 1.2 or later, trust in the given CA bundle alone (the
// system's when none is given), the server's name or IP checked by OpenSSL inside of the handshake
// (subject alternative names only, as Go does), an optional client certificate from memory, ALPN
// http/1.1. Nothing is sent to a server that fails this. Thread-safe after Make.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "kube/credentials.h"

namespace countersign {

struct TlsOptions {
  // None: the system's CAs. Empty is an error and not the same: a CA file may be empty for a
  // moment.
  std::optional<std::string> ca_pem{};
  std::string server_name{};  // name or IP address to verify; names are also sent (SNI)
  bool insecure = false;      // verify nothing: only what the user's kubeconfig asks for
  std::shared_ptr<const ClientIdentity> identity{};
};

class TlsContext {
 public:
  // Fails with kInvalidArgument on a bundle, certificate or key that cannot be used.
  [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> Make(const TlsOptions& options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // A session for one connection, owned by the caller (SSL_free). Null when out of memory.
  [[nodiscard]] SSL* NewSession(int fd) const;

 private:
  TlsContext(SSL_CTX* context, std::string sni) : context_(context), sni_(std::move(sni)) {}

  SSL_CTX* context_;
  std::string sni_;
};

// Why the last OpenSSL call of this thread failed, and clears its error queue: an entry left behind
// makes the next SSL call on this thread look failed.
[[nodiscard]] std::string TakeOpensslError();

}  // namespace countersign
