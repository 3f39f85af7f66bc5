// byte_stream.h: bytes to and from the API server, with or without TLS.
//
// One connected socket. Every read and write ends at the deadline set for the exchange, when the
// peer is silent for too long, or at a stop request; `failure` then says which. Not thread-safe:
// one exchange at a time.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "kube/tls_context.h"
#include "kube/wakeup.h"

namespace countersign {

// Go's net/http: TLSHandshakeTimeout.
inline constexpr std::chrono::seconds kHandshakeTimeout{10};

class ByteStream {
 public:
  // What bounds the exchange at hand.
  struct Limits {
    SteadyTime deadline = SteadyTime::max();
    const StopFd* stop = nullptr;
    // Asked before each wait; none: only the deadline counts.
    std::function<std::chrono::milliseconds()> idle_timeout;
  };

  // Takes over `fd`. `tls` null: plain.
  ByteStream(int fd, std::shared_ptr<const TlsContext> tls);
  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  // The TLS handshake, with verification; nothing to do without TLS.
  [[nodiscard]] Status Handshake(const Limits& limits);

  void Begin(Limits limits);
  // Bytes read (at least one), 0 at the orderly end, -1 on failure.
  [[nodiscard]] long Read(char* data, std::size_t size);
  // True when all was written.
  [[nodiscard]] bool Write(const char* data, std::size_t size);
  [[nodiscard]] bool failed() const { return failure_.has_value(); }
  // Why the exchange failed, when it did.
  [[nodiscard]] Error failure() const { return failure_.value_or(Error{}); }
  // Anything received since Begin?
  [[nodiscard]] bool received() const { return received_; }

  // Between exchanges: nothing unread, and the peer has not closed.
  [[nodiscard]] bool Idle();

 private:
  enum class Need { kRead, kWrite };
  [[nodiscard]] bool Wait(Need need);
  void SetFailure(Code code, std::string message);
  // One attempt: > 0 bytes, 0 for the end, -1 with `need` for "not now", -1 with failure.
  long ReadOnce(char* data, std::size_t size, std::optional<Need>& need);
  long WriteOnce(const char* data, std::size_t size, std::optional<Need>& need);
  [[nodiscard]] std::optional<Need> TlsNeed(int result);

  int fd_;
  std::shared_ptr<const TlsContext> tls_;
  SSL* ssl_ = nullptr;
  Limits limits_;
  std::optional<Error> failure_;
  bool received_ = false;
  std::string buffer_;  // read ahead: httplib reads header lines byte by byte
  std::size_t begin_ = 0;
};

}  // namespace countersign
