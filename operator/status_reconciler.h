// status_reconciler.h: tells users of policies, use cases and evidence whether these count.
//
// One reconciler a kind. What it says comes from a Check over the catalog (checks.h); it only
// compares, writes and waits. Nothing is decided by what it writes. Thread-safe for different keys.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "kube/client.h"
#include "operator/controller.h"
#include "operator/status_state.h"

namespace countersign {

// What is to be said about one object.
struct Checked {
  std::string reason;               // of Ready=True
  std::string message;              // one sentence
  std::string fault;                // upper-camel reason why it does not count; empty: it does
  Json more = Json::object();       // further members of the status
  std::optional<Time> next_change;  // when time alone changes this
  // Whether the object is in force, for kinds that tell; users hear of it when it changes.
  std::optional<Condition> in_force;
  // Whether what it asks for is asked about at all, for kinds that tell.
  std::optional<Condition> enforced;
  // Of an object that stays when it is deleted until its finalizer is taken off: whether it may go.
  std::optional<bool> may_go;
  bool stamped = false;  // by who made it, for all that can be told: it is given a receipt
};

// What took or lost effect.
struct InForceNews {
  ObjectKey key;
  std::string uid;
  Condition condition;
};

// nullopt: the object is gone.
using Check = std::function<std::optional<Checked>(const ObjectKey& key, Time now)>;

class StatusReconciler {
 public:
  using Tell = std::function<void(const InForceNews&)>;
  using Receive =
      std::function<ApiStatus(const ObjectKey&, const StatusState&, const std::stop_token&)>;

  // All references must outlive the reconciler. `tell` hears of what takes or loses effect;
  // `receive` gives receipts.
  StatusReconciler(const KubeClient& client, Clock& clock, Resource resource,
                   Informer<StatusState>& statuses, Check check, Tell tell = {},
                   Receive receive = {});

  [[nodiscard]] ReconcileResult Reconcile(const ObjectKey& key, std::stop_token stop);

 private:
  [[nodiscard]] ReconcileResult LetGo(const ObjectKey& key, std::stop_token stop);
  [[nodiscard]] StatusMemo MemoOf(const ObjectKey& key);
  void SetMemo(const ObjectKey& key, const StatusMemo& memo);

  const KubeClient& client_;
  Clock& clock_;
  const Resource resource_;
  Informer<StatusState>& statuses_;
  const Check check_;
  const Tell tell_;
  const Receive receive_;
  std::mutex mutex_;
  std::map<ObjectKey, StatusMemo> memos_;  // only where the server keeps a status otherwise
};

}  // namespace countersign
