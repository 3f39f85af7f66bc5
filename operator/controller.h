// controller.h: the workers that take keys from a queue and reconcile them.
//
// One function from key to result; failures come back after the key's own back-off, waits after
// their time. A few threads, each with one key at a time (the queue never hands a key to two).
// Nothing here knows what is reconciled. Start once; Stop (or the destructor) ends the threads.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/time.h"
#include "kube/work_queue.h"

namespace countersign {

struct ReconcileResult {
  enum class Kind {
    kDone,      // nothing to do until something changes
    kWait,      // look again after `after`
    kConflict,  // somebody wrote in between; try again, it is no error
    kFailed,    // try again with back-off; `error` says why
  };
  Kind kind = Kind::kDone;
  std::chrono::nanoseconds after{0};
  std::string error;

  static ReconcileResult Done() { return {}; }
  static ReconcileResult Wait(std::chrono::nanoseconds after) { return {Kind::kWait, after, {}}; }
  static ReconcileResult From(const Error& error) {
    return {error.code == Code::kConflict ? Kind::kConflict : Kind::kFailed, {}, error.ToString()};
  }
};

// From now until `next`, at most `longest`: compared first, because a date that means never is too
// far away for nanoseconds.
[[nodiscard]] inline std::chrono::nanoseconds WaitFor(Time next, Time now,
                                                      std::chrono::nanoseconds longest) {
  if (next <= now) return std::chrono::nanoseconds(0);
  const auto wait = next - now;
  const auto most = std::chrono::floor<std::chrono::microseconds>(longest);
  return wait > most ? longest : std::chrono::nanoseconds(wait);
}

class Controller {
 public:
  using Reconcile = std::function<ReconcileResult(const ObjectKey&, std::stop_token)>;
  // Hears every result with the time it took; for metrics.
  using Observer = std::function<void(const ReconcileResult&, std::chrono::nanoseconds)>;

  // `name` for logs; queue and clock must outlive the controller.
  Controller(std::string name, WorkQueue& queue, Clock& clock, Reconcile reconcile,
             Observer observer);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  void Start(int workers);
  void Stop();

  // Since when a worker has been at one object; in the far future where none is at any. Any thread.
  [[nodiscard]] SteadyTime BusySince() const;
  [[nodiscard]] const std::string& Name() const { return name_; }

 private:
  void Work(const std::stop_token& stop);
  void Settle(const ObjectKey& key, const ReconcileResult& result);

  const std::string name_;
  WorkQueue& queue_;
  Clock& clock_;
  const Reconcile reconcile_;
  const Observer observer_;
  mutable std::mutex mutex_;
  std::multiset<SteadyTime> busy_since_;  // under mutex_; one for each worker that is at work
  std::vector<std::jthread> workers_;
};

}  // namespace countersign
