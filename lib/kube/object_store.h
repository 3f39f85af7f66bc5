// object_store.h: the content of one collection, by key and by index.
//
// Holds immutable values behind `shared_ptr<const void>`; Informer<T> puts the type back on. An
// object that could not be decoded stays in the store with its error, because code that decides
// must see that something is there that it cannot read. A relist is staged and swapped in at its
// end: readers see the old collection or the new one, never half. Each mutation returns what
// changed. Thread-safe: many readers, writers serialised by the caller (the informer).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kube/resource.h"

namespace countersign {

// One object as stored: exactly one of `value` and `error` is set.
struct StoredObject {
  std::string uid;
  std::string resource_version;
  std::shared_ptr<const void> value;
  std::shared_ptr<const Error> error;
};

// `before` is absent for an addition, `after` for a deletion.
struct StoreChange {
  ObjectKey key;
  std::optional<StoredObject> before;
  std::optional<StoredObject> after;
};

class ObjectStore {
 public:
  using IndexFunction = std::function<std::vector<std::string>(const void* value)>;

  // Before the first object. The function gives the values under which an object is found.
  void AddIndex(std::string name, IndexFunction function);

  // Reading.
  [[nodiscard]] std::optional<StoredObject> Get(const ObjectKey& key) const;
  // Sorted by key. `ns` nullopt: all namespaces.
  [[nodiscard]] std::vector<std::pair<ObjectKey, StoredObject>> List(
      std::optional<std::string_view> ns) const;
  // Decodable objects only, sorted by key. An unknown index name has no objects.
  [[nodiscard]] std::vector<std::shared_ptr<const void>> ByIndex(std::string_view index,
                                                                 std::string_view value) const;
  [[nodiscard]] std::size_t Size() const;
  [[nodiscard]] std::size_t UndecodableCount() const;
  // The resourceVersion up to which the collection is known; empty before the first Replace.
  [[nodiscard]] std::string ResourceVersion() const;

  // Writing. A change that is older than what is stored, or the same, is dropped: nullopt.
  // From the watch stream, in its order:
  std::optional<StoreChange> Put(const ObjectKey& key, StoredObject object);
  std::optional<StoreChange> Remove(const ObjectKey& key, std::string_view uid,
                                    std::string_view resource_version);
  void Advance(std::string_view resource_version);
  // A full list is on its way: live reads from now on may be newer than it.
  void BeginReplace();
  // From a live read: taken only if it is newer than everything the watch has told, so that it can
  // neither turn back time nor bring back what was deleted.
  std::optional<StoreChange> PutRead(const ObjectKey& key, StoredObject object);
  // The whole collection as of `resource_version`. Live reads since BeginReplace that are newer are
  // kept; anything else is not, even if it looks newer (etcd may have been restored from a backup).
  std::vector<StoreChange> Replace(std::map<ObjectKey, StoredObject> objects,
                                   std::string_view resource_version);

 private:
  struct KeyLess {
    bool operator()(const ObjectKey* a, const ObjectKey* b) const { return *a < *b; }
  };
  using Bucket = std::set<const ObjectKey*, KeyLess>;  // keys live in objects_
  struct Index {
    IndexFunction function;
    std::map<std::string, Bucket, std::less<>> buckets;
  };
  using Objects = std::map<ObjectKey, StoredObject>;

  void Link(const Objects::value_type& entry);
  void Unlink(const Objects::value_type& entry);
  std::optional<StoreChange> PutLocked(const ObjectKey& key, StoredObject object);

  mutable std::shared_mutex mutex_;
  Objects objects_;
  std::map<std::string, Index, std::less<>> indexes_;
  std::set<ObjectKey> live_reads_;  // since BeginReplace
  std::string resource_version_;
  std::size_t undecodable_ = 0;
};

}  // namespace countersign
