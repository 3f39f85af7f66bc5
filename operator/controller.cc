#include "operator/controller.h"

#include <exception>

#include "base/log.h"

namespace countersign {

Controller::Controller(std::string name, WorkQueue& queue, Clock& clock, Reconcile reconcile,
                       Observer observer)
    : name_(std::move(name)),
      queue_(queue),
      clock_(clock),
      reconcile_(std::move(reconcile)),
      observer_(std::move(observer)) {}

Controller::~Controller() { Stop(); }

void Controller::Start(int workers) {
  for (int i = 0; i < workers; ++i) {
    workers_.emplace_back([this](const std::stop_token& stop) { Work(stop); });
  }
}

void Controller::Stop() {
  for (std::jthread& worker : workers_) worker.request_stop();
  workers_.clear();
}

SteadyTime Controller::BusySince() const {
  const std::lock_guard lock(mutex_);
  return busy_since_.empty() ? SteadyTime::max() : *busy_since_.begin();
}

void Controller::Work(const std::stop_token& stop) {
  while (const auto key = queue_.Get(stop)) {
    const SteadyTime started = clock_.Steady();
    {
      const std::lock_guard lock(mutex_);
      busy_since_.insert(started);
    }
    ReconcileResult result;
    try {
      result = reconcile_(*key, stop);
    } catch (const std::exception& e) {
      // A bug of ours with this object must not end the work on all others.
      result = {ReconcileResult::Kind::kFailed, {}, std::string("unexpected: ") + e.what()};
    }
    if (!stop.stop_requested()) Settle(*key, result);
    {
      const std::lock_guard lock(mutex_);
      busy_since_.erase(busy_since_.find(started));
    }
    observer_(result, clock_.Steady() - started);
    queue_.Done(*key);
  }
}

void Controller::Settle(const ObjectKey& key, const ReconcileResult& result) {
  switch (result.kind) {
    case ReconcileResult::Kind::kDone: queue_.Forget(key); break;
    case ReconcileResult::Kind::kWait:
      queue_.Forget(key);
      queue_.AddAfter(key, result.after);
      break;
    case ReconcileResult::Kind::kConflict: queue_.AddRateLimited(key); break;
    case ReconcileResult::Kind::kFailed:
      Log(LogLevel::kWarning, "reconcile failed, will try again",
          {{"controller", name_},
           {"object", key.ToString()},
           {"failures", queue_.NumRequeues(key) + 1},
           {"error", result.error}});
      queue_.AddRateLimited(key);
      break;
  }
}

}  // namespace countersign
