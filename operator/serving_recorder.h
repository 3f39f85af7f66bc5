// serving_recorder.h: writes ServingRecords in the operator's own name (serving_records.h).
//
// They pass admission like everybody's evidence and count only where a policy names the operator's
// account among the issuers. A record that admission did not stamp is nobody's: then no more are
// written for that ModelDeployment until the operator starts anew. Thread-safe for different keys.
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <stop_token>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "kube/client.h"
#include "operator/serving_records.h"

namespace countersign {

class ServingRecorder {
 public:
  // All must outlive the recorder.
  ServingRecorder(const KubeClient& client, Clock& clock, Catalog& catalog)
      : client_(client), clock_(clock), catalog_(catalog) {}

  // Writes what is due about this ModelDeployment; gives when the next is. nullopt for `serving`:
  // it serves nothing, or is gone.
  [[nodiscard]] ApiResult<std::optional<Time>> Record(const ObjectKey& deployment,
                                                      const std::optional<ServingState>& serving,
                                                      const std::stop_token& stop);

 private:
  [[nodiscard]] ApiResult<Provenance> Self(const std::stop_token& stop);
  [[nodiscard]] std::vector<ServingRecord> OwnRecords(const ObjectKey& deployment,
                                                      const Provenance& self) const;
  [[nodiscard]] ApiStatus Write(const ObjectKey& deployment, const ServingRecord& record,
                                const Provenance& self, const std::stop_token& stop);

  const KubeClient& client_;
  Clock& clock_;
  Catalog& catalog_;
  std::mutex mutex_;
  std::optional<Provenance> self_;
  std::set<ObjectKey> unstamped_;
};

}  // namespace countersign
