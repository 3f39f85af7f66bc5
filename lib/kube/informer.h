// informer.h: a local, typed, current copy of one collection.
//
// Watches a collection in its own thread, decodes each object once by a function of yours, and
// serves reads from memory by key, namespace and index. `managedFields` are dropped before decoding
// and no JSON is kept. An object that fails to decode is not lost: Find says kUndecodable and
// Undecodable() lists it with its error, so that whoever decides can fail closed. Readers are
// thread-safe and never see half a list. Handlers run in the informer's thread (or in Upsert's),
// one at a time and in order: let them enqueue, not work, and never call Upsert from them. Register
// indexes and handlers before Start; the destructor stops the thread.
//
//   Informer<UseCase> use_cases(client, clock, {.resource = kUseCases},
//                               [](Json&& json) { return DecodeUseCase(std::move(json)); });
//   use_cases.AddIndex("owner", [](const UseCase& u) { return std::vector{u.spec.owner}; });
//   use_cases.OnChange([&](const ObjectChange<UseCase>& change) { queue.Add(change.key); });
//   use_cases.Start();
//   if (!use_cases.WaitForSync(stop, clock.Steady() + 30s)) …
//   std::shared_ptr<const UseCase> one = use_cases.Get({"lending", "credit-scoring"});
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "kube/client.h"
#include "kube/object_store.h"
#include "kube/watcher.h"

namespace countersign {

struct InformerOptions {
  WatchScope scope{};
  WatchTimings timings{};
  // Hears every list and watch failure (the informer retries by itself).
  std::function<void(const ApiError&)> on_error{};
  // Whether nothing is kept of a collection that the server knows no more (404): its CRD went, or
  // that version of it, in which case the objects live on and change elsewhere.
  bool forget_unknown = false;
};

// Everything of an informer that does not depend on T.
class InformerBase : private WatchSink {
 public:
  InformerBase(const InformerBase&) = delete;
  InformerBase& operator=(const InformerBase&) = delete;

  void Start();
  void Stop();  // waits for the thread; also done by the destructor

  // What it holds: the kind of its resource.
  [[nodiscard]] std::string_view Kind() const { return options_.scope.resource.kind; }
  // True once the first full list is in, for good.
  [[nodiscard]] bool HasSynced() const { return synced_; }
  // Waits for it; false at `deadline` or `stop`.
  [[nodiscard]] bool WaitForSync(std::stop_token stop, SteadyTime deadline) const;

  [[nodiscard]] std::size_t Size() const { return store_.Size(); }
  // How many are stored that could not be decoded.
  [[nodiscard]] std::size_t UndecodableCount() const { return store_.UndecodableCount(); }
  // All that could not be decoded, with the reason, sorted by key. `ns` nullopt: everywhere.
  [[nodiscard]] std::vector<std::pair<ObjectKey, Error>> Undecodable(
      std::optional<std::string_view> ns = std::nullopt) const;
  // The resourceVersion up to which the collection is known.
  [[nodiscard]] std::string ResourceVersion() const { return store_.ResourceVersion(); }
  // When the server was last heard (event, bookmark or list); nullopt before the first time. An
  // instant long ago means that decisions are made on old knowledge.
  [[nodiscard]] std::optional<SteadyTime> LastHeard() const;

  // Takes in an object just read or written by this program, if it is newer than what the watch has
  // told. Handlers are called. True if it changed the store.
  bool Upsert(Json&& object);

 protected:
  using DecodeErased = std::function<Result<std::shared_ptr<const void>>(Json&&)>;
  using HandlerErased = std::function<void(const StoreChange&)>;

  InformerBase(const KubeClient& client, Clock& clock, InformerOptions options,
               DecodeErased decode);
  ~InformerBase() override;

  void AddHandler(HandlerErased handler);

  ObjectStore store_;

 private:
  void Begin() override;
  void Initial(Json&& object) override;
  void Complete(const std::string& resource_version) override;
  void Applied(Json&& object) override;
  void Deleted(Json&& object) override;
  void Progress(const std::string& resource_version) override;

  std::pair<ObjectKey, StoredObject> Decode(Json&& object) const;
  void Deliver(const StoreChange& change);
  void Forget();
  void Heard();

  Clock& clock_;
  const InformerOptions options_;
  const DecodeErased decode_;
  Watcher watcher_;
  std::vector<HandlerErased> handlers_;
  // The list being received; informer thread only.
  bool staging_ = false;
  std::map<ObjectKey, StoredObject> staged_;
  std::mutex delivery_mutex_;  // one change at a time, store and handlers
  std::atomic<bool> synced_ = false;
  mutable std::mutex state_mutex_;
  mutable std::condition_variable_any synced_cv_;
  std::optional<SteadyTime> last_heard_;
  std::jthread thread_;
};

enum class Found { kAbsent, kPresent, kUndecodable };

template <class T>
struct Lookup {
  Found found = Found::kAbsent;
  std::shared_ptr<const T> value;  // kPresent
  std::optional<Error> error;      // kUndecodable
};

// One change. `before` is null when the object is new (or was undecodable), `after` is null when it
// is gone (`deleted`) or can no longer be decoded (`undecodable`).
template <class T>
struct ObjectChange {
  ObjectKey key;
  std::shared_ptr<const T> before;
  std::shared_ptr<const T> after;
  bool added = false;
  bool deleted = false;
  std::optional<Error> undecodable;
};

template <class T>
class Informer : public InformerBase {
 public:
  using Pointer = std::shared_ptr<const T>;
  using DecodeFunction = std::function<Result<T>(Json&&)>;

  // `client` and `clock` must outlive the informer.
  Informer(const KubeClient& client, Clock& clock, InformerOptions options, DecodeFunction decode)
      : InformerBase(
            client, clock, std::move(options),
            [decode = std::move(decode)](Json&& json) -> Result<std::shared_ptr<const void>> {
              Result<T> value = decode(std::move(json));
              if (!value) return Fail(std::move(value.error()));
              return std::make_shared<const T>(std::move(*value));
            }) {}
  ~Informer() override { Stop(); }

  void AddIndex(std::string name, std::function<std::vector<std::string>(const T&)> function) {
    store_.AddIndex(std::move(name), [function = std::move(function)](const void* value) {
      return function(*static_cast<const T*>(value));
    });
  }

  void OnChange(std::function<void(const ObjectChange<T>&)> handler) {
    AddHandler([handler = std::move(handler)](const StoreChange& change) {
      ObjectChange<T> typed{change.key, {}, {}, !change.before, !change.after, {}};
      if (change.before) typed.before = Cast(change.before->value);
      if (change.after) {
        typed.after = Cast(change.after->value);
        if (change.after->error) typed.undecodable = *change.after->error;
      }
      handler(typed);
    });
  }

  // Null when absent or undecodable; Find tells the two apart.
  [[nodiscard]] Pointer Get(const ObjectKey& key) const { return Find(key).value; }

  [[nodiscard]] Lookup<T> Find(const ObjectKey& key) const {
    const auto stored = store_.Get(key);
    if (!stored) return {};
    if (stored->error) return {Found::kUndecodable, nullptr, *stored->error};
    return {Found::kPresent, Cast(stored->value), std::nullopt};
  }

  // Decodable objects sorted by key. `ns` nullopt: everywhere.
  [[nodiscard]] std::vector<Pointer> List(std::optional<std::string_view> ns = std::nullopt) const {
    std::vector<Pointer> out;
    for (auto& [key, stored] : store_.List(ns)) {
      if (stored.value) out.push_back(Cast(std::move(stored.value)));
    }
    return out;
  }

  // Decodable objects whose index function gave `value`, sorted by key.
  [[nodiscard]] std::vector<Pointer> ByIndex(std::string_view index, std::string_view value) const {
    std::vector<Pointer> out;
    for (auto& object : store_.ByIndex(index, value)) out.push_back(Cast(std::move(object)));
    return out;
  }

 private:
  static Pointer Cast(std::shared_ptr<const void> value) {
    return std::static_pointer_cast<const T>(std::move(value));
  }
};

}  // namespace countersign
