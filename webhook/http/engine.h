// engine.h: puts listener, event loop and workers together; what HttpsServer and ProbeServer share.
//
// Thread-safe. Destruction stops.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "webhook/certificates/openssl.h"
#include "webhook/http/event_loop.h"
#include "webhook/http/stats.h"
#include "webhook/http/workers.h"

namespace countersign::http {

class Engine {
 public:
  // Without `tls` plain HTTP is spoken.
  static Result<std::unique_ptr<Engine>> Start(ServerOptions options, std::optional<TlsOptions> tls,
                                               std::vector<Route> routes);
  ~Engine();

  [[nodiscard]] int Port() const { return port_; }
  [[nodiscard]] ServerStats Stats() const { return counters_.Snapshot(); }
  // HttpsServer::Stalled()
  [[nodiscard]] std::optional<std::string> Stalled(SteadyTime now) const;
  void Drain() { loop_->Drain(); }
  void Stop();

 private:
  Engine(ServerOptions options, std::optional<TlsOptions> tls, std::vector<Route> routes);
  [[nodiscard]] std::unique_ptr<Transport> MakeTransport(int fd) const;

  // In this order: what stands below refers to what stands above.
  ServerOptions options_;
  const std::optional<TlsOptions> tls_;
  const std::vector<Route> routes_;
  Counters counters_;
  openssl::ContextPtr context_;
  int port_ = 0;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Workers> workers_;
  std::thread thread_;
  std::once_flag stopped_;
};

}  // namespace countersign::http
