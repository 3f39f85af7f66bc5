// lease_lock.h: one Lease object, and one attempt at a time to hold it.
//
// The rules of client-go's tools/leaderelection: the holder writes the Lease again and again;
// others take it when it has not changed for its whole duration *by their own monotonic clock*. The
// renewTime that stands in the object is for people: clocks of other machines are never compared.
// Every write is conditional on the resourceVersion, fields that we do not know are kept. A Lease
// does not fence: what a leader does outside of the API server must be idempotent.
// Not thread-safe: one owner thread (leader_election.h).
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "kube/client.h"

namespace countersign {

class LeaseLock {
 public:
  // `identity` must be unique among the candidates. `client` and `clock` must outlive the lock.
  LeaseLock(const KubeClient& client, Clock& clock, ObjectKey lease, std::string identity,
            std::chrono::seconds duration);

  // Creates, takes or renews the Lease. True: held for `duration` from the moment of the call.
  // False: somebody else holds it. Error: could not tell.
  [[nodiscard]] ApiResult<bool> TryAcquireOrRenew(const Call& call);

  // Gives the Lease back, if held: the next candidate need not wait.
  [[nodiscard]] ApiStatus Release(const Call& call);

  // Who holds it, as last seen; empty for nobody.
  [[nodiscard]] const std::string& holder() const { return holder_; }
  // Until when our own hold is certain; the epoch when we do not hold it.
  [[nodiscard]] SteadyTime held_until() const { return held_until_; }

 private:
  void Observe(Json lease);
  [[nodiscard]] Json Claim(Json lease) const;
  [[nodiscard]] ApiResult<bool> Write(const Json& lease, bool create, SteadyTime started,
                                      const Call& call);

  const KubeClient& client_;
  Clock& clock_;
  const ObjectKey key_;
  const std::string identity_;
  const std::chrono::seconds duration_;

  Json observed_;            // the object as last seen or written; null before
  SteadyTime expires_at_{};  // its duration after our clock's time at which its spec last changed
  std::string holder_;
  SteadyTime held_until_{};
};

}  // namespace countersign
