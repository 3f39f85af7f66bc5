// routing.h: what is decided about a request from its head alone, before a byte of its body is
// kept.
//
// Pure; thread-safe. After a refusal the connection is closed: its body was not read, so what
// follows cannot be told from a next request.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "webhook/http/request_head.h"
#include "webhook/http/server.h"

namespace countersign::http {

struct Refused {
  Refusal refusal;
  Response response;
};

// The route that serves `head`, or why none does. `routes` outlives the result.
[[nodiscard]] std::variant<const Route*, Refused> Judge(const RequestHead& head,
                                                        const std::vector<Route>& routes,
                                                        std::size_t max_body_bytes);

// How long the caller waits, from `?timeout=5s`: 1 to 30 s, 10 s by default (as a
// ValidatingWebhookConfiguration's timeoutSeconds). The API server rounds what is left up to whole
// seconds, so the answer must be on its way a little earlier: less a tenth, at most half a second.
[[nodiscard]] std::chrono::milliseconds CallerPatience(const RequestHead& head);

}  // namespace countersign::http
