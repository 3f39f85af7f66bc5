// transport.h: bytes in and out of one non-blocking socket, plain or through TLS.
//
// No call blocks: it does what it can and says what it waits for. Not thread-safe: the event loop
// owns it. Errors are results, never exceptions; after kClosed or kFailed only destruction is left.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace countersign::http {

enum class Io {
  kDone,       // made progress
  kWantRead,   // nothing to do until the socket is readable
  kWantWrite,  // … writable
  kClosed,     // the other side is done
  kFailed,     // the connection is unusable
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual Io Handshake() = 0;
  // Up to `size` bytes into `to`; kDone: `n` > 0 of them.
  virtual Io Read(char* to, std::size_t size, std::size_t& n) = 0;
  // Removes from `data` what was taken. kDone: at least one byte was.
  virtual Io Write(std::string_view& data) = 0;
  // Bytes already taken from the socket, whose readiness will not announce them. Not those of a
  // part of a TLS record that was looked at: only the rest of it changes anything.
  [[nodiscard]] virtual bool HasPending() const = 0;
  // Bytes of memory that wait in it for the rest of what they belong to: a record, a handshake.
  [[nodiscard]] virtual std::size_t Held() const = 0;
  // Says goodbye (TLS close_notify) as far as that works without blocking.
  virtual void Farewell() = 0;
};

// Does not own `fd`.
[[nodiscard]] std::unique_ptr<Transport> MakePlainTransport(int fd);

}  // namespace countersign::http
