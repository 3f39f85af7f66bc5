// status_state.h: the status of an object as the operator's cache keeps it.
//
// Only what it takes not to write an unchanged status again: its digest, and of the conditions the
// times of their last change. The catalog keeps the specs; a status is never input to a decision,
// but for one thing that it only makes stricter: what is suspended, by its word, does not start by
// a restart of the operator. Values, immutable once in the cache.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "kube/client.h"
#include "kube/informer.h"
#include "operator/conditions.h"

namespace countersign {

struct StatusState {
  std::string uid;
  std::int64_t generation = 0;
  bool deleting = false;
  bool orphaning = false;             // its deletion leaves behind what it owns
  bool suspended = false;             // as its phase says
  std::string received_by;            // key of its receipt, as that says; empty without one
  std::string digest;                 // of the whole status as stored
  std::vector<Condition> conditions;  // without messages
};

// Never fails, but for the informer's sake.
[[nodiscard]] Result<StatusState> DecodeStatusState(const Json& object);

// Digest of a status, to compare one that is stored with one that would be.
[[nodiscard]] std::string StatusDigest(const Json& status);

// What was written last, and what the server made of it: a server that keeps it otherwise (an older
// CRD) is not written to again and again. Empty where it keeps it as it is.
struct StatusMemo {
  std::string wanted;
  std::string stored;
};

// Replaces the status by `status` unless it is the same, and takes the answer into `cache`. True if
// it was written; kNotFound if the object is gone, kConflict if it is another one by now.
[[nodiscard]] ApiResult<bool> WriteStatus(const KubeClient& client, const Resource& resource,
                                          const ObjectKey& key, const std::string& uid,
                                          const Json& status, const StatusState& now,
                                          StatusMemo& memo, Informer<StatusState>& cache,
                                          std::stop_token stop);

}  // namespace countersign
