#include "base/clock.h"

namespace countersign {

bool Clock::SleepFor(const std::stop_token& stop, std::chrono::nanoseconds duration) {
  std::mutex mutex;
  std::condition_variable_any cv;
  std::unique_lock lock(mutex);
  WaitUntil(lock, cv, stop, Steady() + duration, [] { return false; });
  return !stop.stop_requested();
}

Time SystemClock::Now() const {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

SteadyTime SystemClock::Steady() const { return std::chrono::steady_clock::now(); }

bool SystemClock::WaitUntil(std::unique_lock<std::mutex>& lock, std::condition_variable_any& cv,
                            std::stop_token stop, SteadyTime deadline,
                            const std::function<bool()>& ready) {
  return cv.wait_until(lock, std::move(stop), deadline, ready);
}

}  // namespace countersign
