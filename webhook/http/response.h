// response.h: writes a response as HTTP/1.1 bytes. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "webhook/http/server.h"

namespace countersign::http {

// Status line, headers and body in one string, so that they leave in one TLS record. `close`
// announces that the connection ends after it. Content-Length is always present (RFC 9112, 6.3).
[[nodiscard]] std::string Serialize(const Response& response, bool close);

// A short plain-text answer: `message` and a newline.
[[nodiscard]] Response PlainText(int status, std::string message);
// 429 with the Retry-After without which the API server's client would not try again
// (client-go rest/request.go).
[[nodiscard]] Response TryAgain(std::string message);

}  // namespace countersign::http
