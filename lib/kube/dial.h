// dial.h: a TCP connection that can be given up on.
//
// Resolves and connects without ever blocking beyond a stop request or the deadline. Addresses are
// taken as they are; names are resolved in a thread of their own, because getaddrinfo cannot be
// interrupted (the thread ends by itself, after the resolver's own timeout). Thread-safe.
#pragma once

#include <chrono>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "kube/endpoint.h"
#include "kube/wakeup.h"

namespace countersign {

// Per address; Go's default dialer waits 30 s, but there may be others to try.
inline constexpr std::chrono::seconds kConnectTimeout{10};
// A peer that does not acknowledge for this long is gone, be it idle (keep-alive probes) or not.
inline constexpr std::chrono::seconds kPeerGone{60};

// A connected non-blocking socket (TCP_NODELAY, keep-alive), owned by the caller. Errors:
// kUnavailable, kDeadlineExceeded, kCancelled.
[[nodiscard]] Result<int> Dial(const Endpoint& endpoint, SteadyTime deadline,
                               const std::stop_token& stop_token, const StopFd& stop);

}  // namespace countersign
