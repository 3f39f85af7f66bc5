// wakeup.h: waiting for a file descriptor that a stop request can end.
//
// A StopFd turns a stop_token into something poll(2) can wait for. Internal to the network code;
// one per blocking operation. Waits use the machine's steady clock, because the kernel does.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>

#include "base/clock.h"

namespace countersign {

class StopFd {
 public:
  explicit StopFd(std::stop_token stop);
  ~StopFd();
  StopFd(const StopFd&) = delete;
  StopFd& operator=(const StopFd&) = delete;

  // Readable once stop was requested; -1 (which poll ignores) when it never can be.
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool stopped() const { return stop_.stop_requested(); }

 private:
  std::stop_token stop_;
  int fd_ = -1;
  std::optional<std::stop_callback<std::function<void()>>> callback_;
};

enum class WaitResult { kReady, kTimeout, kStopped };

// Waits until `fd` has one of `events` (POLLIN, POLLOUT; errors count as ready: the next call on
// the descriptor reports them).
[[nodiscard]] WaitResult WaitForFd(int fd, short events, SteadyTime deadline, const StopFd& stop);

}  // namespace countersign
