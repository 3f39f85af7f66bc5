// leader_election.h: at most one of several replicas acts.
//
// Runs a LeaseLock: waits until it is held, says so, renews it, and says when it is over, either
// because the program stops (then the Lease is released, after `on_stopped_leading` has returned)
// or because it could not be renewed in time, or may not be (then another replica may be acting
// soon: stop writing and end the process). `IsLeader` also looks at the clock, so that a thread
// that was paused for long does not act on an old answer. Webhooks are not leader-gated.
// Thread-safe where noted.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "kube/client.h"
#include "kube/lease_lock.h"

namespace countersign {

// component-base's defaults. lease_duration > renew_deadline > 1.2 x retry_period must hold.
struct LeaderElectionOptions {
  ObjectKey lease{};
  std::string identity{};
  std::chrono::seconds lease_duration{15};
  std::chrono::seconds renew_deadline{10};
  std::chrono::seconds retry_period{2};
  bool release_on_stop = true;
  // Asked before each renewal. False: leadership is lost, and the Lease, which is still held for
  // nearly `lease_duration`, is left to run out.
  std::function<bool()> may_lead{};
  // Leading begins; return soon (start threads). Leading is over; return when nothing acts any
  // more.
  std::function<void()> on_started_leading{};
  std::function<void()> on_stopped_leading{};
  // Another identity (or our own) was seen to lead.
  std::function<void(const std::string& identity)> on_new_leader{};
  std::function<void(const ApiError&)> on_error{};
};

enum class LeadershipEnd { kStopped, kLost };

class LeaderElector {
 public:
  // `client` and `clock` must outlive the elector.
  LeaderElector(const KubeClient& client, Clock& clock, LeaderElectionOptions options,
                unsigned seed = std::random_device{}());

  // kInvalidArgument when the options contradict each other; Run must not be called then.
  [[nodiscard]] Status Validate() const;

  // Blocks until `stop` (kStopped, whether we led or not) or until leadership is lost (kLost).
  LeadershipEnd Run(const std::stop_token& stop);

  // Thread-safe: we hold the Lease, and it cannot have expired yet.
  [[nodiscard]] bool IsLeader() const;

 private:
  bool Acquire(const std::stop_token& stop);
  LeadershipEnd Renew(const std::stop_token& stop);
  [[nodiscard]] ApiResult<bool> Attempt(std::stop_token stop, std::chrono::nanoseconds timeout);
  void EndLeading(bool release);
  void Publish(SteadyTime held_until);

  Clock& clock_;
  const LeaderElectionOptions options_;
  LeaseLock lock_;
  std::minstd_rand random_;
  std::string reported_leader_;
  std::atomic<std::int64_t> held_until_{0};  // steady nanoseconds; 0: not leader
};

}  // namespace countersign
