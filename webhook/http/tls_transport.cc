#include <climits>

#include <algorithm>

#include "webhook/http/tls_context.h"

namespace countersign::http {
namespace {

class TlsTransport final : public Transport {
 public:
  explicit TlsTransport(openssl::SslPtr ssl) : ssl_(std::move(ssl)) {}

  Io Handshake() override {
    ERR_clear_error();
    return Outcome(SSL_accept(ssl_.get()));
  }

  Io Read(char* to, std::size_t size, std::size_t& n) override {
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), to, ToInt(size));
    if (got > 0) n = static_cast<std::size_t>(got);
    return Outcome(got);
  }

  Io Write(std::string_view& data) override {
    ERR_clear_error();
    const int sent = SSL_write(ssl_.get(), data.data(), ToInt(data.size()));
    if (sent > 0) data.remove_prefix(static_cast<std::size_t>(sent));
    return Outcome(sent);
  }

  bool HasPending() const override { return SSL_has_pending(ssl_.get()) == 1; }

  void Farewell() override {
    // After a fatal error nothing more may be said (SSL_shutdown(3)).
    if (failed_ || SSL_in_init(ssl_.get()) == 1) return;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }

 private:
  static int ToInt(std::size_t size) {
    return static_cast<int>(std::min(size, static_cast<std::size_t>(INT_MAX)));
  }

  // Each call above cleared the error queue first: SSL_get_error() reads it, and a leftover would
  // turn "no data yet" into a failure.
  Io Outcome(int result) {
    if (result > 0) return Io::kDone;
    const int error = SSL_get_error(ssl_.get(), result);
    ERR_clear_error();
    switch (error) {
      case SSL_ERROR_WANT_READ: return Io::kWantRead;
      case SSL_ERROR_WANT_WRITE: return Io::kWantWrite;
      case SSL_ERROR_ZERO_RETURN: return Io::kClosed;
      default: failed_ = true; return Io::kFailed;
    }
  }

  openssl::SslPtr ssl_;
  bool failed_ = false;
};

}  // namespace

std::unique_ptr<Transport> MakeTlsTransport(SSL_CTX* context, const TlsOptions& options, int fd) {
  const openssl::ErrorScope scope;
  openssl::SslPtr ssl(SSL_new(context));
  if (ssl == nullptr || SSL_set_fd(ssl.get(), fd) != 1) return nullptr;
  if (options.client_trust) {
    const std::shared_ptr<const ClientTrust> trust = options.client_trust();
    if (trust == nullptr || !trust->Apply(ssl.get())) return nullptr;
  }
  return std::make_unique<TlsTransport>(std::move(ssl));
}

}  // namespace countersign::http
