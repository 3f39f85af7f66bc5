#include "base/host_port.h"

#include <charconv>

namespace countersign {

Result<HostPort> ParseHostPort(const std::string& text) {
  const auto fail = [&] {
    return Fail(Code::kInvalidArgument,
                "must be address:port, such as 127.0.0.1:9443, is '" + text + "'");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return fail();
  HostPort result{text.substr(0, colon), 0};
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data() + colon + 1, last, result.port);
  if (error != std::errc{} || end != last || result.port < 0 || result.port > 65535) return fail();
  if (result.host.empty()) result.host = "::";
  if (result.host.size() > 2 && result.host.front() == '[' && result.host.back() == ']') {
    result.host = result.host.substr(1, result.host.size() - 2);
  }
  return result;
}

}  // namespace countersign
