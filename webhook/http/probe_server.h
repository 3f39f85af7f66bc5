// probe_server.h: /healthz, /readyz and /metrics over plain HTTP on a port of their own.
//
// Own threads and own connections, so that kubelet gets its answer while the webhook is busy: a
// replica under load must not be restarted for it. Alive is what can still get out of its state by
// itself (HttpsServer::Stalled has the bounds): anything less is for readiness to say, which only
// sends requests elsewhere. Nothing secret is served. Thread-safe; the
// callbacks run on several threads and an exception of theirs becomes a 500.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

namespace countersign::http {

struct ProbeOptions {
  std::string address = "127.0.0.1";  // numeric
  int port = 0;                       // 0: any free one, see Port()
  // Why only a new process can help, in a few words; nullopt: alive. May be missing. Logged once.
  std::function<std::optional<std::string>()> not_alive = {};
  // Why the replica should get no traffic now, in a few words; nullopt: it should.
  std::function<std::optional<std::string>()> not_ready;
  // Prometheus text format 0.0.4.
  std::function<std::string()> metrics;
};

class Engine;

class ProbeServer {
 public:
  static Result<std::unique_ptr<ProbeServer>> Start(ProbeOptions options);
  ~ProbeServer();  // Stop()

  [[nodiscard]] int Port() const;
  void Stop();

 private:
  explicit ProbeServer(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

}  // namespace countersign::http
