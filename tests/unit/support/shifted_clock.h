// shifted_clock.h: the system's clock, moved forward at will: what time does to a running program,
// without its threads waiting for it. Thread-safe.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace countersign {

class ShiftedClock final : public Clock {
 public:
  void Shift(std::chrono::nanoseconds by) { shift_ += by.count(); }

  [[nodiscard]] Time Now() const override {
    return system_.Now() + std::chrono::duration_cast<Time::duration>(shift());
  }
  [[nodiscard]] SteadyTime Steady() const override { return system_.Steady() + shift(); }
  bool WaitUntil(std::unique_lock<std::mutex>& lock, std::condition_variable_any& cv,
                 std::stop_token stop, SteadyTime deadline,
                 const std::function<bool()>& ready) override {
    return system_.WaitUntil(lock, cv, std::move(stop), deadline - shift(), ready);
  }

 private:
  [[nodiscard]] std::chrono::nanoseconds shift() const {
    return std::chrono::nanoseconds(shift_.load());
  }

  SystemClock system_;
  std::atomic<std::int64_t> shift_ = 0;
};

}  // namespace countersign
