// host_port.h: "address:port" as flags give it. Pure.
#pragma once

#include <string>

#include "base/result.h"

namespace countersign {

struct HostPort {
  std::string host;  // numeric address without brackets
  int port = 0;      // 0: any free one
};

// "127.0.0.1:9443", "[::1]:9443", ":9443" (all addresses of both families).
[[nodiscard]] Result<HostPort> ParseHostPort(const std::string& text);

}  // namespace countersign
