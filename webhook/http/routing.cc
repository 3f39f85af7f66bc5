#include "webhook/http/routing.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include "base/time.h"
#include "webhook/http/response.h"

namespace countersign::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kDefaultTimeout{10};
constexpr seconds kMinTimeout{1};
constexpr seconds kMaxTimeout{30};
constexpr milliseconds kMaxMargin{500};

Refused Refuse(Refusal refusal, int status, std::string message) {
  return Refused{refusal, PlainText(status, std::move(message))};
}

// "Application/JSON; charset=utf-8" is application/json.
bool IsMediaType(std::string_view header, std::string_view wanted) {
  std::string_view type = header.substr(0, header.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  return std::equal(type.begin(), type.end(), wanted.begin(), wanted.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == b; });
}

}  // namespace

std::variant<const Route*, Refused> Judge(const RequestHead& head, const std::vector<Route>& routes,
                                          std::size_t max_body_bytes) {
  const auto route = std::find_if(routes.begin(), routes.end(),
                                  [&](const Route& r) { return r.path == head.path; });
  if (route == routes.end()) return Refuse(Refusal::kUnknownPath, 404, "nothing is served here");
  if (route->method != head.method) {
    Refused refused = Refuse(Refusal::kMethod, 405, "this path takes " + route->method);
    refused.response.headers.emplace_back("Allow", route->method);  // RFC 9110, 15.5.6
    return refused;
  }
  if (head.has_transfer_encoding) {
    return Refuse(Refusal::kLength, 411, "send Content-Length instead of Transfer-Encoding");
  }
  if (!head.content_length && head.method == "POST") {
    return Refuse(Refusal::kLength, 411, "Content-Length is required");
  }
  if (head.has_content_encoding) {
    return Refuse(Refusal::kEncoding, 415, "Content-Encoding must be identity");
  }
  if (!route->content_type.empty() && !IsMediaType(head.content_type, route->content_type)) {
    return Refuse(Refusal::kMediaType, 415, "Content-Type must be " + route->content_type);
  }
  if (head.content_length.value_or(0) > max_body_bytes) {
    return Refuse(Refusal::kBodyTooLarge, 413,
                  "the body must not exceed " + std::to_string(max_body_bytes) + " bytes");
  }
  return &*route;
}

milliseconds CallerPatience(const RequestHead& head) {
  seconds timeout = kDefaultTimeout;
  if (const auto given = head.query.find("timeout"); given != head.query.end()) {
    timeout = ParseDuration(given->second).value_or(kDefaultTimeout);
  }
  const milliseconds whole = std::clamp(timeout, kMinTimeout, kMaxTimeout);
  return whole - std::min(whole / 10, kMaxMargin);
}

}  // namespace countersign::http
