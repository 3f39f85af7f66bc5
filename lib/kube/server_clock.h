// server_clock.h: the API server's clock, read off the `Date` of its answers.
//
// For what the API server will judge by its own clock, such as the certificates it verifies: a
// machine whose clock was set must not make one that is not valid for anybody else. Between two
// answers the steady clock goes on. Until the first the local clock stands in. To the second, and
// thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/time.h"
#include "kube/transport.h"

namespace countersign {

class ServerClock {
 public:
  // `clock` must outlive it.
  explicit ServerClock(Clock& clock) : clock_(clock) {}

  [[nodiscard]] Time Now() const;
  // How long ago the server was heard; nullopt: never.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> Age() const;
  // A date as HTTP writes it (RFC 9110, 5.6.7). Anything else is disregarded.
  void Heard(const std::string& date);

 private:
  struct Reading {
    Time server;
    SteadyTime at;
  };
  Clock& clock_;
  mutable std::mutex mutex_;
  std::optional<Reading> reading_;
};

// `transport`, with the dates of its answers told to `clock`, which must outlive the result. Not
// those of watches, which end long after they began.
[[nodiscard]] std::shared_ptr<Transport> WithServerClock(std::shared_ptr<Transport> transport,
                                                         ServerClock& clock);

}  // namespace countersign
