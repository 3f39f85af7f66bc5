// review.h: AdmissionReview v1 in and out.
//
// Decoding is strict about what decisions rest on (uid, operation, user, objects) and ignores the
// rest: the API server adds fields over time. Encoding always answers with the request's uid, never
// with a status below 400, a 409 or a 422 (GitOps tools answer those by deleting and creating
// again), and never with a patch from a validating call. Pure; a Review borrows nothing once
// decoded. Source: kubernetes/api admission/v1/types.go, apiserver
// pkg/admission/plugin/webhook/request.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace countersign {

// The user's extra attribute under which an API server may show the claim auth_time of an identity
// token (AuthenticationConfiguration, claimMappings.extra), in seconds since 1970.
inline constexpr std::string_view kAuthTimeExtra = "countersign.dev/auth-time";

enum class Operation { kCreate, kUpdate, kDelete, kConnect };
[[nodiscard]] std::string_view OperationName(Operation operation);

struct RequestUser {
  std::string name;
  std::string uid;
  std::vector<std::string> groups;
  std::string credential_id;  // authentication.kubernetes.io/credential-id, if the server gives one
  std::optional<Time> signed_in_at = {};  // countersign.dev/auth-time, if it maps that claim
};

struct Review {
  std::string uid;
  Operation operation = Operation::kCreate;
  std::string group;
  std::string version;
  std::string kind;
  std::string resource;
  std::string subresource;
  std::string name;  // empty on CREATE with generateName in mutating calls
  std::string name_space;
  RequestUser user;
  bool dry_run = false;
  Json object;      // null on DELETE
  Json old_object;  // null on CREATE

  Review() = default;
  Review(Review&&) = default;
  Review& operator=(Review&&) = default;
  Review(const Review&) = delete;
  Review& operator=(const Review&) = delete;
  ~Review() {
    Discard(object);
    Discard(old_object);
  }
};

// What the values of a review may take. The longest that an API server sends, an object of 3 MiB
// and what it was before, takes a third of it, unless it consists of hundreds of thousands of
// values that say nothing.
inline constexpr std::size_t kMaxReviewMemory = std::size_t{64} << 20;

// The body's JSON without its objects' managedFields, a third of many objects: who set which field
// is not ours to judge. Errors as ParseJson's; kResourceExhausted beyond kMaxReviewMemory.
[[nodiscard]] Result<Json> ParseReview(std::string_view body);

// Takes the body's JSON apart. Error: what is wrong with the review itself; the answer is then HTTP
// 400, because there may be no uid to answer to.
[[nodiscard]] Result<Review> DecodeReview(Json&& body);

// The body of the HTTP 400 to what cannot be answered otherwise: a metav1.Status, whose message the
// API server shows to whoever asked.
[[nodiscard]] std::string EncodeUnreadable(const std::string& message);

[[nodiscard]] bool SpecUnchanged(const Review& review);

struct Cause {
  std::string reason;
  std::string message;
  std::string field;
};

struct ReviewAnswer {
  bool allowed = false;
  int code = 403;                    // of a refusal: 403, or 400 for malformed objects
  std::string reason = "Forbidden";  // metav1.StatusReason
  std::string message;
  std::string kind;  // for status.details
  std::string name;
  std::vector<Cause> causes;
  std::vector<std::string> warnings;  // of any length; sent as WarningLines has them
  std::map<std::string, std::string> annotations;
  Json patch;  // RFC 6902, mutating calls only; null: none
};

[[nodiscard]] std::string EncodeAnswer(const std::string& uid, const ReviewAnswer& answer);

}  // namespace countersign
