// endpoint.h: the parts of an API server's URL.
//
// Only what a server address may be: scheme, host (name, IPv4, [IPv6]), port and a path prefix, as
// gateways in front of API servers have. User info, query and fragment are errors. Plain http is
// accepted for loopback alone (`kubectl proxy`): credentials would be readable on any other wire.
// Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace countersign {

struct Endpoint {
  bool tls = true;
  std::string host;  // without brackets
  int port = 443;
  std::string prefix;  // "" or "/path", without a slash at its end

  // What stands in the Host header.
  [[nodiscard]] std::string Authority() const;
};

[[nodiscard]] Result<Endpoint> ParseEndpoint(std::string_view url);

// Whether `host` is an IPv4 or IPv6 address, which certificates name differently than hosts.
[[nodiscard]] bool IsIpAddress(const std::string& host);

}  // namespace countersign
