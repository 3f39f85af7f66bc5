// server.h: the HTTPS server that admission reviews come in by.
//
// cpp-httplib parses requests and writes responses; connections are ours. A connection that is
// idle, that handshakes or that still sends its request is parked in epoll and costs no thread:
// threads meet whole requests only, so a slow client delays nobody. Every wait has an absolute
// deadline, every buffer a limit, and overload is answered 429 with Retry-After. Handlers run on
// worker threads, side by side. Errors of clients close their connection and are counted.
//
//   HttpsServer server(options, certificates, {{"/validate/v1", handler}});
//   if (auto port = server.Start(); !port) …
//   server.Drain(); …; server.Stop();
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "webhook/certificates/certificate.h"
#include "webhook/http/request_frame.h"

namespace countersign {

struct HttpsRequest {
  std::string_view path;
  std::string_view body;
  std::string_view traceparent;
  // When the client gives up: from the API server's `?timeout=`, at most max_deadline.
  SteadyTime deadline;
};

struct HttpsResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
};

using HttpsHandler = std::function<HttpsResponse(const HttpsRequest&)>;

struct HttpsOptions {
  std::string address = "127.0.0.1";
  int port = 0;     // 0: any free one
  int workers = 0;  // 0: two more than the processors the cgroup gives
  std::size_t max_connections = 4096;
  std::size_t max_queue = 1024;  // requests and handshakes waiting for a worker
  // All buffers of unfinished requests together.
  std::size_t max_buffered = std::size_t{256} << 20;
  FrameLimits frame;
  std::chrono::milliseconds handshake_timeout{5000};
  std::chrono::milliseconds request_timeout{5000};  // from the first byte to the last
  // The API server keeps idle connections for 90 s and does not retry a POST that meets a closed
  // one, so it must always be the one that closes first.
  std::chrono::milliseconds idle_timeout{120'000};
  // After this age (and up to a tenth more) the next response closes the connection, so that load
  // spreads over new replicas and old certificates fade out.
  std::chrono::milliseconds max_age{600'000};
  std::chrono::milliseconds max_deadline{30'000};
  // With client trust: names (CN) of client certificates that may call; empty: any that verifies.
  std::vector<std::string> allowed_clients;
};

struct HttpsStats {
  std::uint64_t accepted = 0;
  std::uint64_t connections = 0;  // open now
  std::uint64_t parked = 0;       // … of which wait for bytes
  std::uint64_t requests = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t queued = 0;
  std::uint64_t shed = 0;      // answered 429
  std::uint64_t refused = 0;   // closed at accept: too many connections
  std::uint64_t rejected = 0;  // malformed, too large, wrong path or type
  std::uint64_t timed_out = 0;
  std::uint64_t tls_failures = 0;
  std::uint64_t handler_failures = 0;  // exceptions, answered 500
};

// Where the serving certificate comes from, asked at every handshake; and the client CAs, if any.
struct CertificateProvider {
  std::function<std::shared_ptr<const ServingCertificate>()> serving;
  std::function<std::shared_ptr<const ClientTrust>()> trust;  // may be empty
};

class HttpsServer {
 public:
  HttpsServer(HttpsOptions options, CertificateProvider certificates,
              std::map<std::string, HttpsHandler> handlers);
  ~HttpsServer();
  HttpsServer(const HttpsServer&) = delete;
  HttpsServer& operator=(const HttpsServer&) = delete;

  // Binds, starts the threads and gives the port.
  [[nodiscard]] Result<int> Start();
  // From now on every response closes its connection; new ones are still served.
  void Drain();
  // Closes everything and ends the threads; requests being handled are finished first.
  void Stop();

  [[nodiscard]] HttpsStats Stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace countersign
