// connection.h: one TLS connection that never blocks.
//
// Owns the socket and the SSL object. Each step does what it can with the bytes at hand and says
// what it waits for. Not thread-safe: whoever took it off the poller owns it until it is parked
// again. OpenSSL's error queue is cleared before every call: an old entry would be taken for ours.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace countersign {

class Connection {
 public:
  enum class Step {
    kDone,       // handshake finished; or no more bytes for now
    kWantRead,   // park until readable
    kWantWrite,  // park until writable
    kClosed,     // the peer is gone, or speaks no TLS
  };

  Connection(int socket, SSL* ssl, SteadyTime now);  // takes both
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int socket() const { return socket_; }
  [[nodiscard]] SSL* ssl() const { return ssl_; }
  [[nodiscard]] bool handshaken() const { return handshaken_; }

  Step Handshake();
  // Appends what has arrived to `buffer`, at most until it holds `limit` bytes.
  Step Receive(std::size_t limit);
  // Writes all of `data`, waiting for the peer to take it until `deadline`.
  bool Send(std::string_view data, SteadyTime deadline);

  std::string buffer;         // received, not yet processed
  std::size_t accounted = 0;  // bytes of `buffer` counted against the server's limit
  const SteadyTime opened;
  SteadyTime deadline;  // of what it waits for while parked
  bool parked = false;
  bool shed = false;  // taken by the lane that answers 429

 private:
  Step Failed(int result) const;

  const int socket_;
  SSL* const ssl_;
  bool handshaken_ = false;
};

}  // namespace countersign
