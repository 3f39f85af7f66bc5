// tls_context.h: how we speak TLS, and TLS as a Transport.
//
// TLS 1.2 with forward secrecy and authenticated encryption, or 1.3. No renegotiation, no
// compression, no tickets or session cache: Go's client keeps none for webhooks, and a resumed
// session would outlive a renewed certificate or a withdrawn client. ALPN is http/1.1, which the
// API server pins for services (kubernetes#75791). Thread-safe once made.
#pragma once

#include <memory>

#include "base/result.h"
#include "webhook/certificates/openssl.h"
#include "webhook/http/server.h"
#include "webhook/http/transport.h"

namespace countersign::http {

// `options` is referred to by every handshake and must outlive the context.
[[nodiscard]] Result<openssl::ContextPtr> MakeTlsContext(const TlsOptions& options);

// Server side of one connection; null when it cannot be set up (no memory, no client trust). Does
// not own `fd`.
[[nodiscard]] std::unique_ptr<Transport> MakeTlsTransport(SSL_CTX* context,
                                                          const TlsOptions& options, int fd);

}  // namespace countersign::http
