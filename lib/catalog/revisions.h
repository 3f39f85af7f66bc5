// revisions.h: what was approved of ModelDeployments before, as the operator recorded it.
//
// For the webhook, which judges Pods of earlier revisions by it as the operator does. Only what the
// operator labels is followed. Each is verified once, when it enters the cache, never while a
// request waits; of what does not verify nothing is kept but where it lies, so that nobody fills
// memory with ControllerRevisions of their own. Thread-safe after Start.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/revision.h"
#include "kube/informer.h"

namespace countersign {

class Revisions {
 public:
  // `client` and `clock` must outlive it.
  Revisions(const KubeClient& client, Clock& clock, const StampAuthority& authority);
  ~Revisions() { Stop(); }
  Revisions(const Revisions&) = delete;
  Revisions& operator=(const Revisions&) = delete;

  void Start() { informer_.Start(); }
  void Stop() { informer_.Stop(); }
  [[nodiscard]] bool HasSynced() const { return informer_.HasSynced(); }
  [[nodiscard]] bool WaitForSync(std::stop_token stop, SteadyTime deadline) const {
    return informer_.WaitForSync(std::move(stop), deadline);
  }
  [[nodiscard]] CacheStatus Status() const;
  // Why nobody knows which revisions there are: the API server was silent for kStaleAfter. Empty:
  // it was not.
  [[nodiscard]] std::string Stale() const;

  // Those that verify of this ModelDeployment with this governed digest. There may be several: of
  // a spec that was put back, each by who wrote it then.
  [[nodiscard]] std::vector<std::shared_ptr<const Revision>> Of(
      const ObjectMeta& deployment, const std::string& governed_digest) const;
  // Whether any of it verifies.
  [[nodiscard]] bool HasAny(const ObjectMeta& deployment) const;

 private:
  struct Kept {
    std::shared_ptr<const Revision> revision;  // null: it does not verify
  };
  Clock& clock_;
  Informer<Kept> informer_;
};

}  // namespace countersign
