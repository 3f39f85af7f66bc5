#include <sys/socket.h>

#include <cerrno>

#include "webhook/http/transport.h"

namespace countersign::http {
namespace {

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(int fd) : fd_(fd) {}

  Io Handshake() override { return Io::kDone; }

  Io Read(char* to, std::size_t size, std::size_t& n) override {
    const ssize_t got = recv(fd_, to, size, 0);
    if (got > 0) {
      n = static_cast<std::size_t>(got);
      return Io::kDone;
    }
    if (got == 0) return Io::kClosed;
    return Waits() ? Io::kWantRead : Io::kFailed;
  }

  Io Write(std::string_view& data) override {
    const ssize_t sent = send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      data.remove_prefix(static_cast<std::size_t>(sent));
      return Io::kDone;
    }
    return Waits() ? Io::kWantWrite : Io::kFailed;
  }

  bool HasPending() const override { return false; }
  std::size_t Held() const override { return 0; }
  void Farewell() override {}

 private:
  static bool Waits() { return errno == EAGAIN || errno == EINTR; }

  int fd_;
};

}  // namespace

std::unique_ptr<Transport> MakePlainTransport(int fd) {
  return std::make_unique<PlainTransport>(fd);
}

}  // namespace countersign::http
