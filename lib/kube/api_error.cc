#include "kube/api_error.h"

namespace countersign {
namespace {

Code CodeOf(int http_status, std::string_view reason) {
  if (reason == "AlreadyExists") return Code::kAlreadyExists;
  // What the server could not finish in time may have been done or not.
  if (reason == "Timeout" || reason == "ServerTimeout") return Code::kUnavailable;
  switch (http_status) {
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422: return Code::kInvalidArgument;
    case 401: return Code::kUnauthenticated;
    case 403: return Code::kPermissionDenied;
    case 404: return Code::kNotFound;
    case 409: return Code::kConflict;
    case 410: return Code::kExpired;
    case 412: return Code::kFailedPrecondition;
    case 429: return Code::kResourceExhausted;
    case 502:
    case 503:
    case 504: return Code::kUnavailable;
    default: return Code::kInternal;
  }
}

void FillFromStatus(const Json& status, ApiError& error) {
  error.reason = StringAt(status, "reason");
  error.message = StringAt(status, "message");
  const std::int64_t retry_after = IntAt(status, "details/retryAfterSeconds");
  if (retry_after > 0) error.retry_after = std::chrono::seconds(retry_after);
  const Json* causes = FindPath(status, "details/causes");
  if (causes == nullptr || !causes->is_array()) return;
  for (const Json& cause : *causes) {
    error.causes.push_back(
        {StringAt(cause, "reason"), StringAt(cause, "message"), StringAt(cause, "field")});
  }
  // One fault at one place: then the error as a whole has a path.
  if (error.causes.size() == 1) error.path = error.causes.front().field;
}

// Cut before a UTF-8 continuation byte, so that the rest is still text.
std::string Shorten(std::string_view text) {
  if (text.size() <= kMaxForeignMessage) return std::string(text);
  std::size_t size = kMaxForeignMessage;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return std::string(text.substr(0, size)) + "…";
}

void Finish(ApiError& error) {
  error.code = CodeOf(error.http_status, error.reason);
  if (error.message.empty()) {
    error.message = "the server answered HTTP " + std::to_string(error.http_status);
  }
  // The message of an Invalid Status already names the field.
  if (!error.path.empty() && error.message.find(error.path) != std::string::npos) {
    error.path.clear();
  }
}

}  // namespace

ApiError ParseApiError(int http_status, std::string_view body) {
  ApiError error;
  error.http_status = http_status;
  const auto json = ParseJson(body);
  if (json && StringAt(*json, "kind") == "Status") {
    FillFromStatus(*json, error);
  } else if (!body.empty()) {
    error.message =
        "the server answered HTTP " + std::to_string(http_status) + ": " + Shorten(body);
    while (!error.message.empty() && error.message.back() == '\n') error.message.pop_back();
  }
  Finish(error);
  return error;
}

ApiError ApiErrorFromStatus(const Json& status) {
  ApiError error;
  error.http_status = static_cast<int>(IntAt(status, "code", 500));
  FillFromStatus(status, error);
  Finish(error);
  return error;
}

}  // namespace countersign
