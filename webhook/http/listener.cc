#include "webhook/http/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace countersign::http {
namespace {

// Connections that wait for accept(). cpp-httplib's 5 made bursts of 120 wait for seconds of
// retransmission (measured); the kernel caps this at net.core.somaxconn.
constexpr int kBacklog = 1024;

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

tl::unexpected<Error> CannotListen(const std::string& address, int port, const std::string& why) {
  return Fail(Code::kUnavailable,
              "cannot listen on " + address + " port " + std::to_string(port) + ": " + why);
}

int BoundPort(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                           : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
}

}  // namespace

Result<Listener> Listen(const std::string& address, int port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  const int failed = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &raw);
  if (failed != 0) return CannotListen(address, port, gai_strerror(failed));
  const std::unique_ptr<addrinfo, FreeAddresses> list(raw);

  UniqueFd fd(socket(raw->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  const int off = 0;
  if (fd.IsOpen()) setsockopt(fd.Get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (fd.IsOpen() && raw->ai_family == AF_INET6) {
    setsockopt(fd.Get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  }
  if (!fd.IsOpen() || bind(fd.Get(), raw->ai_addr, raw->ai_addrlen) != 0 ||
      listen(fd.Get(), kBacklog) != 0) {
    return CannotListen(address, port, std::generic_category().message(errno));
  }
  const int bound_port = BoundPort(fd.Get());
  return Listener{std::move(fd), bound_port};
}

}  // namespace countersign::http
