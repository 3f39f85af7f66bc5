// client.h: typed calls to the Kubernetes API server.
//
// One method per verb; objects are Json in and out. Refusals come back as ApiError. What is retried
// is decided here, as client-go does: 429 and 5xx answers that carry Retry-After up to ten times
// within the call's timeout (the server did not act), a GET once more after a transport error; a
// write whose answer was lost is never sent again, the caller must look first. A client-side rate
// limit protects the server from us. Not a cache (informer.h), knows no kinds. Thread-safe.
//
//   SystemClock clock;
//   auto config = LoadRestConfig();
//   if (!config) return Fail(config.error());
//   auto transport = MakeHttpTransport(*config, clock);
//   if (!transport) return Fail(transport.error());
//   KubeClient client(std::move(*transport), clock, {.field_manager = "countersign-operator"});
//   auto pod = client.Get(kPods, {"default", "web"});
//   if (!pod && pod.error().code == Code::kNotFound) …
//   auto applied = client.Apply(kServices, service, {.force = true});
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "kube/api_error.h"
#include "kube/rate_limiter.h"
#include "kube/resource.h"
#include "kube/transport.h"

namespace countersign {

// The API server gives up on a write after 34 s (requestTimeoutUpperBound), so waiting longer for
// one answer gains nothing.
inline constexpr std::chrono::milliseconds kDefaultCallTimeout{34'000};
// client-go: pager.defaultPageSize.
inline constexpr int kDefaultPageSize = 500;
// client-go: rest.Request maxRetries.
inline constexpr int kMaxRetries = 10;

struct ClientOptions {
  std::string field_manager = "countersign";
  // Calls per second and burst; qps 0 switches the limit off. The server's own priority and
  // fairness is the real protection, this one bounds a bug of ours.
  double qps = 50;
  int burst = 100;
  // Ends every call that brings no stop token of its own.
  std::stop_token stop{};
  // Told each `Warning` header of an answer (deprecations, admission warnings), unquoted.
  std::function<void(std::string_view)> on_warning{};
};

// The API server keeps objects of up to 10,000 levels (apimachinery: json maxDepth); lists and
// watch events wrap them. Nothing here copies or prints what it read, which is what deep nesting
// would overflow the stack in.
inline constexpr int kMaxServerJsonDepth = 10'010;

// How long a call (of a list: a page) may take, and what ends it early.
struct Call {
  std::stop_token stop{};
  std::chrono::milliseconds timeout = kDefaultCallTimeout;
};

struct ListOptions {
  std::string label_selector{};
  std::string field_selector{};
  int page_size = kDefaultPageSize;  // 0: everything in one answer
};

// One answer to a list call. Items of built-in kinds get the kind and apiVersion they lack.
struct ListPage {
  std::vector<Json> items{};
  std::string resource_version{};
  std::string next{};  // continue token; empty on the last page
};

struct WriteOptions {
  bool dry_run = false;
  std::string field_manager{};     // empty: the client's
  std::string field_validation{};  // empty (the server's default, Warn), "Strict", "Ignore"
  std::string subresource{};       // "status", "scale"; not for Create of a main resource
};

struct ApplyOptions {
  bool force = false;  // take over fields owned by other managers
  bool dry_run = false;
  std::string field_manager{};  // empty: the client's
  std::string subresource{};
};

struct DeleteOptions {
  std::string propagation{};       // "", "Foreground", "Background", "Orphan"
  std::string uid{};               // precondition: only this very object
  std::string resource_version{};  // precondition: only this very state
  bool dry_run = false;
};

enum class PatchType { kMerge, kJson, kStrategic };

class KubeClient {
 public:
  // `clock` must outlive the client.
  KubeClient(std::shared_ptr<Transport> transport, Clock& clock, ClientOptions options = {});

  [[nodiscard]] ApiResult<Json> Get(const Resource& resource, const ObjectKey& key,
                                    const Call& call = {}) const;
  // The same for a subresource ("scale", "status").
  [[nodiscard]] ApiResult<Json> GetSubresource(const Resource& resource, const ObjectKey& key,
                                               std::string_view subresource,
                                               const Call& call = {}) const;
  // Anything else that is read by GET: "/version", "/readyz?verbose" is not JSON and fails.
  [[nodiscard]] ApiResult<Json> GetPath(std::string_view target, const Call& call = {}) const;

  // The whole collection, in pages. When a continue token expires on the way, the list is taken
  // again in one piece, so the result is always one consistent state. `ns` empty: all namespaces.
  [[nodiscard]] ApiResult<ListPage> List(const Resource& resource, std::string_view ns = {},
                                         const ListOptions& options = {},
                                         const Call& call = {}) const;
  // One page; `next` is the token of the page before.
  [[nodiscard]] ApiResult<ListPage> ListOnePage(const Resource& resource, std::string_view ns,
                                                const ListOptions& options, std::string_view next,
                                                const Call& call = {}) const;

  // The namespace and name (or generateName) are the object's own. With a subresource ("token",
  // "eviction") the object is created on what `metadata.name` names.
  [[nodiscard]] ApiResult<Json> Create(const Resource& resource, const Json& object,
                                       const WriteOptions& options = {},
                                       const Call& call = {}) const;
  // Optimistic concurrency when the object carries a resourceVersion (kConflict when it lost).
  [[nodiscard]] ApiResult<Json> Update(const Resource& resource, const Json& object,
                                       const WriteOptions& options = {},
                                       const Call& call = {}) const;
  [[nodiscard]] ApiResult<Json> Patch(const Resource& resource, const ObjectKey& key,
                                      PatchType type, const Json& patch,
                                      const WriteOptions& options = {},
                                      const Call& call = {}) const;
  // Server-side apply. `object` needs a name; its apiVersion and kind are filled in.
  [[nodiscard]] ApiResult<Json> Apply(const Resource& resource, Json object,
                                      const ApplyOptions& options = {},
                                      const Call& call = {}) const;
  // Gives the object as it was, or the Status of the deletion.
  [[nodiscard]] ApiResult<Json> Delete(const Resource& resource, const ObjectKey& key,
                                       const DeleteOptions& options = {},
                                       const Call& call = {}) const;

  // A watch: 2xx bodies go to `sink` until they end. Never retried here; see watcher.h.
  [[nodiscard]] ApiStatus Watch(const Resource& resource, std::string_view ns, const Query& query,
                                BodySink& sink, const Call& call) const;

 private:
  [[nodiscard]] ApiResult<HttpResponse> Execute(HttpRequest request, const Call& call,
                                                BodySink* sink = nullptr) const;
  [[nodiscard]] ApiResult<Json> ExecuteJson(const char* method, Result<std::string> target,
                                            const Call& call, const Json* body = nullptr,
                                            const char* content_type = "application/json") const;
  [[nodiscard]] Query WriteQuery(const WriteOptions& options) const;
  void ReportWarnings(const HttpResponse& response) const;

  std::shared_ptr<Transport> transport_;
  Clock& clock_;
  ClientOptions options_;
  std::unique_ptr<RateLimiter> limiter_;  // null: no limit
};

}  // namespace countersign
