#include "kube/work_queue.h"

#include <algorithm>
#include <utility>

namespace countersign {

WorkQueue::WorkQueue(Clock& clock, WorkQueueOptions options)
    : clock_(clock),
      options_(options),
      retry_limiter_(options.retry_qps, options.retry_burst, clock) {}

void WorkQueue::Add(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  AddLocked(key);
}

void WorkQueue::AddLocked(const ObjectKey& key) {
  if (shutting_down_ || !dirty_.insert(key).second) return;
  ++adds_;
  if (processing_.contains(key)) return;  // Done will queue it
  queue_.push_back(key);
  changed_.notify_all();
}

void WorkQueue::AddAfter(const ObjectKey& key, std::chrono::nanoseconds delay) {
  const std::lock_guard lock(mutex_);
  if (shutting_down_) return;
  if (delay.count() <= 0) {
    AddLocked(key);
    return;
  }
  const SteadyTime now = clock_.Steady();
  const SteadyTime due = delay > SteadyTime::max() - now ? SteadyTime::max() : now + delay;
  const auto [position, inserted] = delayed_.emplace(key, due);
  if (!inserted) {
    if (position->second <= due) return;
    delayed_order_.erase({position->second, key});
    position->second = due;
  }
  delayed_order_.emplace(due, key);
  // Workers that wait for a later instant must look again.
  if (delayed_order_.begin()->second == key) changed_.notify_all();
}

void WorkQueue::AddRateLimited(const ObjectKey& key) {
  std::chrono::nanoseconds delay = retry_limiter_.Reserve();
  {
    const std::lock_guard lock(mutex_);
    ++retries_;
    int& failures = failures_[key];
    std::chrono::nanoseconds own = options_.max_delay;
    // Beyond 62 doublings the shift would overflow; the cap is reached long before.
    if (failures < 62 && options_.base_delay.count() <= (options_.max_delay.count() >> failures)) {
      own = options_.base_delay * (std::int64_t{1} << failures);
    }
    ++failures;
    delay = std::max(delay, own);
  }
  AddAfter(key, delay);
}

void WorkQueue::Forget(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  failures_.erase(key);
}

int WorkQueue::NumRequeues(const ObjectKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = failures_.find(key);
  return found == failures_.end() ? 0 : found->second;
}

void WorkQueue::PromoteLocked() {
  const SteadyTime now = clock_.Steady();
  while (!delayed_order_.empty() && delayed_order_.begin()->first <= now) {
    const ObjectKey key = delayed_order_.begin()->second;
    delayed_order_.erase(delayed_order_.begin());
    delayed_.erase(key);
    AddLocked(key);
  }
}

SteadyTime WorkQueue::NextDueLocked() const {
  return delayed_order_.empty() ? SteadyTime::max() : delayed_order_.begin()->first;
}

std::optional<ObjectKey> WorkQueue::Get(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    PromoteLocked();
    if (!queue_.empty()) {
      ObjectKey key = std::move(queue_.front());
      queue_.pop_front();
      dirty_.erase(key);
      processing_.insert(key);
      return key;
    }
    // A key that was added again while processing still has to come, even in shutdown.
    if (shutting_down_ && dirty_.empty()) return std::nullopt;
    const SteadyTime due = NextDueLocked();
    clock_.WaitUntil(lock, changed_, stop, due, [&] {
      return !queue_.empty() || (shutting_down_ && dirty_.empty()) || NextDueLocked() < due;
    });
  }
  return std::nullopt;
}

void WorkQueue::Done(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  processing_.erase(key);
  if (dirty_.contains(key)) queue_.push_back(key);
  changed_.notify_all();
}

void WorkQueue::ShutDown() {
  const std::lock_guard lock(mutex_);
  shutting_down_ = true;
  delayed_.clear();
  delayed_order_.clear();
  changed_.notify_all();
}

bool WorkQueue::ShutDownAndDrain(std::stop_token stop) {
  ShutDown();
  std::unique_lock lock(mutex_);
  return clock_.WaitUntil(lock, changed_, std::move(stop), SteadyTime::max(),
                          [&] { return processing_.empty() && dirty_.empty(); });
}

WorkQueueStats WorkQueue::Stats() {
  const std::lock_guard lock(mutex_);
  PromoteLocked();
  return {queue_.size(), delayed_.size(), processing_.size(), adds_, retries_};
}

}  // namespace countersign
