// fake_clock.h: a Clock that tests drive.
//
// Time stands still until `Advance`, which releases whoever waits for an instant up to the new one.
// `AwaitWaiters` blocks the test until that many threads sit in WaitUntil, so that a test advances
// time only when the code under test is ready for it. Nothing polls. Thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

#include "base/clock.h"

namespace countersign {

class FakeClock final : public Clock {
 public:
  explicit FakeClock(Time now = Time(std::chrono::seconds(1'790'000'000))) : now_(now) {}

  [[nodiscard]] Time Now() const override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  [[nodiscard]] SteadyTime Steady() const override {
    const std::lock_guard lock(mutex_);
    return steady_;
  }

  bool WaitUntil(std::unique_lock<std::mutex>& lock, std::condition_variable_any& cv,
                 std::stop_token stop, SteadyTime deadline,
                 const std::function<bool()>& ready) override {
    if (ready()) return true;
    if (Steady() >= deadline || stop.stop_requested()) return false;
    const auto waiter = std::make_shared<Waiter>(lock.mutex(), &cv, deadline);
    {
      const std::lock_guard own(mutex_);
      waiters_.push_back(waiter);
    }
    waiting_.notify_all();
    cv.wait(lock, stop, [&] { return ready() || Steady() >= deadline; });
    // Advance may be about to wake us through the caller's mutex: let it finish first.
    lock.unlock();
    {
      const std::lock_guard busy(waiter->busy);
      waiter->mutex = nullptr;
    }
    {
      const std::lock_guard own(mutex_);
      std::erase(waiters_, waiter);
    }
    lock.lock();
    return ready();
  }

  void Advance(std::chrono::nanoseconds by) {
    std::vector<std::shared_ptr<Waiter>> due;
    {
      const std::lock_guard own(mutex_);
      now_ += std::chrono::duration_cast<std::chrono::microseconds>(by);
      steady_ += by;
      for (const auto& waiter : waiters_) {
        if (waiter->deadline <= steady_) due.push_back(waiter);
      }
    }
    for (const auto& waiter : due) {
      const std::lock_guard busy(waiter->busy);
      if (waiter->mutex == nullptr) continue;
      {
        const std::lock_guard theirs(*waiter->mutex);
      }  // it is really waiting, not about to
      waiter->cv->notify_all();
    }
  }

  // Moves the clock that people see, and it alone: an NTP step.
  void JumpWallClock(std::chrono::microseconds by) {
    const std::lock_guard own(mutex_);
    now_ += by;
  }

  // Waits until at least `count` threads wait for an instant that has not come yet (up to
  // SteadyTime::max()).
  void AwaitWaiters(std::size_t count) {
    std::unique_lock own(mutex_);
    waiting_.wait(own, [&] {
      const auto waits = [&](const auto& waiter) { return waiter->deadline > steady_; };
      return static_cast<std::size_t>(std::count_if(waiters_.begin(), waiters_.end(), waits)) >=
             count;
    });
  }

  // The instant that the next waiter waits for; SteadyTime::max() when there is none.
  [[nodiscard]] SteadyTime NextDeadline() const {
    const std::lock_guard own(mutex_);
    SteadyTime next = SteadyTime::max();
    for (const auto& waiter : waiters_) {
      if (waiter->deadline > steady_) next = std::min(next, waiter->deadline);
    }
    return next;
  }

 private:
  struct Waiter {
    Waiter(std::mutex* m, std::condition_variable_any* c, SteadyTime d)
        : mutex(m), cv(c), deadline(d) {}
    std::mutex* mutex;
    std::condition_variable_any* cv;
    SteadyTime deadline;
    std::mutex busy;  // held while mutex and cv are used by Advance
  };

  mutable std::mutex mutex_;
  std::condition_variable_any waiting_;
  Time now_;
  // Far ahead of the machine's: a deadline made from it never ends the wait on a real socket.
  SteadyTime steady_{std::chrono::hours(24 * 3650)};
  std::vector<std::shared_ptr<Waiter>> waiters_;
};

}  // namespace countersign
