// api_error.h: what the API server says when it refuses.
//
// An `ApiError` is an `Error` (it converts to one wherever a Result is returned) that keeps the
// parts of `metav1.Status` that callers act upon: the HTTP status, the machine-readable reason and
// the causes by field. Without an answer `http_status` is 0 and only `code` and `message` are set.
// Value types without shared state.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace countersign {

struct StatusCause {
  std::string reason;  // "FieldValueInvalid", "FieldManagerConflict", …
  std::string message;
  std::string field;  // "spec.replicas"; empty when the cause has none
};

struct ApiError : Error {
  int http_status = 0;  // 0: there was no answer
  std::string reason;   // metav1.StatusReason: "NotFound", "Conflict", "Expired", …
  std::vector<StatusCause> causes;

  ApiError() = default;
  explicit ApiError(Error error) : Error(std::move(error)) {}
};

template <class T>
using ApiResult = tl::expected<T, ApiError>;
using ApiStatus = tl::expected<void, ApiError>;

// Reads a refusal: `body` is a metav1.Status or, from a proxy, anything. The message always says
// something, bodies that are not a Status are cut to kMaxForeignMessage bytes. Codes follow the
// reason first (a 409 is AlreadyExists or Conflict) and the HTTP status second.
inline constexpr std::size_t kMaxForeignMessage = 512;
[[nodiscard]] ApiError ParseApiError(int http_status, std::string_view body);

// The same for the Status object inside of an ERROR watch event.
[[nodiscard]] ApiError ApiErrorFromStatus(const Json& status);

}  // namespace countersign
