// clock.h: the one seam to time.
//
// `Now` is for people and expiry (it may jump), `Steady` is for intervals, back-off and leases.
// `WaitUntil` blocks until the instant, a stop request or `Wake`. FakeClock is driven by tests: it
// never sleeps, `Advance` releases whoever waits. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>

#include "base/time.h"

namespace countersign {

using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time Now() const = 0;
  [[nodiscard]] virtual SteadyTime Steady() const = 0;
  // Waits on `cv` with `lock` held until `ready()` or `deadline` (steady) or `stop`. True if
  // ready().
  virtual bool WaitUntil(std::unique_lock<std::mutex>& lock, std::condition_variable_any& cv,
                         std::stop_token stop, SteadyTime deadline,
                         const std::function<bool()>& ready) = 0;
  // Sleeps for `duration` or until `stop`; false if stopped.
  bool SleepFor(const std::stop_token& stop, std::chrono::nanoseconds duration);
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Time Now() const override;
  [[nodiscard]] SteadyTime Steady() const override;
  bool WaitUntil(std::unique_lock<std::mutex>& lock, std::condition_variable_any& cv,
                 std::stop_token stop, SteadyTime deadline,
                 const std::function<bool()>& ready) override;
};

}  // namespace countersign
