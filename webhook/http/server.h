// server.h: the HTTPS server that the API server calls.
//
// HTTP/1.1 over TLS >= 1.2 for a handful of literal paths with small bodies; not a general web
// server. One thread does all input and output without ever blocking, so that thousands of silent
// or slow connections cost no thread and no honest caller a wait; complete requests alone go to a
// bounded queue and a few workers, which run the handlers. What a handler can answer without
// waiting
// (`Route::at_once`) that thread answers itself, as far as its time goes: waking another costs
// about as much as a decision. cpp-httplib parses request heads, OpenSSL does TLS. Limits answer or
// cut off whoever exceeds them and count it (`ServerStats`). All methods are thread-safe. Handlers
// run on several threads at once; an exception of theirs becomes a 500 that tells nothing.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "webhook/certificates/certificate.h"

namespace countersign::http {

// What a handler sees. The views are valid during the call only.
struct Request {
  std::string_view method;
  std::string_view path;
  const std::multimap<std::string, std::string>& query;  // decoded
  std::string_view content_type;
  std::string_view traceparent;  // W3C trace context; empty when the caller does not trace
  std::string_view body;
  // When the caller stops waiting (`?timeout=`, which the API server sets), less a margin.
  SteadyTime deadline;
  std::stop_token stop;  // requested when the server must end now; whoever waits in a handler heeds
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;  // further ones, e.g. Retry-After
};

using Handler = std::function<Response(const Request&)>;
// Answers from what is at hand: it waits for no network, no file and no lock that is held for long.
// nullopt where it would have to, and then nothing has happened: the handler is asked.
using AtOnce = std::function<std::optional<Response>(const Request&)>;

struct Route {
  std::string path;  // literal, compared after percent-decoding
  Handler handler;
  std::string method = "POST";
  std::string content_type = "application/json";  // parameters are ignored; empty: any
  AtOnce at_once = {};                            // may be missing
};

struct ServerOptions {
  std::string address = "127.0.0.1";  // numeric, IPv4 or IPv6; "::" means both families
  int port = 0;                       // 0: any free one, see Port()

  // Threads that run handlers; 0: twice the CPUs of the container, at least 4, because a handler
  // may wait for one bounded read of the API server.
  int worker_threads = 0;
  // Complete requests waiting for a worker. At about a millisecond each this is a fraction of the
  // caller's timeout; beyond it 429 with Retry-After, which the API server's client honours.
  std::size_t max_queued = 256;
  // The same while the first of the queue has waited this long: a decision may take several
  // milliseconds, and who is sent away at once has time to come again.
  std::chrono::milliseconds max_wait{1'000};
  // CPU that the thread of connections may spend on requests answered at once before it looks after
  // the other connections again; what comes beyond that, and longer requests, are the workers'.
  // Zero: all of them.
  std::chrono::microseconds at_once_time{2'000};
  std::size_t at_once_bytes = std::size_t{32} << 10;
  // API servers keep at most 25 idle connections each (client-go transport/cache.go), so this is
  // room for bursts. At the limit, an address that holds more than a 32nd of it gives way first, by
  // a connection that never made a valid request or, to others that hold fewer, by the least used;
  // then connections that never made one do.
  std::size_t max_connections = 4096;

  // Of requests above 64 KiB only so many are handled at once as are not longer together; one
  // always is. While it is judged, one takes twenty times its size and more.
  std::size_t long_bytes = std::size_t{1} << 20;

  // Object and old object at 3 MiB each, the API server's own limit, and the envelope.
  std::size_t max_body_bytes = std::size_t{8} << 20;
  std::size_t max_head_bytes = std::size_t{64} << 10;
  // Bytes of requests held at once over all connections, and of unfinished TLS records and
  // handshakes. Beyond it the largest unfinished one goes, by bytes and time, of the address that
  // holds most. Half of it is for long requests that wait for a worker.
  std::size_t max_buffered_bytes = std::size_t{64} << 20;

  // Absolute, not per read: one byte every second does not extend them.
  std::chrono::milliseconds handshake_deadline{5'000};  // from accept to a finished handshake
  std::chrono::milliseconds head_deadline{3'000};  // from a request's first byte to its head's end
  std::chrono::milliseconds request_deadline{5'000};  // … to its last byte
  std::chrono::milliseconds write_deadline{5'000};    // for a response

  // Must exceed the 90 s after which Go's client closes (net/http DefaultTransport): if the server
  // closes first, a POST that races with it fails and is not retried.
  std::chrono::milliseconds idle_timeout{120'000};
  // A connection sticks to one replica (kubernetes#80313): end it by `Connection: close` after
  // max_age and up to max_age_jitter, so that load and certificates move on, not all at once.
  std::chrono::milliseconds max_age{600'000};
  std::chrono::milliseconds max_age_jitter{120'000};
  // After a final response input is discarded this long, for the caller to read the response before
  // a reset would destroy it (RFC 9112, 9.6).
  std::chrono::milliseconds linger{1'000};
  std::chrono::milliseconds stop_grace{1'000};  // Stop() waits this long for answers under way

  // When the server counts as stalled, see HttpsServer::Stalled(). Far above everything that ends
  // by itself: a turn of the thread of connections takes milliseconds, and no handler goes on for
  // longer than the 30 s that an API server waits at most.
  std::chrono::milliseconds max_turn{30'000};
  std::chrono::milliseconds max_standstill{60'000};

  // Runs first on each thread that handles requests; may be missing.
  std::function<void()> thread_begins;
};

struct TlsOptions {
  // Asked in every handshake; null refuses the handshake.
  std::function<std::shared_ptr<const ServingCertificate>()> certificate;
  // If set, clients must present a certificate of these CAs (null refuses the handshake) …
  std::function<std::shared_ptr<const ClientTrust>()> client_trust;
  // … whose common name or DNS/URI alternative name is one of these. Empty: any client of the CAs.
  std::vector<std::string> allowed_clients;
};

// Why a connection or request was not served.
enum class Refusal {
  kConnectionLimit,    // max_connections
  kHandshakeDeadline,  // silent, or too slow to finish TLS
  kRequestDeadline,    // head or body came too slowly
  kWriteDeadline,      // the response was not read
  kMalformed,          // 400, 414
  kHeadTooLarge,       // 431
  kUnknownPath,        // 404
  kMethod,             // 405
  kLength,             // 411: chunked or without Content-Length
  kBodyTooLarge,       // 413
  kMediaType,          // 415: Content-Type
  kEncoding,           // 415: Content-Encoding
  kOverloaded,         // 429: queue full, or too slow
  kMemory,             // 429: max_buffered_bytes
  kExpired,            // 503: its deadline passed in the queue
};
inline constexpr std::size_t kRefusals = 15;
// For metric labels: "connection_limit", …
[[nodiscard]] const char* RefusalName(Refusal refusal);

struct ServerStats {
  std::uint64_t accepted = 0;  // connections, since the start
  std::uint64_t requests = 0;  // given to a handler, since the start
  std::uint64_t tls_failures = 0;
  std::uint64_t handler_exceptions = 0;
  std::array<std::uint64_t, kRefusals> refused{};  // by Refusal

  std::uint64_t active = 0;     // connections now …
  std::uint64_t silent = 0;     // … that have not finished a handshake
  std::uint64_t idle = 0;       // … between two requests
  std::uint64_t in_flight = 0;  // … whose request waits for or is in a handler
  std::uint64_t queued = 0;     // requests waiting for a worker
  std::uint64_t buffered_bytes = 0;

  [[nodiscard]] std::uint64_t Refused(Refusal refusal) const {
    return refused.at(static_cast<std::size_t>(refusal));
  }
};

class Engine;

class HttpsServer {
 public:
  // Binds, listens and serves. Fails with one sentence when the address cannot be bound.
  static Result<std::unique_ptr<HttpsServer>> Start(ServerOptions options, TlsOptions tls,
                                                    std::vector<Route> routes);
  ~HttpsServer();  // Stop()

  [[nodiscard]] int Port() const;
  [[nodiscard]] ServerStats Stats() const;
  // Why nothing but a new process helps: the thread of connections has been within one turn for
  // `max_turn`, or requests wait and no worker has taken one up for `max_standstill`. Load is no
  // reason, however long it lasts: what is slow but moves begins both anew with every turn and
  // every request, and what is idle is within neither. Ending replicas for their load would be the
  // outage.
  [[nodiscard]] std::optional<std::string> Stalled(SteadyTime now) const;

  // Serves on, but tells each caller by `Connection: close` to come back elsewhere. Idle
  // connections stay open until Stop(): closing them first would fail the request that is on its
  // way.
  void Drain();
  // Stops listening, closes what is idle, finishes what is under way and answers who has just come
  // or begun to ask (`stop_grace`), closes everything, joins. Returns in under 2 s if handlers heed
  // Request::stop. Idempotent.
  void Stop();

 private:
  explicit HttpsServer(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

}  // namespace countersign::http
