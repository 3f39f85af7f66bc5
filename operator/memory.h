// memory.h: what the operator remembers of each ModelDeployment between two looks at it.
//
// Nothing here decides what may serve: after a restart it is empty and everything is judged anew.
// It keeps decision records and Events from repeating, says what serves between two looks, and
// feeds the metrics. Thread-safe.
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

namespace countersign {

struct Remembered {
  std::string uid;
  std::string decision_digest;          // of the last decision that was recorded
  std::optional<std::int64_t> serving;  // revision that was applied last
  std::string expired;                  // names of the gates that were expired
  std::string ignored;                  // names of the revisions that do not verify
  std::string status_wanted;            // digest of the status that was written last
  std::string status_stored;            // digest of what the server made of it
  Verdict verdict = Verdict::kDeny;
  std::vector<Time> valid_until;  // of the gates that pass for a time
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
  };
  [[nodiscard]] Summary Summarise(Time now, Seconds horizon) const;

 private:
  mutable std::mutex mutex_;
  std::map<ObjectKey, Remembered> known_;
};

}  // namespace countersign
