#include "operator/status_reconciler.h"

#include <algorithm>

#include "governance/types/policy.h"

namespace countersign {
namespace {

// As in deployment_reconciler.h: timers follow the steady clock, these times the other.
constexpr std::chrono::hours kLongestWait{1};
// The catalog and the statuses follow the same collection; one may be a moment ahead.
constexpr std::chrono::milliseconds kCacheRetry{100};

// "False" where it was never said.
std::string StatusOf(const std::vector<Condition>& conditions, const std::string& type) {
  for (const Condition& condition : conditions) {
    if (condition.type == type) return condition.status;
  }
  return "False";
}

}  // namespace

StatusReconciler::StatusReconciler(const KubeClient& client, Clock& clock, Resource resource,
                                   Informer<StatusState>& statuses, Check check, Tell tell,
                                   Receive receive)
    : client_(client),
      clock_(clock),
      resource_(std::move(resource)),
      statuses_(statuses),
      check_(std::move(check)),
      tell_(std::move(tell)),
      receive_(std::move(receive)) {}

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
  if (state->deleting && checked->may_go.value_or(true)) {
    return checked->may_go ? LetGo(key, std::move(stop)) : ReconcileResult::Done();
  }
  Json status = checked->more;
  status["observedGeneration"] = state->generation;
  auto conditions = CheckedConditions(checked->reason, checked->message, checked->fault);
  if (checked->in_force) conditions.push_back(*checked->in_force);
  if (checked->enforced) conditions.push_back(*checked->enforced);
  status["conditions"] = ConditionsJson(
      MergeConditions(state->conditions, std::move(conditions), state->generation, now));
  StatusMemo memo = MemoOf(key);
  const auto written =
      WriteStatus(client_, resource_, key, state->uid, status, *state, memo, statuses_, stop);
  if (!written && written.error().code != Code::kNotFound) {
    return ReconcileResult::From(written.error());
  }
  SetMemo(key, memo);
  // Whoever wrote it in between is told by nobody else.
  if (written && *written && checked->in_force && tell_ &&
      StatusOf(state->conditions, checked->in_force->type) != checked->in_force->status) {
    tell_({key, state->uid, *checked->in_force});
  }
  // Not once it is being deleted: then the API server takes no more.
  if (checked->stamped && !state->deleting && receive_) {
    if (auto received = receive_(key, *state, stop); !received) {
      return ReconcileResult::From(received.error());
    }
  }
  if (!checked->next_change) return ReconcileResult::Done();
  return ReconcileResult::Wait(std::max<std::chrono::nanoseconds>(
      WaitFor(*checked->next_change, now, kLongestWait), std::chrono::milliseconds(5)));
}

// Read anew: the cache keeps no finalizers, and others may have theirs.
ReconcileResult StatusReconciler::LetGo(const ObjectKey& key, std::stop_token stop) {
  Call call;
  call.stop = std::move(stop);
  auto object = client_.Get(resource_, key, call);
  if (!object) {
    return object.error().code == Code::kNotFound ? ReconcileResult::Done()
                                                  : ReconcileResult::From(object.error());
  }
  const Json* before = FindPath(*object, "metadata/finalizers");
  if (before == nullptr || !before->is_array()) return ReconcileResult::Done();
  Json finalizers = Json::array();
  for (const Json& one : *before) {
    if (one != kVersionFinalizer) finalizers.push_back(one);
  }
  if (finalizers.size() == before->size()) return ReconcileResult::Done();
  const Json patch = {{"metadata",
                       {{"resourceVersion", StringAt(*object, "metadata/resourceVersion")},
                        {"finalizers", std::move(finalizers)}}}};
  auto written = client_.Patch(resource_, key, PatchType::kMerge, patch, {}, call);
  if (!written && written.error().code != Code::kNotFound) {
    return ReconcileResult::From(written.error());
  }
  return ReconcileResult::Done();
}

}  // namespace countersign
