#include "kube/endpoint.h"

#include <arpa/inet.h>

#include <charconv>

namespace countersign {
namespace {

constexpr std::string_view kHttps = "https://";
constexpr std::string_view kHttp = "http://";

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || (IsIpAddress(host) && host.starts_with("127."));
}

// Takes "host", "host:port", "[v6]" or "[v6]:port" apart.
bool SplitAuthority(std::string_view authority, Endpoint& endpoint) {
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return false;
    endpoint.host = authority.substr(1, end - 1);
    const auto rest = authority.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return false;
    if (!rest.empty()) port = rest.substr(1);
    if (!IsIpAddress(endpoint.host)) return false;
  } else {
    const auto colon = authority.find(':');
    endpoint.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon + 1);
    if (colon != std::string_view::npos && port.empty()) return false;
  }
  if (endpoint.host.empty()) return false;
  if (port.empty()) return true;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  return error == std::errc() && end == port.data() + port.size() && endpoint.port > 0 &&
         endpoint.port <= 65535;
}

}  // namespace

std::string Endpoint::Authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? 443 : 80) ? name : name + ":" + std::to_string(port);
}

Result<Endpoint> ParseEndpoint(std::string_view url) {
  const auto fail = [&](const char* what) {
    return Fail(Code::kInvalidArgument, "server must be https://host[:port][/path], found \"" +
                                            std::string(url) + "\"" + what);
  };
  Endpoint endpoint;
  std::string_view rest = url;
  if (rest.starts_with(kHttps)) {
    rest.remove_prefix(kHttps.size());
  } else if (rest.starts_with(kHttp)) {
    rest.remove_prefix(kHttp.size());
    endpoint.tls = false;
    endpoint.port = 80;
  } else {
    return fail("");
  }
  for (const char c : rest) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '?' || c == '#' || c == '@') return fail("");
  }
  const auto slash = rest.find('/');
  if (!SplitAuthority(rest.substr(0, slash), endpoint)) return fail("");
  if (slash != std::string_view::npos) endpoint.prefix = rest.substr(slash);
  while (endpoint.prefix.ends_with('/')) endpoint.prefix.pop_back();
  if (!endpoint.tls && !IsLoopback(endpoint.host)) {
    return fail(" (http is accepted for loopback only, because it would show credentials)");
  }
  return endpoint;
}

bool IsIpAddress(const std::string& host) {
  unsigned char buffer[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), buffer) == 1 ||
         inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

}  // namespace countersign
