// fake_api.h: an API server in memory, behind the Transport interface.
//
// Knows any collection: create, get, list (limit and continue), update with optimistic concurrency,
// merge, JSON and apply patches, the status subresource, delete with preconditions and finalizers,
// and watches with bookmarks, streaming lists and 410 after Compact. Keeps one resourceVersion for
// all, as etcd does. Labels are selected by one that equals. Not modelled: validation, defaults,
// RBAC, field ownership (an apply merges), garbage collection. `Intercept` answers in its place:
// faults, refusals. Thread-safe.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "kube/resource.h"
#include "kube/transport.h"

namespace countersign {

class FakeApi final : public Transport {
 public:
  using Interceptor = std::function<std::optional<Result<HttpResponse>>(const HttpRequest&)>;

  // Asked first for each request; nullopt lets it through. Called without locks held.
  void Intercept(Interceptor interceptor) {
    const std::lock_guard lock(mutex_);
    interceptor_ = std::move(interceptor);
  }
  // Forgets the history: watches from an older resourceVersion get 410.
  void Compact() {
    const std::lock_guard lock(mutex_);
    history_.clear();
    compacted_ = version_;
  }
  // Ends all watches, as a restarting server does.
  void CloseWatches() {
    const std::lock_guard lock(mutex_);
    ++watch_generation_;
    changed_.notify_all();
  }
  // Sends a bookmark on all watches.
  void SendBookmarks() {
    const std::lock_guard lock(mutex_);
    ++bookmark_generation_;
    changed_.notify_all();
  }
  // Writes past the client, as another user would. A missing uid and the like are filled in.
  Json Put(const Resource& resource, Json object) {
    const std::lock_guard lock(mutex_);
    const ObjectKey key = KeyOf(object);
    SetPath(object, "apiVersion", resource.ApiVersion());
    SetPath(object, "kind", resource.kind);
    return Store(Collection(resource), key, std::move(object));
  }
  void Remove(const Resource& resource, const ObjectKey& key) {
    const std::lock_guard lock(mutex_);
    Erase(Collection(resource), key);
  }
  [[nodiscard]] std::optional<Json> Find(const Resource& resource, const ObjectKey& key) const {
    const std::lock_guard lock(mutex_);
    const auto collection = collections_.find(Collection(resource));
    if (collection == collections_.end()) return std::nullopt;
    const auto found = collection->second.find(key);
    if (found == collection->second.end()) return std::nullopt;
    return found->second;
  }
  [[nodiscard]] std::vector<Json> All(const Resource& resource) const {
    const std::lock_guard lock(mutex_);
    std::vector<Json> out;
    const auto collection = collections_.find(Collection(resource));
    if (collection == collections_.end()) return out;
    for (const auto& [key, object] : collection->second) out.push_back(object);
    return out;
  }
  // "PUT /api/v1/…" of each request so far.
  [[nodiscard]] std::vector<std::string> Requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  [[nodiscard]] std::size_t CountRequests(std::string_view prefix) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count_if(
        requests_.begin(), requests_.end(), [&](const auto& r) { return r.starts_with(prefix); }));
  }
  // Blocks until `ready()` holds; looked at after every request and change.
  void Await(const std::function<bool()>& ready) {
    std::unique_lock lock(mutex_);
    while (true) {
      const auto seen = activity_;
      lock.unlock();
      const bool now = ready();
      lock.lock();
      if (now) return;
      activity_cv_.wait(lock, [&] { return activity_ != seen; });
    }
  }

  Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop,
                            BodySink* sink) override {
    Interceptor interceptor;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request.method + " " + request.target);
      ++activity_;
      activity_cv_.notify_all();
      interceptor = interceptor_;
    }
    if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped");
    if (interceptor) {
      if (auto answer = interceptor(request)) return *answer;
    }
    const Target target = Parse(request.target);
    if (sink != nullptr) return Watch(target, std::move(stop), *sink);
    const std::lock_guard lock(mutex_);
    HttpResponse response = Handle(request, target);
    changed_.notify_all();
    return response;
  }

 private:
  struct Target {
    std::string collection;  // "group/version/plural"
    ObjectKey key;
    std::string subresource;
    std::map<std::string, std::string> query;

    [[nodiscard]] std::string Query(const std::string& name) const {
      const auto found = query.find(name);
      return found == query.end() ? std::string() : found->second;
    }
  };
  struct Change {
    std::uint64_t version;
    std::string collection;
    std::string type;
    Json object;
  };
  using Objects = std::map<ObjectKey, Json>;

  static std::string Collection(const Resource& resource) {
    return resource.group + "/" + resource.version + "/" + resource.plural;
  }

  static std::string Decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '%' && i + 2 < text.size()) {
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
      } else {
        out += text[i];
      }
    }
    return out;
  }

  static std::vector<std::string> Split(std::string_view text, char separator) {
    std::vector<std::string> out;
    while (!text.empty()) {
      const auto end = std::min(text.find(separator), text.size());
      if (end > 0) out.emplace_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
  }

  static Target Parse(const std::string& target) {
    Target out;
    const auto mark = std::min(target.find('?'), target.size());
    if (mark < target.size()) {
      for (const std::string& pair : Split(std::string_view(target).substr(mark + 1), '&')) {
        const auto equals = std::min(pair.find('='), pair.size());
        out.query[Decode(pair.substr(0, equals))] =
            Decode(std::string_view(pair).substr(std::min(equals + 1, pair.size())));
      }
    }
    auto parts = Split(std::string_view(target).substr(0, mark), '/');
    for (std::string& part : parts) part = Decode(part);
    std::size_t i = 1;  // after "api" or "apis"
    const std::string group = parts.at(0) == "apis" ? parts.at(i++) : "";
    const std::string version = parts.at(i++);
    if (parts.at(i) == "namespaces" && i + 2 < parts.size()) {
      out.key.ns = parts[i + 1];
      i += 2;
    }
    out.collection = group + "/" + version + "/" + parts.at(i++);
    if (i < parts.size()) out.key.name = parts[i++];
    if (i < parts.size()) out.subresource = parts[i];
    return out;
  }

  static HttpResponse Refuse(int code, const std::string& reason, const std::string& message) {
    const Json status = {{"kind", "Status"},   {"apiVersion", "v1"}, {"status", "Failure"},
                         {"message", message}, {"reason", reason},   {"code", code}};
    return {code, {}, status.dump()};
  }
  static HttpResponse Ok(const Json& body, int code = 200) { return {code, {}, body.dump()}; }

  static Json Merge(Json object, const Json& patch) {
    object.merge_patch(patch);
    return object;
  }

  HttpResponse Handle(const HttpRequest& request, const Target& target) {
    ++activity_;
    activity_cv_.notify_all();
    Objects& objects = collections_[target.collection];
    const auto found = objects.find(target.key);
    const bool exists = found != objects.end();
    const bool dry_run = target.Query("dryRun") == "All";
    if (request.method == "GET" && target.key.name.empty()) return List(target, objects);
    if (request.method == "GET") {
      return exists ? Ok(found->second) : Refuse(404, "NotFound", target.key.name + " not found");
    }
    const Json body = request.body.empty() ? Json::object() : Json::parse(request.body);
    const bool apply =
        request.method == "PATCH" && ContentType(request) == "application/apply-patch+yaml";
    if (request.method == "POST" || (apply && !exists)) {
      return Create(target, objects, body, dry_run);
    }
    if (!exists) return Refuse(404, "NotFound", target.key.name + " not found");
    if (request.method == "DELETE") return Delete(target, found->second, body, dry_run);
    Json next = body;
    if (request.method == "PATCH") {
      next = ContentType(request) == "application/json-patch+json" ? found->second.patch(body)
                                                                   : Merge(found->second, body);
    }
    return Update(target, found->second, std::move(next), dry_run);
  }

  static std::string ContentType(const HttpRequest& request) {
    return HttpResponse{0, request.headers, {}}.Header("Content-Type").value_or("");
  }

  HttpResponse List(const Target& target, const Objects& objects) const {
    const std::string limit = target.Query("limit");
    const std::size_t size = limit.empty() ? objects.size() + 1 : std::stoul(limit);
    const std::string after = target.Query("continue");
    Json items = Json::array();
    std::string next;
    for (const auto& [key, object] : objects) {
      if (!target.key.ns.empty() && key.ns != target.key.ns) continue;
      if (!after.empty() && key.ToString() <= after) continue;
      if (!Selects(target, object)) continue;
      if (items.size() == size) {
        next = KeyOf(items.back()).ToString();
        break;
      }
      items.push_back(object);
    }
    Json metadata = {{"resourceVersion", std::to_string(version_)}};
    if (!next.empty()) metadata["continue"] = next;
    return Ok({{"kind", "List"}, {"metadata", metadata}, {"items", items}});
  }
  HttpResponse Create(const Target& target, Objects& objects, Json object, bool dry_run) {
    ObjectKey key = KeyOf(object);
    if (key.ns.empty()) key.ns = target.key.ns;
    if (key.name.empty()) {
      key.name = StringAt(object, "metadata/generateName") + std::to_string(version_);
      SetPath(object, "metadata/name", key.name);
    }
    if (!key.ns.empty()) SetPath(object, "metadata/namespace", key.ns);
    if (objects.contains(key)) return Refuse(409, "AlreadyExists", key.name + " already exists");
    if (dry_run) return Ok(object, 201);
    return Ok(Store(target.collection, key, std::move(object)), 201);
  }

  HttpResponse Update(const Target& target, const Json& old, Json next, bool dry_run) {
    const std::string expected = ResourceVersionOf(next);
    if (!expected.empty() && expected != ResourceVersionOf(old)) {
      return Refuse(409, "Conflict",
                    "the object has been modified; please apply your changes to "
                    "the latest version and try again");
    }
    if (target.subresource == "status") {
      Json with_status = old;
      if (const auto status = next.find("status"); status != next.end()) {
        with_status["status"] = *status;
      }
      next = std::move(with_status);
    }
    SetPath(next, "metadata/uid", UidOf(old));
    if (dry_run) return Ok(next);
    SetPath(next, "metadata/resourceVersion", ResourceVersionOf(old));
    if (next == old) return Ok(old);  // no change, no new version
    return Ok(Store(target.collection, target.key, std::move(next)));
  }

  HttpResponse Delete(const Target& target, Json object, const Json& options, bool dry_run) {
    const std::string uid = StringAt(options, "preconditions/uid");
    const std::string version = StringAt(options, "preconditions/resourceVersion");
    if ((!uid.empty() && uid != UidOf(object)) ||
        (!version.empty() && version != ResourceVersionOf(object))) {
      return Refuse(409, "Conflict", "the precondition does not hold");
    }
    if (dry_run) return Ok(object);
    const Json* finalizers = FindPath(object, "metadata/finalizers");
    if (finalizers != nullptr && !finalizers->empty()) {
      SetPath(object, "metadata/deletionTimestamp", "2026-01-01T00:00:00Z");
      return Ok(Store(target.collection, target.key, std::move(object)));
    }
    Erase(target.collection, target.key);
    return Ok(object);
  }

  Json Store(const std::string& collection, const ObjectKey& key, Json object) {
    Objects& objects = collections_[collection];
    const auto old = objects.find(key);
    const bool exists = old != objects.end();
    if (UidOf(object).empty()) {
      SetPath(object, "metadata/uid",
              exists ? UidOf(old->second) : "uid-" + std::to_string(version_ + 1));
    }
    const Json* spec = countersign::Find(object, "spec");
    const Json* old_spec = exists ? countersign::Find(old->second, "spec") : nullptr;
    const bool same_spec = exists && (spec == nullptr) == (old_spec == nullptr) &&
                           (spec == nullptr || *spec == *old_spec);
    const std::int64_t generation = exists ? IntAt(old->second, "metadata/generation", 1) : 0;
    SetPath(object, "metadata/generation", same_spec ? generation : generation + 1);
    // What waits for its finalizers goes when the last is taken off.
    const Json* finalizers = FindPath(object, "metadata/finalizers");
    if (FindPath(object, "metadata/deletionTimestamp") != nullptr &&
        (finalizers == nullptr || finalizers->empty())) {
      Erase(collection, key);
      return object;
    }
    SetPath(object, "metadata/resourceVersion", std::to_string(++version_));
    objects[key] = object;
    Publish({version_, collection, exists ? "MODIFIED" : "ADDED", object});
    return object;
  }

  void Erase(const std::string& collection, const ObjectKey& key) {
    Objects& objects = collections_[collection];
    const auto found = objects.find(key);
    if (found == objects.end()) return;
    Json object = std::move(found->second);
    objects.erase(found);
    SetPath(object, "metadata/resourceVersion", std::to_string(++version_));
    Publish({version_, collection, "DELETED", std::move(object)});
  }

  void Publish(Change change) {
    history_.push_back(std::move(change));
    ++activity_;
    changed_.notify_all();
    activity_cv_.notify_all();
  }

  static std::string Line(const std::string& type, const Json& object) {
    return Json{{"type", type}, {"object", object}}.dump() + "\n";
  }
  static Json Bookmark(std::uint64_t version, bool end) {
    Json object = {{"metadata", {{"resourceVersion", std::to_string(version)}}}};
    if (end) object["metadata"]["annotations"] = {{"k8s.io/initial-events-end", "true"}};
    return object;
  }

  // Lines are collected under the lock and handed over without it.
  Result<HttpResponse> Watch(const Target& target, std::stop_token stop, BodySink& sink) {
    std::unique_lock lock(mutex_);
    ++activity_;
    activity_cv_.notify_all();
    const auto generation = watch_generation_;
    auto bookmarks = bookmark_generation_;
    std::vector<std::string> lines;
    std::uint64_t position = version_;
    if (target.Query("sendInitialEvents") == "true") {
      for (const auto& [key, object] : collections_[target.collection]) {
        if (Covers(target, object) && Selects(target, object)) {
          lines.push_back(Line("ADDED", object));
        }
      }
      lines.push_back(Line("BOOKMARK", Bookmark(position, true)));
    } else {
      position = std::stoull(target.Query("resourceVersion"));
      if (position < compacted_) {
        const HttpResponse gone = Refuse(410, "Expired", "too old resource version");
        lines.push_back("{\"type\":\"ERROR\",\"object\":" + gone.body + "}\n");
      }
    }
    while (true) {
      for (const Change& change : history_) {
        if (change.version <= position) continue;
        if (change.collection == target.collection && Covers(target, change.object)) {
          // What lost its label is gone for whoever asked for it.
          const bool selected = Selects(target, change.object);
          lines.push_back(Line(selected ? change.type : "DELETED", change.object));
        }
      }
      position = std::max(position, version_);
      if (std::exchange(bookmarks, bookmark_generation_) != bookmark_generation_) {
        lines.push_back(Line("BOOKMARK", Bookmark(position, false)));
      }
      lock.unlock();
      for (const std::string& line : lines) {
        if (!sink.Accept(line)) return Fail(Code::kCancelled, "refused");
      }
      lines.clear();
      lock.lock();
      const bool live = changed_.wait(lock, stop, [&] {
        return watch_generation_ != generation || bookmark_generation_ != bookmarks ||
               version_ > position;
      });
      if (!live) return Fail(Code::kCancelled, "stopped");
      if (watch_generation_ != generation) return HttpResponse{200, {}, {}};
    }
  }

  static bool Covers(const Target& target, const Json& object) {
    return target.key.ns.empty() || KeyOf(object).ns == target.key.ns;
  }

  static bool Selects(const Target& target, const Json& object) {
    const std::string selector = target.Query("labelSelector");
    if (selector.empty()) return true;
    const auto equals = selector.find('=');
    const Json* labels = FindPath(object, "metadata/labels");
    const Json* value =
        labels == nullptr ? nullptr : countersign::Find(*labels, selector.substr(0, equals));
    return value != nullptr && *value == selector.substr(equals + 1);
  }

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::condition_variable activity_cv_;
  Interceptor interceptor_;
  std::map<std::string, Objects> collections_;
  std::vector<Change> history_;
  std::vector<std::string> requests_;
  std::uint64_t version_ = 100;
  std::uint64_t compacted_ = 0;
  std::uint64_t watch_generation_ = 0;
  std::uint64_t bookmark_generation_ = 0;
  std::uint64_t activity_ = 0;
};

}  // namespace countersign
