#include "webhook/http/probe_server.h"

#include <httplib.h>

#include <charconv>
#include <thread>

namespace countersign {

class ProbeServer::Impl {
 public:
  explicit Impl(ProbeCallbacks callbacks) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(4); };
    server_.set_keep_alive_timeout(5);
    server_.set_read_timeout(5);
    server_.set_payload_max_length(1024);
    // The library's default shares the port with whoever else asks for it.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.set_exception_handler(
        [](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
          response.status = 500;
          response.set_content("internal error\n", "text/plain");
        });
    server_.Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("ok\n", "text/plain");
    });
    server_.Get("/readyz", [unready = callbacks.unready](const httplib::Request&,
                                                         httplib::Response& response) {
      const auto reason = unready();
      if (reason) response.status = 503;
      response.set_content(reason ? *reason + "\n" : "ok\n", "text/plain");
    });
    server_.Get("/metrics", [metrics = callbacks.metrics](const httplib::Request&,
                                                          httplib::Response& response) {
      response.set_content(metrics(), "text/plain; version=0.0.4; charset=utf-8");
    });
  }

  ~Impl() { server_.stop(); }

  Result<int> Start(const std::string& listen) {
    auto where = ParseListen(listen);
    if (!where) return Fail(where.error());
    if (where->port == 0) {
      port_ = server_.bind_to_any_port(where->host);
      if (port_ < 0) return Fail(Code::kUnavailable, "cannot listen on '" + listen + "'");
    } else {
      if (!server_.bind_to_port(where->host, where->port)) {
        return Fail(Code::kUnavailable,
                    "cannot listen on '" + listen + "': is the port taken by another program?");
      }
      port_ = where->port;
    }
    thread_ = std::jthread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
    return port_;
  }

  [[nodiscard]] int port() const { return port_; }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::jthread thread_;
};

ProbeServer::ProbeServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProbeServer::~ProbeServer() = default;
int ProbeServer::port() const { return impl_->port(); }

Result<std::unique_ptr<ProbeServer>> ProbeServer::Start(const std::string& listen,
                                                        ProbeCallbacks callbacks) {
  auto impl = std::make_unique<Impl>(std::move(callbacks));
  if (auto port = impl->Start(listen); !port) return Fail(port.error());
  return std::unique_ptr<ProbeServer>(new ProbeServer(std::move(impl)));
}

Result<HostPort> ParseListen(const std::string& text) {
  const auto fail = [&] {
    return Fail(Code::kInvalidArgument,
                "must be address:port, such as 127.0.0.1:9443, is '" + text + "'");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return fail();
  HostPort result{text.substr(0, colon), 0};
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data() + colon + 1, last, result.port);
  if (error != std::errc{} || end != last || result.port < 0 || result.port > 65535) return fail();
  if (result.host.empty()) result.host = "0.0.0.0";
  if (result.host.size() > 2 && result.host.front() == '[' && result.host.back() == ']') {
    result.host = result.host.substr(1, result.host.size() - 2);
  }
  return result;
}

}  // namespace countersign
