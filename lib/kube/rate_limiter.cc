#include "kube/rate_limiter.h"

#include <algorithm>
#include <condition_variable>

namespace countersign {

// The generic cell rate algorithm: `used_until_` is when the tokens taken so far would have been
// spent had they been spent one interval apart.
RateLimiter::RateLimiter(double qps, int burst, Clock& clock)
    : interval_(static_cast<std::int64_t>(1e9 / qps)),
      burst_(burst),
      clock_(clock),
      used_until_(clock.Steady() - interval_ * burst) {}

SteadyTime RateLimiter::NextLocked(SteadyTime now) const {
  return std::max(used_until_, now - interval_ * burst_) + interval_;
}

std::chrono::nanoseconds RateLimiter::Reserve() {
  const std::lock_guard lock(mutex_);
  const SteadyTime now = clock_.Steady();
  used_until_ = NextLocked(now);
  return std::max(used_until_ - now, std::chrono::nanoseconds(0));
}

Status RateLimiter::Wait(const std::stop_token& stop, SteadyTime deadline) {
  std::chrono::nanoseconds wait{0};
  {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.Steady();
    const SteadyTime next = NextLocked(now);
    if (next > deadline) {
      return Fail(Code::kDeadlineExceeded,
                  "the client's own rate limit leaves no time for the call");
    }
    used_until_ = next;
    wait = next - now;
  }
  if (wait.count() > 0 && !clock_.SleepFor(stop, wait)) {
    return Fail(Code::kCancelled, "stopped while waiting for the client's own rate limit");
  }
  return {};
}

}  // namespace countersign
