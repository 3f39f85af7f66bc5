#include "kube/byte_stream.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace countersign {
namespace {

constexpr std::size_t kReadAhead = std::size_t{16} * 1024;  // one TLS record

std::string ErrnoText(int error) { return std::generic_category().message(error); }

}  // namespace

ByteStream::ByteStream(int fd, std::shared_ptr<const TlsContext> tls)
    : fd_(fd), tls_(std::move(tls)) {
  if (tls_) ssl_ = tls_->NewSession(fd_);
}

ByteStream::~ByteStream() {
  if (ssl_ != nullptr) SSL_free(ssl_);
  close(fd_);
}

void ByteStream::Begin(Limits limits) {
  limits_ = std::move(limits);
  failure_.reset();
  received_ = false;
}

void ByteStream::SetFailure(Code code, std::string message) {
  if (!failure_) failure_ = Error{code, std::move(message), {}, {}};
}

bool ByteStream::Wait(Need need) {
  SteadyTime until = limits_.deadline;
  bool idle = false;
  if (limits_.idle_timeout) {
    const SteadyTime silent = std::chrono::steady_clock::now() + limits_.idle_timeout();
    idle = silent < until;
    until = std::min(until, silent);
  }
  switch (WaitForFd(fd_, need == Need::kRead ? POLLIN : POLLOUT, until, *limits_.stop)) {
    case WaitResult::kReady: return true;
    case WaitResult::kStopped:
      SetFailure(Code::kCancelled, "stopped while waiting for the API server");
      return false;
    case WaitResult::kTimeout:
      SetFailure(Code::kDeadlineExceeded, idle ? "the connection to the API server went silent"
                                               : "the API server did not answer in time");
      return false;
  }
  return false;
}

std::optional<ByteStream::Need> ByteStream::TlsNeed(int result) {
  const int saved = errno;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ: return Need::kRead;
    case SSL_ERROR_WANT_WRITE: return Need::kWrite;
    case SSL_ERROR_SYSCALL:
      SetFailure(Code::kUnavailable, saved == 0 ? "the API server closed the connection"
                                                : "connection lost: " + ErrnoText(saved));
      break;
    default: {
      // The name of what was wrong with the certificate says more than "verify failed".
      const long verified = SSL_get_verify_result(ssl_);
      const std::string why = TakeOpensslError();
      if (verified != X509_V_OK && !SSL_is_init_finished(ssl_)) {
        SetFailure(Code::kUnavailable,
                   std::string("the API server's certificate is not trusted: ") +
                       X509_verify_cert_error_string(verified));
      } else {
        SetFailure(Code::kUnavailable, "TLS: " + why);
      }
    }
  }
  ERR_clear_error();
  return std::nullopt;
}

Status ByteStream::Handshake(const Limits& limits) {
  if (!tls_) return {};
  Begin(limits);
  limits_.deadline =
      std::min(limits.deadline, std::chrono::steady_clock::now() + kHandshakeTimeout);
  if (ssl_ == nullptr) return Fail(Code::kInternal, "OpenSSL: " + TakeOpensslError());
  while (true) {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_do_handshake(ssl_);
    if (result == 1) return {};
    const auto need = TlsNeed(result);
    if (!need || !Wait(*need)) return Fail(failure());
  }
}

long ByteStream::ReadOnce(char* data, std::size_t size, std::optional<Need>& need) {
  errno = 0;
  if (ssl_ == nullptr) {
    const ssize_t got = recv(fd_, data, size, 0);
    if (got >= 0) return got;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
      need = Need::kRead;
    } else {
      SetFailure(Code::kUnavailable, "connection lost: " + ErrnoText(errno));
    }
    return -1;
  }
  ERR_clear_error();
  const int got = SSL_read(ssl_, data, static_cast<int>(size));
  if (got > 0) return got;
  if (SSL_get_error(ssl_, got) == SSL_ERROR_ZERO_RETURN) return 0;
  need = TlsNeed(got);
  return -1;
}

long ByteStream::WriteOnce(const char* data, std::size_t size, std::optional<Need>& need) {
  errno = 0;
  if (ssl_ == nullptr) {
    const ssize_t put = send(fd_, data, size, MSG_NOSIGNAL);
    if (put >= 0) return put;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
      need = Need::kWrite;
    } else {
      SetFailure(Code::kUnavailable, "connection lost: " + ErrnoText(errno));
    }
    return -1;
  }
  ERR_clear_error();
  const int put = SSL_write(ssl_, data, static_cast<int>(std::min(size, kReadAhead)));
  if (put > 0) return put;
  need = TlsNeed(put);
  return -1;
}

long ByteStream::Read(char* data, std::size_t size) {
  if (begin_ == buffer_.size()) {
    buffer_.resize(kReadAhead);
    begin_ = buffer_.size();
    long got = -1;
    while (got < 0) {
      // A peer that never falls silent must not outrun the deadline or a stop request.
      if (limits_.stop->stopped()) SetFailure(Code::kCancelled, "stopped while reading an answer");
      if (std::chrono::steady_clock::now() >= limits_.deadline) {
        SetFailure(Code::kDeadlineExceeded, "the API server did not finish its answer in time");
      }
      std::optional<Need> need;
      if (!failure_) got = ReadOnce(buffer_.data(), buffer_.size(), need);
      if (got < 0 && (failure_ || !Wait(need.value_or(Need::kRead)))) {
        buffer_.clear();
        begin_ = 0;
        return -1;
      }
    }
    buffer_.resize(static_cast<std::size_t>(got));
    begin_ = 0;
    if (got == 0) return 0;
    received_ = true;
  }
  const std::size_t count = std::min(size, buffer_.size() - begin_);
  std::memcpy(data, buffer_.data() + begin_, count);
  begin_ += count;
  return static_cast<long>(count);
}

bool ByteStream::Write(const char* data, std::size_t size) {
  while (size > 0) {
    std::optional<Need> need;
    const long put = WriteOnce(data, size, need);
    if (put < 0) {
      if (failure_ || !Wait(need.value_or(Need::kWrite))) return false;
      continue;
    }
    data += put;
    size -= static_cast<std::size_t>(put);
  }
  return true;
}

bool ByteStream::Idle() {
  if (begin_ != buffer_.size()) return false;
  pollfd fd{fd_, POLLIN, 0};
  if (poll(&fd, 1, 0) == 0) return true;
  if (ssl_ == nullptr) return false;
  // Readable may mean a TLS 1.3 session ticket, which is no data.
  ERR_clear_error();
  char byte = 0;
  const int got = SSL_peek(ssl_, &byte, 1);
  const bool nothing = got <= 0 && SSL_get_error(ssl_, got) == SSL_ERROR_WANT_READ;
  ERR_clear_error();
  return nothing;
}

}  // namespace countersign
