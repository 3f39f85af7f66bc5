#include "webhook/http/connection.h"

#include <openssl/err.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>

namespace countersign {
namespace {

constexpr std::size_t kReadChunk = 16 * 1024;  // one TLS record

}  // namespace

Connection::Connection(int socket, SSL* ssl, SteadyTime now)
    : opened(now), deadline(now), socket_(socket), ssl_(ssl) {}

Connection::~Connection() {
  ERR_clear_error();
  // Tells the peer that nothing was cut off; never waits for its answer.
  if (handshaken_) SSL_shutdown(ssl_);
  SSL_free(ssl_);
  ::close(socket_);
  ERR_clear_error();
}

Connection::Step Connection::Failed(int result) const {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ: return Step::kWantRead;
    case SSL_ERROR_WANT_WRITE: return Step::kWantWrite;
    default: return Step::kClosed;
  }
}

Connection::Step Connection::Handshake() {
  ERR_clear_error();
  const int result = SSL_accept(ssl_);
  if (result != 1) return Failed(result);
  handshaken_ = true;
  return Step::kDone;
}

Connection::Step Connection::Receive(std::size_t limit) {
  while (buffer.size() < limit) {
    const std::size_t before = buffer.size();
    const std::size_t room = std::min(kReadChunk, limit - before);
    buffer.resize(before + room);
    ERR_clear_error();
    std::size_t read = 0;
    const int result = SSL_read_ex(ssl_, buffer.data() + before, room, &read);
    buffer.resize(before + read);
    if (result != 1) return Failed(result);
  }
  return Step::kDone;
}

bool Connection::Send(std::string_view data, SteadyTime until) {
  while (!data.empty()) {
    ERR_clear_error();
    std::size_t written = 0;
    const int result = SSL_write_ex(ssl_, data.data(), data.size(), &written);
    if (result == 1) {
      data.remove_prefix(written);
      continue;
    }
    const Step step = Failed(result);
    if (step == Step::kClosed) return false;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd wait{socket_, static_cast<short>(step == Step::kWantRead ? POLLIN : POLLOUT), 0};
    if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) return false;
  }
  return true;
}

}  // namespace countersign
