// fake_collections.h: an API server's collections behind Transport: get, list, streaming watch.
//
// Objects put here reach open watches at once, unless `HoldEvents` makes them lag, which is how
// caches fall behind in life. `Calls` counts what was asked. Requests that match `OnCall` run it
// first, without a lock, so that a test can keep them waiting. Thread-safe.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/json.h"
#include "kube/resource.h"
#include "kube/transport.h"

namespace countersign {

class FakeCollections final : public Transport {
 public:
  void Put(const Resource& resource, Json object) {
    const std::lock_guard lock(mutex_);
    SetPath(object, "metadata/resourceVersion", std::to_string(++version_));
    const ObjectKey key = KeyOf(object);
    Collection& collection = collections_[resource.plural];
    const bool known = collection.objects.contains(key);
    collection.objects[key] = object;
    collection.events.push_back(Event(known ? "MODIFIED" : "ADDED", object));
    changed_.notify_all();
  }
  void Remove(const Resource& resource, const ObjectKey& key) {
    const std::lock_guard lock(mutex_);
    Collection& collection = collections_[resource.plural];
    Json object = collection.objects.at(key);
    SetPath(object, "metadata/resourceVersion", std::to_string(++version_));
    collection.objects.erase(key);
    collection.events.push_back(Event("DELETED", object));
    changed_.notify_all();
  }
  // Watches tell nothing new from now on.
  void HoldEvents() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void ReleaseEvents() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  // GETs of that collection that were no watch.
  int Calls(const Resource& resource) const {
    const std::lock_guard lock(mutex_);
    const auto it = calls_.find(resource.plural);
    return it == calls_.end() ? 0 : it->second;
  }
  // Before a test starts threads. The plural is given; an error ends the call.
  void OnCall(std::function<Status(const std::string& plural)> hook) { hook_ = std::move(hook); }
  std::vector<std::string> Targets() const {
    const std::lock_guard lock(mutex_);
    return targets_;
  }

  Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop,
                            BodySink* sink) override {
    const auto question = request.target.find('?');
    const std::string path = request.target.substr(0, question);
    const std::string query =
        question == std::string::npos ? "" : request.target.substr(question + 1);
    std::vector<std::string> parts;  // after /apis/countersign.dev/v1alpha1/
    for (std::size_t at = 1; at < path.size();) {
      const auto end = std::min(path.find('/', at), path.size());
      parts.push_back(path.substr(at, end - at));
      at = end + 1;
    }
    parts.erase(parts.begin(), parts.begin() + 3);
    std::string ns;
    if (parts.front() == "namespaces") {
      ns = parts.at(1);
      parts.erase(parts.begin(), parts.begin() + 2);
    }
    if (sink != nullptr) return Watch(parts.front(), *sink, stop);
    {
      const std::lock_guard lock(mutex_);
      ++calls_[parts.front()];
      targets_.push_back(request.target);
    }
    if (hook_) {
      if (Status status = hook_(parts.front()); !status) return Fail(status.error());
    }
    const std::lock_guard lock(mutex_);
    return parts.size() > 1 ? GetOne(parts.front(), {ns, parts.at(1)})
                            : List(parts.front(), ns, query);
  }

 private:
  struct Collection {
    std::map<ObjectKey, Json> objects;
    std::vector<std::string> events;
  };

  static std::string Event(const char* type, const Json& object) {
    return DumpJson(Json{{"type", type}, {"object", object}}) + "\n";
  }

  Result<HttpResponse> GetOne(const std::string& plural, const ObjectKey& key) {
    const auto& objects = collections_[plural].objects;
    const auto it = objects.find(key);
    if (it != objects.end()) return HttpResponse{200, {}, DumpJson(it->second)};
    return HttpResponse{404, {}, R"({"kind":"Status","reason":"NotFound","code":404})"};
  }

  Result<HttpResponse> List(const std::string& plural, const std::string& ns,
                            const std::string& query) {
    const std::string wanted = Selected(query);
    Json items = Json::array();
    for (const auto& [key, object] : collections_[plural].objects) {
      if (!ns.empty() && key.ns != ns) continue;
      const std::string use_case =
          StringAt(object, plural == "signoffs" ? "spec/subject/useCase" : "spec/useCase");
      if (wanted.empty() || use_case == wanted) items.push_back(object);
    }
    return HttpResponse{200,
                        {},
                        DumpJson(Json{{"metadata", {{"resourceVersion", std::to_string(version_)}}},
                                      {"items", std::move(items)}})};
  }

  // The value of fieldSelector=<field>=<value>, percent-encoded as the client writes it.
  static std::string Selected(const std::string& query) {
    const auto at = query.find("fieldSelector=");
    if (at == std::string::npos) return {};
    const std::string selector = query.substr(at, query.find('&', at) - at);
    return selector.substr(selector.rfind("%3D") + 3);
  }

  Result<HttpResponse> Watch(const std::string& plural, BodySink& sink,
                             const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    Collection& collection = collections_[plural];
    std::size_t next = collection.events.size();
    std::string text;
    for (const auto& [key, object] : collection.objects) text += Event("ADDED", object);
    text += Event("BOOKMARK", {{"metadata",
                                {{"resourceVersion", std::to_string(version_)},
                                 {"annotations", {{"k8s.io/initial-events-end", "true"}}}}}});
    while (!stop.stop_requested()) {
      lock.unlock();
      if (!text.empty() && !sink.Accept(text)) break;
      lock.lock();
      text.clear();
      changed_.wait(lock, stop, [&] { return !held_ && next < collection.events.size(); });
      if (held_) continue;
      for (; next < collection.events.size(); ++next) text += collection.events[next];
    }
    return Fail(Code::kCancelled, "stopped");
  }

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::int64_t version_ = 100;
  bool held_ = false;
  std::map<std::string, Collection> collections_;
  std::map<std::string, int> calls_;
  std::vector<std::string> targets_;
  std::function<Status(const std::string&)> hook_;
};

}  // namespace countersign
