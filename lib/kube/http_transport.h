// http_transport.h: the real Transport, HTTP/1.1 over TLS.
//
// cpp-httplib writes and parses HTTP; sockets, TLS and waiting are ours, because its own client
// cannot be interrupted while it connects, verifies certificates only after the handshake and adds
// the system's CAs to a store in memory. Here OpenSSL verifies chain, host name and IP inside of
// the handshake (TLS 1.2 or later), nothing is sent before, every wait ends at a stop request, and
// connections are kept for the next call: a watch simply keeps its own for as long as it runs.
// Credentials and the CA file are read again as they rotate; a 401 drops the cached credential and
// tries once more. Environment proxies are not used. Thread-safe.
//
// The program must ignore SIGPIPE (first line of main): a peer may vanish while TLS writes.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "kube/kubeconfig.h"
#include "kube/transport.h"

namespace countersign {

struct HttpTransportOptions {
  // "countersign-operator/0.1.0 (…)": what the API server's audit log shows.
  std::string user_agent = "countersign";
};

// Fails when the configuration is unusable (bad URL, PEM or key); does not connect. `clock` must
// outlive the transport.
[[nodiscard]] Result<std::unique_ptr<Transport>> MakeHttpTransport(
    const RestConfig& config, Clock& clock, const HttpTransportOptions& options = {});

}  // namespace countersign
