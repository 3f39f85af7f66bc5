#include "kube/object_store.h"

#include <mutex>
#include <utility>

namespace countersign {
namespace {

bool SameState(const StoredObject& a, const StoredObject& b) {
  return a.uid == b.uid && a.resource_version == b.resource_version;
}

bool Newer(std::string_view a, std::string_view b) { return CompareResourceVersions(a, b) > 0; }

}  // namespace

void ObjectStore::AddIndex(std::string name, IndexFunction function) {
  const std::unique_lock lock(mutex_);
  indexes_.insert_or_assign(std::move(name), Index{std::move(function), {}});
}

std::optional<StoredObject> ObjectStore::Get(const ObjectKey& key) const {
  const std::shared_lock lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::pair<ObjectKey, StoredObject>> ObjectStore::List(
    std::optional<std::string_view> ns) const {
  const std::shared_lock lock(mutex_);
  std::vector<std::pair<ObjectKey, StoredObject>> out;
  auto it = ns ? objects_.lower_bound(ObjectKey{std::string(*ns), {}}) : objects_.begin();
  for (; it != objects_.end() && (!ns || it->first.ns == *ns); ++it) out.emplace_back(*it);
  return out;
}

std::vector<std::shared_ptr<const void>> ObjectStore::ByIndex(std::string_view index,
                                                              std::string_view value) const {
  const std::shared_lock lock(mutex_);
  std::vector<std::shared_ptr<const void>> out;
  const auto by_name = indexes_.find(index);
  if (by_name == indexes_.end()) return out;
  const auto bucket = by_name->second.buckets.find(value);
  if (bucket == by_name->second.buckets.end()) return out;
  out.reserve(bucket->second.size());
  for (const ObjectKey* key : bucket->second) out.push_back(objects_.find(*key)->second.value);
  return out;
}

std::size_t ObjectStore::Size() const {
  const std::shared_lock lock(mutex_);
  return objects_.size();
}

std::size_t ObjectStore::UndecodableCount() const {
  const std::shared_lock lock(mutex_);
  return undecodable_;
}

std::string ObjectStore::ResourceVersion() const {
  const std::shared_lock lock(mutex_);
  return resource_version_;
}

void ObjectStore::Link(const Objects::value_type& entry) {
  if (entry.second.error) ++undecodable_;
  if (!entry.second.value) return;
  for (auto& [name, index] : indexes_) {
    for (std::string& value : index.function(entry.second.value.get())) {
      index.buckets[std::move(value)].insert(&entry.first);
    }
  }
}

void ObjectStore::Unlink(const Objects::value_type& entry) {
  if (entry.second.error) --undecodable_;
  if (!entry.second.value) return;
  for (auto& [name, index] : indexes_) {
    for (const std::string& value : index.function(entry.second.value.get())) {
      const auto bucket = index.buckets.find(value);
      if (bucket == index.buckets.end()) continue;
      bucket->second.erase(&entry.first);
      if (bucket->second.empty()) index.buckets.erase(bucket);
    }
  }
}

std::optional<StoreChange> ObjectStore::PutLocked(const ObjectKey& key, StoredObject object) {
  StoreChange change{key, std::nullopt, object};
  const auto [entry, inserted] = objects_.try_emplace(key);
  if (!inserted) {
    Unlink(*entry);
    change.before = std::move(entry->second);
  }
  entry->second = std::move(object);
  Link(*entry);
  return change;
}

std::optional<StoreChange> ObjectStore::Put(const ObjectKey& key, StoredObject object) {
  const std::unique_lock lock(mutex_);
  if (Newer(object.resource_version, resource_version_)) {
    resource_version_ = object.resource_version;
  }
  const auto found = objects_.find(key);
  // A live read may have been faster than the watch.
  if (found != objects_.end() && (SameState(found->second, object) ||
                                  Newer(found->second.resource_version, object.resource_version))) {
    return std::nullopt;
  }
  return PutLocked(key, std::move(object));
}

std::optional<StoreChange> ObjectStore::Remove(const ObjectKey& key, std::string_view uid,
                                               std::string_view resource_version) {
  const std::unique_lock lock(mutex_);
  if (Newer(resource_version, resource_version_)) resource_version_ = resource_version;
  const auto entry = objects_.find(key);
  if (entry == objects_.end()) return std::nullopt;
  // The object was created again, and a live read saw that before the watch told of the deletion.
  if (entry->second.uid != uid && Newer(entry->second.resource_version, resource_version)) {
    return std::nullopt;
  }
  Unlink(*entry);
  StoreChange change{key, std::move(entry->second), std::nullopt};
  objects_.erase(entry);
  return change;
}

void ObjectStore::Advance(std::string_view resource_version) {
  const std::unique_lock lock(mutex_);
  if (Newer(resource_version, resource_version_)) resource_version_ = resource_version;
}

void ObjectStore::BeginReplace() {
  const std::unique_lock lock(mutex_);
  live_reads_.clear();
}

std::optional<StoreChange> ObjectStore::PutRead(const ObjectKey& key, StoredObject object) {
  const std::unique_lock lock(mutex_);
  // Not newer than the watch: it is stored already, or was deleted since.
  if (!Newer(object.resource_version, resource_version_)) return std::nullopt;
  const auto found = objects_.find(key);
  if (found != objects_.end() && !Newer(object.resource_version, found->second.resource_version)) {
    return std::nullopt;
  }
  live_reads_.insert(key);
  return PutLocked(key, std::move(object));
}

std::vector<StoreChange> ObjectStore::Replace(std::map<ObjectKey, StoredObject> objects,
                                              std::string_view resource_version) {
  std::vector<StoreChange> changes;
  const std::unique_lock lock(mutex_);
  // The watch that follows starts at `resource_version` and will tell what became of these.
  for (const ObjectKey& key : live_reads_) {
    const auto stored = objects_.find(key);
    if (stored == objects_.end() || !Newer(stored->second.resource_version, resource_version)) {
      continue;
    }
    const auto listed = objects.find(key);
    if (listed == objects.end()) {
      objects.insert(*stored);
    } else if (Newer(stored->second.resource_version, listed->second.resource_version)) {
      listed->second = stored->second;
    }
  }
  live_reads_.clear();
  for (auto& [key, stored] : objects_) {
    const auto listed = objects.find(key);
    if (listed == objects.end()) {
      changes.push_back({key, stored, std::nullopt});
    } else if (!SameState(stored, listed->second)) {
      changes.push_back({key, stored, listed->second});
    }
  }
  for (const auto& [key, stored] : objects) {
    if (!objects_.contains(key)) changes.push_back({key, std::nullopt, stored});
  }
  objects_.swap(objects);
  undecodable_ = 0;
  for (auto& [name, index] : indexes_) index.buckets.clear();
  for (const auto& entry : objects_) Link(entry);
  resource_version_ = resource_version;
  return changes;
}

}  // namespace countersign
