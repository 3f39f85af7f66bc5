#include "webhook/http/probe_server.h"

#include <utility>

#include "webhook/http/engine.h"
#include "webhook/http/response.h"

namespace countersign::http {
namespace {

// One may gather metrics while the other answers a probe.
constexpr int kThreads = 2;
constexpr std::size_t kMaxQueued = 32;
constexpr std::size_t kMaxConnections = 128;

Route Get(std::string path, Handler handler) {
  return Route{std::move(path), std::move(handler), "GET", ""};
}

}  // namespace

Result<std::unique_ptr<ProbeServer>> ProbeServer::Start(ProbeOptions options) {
  ServerOptions server;
  server.address = options.address;
  server.port = options.port;
  server.worker_threads = kThreads;
  server.max_queued = kMaxQueued;
  server.max_connections = kMaxConnections;
  server.max_body_bytes = 0;
  std::vector<Route> routes = {
      // Alive as long as a worker answers.
      Get("/healthz", [](const Request&) { return PlainText(200, "ok"); }),
      Get("/readyz",
          [not_ready = std::move(options.not_ready)](const Request&) {
            const std::optional<std::string> reason = not_ready();
            return reason ? PlainText(503, *reason) : PlainText(200, "ok");
          }),
      Get("/metrics", [metrics = std::move(options.metrics)](const Request&) {
        return Response{200, metrics(), "text/plain; version=0.0.4; charset=utf-8", {}};
      })};
  Result<std::unique_ptr<Engine>> engine =
      Engine::Start(std::move(server), std::nullopt, std::move(routes));
  if (!engine) return Fail(engine.error());
  return std::unique_ptr<ProbeServer>(new ProbeServer(*std::move(engine)));
}

ProbeServer::ProbeServer(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
ProbeServer::~ProbeServer() = default;

int ProbeServer::Port() const { return engine_->Port(); }
void ProbeServer::Stop() { engine_->Stop(); }

}  // namespace countersign::http
