// work_queue.h: what is to be reconciled next, with the semantics of client-go's workqueue.
//
// A key is in the queue at most once. While it is being processed (between Get and Done) it is not
// handed out again: an Add in that time is remembered and queued at Done, so nothing is lost and no
// two workers meet on one object. AddRateLimited waits for the key's own exponential back-off and
// for a bucket shared by all retries, whichever is later; Forget ends the back-off. Delays are kept
// in a heap that Get itself looks at: there is no thread inside. Time is the Clock's.
// Thread-safe. After ShutDown nothing is added any more and Get drains what is queued.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>

#include "base/clock.h"
#include "kube/rate_limiter.h"
#include "kube/resource.h"

namespace countersign {

// client-go: DefaultTypedControllerRateLimiter.
struct WorkQueueOptions {
  std::chrono::milliseconds base_delay{5};
  std::chrono::milliseconds max_delay{1'000'000};
  double retry_qps = 10;
  int retry_burst = 100;
};

struct WorkQueueStats {
  std::size_t queued = 0;      // ready now
  std::size_t delayed = 0;     // waiting for their time
  std::size_t processing = 0;  // handed out, not Done
  std::uint64_t adds = 0;      // total put into the queue
  std::uint64_t retries = 0;   // total AddRateLimited
};

class WorkQueue {
 public:
  // `clock` must outlive the queue.
  explicit WorkQueue(Clock& clock, WorkQueueOptions options = {});

  void Add(const ObjectKey& key);
  // Adds after `delay`; of two delays for one key the earlier instant wins. Not positive: now.
  void AddAfter(const ObjectKey& key, std::chrono::nanoseconds delay);
  // Adds after the back-off: base_delay doubled for each failure since Forget.
  void AddRateLimited(const ObjectKey& key);
  void Forget(const ObjectKey& key);
  // Failures since Forget.
  [[nodiscard]] int NumRequeues(const ObjectKey& key) const;

  // The next key, to be followed by Done. Waits for one; nullopt when shut down and drained, or on
  // `stop`.
  [[nodiscard]] std::optional<ObjectKey> Get(const std::stop_token& stop);
  void Done(const ObjectKey& key);

  // No more adds; what is queued is still handed out, what is delayed is dropped.
  void ShutDown();
  // ShutDown, then waits until everything handed out is Done; false on `stop`.
  bool ShutDownAndDrain(std::stop_token stop);

  [[nodiscard]] WorkQueueStats Stats();

 private:
  void AddLocked(const ObjectKey& key);
  void PromoteLocked();
  [[nodiscard]] SteadyTime NextDueLocked() const;

  Clock& clock_;
  const WorkQueueOptions options_;
  RateLimiter retry_limiter_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<ObjectKey> queue_;
  std::set<ObjectKey> dirty_;       // to be processed: in queue_, or in processing_ and added again
  std::set<ObjectKey> processing_;  // handed out
  std::map<ObjectKey, SteadyTime> delayed_;
  std::set<std::pair<SteadyTime, ObjectKey>> delayed_order_;
  std::map<ObjectKey, int> failures_;
  bool shutting_down_ = false;
  std::uint64_t adds_ = 0;
  std::uint64_t retries_ = 0;
};

}  // namespace countersign
