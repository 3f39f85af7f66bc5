// result.h: how functions report failure.
//
// `Result<T>` is either a value or an `Error`; functions that only succeed or fail return `Status`.
// Nothing in our libraries throws across a public function: exceptions of wrapped libraries
// (nlohmann/json, yaml-cpp, std::filesystem) are turned into an `Error` where they are called.
// An `Error` is made for a person: it says what is required, what was found and where.
// Value types without shared state: safe to use from any thread that owns them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace countersign {

// The canonical codes (https://grpc.io/docs/guides/status-codes/), as far as we tell them apart.
enum class Code {
  kInvalidArgument,     // the input is wrong whatever the state of the world
  kNotFound,            // the thing named does not exist
  kAlreadyExists,       // a create met an existing object
  kPermissionDenied,    // known caller, not allowed
  kUnauthenticated,     // caller not known (HTTP 401)
  kConflict,            // optimistic concurrency lost; re-read and try again
  kExpired,             // a resourceVersion or continue token is too old (HTTP 410)
  kResourceExhausted,   // over a limit or throttled (HTTP 429); see retry_after
  kFailedPrecondition,  // right input, wrong state
  kUnavailable,         // transport failure or HTTP 503; a later try may succeed
  kDeadlineExceeded,    // no answer in time
  kCancelled,           // the caller asked to stop
  kInternal,            // a bug or an unclassified server error
};

// Short upper-camel name of `code`, for logs ("NotFound").
[[nodiscard]] const char* CodeName(Code code);

// What was found, for a message: at most `most` bytes of `text`, cut between characters, so that
// nobody's input makes messages long or invalid UTF-8.
[[nodiscard]] std::string Excerpt(std::string_view text, std::size_t most = 128);

struct Error {
  Code code = Code::kInternal;
  std::string message;  // one sentence, no trailing newline
  std::string path;     // field path such as `spec.measures[2].name`; empty when none applies
  std::optional<std::chrono::seconds> retry_after;  // what the server asked for, if it did

  // "path: message", or the message alone when there is no path.
  [[nodiscard]] std::string ToString() const {
    return path.empty() ? message : path + ": " + message;
  }
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = tl::expected<void, Error>;

// `return Fail(Code::kNotFound, "…");` from any function that returns Result or Status.
[[nodiscard]] inline tl::unexpected<Error> Fail(Code code, std::string message,
                                                std::string path = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(path), std::nullopt});
}
[[nodiscard]] inline tl::unexpected<Error> Fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace countersign
