#include "kube/client.h"

#include <charconv>
#include <utility>

namespace countersign {
namespace {

constexpr const char* kJsonType = "application/json";
constexpr const char* kApplyType = "application/apply-patch+yaml";

const char* ContentType(PatchType type) {
  switch (type) {
    case PatchType::kMerge: return "application/merge-patch+json";
    case PatchType::kJson: return "application/json-patch+json";
    case PatchType::kStrategic: return "application/strategic-merge-patch+json";
  }
  return kJsonType;
}

// client-go reads whole seconds only; an HTTP date is taken for absent.
std::optional<std::chrono::seconds> RetryAfter(const HttpResponse& response) {
  const auto header = response.Header("Retry-After");
  if (!header) return std::nullopt;
  int seconds = 0;
  const char* end = header->data() + header->size();
  const auto parsed = std::from_chars(header->data(), end, seconds);
  if (parsed.ec != std::errc() || parsed.ptr != end || seconds < 0) return std::nullopt;
  return std::chrono::seconds(seconds);
}

// "GET /api/v1/pods: …", without the query, which may be long.
ApiError WithRequest(const HttpRequest& request, Error error) {
  error.message = request.method + " " + request.target.substr(0, request.target.find('?')) + ": " +
                  error.message;
  return ApiError(std::move(error));
}

// RFC 7234 section 5.5 as the API server writes it: `299 - "text"`, quotes escaped.
std::string WarningText(const std::string& header) {
  const auto quote = header.find('"');
  if (quote == std::string::npos) return header;
  std::string text;
  bool escaped = false;
  for (const char c : std::string_view(header).substr(quote + 1)) {
    if (!escaped && c == '"') break;
    escaped = !escaped && c == '\\';
    if (!escaped) text += c;
  }
  return text;
}

void AddIfSet(Query& query, const char* name, const std::string& value) {
  if (!value.empty()) query.emplace_back(name, value);
}

ApiResult<Json> ParseAnswer(std::string_view body) {
  auto json = ParseJson(body, kMaxServerJsonDepth);
  if (!json) {
    return tl::unexpected(ApiError(Error{
        Code::kInternal, "the API server's answer is not JSON: " + json.error().message, {}, {}}));
  }
  return std::move(*json);
}

}  // namespace

KubeClient::KubeClient(std::shared_ptr<Transport> transport, Clock& clock, ClientOptions options)
    : transport_(std::move(transport)), clock_(clock), options_(std::move(options)) {
  if (options_.qps > 0) {
    limiter_ = std::make_unique<RateLimiter>(options_.qps, std::max(options_.burst, 1), clock);
  }
}

ApiResult<HttpResponse> KubeClient::Execute(HttpRequest request, const Call& call,
                                            BodySink* sink) const {
  const std::stop_token stop = call.stop.stop_possible() ? call.stop : options_.stop;
  request.deadline = clock_.Steady() + call.timeout;
  bool lost_once = false;
  for (int retries = 0;;) {
    if (limiter_) {
      if (Status status = limiter_->Wait(stop, request.deadline); !status) {
        return tl::unexpected(WithRequest(request, status.error()));
      }
    }
    auto response = transport_->Send(request, stop, sink);
    if (!response) {
      const bool again = request.method == "GET" && sink == nullptr && !lost_once &&
                         response.error().code == Code::kUnavailable;
      if (!again) return tl::unexpected(WithRequest(request, std::move(response.error())));
      lost_once = true;
      continue;
    }
    ReportWarnings(*response);
    if (response->status >= 200 && response->status < 300) return std::move(*response);

    ApiError error = ParseApiError(response->status, response->body);
    const auto retry_after = RetryAfter(*response);
    if (retry_after) error.retry_after = retry_after;
    const bool throttled = retry_after && (response->status == 429 || response->status >= 500);
    const bool in_time = throttled && clock_.Steady() + *retry_after < request.deadline;
    if (sink != nullptr || !in_time || retries >= kMaxRetries) {
      return tl::unexpected(std::move(error));
    }
    ++retries;
    if (!clock_.SleepFor(stop, *retry_after)) {
      return tl::unexpected(WithRequest(
          request, Error{Code::kCancelled, "stopped while waiting to try again", {}, {}}));
    }
  }
}

void KubeClient::ReportWarnings(const HttpResponse& response) const {
  if (!options_.on_warning) return;
  for (const auto& [name, value] : response.headers) {
    HttpResponse one{0, {{name, value}}, {}};
    if (!one.Header("Warning")) continue;
    options_.on_warning(WarningText(value));
  }
}

ApiResult<Json> KubeClient::ExecuteJson(const char* method, Result<std::string> target,
                                        const Call& call, const Json* body,
                                        const char* content_type) const {
  if (!target) return tl::unexpected(ApiError(std::move(target.error())));
  HttpRequest request{method, std::move(*target), {{"Accept", kJsonType}}, {},
                      {},     kMaxResponseBytes};
  if (body != nullptr) {
    request.headers.emplace_back("Content-Type", content_type);
    request.body = DumpJson(*body);
  }
  auto response = Execute(std::move(request), call);
  if (!response) return tl::unexpected(std::move(response.error()));
  return ParseAnswer(response->body);
}

ApiResult<Json> KubeClient::Get(const Resource& resource, const ObjectKey& key,
                                const Call& call) const {
  return ExecuteJson("GET", ObjectTarget(resource, key), call);
}

ApiResult<Json> KubeClient::GetSubresource(const Resource& resource, const ObjectKey& key,
                                           std::string_view subresource, const Call& call) const {
  return ExecuteJson("GET", ObjectTarget(resource, key, subresource), call);
}

ApiResult<Json> KubeClient::GetPath(std::string_view target, const Call& call) const {
  return ExecuteJson("GET", std::string(target), call);
}

ApiResult<ListPage> KubeClient::ListOnePage(const Resource& resource, std::string_view ns,
                                            const ListOptions& options, std::string_view next,
                                            const Call& call) const {
  Query query;
  if (options.page_size > 0) query.emplace_back("limit", std::to_string(options.page_size));
  AddIfSet(query, "labelSelector", options.label_selector);
  AddIfSet(query, "fieldSelector", options.field_selector);
  AddIfSet(query, "continue", std::string(next));
  auto list = ExecuteJson("GET", CollectionTarget(resource, ns, query), call);
  if (!list) return tl::unexpected(std::move(list.error()));
  ListPage page;
  page.resource_version = StringAt(*list, "metadata/resourceVersion");
  page.next = StringAt(*list, "metadata/continue");
  const auto items = list->find("items");
  if (items == list->end() || !items->is_array()) return page;  // Go writes an empty list as null
  page.items.reserve(items->size());
  for (Json& item : *items) {
    if (!item.is_object()) continue;
    if (Find(item, "kind") == nullptr) SetPath(item, "kind", resource.kind);
    if (Find(item, "apiVersion") == nullptr) SetPath(item, "apiVersion", resource.ApiVersion());
    page.items.push_back(std::move(item));
  }
  return page;
}

ApiResult<ListPage> KubeClient::List(const Resource& resource, std::string_view ns,
                                     const ListOptions& options, const Call& call) const {
  ListPage all;
  std::string next;
  do {
    auto page = ListOnePage(resource, ns, options, next, call);
    if (!page && page.error().code == Code::kExpired && !next.empty()) {
      ListOptions whole = options;
      whole.page_size = 0;
      return ListOnePage(resource, ns, whole, {}, call);
    }
    if (!page) return page;
    next = std::move(page->next);
    all.resource_version = std::move(page->resource_version);
    all.items.insert(all.items.end(), std::make_move_iterator(page->items.begin()),
                     std::make_move_iterator(page->items.end()));
  } while (!next.empty());
  return all;
}

Query KubeClient::WriteQuery(const WriteOptions& options) const {
  Query query;
  AddIfSet(query, "fieldManager",
           options.field_manager.empty() ? options_.field_manager : options.field_manager);
  AddIfSet(query, "fieldValidation", options.field_validation);
  if (options.dry_run) query.emplace_back("dryRun", "All");
  return query;
}

ApiResult<Json> KubeClient::Create(const Resource& resource, const Json& object,
                                   const WriteOptions& options, const Call& call) const {
  const Query query = WriteQuery(options);
  auto target = options.subresource.empty()
                    ? CollectionTarget(resource, KeyOf(object).ns, query)
                    : ObjectTarget(resource, KeyOf(object), options.subresource, query);
  return ExecuteJson("POST", std::move(target), call, &object);
}

ApiResult<Json> KubeClient::Update(const Resource& resource, const Json& object,
                                   const WriteOptions& options, const Call& call) const {
  return ExecuteJson(
      "PUT", ObjectTarget(resource, KeyOf(object), options.subresource, WriteQuery(options)), call,
      &object);
}

ApiResult<Json> KubeClient::Patch(const Resource& resource, const ObjectKey& key, PatchType type,
                                  const Json& patch, const WriteOptions& options,
                                  const Call& call) const {
  return ExecuteJson("PATCH", ObjectTarget(resource, key, options.subresource, WriteQuery(options)),
                     call, &patch, ContentType(type));
}

ApiResult<Json> KubeClient::Apply(const Resource& resource, Json object,
                                  const ApplyOptions& options, const Call& call) const {
  SetPath(object, "apiVersion", resource.ApiVersion());
  SetPath(object, "kind", resource.kind);
  // The server refuses an apply that brings managedFields along, as an object just read would.
  if (const auto metadata = object.find("metadata");
      metadata != object.end() && metadata->is_object()) {
    metadata->erase("managedFields");
  }
  Query query = WriteQuery({options.dry_run, options.field_manager, {}, {}});
  if (options.force) query.emplace_back("force", "true");
  return ExecuteJson("PATCH", ObjectTarget(resource, KeyOf(object), options.subresource, query),
                     call, &object, kApplyType);
}

ApiResult<Json> KubeClient::Delete(const Resource& resource, const ObjectKey& key,
                                   const DeleteOptions& options, const Call& call) const {
  Json body = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!options.propagation.empty()) SetPath(body, "propagationPolicy", options.propagation);
  if (!options.uid.empty()) SetPath(body, "preconditions/uid", options.uid);
  if (!options.resource_version.empty()) {
    SetPath(body, "preconditions/resourceVersion", options.resource_version);
  }
  if (options.dry_run) SetPath(body, "dryRun", Json::array({"All"}));
  return ExecuteJson("DELETE", ObjectTarget(resource, key), call, &body);
}

ApiStatus KubeClient::Watch(const Resource& resource, std::string_view ns, const Query& query,
                            BodySink& sink, const Call& call) const {
  auto target = CollectionTarget(resource, ns, query);
  if (!target) return tl::unexpected(ApiError(std::move(target.error())));
  auto response = Execute(
      {"GET", std::move(*target), {{"Accept", kJsonType}}, {}, {}, kMaxResponseBytes}, call, &sink);
  if (!response) return tl::unexpected(std::move(response.error()));
  return {};
}

}  // namespace countersign
