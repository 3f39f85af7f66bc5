#include "kube/wakeup.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace countersign {

StopFd::StopFd(std::stop_token stop) : stop_(std::move(stop)) {
  if (!stop_.stop_possible()) return;
  fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  callback_.emplace(stop_, [fd = fd_] {
    const std::uint64_t one = 1;
    // Cannot fail usefully: the counter is far from full, and WaitForFd also polls without an fd.
    [[maybe_unused]] const auto written = write(fd, &one, sizeof one);
  });
}

StopFd::~StopFd() {
  callback_.reset();  // waits for a callback in progress
  if (fd_ >= 0) close(fd_);
}

WaitResult WaitForFd(int fd, short events, SteadyTime deadline, const StopFd& stop) {
  // Bounds one poll, so that running out of descriptors for the eventfd only delays a stop.
  constexpr auto kSlice = std::chrono::milliseconds(1000);
  while (true) {
    if (stop.stopped()) return WaitResult::kStopped;
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) return WaitResult::kTimeout;
    const auto left = std::min<std::chrono::nanoseconds>(deadline - now, kSlice);
    const int timeout =
        static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
    pollfd fds[2] = {{fd, events, 0}, {stop.fd(), POLLIN, 0}};
    const int ready = poll(fds, 2, timeout);
    if (ready < 0 && errno != EINTR) return WaitResult::kReady;  // let the caller's call fail
    if (ready > 0 && fds[1].revents != 0) return WaitResult::kStopped;
    if (ready > 0 && fds[0].revents != 0) return WaitResult::kReady;
  }
}

}  // namespace countersign
