#include "webhook/http/probe_server.h"

#include <mutex>
#include <utility>

#include "base/log.h"
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

// Where all is well that is said at once, however many ask for metrics meanwhile.
Route WellAtOnce(Route route, std::function<std::optional<std::string>()> trouble) {
  route.at_once = [trouble = std::move(trouble)](const Request&) {
    return trouble && trouble() ? std::nullopt : std::optional(PlainText(200, "ok"));
  };
  return route;
}

Response Said(const std::optional<std::string>& trouble) {
  return trouble ? PlainText(503, *trouble) : PlainText(200, "ok");
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
      WellAtOnce(
          Get("/healthz",
              [not_alive = options.not_alive,
               told = std::make_shared<std::once_flag>()](const Request&) {
                const std::optional<std::string> reason = not_alive ? not_alive() : std::nullopt;
                // What kubelet says of a restart has the status alone. Not with every probe: where
                // the log is what everything waits for, the other thread still answers.
                if (reason) {
                  std::call_once(*told, [&reason] {
                    Log(LogLevel::kError, "only a new start can help", {{"reason", *reason}});
                  });
                }
                return Said(reason);
              }),
          options.not_alive),
      WellAtOnce(Get("/readyz",
                     [not_ready = options.not_ready](const Request&) { return Said(not_ready()); }),
                 options.not_ready),
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
