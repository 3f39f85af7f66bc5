// listener.h: a bound, listening, non-blocking TCP socket. Free function, thread-safe.
#pragma once

#include <string>

#include "base/result.h"
#include "webhook/http/unique_fd.h"

namespace countersign::http {

struct Listener {
  UniqueFd fd;
  int port = 0;  // the real one, also when 0 was asked for
};

// `address` is numeric. SO_REUSEADDR lets a restarted process bind at once; SO_REUSEPORT, which
// cpp-httplib would set, is left out because a second process could then silently take half of the
// connections.
[[nodiscard]] Result<Listener> Listen(const std::string& address, int port);

}  // namespace countersign::http
