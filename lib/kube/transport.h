// transport.h: one HTTP exchange with the API server, whoever carries it.
//
// The seam between the Kubernetes protocol (client, watcher) and the network. The real one is
// MakeHttpTransport (http_transport.h); tests script theirs. An answer of any status is a success
// here: only its absence is an error, with code
//   kUnavailable       no connection, TLS refused, connection lost, answer malformed
//   kUnauthenticated   there are no usable credentials (token file unreadable, exec plugin failed)
//   kDeadlineExceeded  deadline or idle timeout passed
//   kCancelled         `stop` was requested, or the sink returned false
//   kResourceExhausted the body is longer than allowed
// Implementations are thread-safe, block the caller and return within a moment of a stop request.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace countersign {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// A full list of very many large objects; beyond it something is wrong.
inline constexpr std::size_t kMaxResponseBytes = std::size_t{512} << 20;

struct HttpRequest {
  std::string method{};
  std::string target{};  // path and query, percent-encoded
  HttpHeaders headers{};
  std::string body{};
  SteadyTime deadline = SteadyTime::max();
  std::size_t max_response_bytes = kMaxResponseBytes;
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers{};
  std::string body{};  // empty when it went to a sink

  // The first header of that name (ASCII case does not matter), or nullopt.
  [[nodiscard]] std::optional<std::string> Header(std::string_view name) const;
};

// Takes the body of a 2xx answer piece by piece, as it comes, on the calling thread.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // False ends the exchange with kCancelled.
  virtual bool Accept(std::string_view piece) = 0;
  // How long the wire may be silent from now on; asked before each read.
  [[nodiscard]] virtual std::chrono::milliseconds IdleTimeout() const = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  // Without a sink, or when the status is not 2xx, the body is collected in the response.
  [[nodiscard]] virtual Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop,
                                                  BodySink* sink = nullptr) = 0;
};

}  // namespace countersign
