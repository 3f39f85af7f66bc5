// rate_limiter.h: a token bucket that callers wait on.
//
// Tokens come back at `qps` a second up to `burst`. Reservations are handed out in order, so a
// waiter cannot starve. Time is the Clock's, nothing sleeps in tests. Thread-safe.
#pragma once

#include <chrono>
#include <mutex>
#include <stop_token>

#include "base/clock.h"
#include "base/result.h"

namespace countersign {

class RateLimiter {
 public:
  // `qps` > 0, `burst` >= 1. `clock` must outlive the limiter.
  RateLimiter(double qps, int burst, Clock& clock);

  // How long from now the next token is due; takes it.
  [[nodiscard]] std::chrono::nanoseconds Reserve();

  // Waits for a token. kCancelled on stop; kDeadlineExceeded at once, without taking a token, when
  // it would come after `deadline`.
  [[nodiscard]] Status Wait(const std::stop_token& stop, SteadyTime deadline);

 private:
  // The time at which the next token is free, tokens unused up to now being worth `burst_` at most.
  SteadyTime NextLocked(SteadyTime now) const;

  const std::chrono::nanoseconds interval_;
  const int burst_;
  Clock& clock_;
  std::mutex mutex_;
  SteadyTime used_until_;  // as if every token taken had been spent back to back
};

}  // namespace countersign
