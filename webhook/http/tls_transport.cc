#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <string>
#include <utility>

#include "webhook/http/tls_context.h"

namespace countersign::http {
namespace {

// Most reviews with their TLS records.
constexpr std::size_t kBlockBytes = std::size_t{32} << 10;
constexpr std::size_t kRecordBytes = SSL3_RT_MAX_PACKET_SIZE;
// What OpenSSL 3.0 takes for a handshake from its first bytes on (measured: 29 to 38 KiB).
constexpr std::size_t kHandshakeBytes = std::size_t{40} << 10;
// For a message of it that comes in several records, as soon as its length is announced: that of a
// ClientHello, the longest (CLIENT_HELLO_MAX_LENGTH in ssl/statem/statem_local.h).
constexpr std::size_t kMessageBytes = 131'396;
constexpr std::size_t kRecordHead = 5;  // RFC 8446, 5.1: type, version, length

// What OpenSSL reads from. By itself it reads the five bytes of a record's header and then the
// record, two system calls for each; with its own read-ahead it goes on for as long as a client
// sends. Here a call of the transport takes from the socket once, as much as is there.
class Source {
 public:
  explicit Source(int fd) : fd_(fd) {}

  // Does not own `source`, which outlives what is returned.
  static BIO* MakeBio(Source& source);

  void Allow() { may_receive_ = true; }
  // Keeps what OpenSSL has not asked for.
  void Settle() {
    may_receive_ = false;
    kept_ = std::string(unread_);
    unread_ = kept_;
  }
  [[nodiscard]] bool HasMore() const { return !unread_.empty(); }
  [[nodiscard]] std::size_t Held() const { return kept_.size(); }
  // OpenSSL has a part of a record.
  [[nodiscard]] bool InRecord() const { return head_size_ > 0 || rest_ > 0; }

 private:
  static int Read(BIO* bio, char* to, int size);
  static long Control(BIO* bio, int command, long, void*);

  [[nodiscard]] int Take(BIO* bio, char* to, std::size_t size) {
    BIO_clear_retry_flags(bio);
    if (unread_.empty()) {
      if (!may_receive_) {
        BIO_set_retry_read(bio);
        return -1;
      }
      may_receive_ = false;
      // One for all connections: what is left in it is kept before another gets its turn.
      thread_local const auto block = std::make_unique<std::array<char, kBlockBytes>>();
      const ssize_t n = recv(fd_, block->data(), block->size(), 0);
      if (n <= 0) {
        ended_ = n == 0;
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
        return static_cast<int>(n);
      }
      unread_ = {block->data(), static_cast<std::size_t>(n)};
    }
    const std::size_t taken = unread_.copy(to, size);
    Follow(unread_.substr(0, taken));
    unread_.remove_prefix(taken);
    return static_cast<int>(taken);
  }

  void Follow(std::string_view given) {
    while (!given.empty()) {
      if (rest_ > 0) {
        const std::size_t part = std::min(rest_, given.size());
        rest_ -= part;
        given.remove_prefix(part);
        continue;
      }
      head_.at(head_size_++) = static_cast<unsigned char>(given.front());
      given.remove_prefix(1);
      if (head_size_ < kRecordHead) continue;
      rest_ = std::size_t{head_[3]} << 8 | head_[4];
      head_size_ = 0;
    }
  }

  const int fd_;
  std::array<unsigned char, kRecordHead> head_{};
  std::size_t head_size_ = 0;  // of a record whose head is not whole
  std::size_t rest_ = 0;       // of a record whose head is: bytes that are still to come
  bool may_receive_ = false;
  bool ended_ = false;
  std::string_view unread_;  // of the block, or of kept_
  std::string kept_;
};

int Source::Read(BIO* bio, char* to, int size) {
  return size <= 0 ? 0
                   : static_cast<Source*>(BIO_get_data(bio))
                         ->Take(bio, to, static_cast<std::size_t>(size));
}

long Source::Control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return static_cast<Source*>(BIO_get_data(bio))->ended_ ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO* Source::MakeBio(Source& source) {
  // Lives as long as the program, as OpenSSL's own do.
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "source");
    if (made != nullptr) {
      BIO_meth_set_read(made, Read);
      BIO_meth_set_ctrl(made, Control);
    }
    return made;
  }();
  BIO* bio = method == nullptr ? nullptr : BIO_new(method);
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, &source);
  BIO_set_init(bio, 1);
  return bio;
}

class TlsTransport final : public Transport {
 public:
  TlsTransport(std::unique_ptr<Source> source, openssl::SslPtr ssl)
      : source_(std::move(source)), ssl_(std::move(ssl)) {}

  Io Handshake() override {
    ERR_clear_error();
    source_->Allow();
    const int done = SSL_accept(ssl_.get());
    source_->Settle();
    return Outcome(done);
  }

  Io Read(char* to, std::size_t size, std::size_t& n) override {
    ERR_clear_error();
    source_->Allow();
    const int got = SSL_read(ssl_.get(), to, ToInt(size));
    source_->Settle();
    if (got > 0) n = static_cast<std::size_t>(got);
    return Outcome(got);
  }

  Io Write(std::string_view& data) override {
    ERR_clear_error();
    const int sent = SSL_write(ssl_.get(), data.data(), ToInt(data.size()));
    if (sent > 0) data.remove_prefix(static_cast<std::size_t>(sent));
    return Outcome(sent);
  }

  bool HasPending() const override { return source_->HasMore() || SSL_pending(ssl_.get()) > 0; }

  // A part of a record keeps OpenSSL's buffer for a whole one, which goes with the record.
  std::size_t Held() const override {
    return source_->Held() + (source_->InRecord() ? kRecordBytes : 0) + HeldByHandshake();
  }

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

  [[nodiscard]] std::size_t HeldByHandshake() const {
    if (SSL_in_init(ssl_.get()) == 0) return 0;
    const OSSL_HANDSHAKE_STATE state = SSL_get_state(ssl_.get());
    // The head of such a message is here, and not the whole of it.
    const bool in_message = state == TLS_ST_SR_CLNT_HELLO || state == TLS_ST_SR_CERT;
    return kHandshakeBytes + (in_message ? kMessageBytes : 0);
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

  const std::unique_ptr<Source> source_;  // outlives ssl_, which reads from it
  openssl::SslPtr ssl_;
  bool failed_ = false;
};

}  // namespace

std::unique_ptr<Transport> MakeTlsTransport(SSL_CTX* context, const TlsOptions& options, int fd) {
  const openssl::ErrorScope scope;
  openssl::SslPtr ssl(SSL_new(context));
  auto source = std::make_unique<Source>(fd);
  openssl::BioPtr in(Source::MakeBio(*source));
  openssl::BioPtr out(BIO_new_socket(fd, BIO_NOCLOSE));
  if (ssl == nullptr || in == nullptr || out == nullptr) return nullptr;
  SSL_set_bio(ssl.get(), in.release(), out.release());
  if (options.client_trust) {
    const std::shared_ptr<const ClientTrust> trust = options.client_trust();
    if (trust == nullptr || !trust->Apply(ssl.get())) return nullptr;
  }
  return std::make_unique<TlsTransport>(std::move(source), std::move(ssl));
}

}  // namespace countersign::http
