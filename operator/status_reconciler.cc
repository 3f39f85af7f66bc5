#include "operator/status_reconciler.h"

#include <algorithm>

namespace countersign {
namespace {

// As in deployment_reconciler.h: timers follow the steady clock, these times the other.
constexpr std::chrono::hours kLongestWait{1};
// The catalog and the statuses follow the same collection; one may be a moment ahead.
constexpr std::chrono::milliseconds kCacheRetry{100};

}  // namespace

StatusReconciler::StatusReconciler(const KubeClient& client, Clock& clock, Resource resource,
                                   Informer<StatusState>& statuses, Check check)
    : client_(client),
      clock_(clock),
      resource_(std::move(resource)),
      statuses_(statuses),
      check_(std::move(check)) {}

StatusMemo StatusReconciler::MemoOf(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  const auto found = memos_.find(key);
  return found == memos_.end() ? StatusMemo{} : found->second;
}

void StatusReconciler::SetMemo(const ObjectKey& key, const StatusMemo& memo) {
  const std::lock_guard lock(mutex_);
  if (memo.wanted == memo.stored) {
    memos_.erase(key);
  } else {
    memos_[key] = memo;
  }
}

ReconcileResult StatusReconciler::Reconcile(const ObjectKey& key, std::stop_token stop) {
  const Time now = clock_.Now();
  const auto checked = check_(key, now);
  if (!checked) {
    SetMemo(key, {});
    return ReconcileResult::Done();
  }
  const auto state = statuses_.Get(key);
  if (state == nullptr) return ReconcileResult::Wait(kCacheRetry);
  if (state->deleting) return ReconcileResult::Done();
  Json status = checked->more;
  status["observedGeneration"] = state->generation;
  status["conditions"] = ConditionsJson(MergeConditions(
      state->conditions, CheckedConditions(checked->reason, checked->message, checked->fault),
      state->generation, now));
  StatusMemo memo = MemoOf(key);
  const auto written = WriteStatus(client_, resource_, key, state->uid, status, *state, memo,
                                   statuses_, std::move(stop));
  if (!written && written.error().code != Code::kNotFound) {
    return ReconcileResult::From(written.error());
  }
  SetMemo(key, memo);
  if (!checked->next_change) return ReconcileResult::Done();
  return ReconcileResult::Wait(std::clamp<std::chrono::nanoseconds>(
      *checked->next_change - now, std::chrono::milliseconds(5), kLongestWait));
}

}  // namespace countersign
