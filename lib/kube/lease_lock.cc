#include "kube/lease_lock.h"

#include <algorithm>
#include <utility>

namespace countersign {

LeaseLock::LeaseLock(const KubeClient& client, Clock& clock, ObjectKey lease, std::string identity,
                     std::chrono::seconds duration)
    : client_(client),
      clock_(clock),
      key_(std::move(lease)),
      identity_(std::move(identity)),
      duration_(duration) {}

ApiResult<bool> LeaseLock::TryAcquireOrRenew(const Call& call) {
  SteadyTime started = clock_.Steady();
  // While our hold is certain nobody else can have written: spare the read.
  if (holder_ == identity_ && started < held_until_) {
    const auto renewed = Write(Claim(observed_), false, started, call);
    if (renewed && *renewed) return true;
    started = clock_.Steady();
  }
  auto lease = client_.Get(kLeases, key_, call);
  if (!lease && lease.error().code == Code::kNotFound) {
    Json fresh = {{"apiVersion", kLeases.ApiVersion()},
                  {"kind", kLeases.kind},
                  {"metadata", {{"namespace", key_.ns}, {"name", key_.name}}}};
    return Write(Claim(std::move(fresh)), true, started, call);
  }
  if (!lease) return tl::unexpected(std::move(lease.error()));
  Observe(std::move(*lease));
  if (!holder_.empty() && holder_ != identity_ && clock_.Steady() < expires_at_) return false;
  return Write(Claim(observed_), false, started, call);
}

ApiStatus LeaseLock::Release(const Call& call) {
  if (holder_ != identity_) return {};
  Json lease = observed_;
  // The API refuses an empty holder: nobody is the absence of one.
  if (const auto spec = lease.find("spec"); spec != lease.end()) spec->erase("holderIdentity");
  SetPath(lease, "spec/leaseDurationSeconds", 1);
  SetPath(lease, "spec/renewTime", FormatMicroTime(clock_.Now()));
  held_until_ = {};
  auto released = client_.Update(kLeases, lease, {}, call);
  if (!released) return tl::unexpected(std::move(released.error()));
  Observe(std::move(*released));
  return {};
}

void LeaseLock::Observe(Json lease) {
  const Json* before = Find(observed_, "spec");
  const Json* now = Find(lease, "spec");
  const bool same = before != nullptr && now != nullptr && *before == *now;
  if (!same) {
    const auto seconds = IntAt(lease, "spec/leaseDurationSeconds", duration_.count());
    // A century is beyond any lease and far from overflow.
    constexpr std::int64_t kCentury = std::int64_t{100} * 366 * 24 * 3600;
    expires_at_ =
        clock_.Steady() + std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kCentury));
  }
  holder_ = StringAt(lease, "spec/holderIdentity");
  if (holder_ != identity_) held_until_ = {};
  observed_ = std::move(lease);
}

// Our fields over whatever else the object holds (preferredHolder, strategy, labels, …).
Json LeaseLock::Claim(Json lease) const {
  const std::string now = FormatMicroTime(clock_.Now());
  const bool ours = StringAt(lease, "spec/holderIdentity") == identity_;
  const bool existed = !ResourceVersionOf(lease).empty();
  if (!ours) {
    SetPath(lease, "spec/acquireTime", now);
    SetPath(lease, "spec/leaseTransitions",
            existed ? IntAt(lease, "spec/leaseTransitions") + 1 : std::int64_t{0});
  }
  SetPath(lease, "spec/holderIdentity", identity_);
  SetPath(lease, "spec/leaseDurationSeconds", duration_.count());
  SetPath(lease, "spec/renewTime", now);
  return lease;
}

ApiResult<bool> LeaseLock::Write(const Json& lease, bool create, SteadyTime started,
                                 const Call& call) {
  auto written =
      create ? client_.Create(kLeases, lease, {}, call) : client_.Update(kLeases, lease, {}, call);
  if (!written) {
    const Code code = written.error().code;
    // Somebody was faster; the next attempt sees who.
    if (code == Code::kConflict || code == Code::kAlreadyExists) return false;
    return tl::unexpected(std::move(written.error()));
  }
  Observe(std::move(*written));
  // From before the request: the server may have stored it any time since.
  if (holder_ == identity_) held_until_ = started + duration_;
  return holder_ == identity_;
}

}  // namespace countersign
