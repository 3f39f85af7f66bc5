// http_connection.h: one connection to the API server, many exchanges one after the other.
//
// cpp-httplib writes the request and parses the answer (chunked coding, headers) over our own
// ByteStream, through ClientImpl::process_request. Not thread-safe: whoever holds it uses it.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>

#include "base/result.h"
#include "kube/endpoint.h"
#include "kube/tls_context.h"
#include "kube/transport.h"

namespace countersign {

// Far above any answer's head; a longer one is not an API server's.
inline constexpr std::size_t kMaxResponseHead = std::size_t{256} << 10;

// Even a watch answers with its head at once; without this a dead proxy would hold it for as long
// as a quiet watch may be silent.
inline constexpr std::chrono::seconds kHeadTimeout{60};

class HttpConnection {
 public:
  // Connects and, with `tls`, verifies the server.
  [[nodiscard]] static Result<std::unique_ptr<HttpConnection>> Open(
      const Endpoint& endpoint, std::shared_ptr<const TlsContext> tls, SteadyTime deadline,
      const std::stop_token& stop);
  virtual ~HttpConnection() = default;

  // One exchange, as Transport::Send.
  [[nodiscard]] virtual Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop,
                                                  BodySink* sink) = 0;
  // True when another exchange may follow: the last answer was read to its end and the peer is
  // still there.
  [[nodiscard]] virtual bool Reusable() = 0;
};

}  // namespace countersign
