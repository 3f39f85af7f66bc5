// memory.h: what the operator remembers of each ModelDeployment between two looks at it.
//
// Nothing here lets anything serve: after a restart it is empty and everything is judged anew. It
// keeps what is suspended from being taken for what serves, keeps decision records and Events from
// repeating, says what serves between two looks, and feeds the metrics. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "governance/decision.h"
#include "kube/resource.h"
#include "operator/status_state.h"

namespace countersign {

// Whether an emergency waiver for the model waits to be signed off, and whether it has ended.
enum class Emergency { kNone, kOpen, kOverdue };

struct Remembered {
  std::string uid;
  std::string decision_digest;          // of the last decision that was recorded
  std::optional<std::int64_t> serving;  // revision that was applied last
  std::optional<bool> suspended;  // whether that has no pods by suspension; not known at first
  bool looked = false;            // the API server has no child of ours under another face
  bool verified = false;          // a revision of it was verified once: our key is right
  std::string expired;            // names of the gates that were expired
  std::string other_use_case;     // of the serving revision, "namespace/name", if another
  std::string ignored;            // names of the revisions that do not verify
  StatusMemo status;              // last write of the status
  Verdict verdict = Verdict::kDeny;
  std::vector<Time> valid_until;   // of the gates that pass for a time
  std::vector<Time> waived_until;  // of those among them that a waiver lets through
  Emergency emergency = Emergency::kNone;
};

class Memory {
 public:
  // Empty for an unknown one, and for one of another uid under the same name.
  [[nodiscard]] Remembered Get(const ObjectKey& key, const std::string& uid) const;
  void Set(const ObjectKey& key, Remembered remembered);
  void Forget(const ObjectKey& key);

  struct Summary {
    std::map<Verdict, int> verdicts;
    int expiring_soon = 0;  // gates that stop to pass within `horizon`
    int waived = 0;
    int emergencies_open = 0;     // deployments, and what a scan found outside
    int emergencies_overdue = 0;  // deployments
    int waivers_ending = 0;       // gates waived for less than `waiver_horizon` yet
  };
  // Deployments whose serving revision belongs to another use case than the one asked for.
  [[nodiscard]] std::vector<ObjectKey> ServingFor(const std::string& use_case) const;

  [[nodiscard]] Summary Summarise(Time now, Seconds horizon, Seconds waiver_horizon) const;

 private:
  mutable std::mutex mutex_;
  std::map<ObjectKey, Remembered> known_;
  std::map<ObjectKey, std::string> other_use_cases_;  // few
};

}  // namespace countersign
