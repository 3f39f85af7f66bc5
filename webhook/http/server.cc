#include "webhook/http/server.h"

#include <utility>

#include "webhook/http/engine.h"

namespace countersign::http {

Result<std::unique_ptr<HttpsServer>> HttpsServer::Start(ServerOptions options, TlsOptions tls,
                                                        std::vector<Route> routes) {
  Result<std::unique_ptr<Engine>> engine =
      Engine::Start(std::move(options), std::move(tls), std::move(routes));
  if (!engine) return Fail(engine.error());
  return std::unique_ptr<HttpsServer>(new HttpsServer(*std::move(engine)));
}

HttpsServer::HttpsServer(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
HttpsServer::~HttpsServer() = default;

int HttpsServer::Port() const { return engine_->Port(); }
ServerStats HttpsServer::Stats() const { return engine_->Stats(); }
std::optional<std::string> HttpsServer::Stalled(SteadyTime now) const {
  return engine_->Stalled(now);
}
void HttpsServer::Drain() { engine_->Drain(); }
void HttpsServer::Stop() { engine_->Stop(); }

}  // namespace countersign::http
