#include "kube/dial.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace countersign {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

// Shared with the resolver's thread, which may outlive the call.
struct Lookup {
  std::mutex mutex;
  std::condition_variable_any changed;
  bool done = false;
  int error = 0;
  std::vector<Address> addresses;
};

int GetAddresses(const std::string& host, int port, int flags, std::vector<Address>& out) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (error != 0) return error;
  for (const addrinfo* info = list; info != nullptr; info = info->ai_next) {
    Address address;
    std::memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
    address.size = info->ai_addrlen;
    out.push_back(address);
  }
  freeaddrinfo(list);
  return 0;
}

Result<std::vector<Address>> Resolve(const Endpoint& endpoint, SteadyTime deadline,
                                     const std::stop_token& stop) {
  std::vector<Address> addresses;
  if (GetAddresses(endpoint.host, endpoint.port, AI_NUMERICHOST, addresses) == 0) return addresses;
  const auto lookup = std::make_shared<Lookup>();
  std::thread([lookup, host = endpoint.host, port = endpoint.port] {
    std::vector<Address> found;
    const int error = GetAddresses(host, port, 0, found);
    const std::lock_guard lock(lookup->mutex);
    lookup->done = true;
    lookup->error = error;
    lookup->addresses = std::move(found);
    lookup->changed.notify_all();
  }).detach();
  std::unique_lock lock(lookup->mutex);
  if (!lookup->changed.wait_until(lock, stop, deadline, [&] { return lookup->done; })) {
    if (stop.stop_requested())
      return Fail(Code::kCancelled, "stopped while resolving " + endpoint.host);
    return Fail(Code::kDeadlineExceeded, "no answer in time while resolving " + endpoint.host);
  }
  if (lookup->error != 0) {
    return Fail(Code::kUnavailable,
                "cannot resolve " + endpoint.host + ": " + gai_strerror(lookup->error));
  }
  return std::move(lookup->addresses);
}

void SetOption(int fd, int level, int name, int value) {
  // Each of these only improves how soon a dead peer is noticed or small writes leave.
  (void)setsockopt(fd, level, name, &value, sizeof value);
}

void Tune(int fd) {
  constexpr int kProbes = 3;
  const int gone = static_cast<int>(kPeerGone.count());
  SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, gone / 2);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, gone / 2 / kProbes);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
  SetOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, gone * 1000);
}

// 0, or an errno value; ECANCELED for a stop request.
int Connect(int fd, const Address& address, SteadyTime deadline, const StopFd& stop) {
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  deadline = std::min(deadline, std::chrono::steady_clock::now() + kConnectTimeout);
  switch (WaitForFd(fd, POLLOUT, deadline, stop)) {
    case WaitResult::kStopped: return ECANCELED;
    case WaitResult::kTimeout: return ETIMEDOUT;
    case WaitResult::kReady: break;
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

}  // namespace

Result<int> Dial(const Endpoint& endpoint, SteadyTime deadline, const std::stop_token& stop_token,
                 const StopFd& stop) {
  auto addresses = Resolve(endpoint, deadline, stop_token);
  if (!addresses) return Fail(addresses.error());
  int error = EHOSTUNREACH;
  for (const Address& address : *addresses) {
    const int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
      error = errno;
      continue;
    }
    Tune(fd);
    error = Connect(fd, address, deadline, stop);
    if (error == 0) return fd;
    close(fd);
    if (error == ECANCELED) {
      return Fail(Code::kCancelled, "stopped while connecting to " + endpoint.Authority());
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return Fail(Code::kDeadlineExceeded, "no connection in time to " + endpoint.Authority());
    }
  }
  return Fail(Code::kUnavailable, "cannot connect to " + endpoint.Authority() + ": " +
                                      std::generic_category().message(error));
}

}  // namespace countersign
