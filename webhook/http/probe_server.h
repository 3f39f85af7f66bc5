// probe_server.h: plain HTTP on a port of its own for probes and metrics.
//
// Apart from the admission port, so that probes and scrapes are answered while that one is busy and
// need no certificate. GET /healthz, /readyz, /metrics and nothing else. Callbacks run on its four
// threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

namespace countersign {

struct ProbeCallbacks {
  std::function<std::optional<std::string>()> unready;  // why not ready; nullopt: ready
  std::function<std::string()> metrics;                 // Prometheus text format 0.0.4
};

class ProbeServer {
 public:
  // `listen`: "address:port"; port 0 takes any free one.
  [[nodiscard]] static Result<std::unique_ptr<ProbeServer>> Start(const std::string& listen,
                                                                  ProbeCallbacks callbacks);
  ~ProbeServer();
  [[nodiscard]] int port() const;

 private:
  class Impl;
  explicit ProbeServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct HostPort {
  std::string host;
  int port = 0;
};
// "127.0.0.1:9443", "[::1]:9443", ":9443" (all addresses).
[[nodiscard]] Result<HostPort> ParseListen(const std::string& text);

}  // namespace countersign
