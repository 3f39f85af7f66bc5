#include "kube/leader_election.h"

#include <algorithm>
#include <utility>

namespace countersign {
namespace {

// client-go: JitterFactor.
constexpr double kJitter = 1.2;
// The last call before the program ends must not hold it up.
constexpr std::chrono::milliseconds kReleaseTimeout{1'000};

}  // namespace

LeaderElector::LeaderElector(const KubeClient& client, Clock& clock, LeaderElectionOptions options,
                             unsigned seed)
    : clock_(clock),
      options_(std::move(options)),
      lock_(client, clock, options_.lease, options_.identity, options_.lease_duration),
      random_(seed) {}

Status LeaderElector::Validate() const {
  if (options_.identity.empty())
    return Fail(Code::kInvalidArgument, "must not be empty", "identity");
  if (options_.lease.name.empty() || options_.lease.ns.empty()) {
    return Fail(Code::kInvalidArgument, "must have a namespace and a name", "lease");
  }
  if (options_.lease_duration <= options_.renew_deadline) {
    return Fail(Code::kInvalidArgument, "must be greater than the renew deadline",
                "lease duration");
  }
  const std::chrono::duration<double> retry = options_.retry_period;
  if (options_.retry_period.count() < 1 ||
      std::chrono::duration<double>(options_.renew_deadline) <= retry * kJitter) {
    return Fail(Code::kInvalidArgument, "must be greater than 1.2 times the retry period",
                "renew deadline");
  }
  return {};
}

bool LeaderElector::IsLeader() const {
  return clock_.Steady().time_since_epoch().count() < held_until_.load();
}

void LeaderElector::Publish(SteadyTime held_until) {
  held_until_ = held_until.time_since_epoch().count();
}

ApiResult<bool> LeaderElector::Attempt(std::stop_token stop, std::chrono::nanoseconds timeout) {
  auto held = lock_.TryAcquireOrRenew(
      {std::move(stop), std::chrono::duration_cast<std::chrono::milliseconds>(timeout)});
  if (!held) {
    const bool cancelled = held.error().code == Code::kCancelled;
    if (options_.on_error && !cancelled) options_.on_error(held.error());
  } else if (lock_.holder() != reported_leader_) {
    reported_leader_ = lock_.holder();
    if (options_.on_new_leader && !reported_leader_.empty()) {
      options_.on_new_leader(reported_leader_);
    }
  }
  return held;
}

bool LeaderElector::Acquire(const std::stop_token& stop) {
  std::uniform_real_distribution<double> jitter(1.0, 1.0 + kJitter);
  while (!stop.stop_requested()) {
    if (const auto held = Attempt(stop, options_.renew_deadline); held && *held) return true;
    const std::chrono::duration<double> pause = options_.retry_period * jitter(random_);
    clock_.SleepFor(stop, std::chrono::duration_cast<std::chrono::nanoseconds>(pause));
  }
  return false;
}

LeadershipEnd LeaderElector::Renew(const std::stop_token& stop) {
  while (clock_.SleepFor(stop, options_.retry_period)) {
    if (options_.may_lead && !options_.may_lead()) return LeadershipEnd::kLost;
    // Counted from the last time that the hold was certain, not from the last try.
    const SteadyTime give_up =
        lock_.held_until() - options_.lease_duration + options_.renew_deadline;
    const SteadyTime now = clock_.Steady();
    if (now >= give_up) return LeadershipEnd::kLost;
    const auto held = Attempt(stop, give_up - now);
    if (held && !*held) return LeadershipEnd::kLost;
    if (held) Publish(lock_.held_until());
  }
  return LeadershipEnd::kStopped;
}

void LeaderElector::EndLeading(bool release) {
  if (options_.on_stopped_leading) options_.on_stopped_leading();
  Publish({});
  if (!release) return;
  // Our own token: the caller's is already stopped.
  const std::stop_source source;
  const auto released = lock_.Release({source.get_token(), kReleaseTimeout});
  if (!released && options_.on_error) options_.on_error(released.error());
}

LeadershipEnd LeaderElector::Run(const std::stop_token& stop) {
  if (!Acquire(stop)) return LeadershipEnd::kStopped;
  Publish(lock_.held_until());
  if (options_.on_started_leading) options_.on_started_leading();
  const LeadershipEnd end = Renew(stop);
  // Lost: whoever acts must hear "no" before being asked to stop.
  if (end == LeadershipEnd::kLost) Publish({});
  EndLeading(end == LeadershipEnd::kStopped && options_.release_on_stop);
  return end;
}

}  // namespace countersign
