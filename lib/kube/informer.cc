#include "kube/informer.h"

#include <exception>

namespace countersign {

InformerBase::InformerBase(const KubeClient& client, Clock& clock, InformerOptions options,
                           DecodeErased decode)
    : clock_(clock),
      options_(std::move(options)),
      decode_(std::move(decode)),
      watcher_(client, clock, options_.scope, *this, options_.timings) {}

InformerBase::~InformerBase() { Stop(); }

void InformerBase::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    watcher_.Run(stop, [this](const ApiError& error) {
      if (options_.forget_unknown && error.http_status == 404) Forget();
      if (options_.on_error) options_.on_error(error);
    });
  });
}

void InformerBase::Stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void InformerBase::AddHandler(HandlerErased handler) { handlers_.push_back(std::move(handler)); }

bool InformerBase::WaitForSync(std::stop_token stop, SteadyTime deadline) const {
  std::unique_lock lock(state_mutex_);
  return clock_.WaitUntil(lock, synced_cv_, std::move(stop), deadline,
                          [this] { return synced_.load(); });
}

std::vector<std::pair<ObjectKey, Error>> InformerBase::Undecodable(
    std::optional<std::string_view> ns) const {
  std::vector<std::pair<ObjectKey, Error>> out;
  if (store_.UndecodableCount() == 0) return out;
  for (const auto& [key, stored] : store_.List(ns)) {
    if (stored.error) out.emplace_back(key, *stored.error);
  }
  return out;
}

std::optional<SteadyTime> InformerBase::LastHeard() const {
  const std::lock_guard lock(state_mutex_);
  return last_heard_;
}

void InformerBase::Heard() {
  const std::lock_guard lock(state_mutex_);
  last_heard_ = clock_.Steady();
}

std::pair<ObjectKey, StoredObject> InformerBase::Decode(Json&& object) const {
  ObjectKey key = KeyOf(object);
  StoredObject stored{UidOf(object), ResourceVersionOf(object), nullptr, nullptr};
  // A relist mostly brings what is here already.
  if (auto known = store_.Get(key); known && known->uid == stored.uid &&
                                    known->resource_version == stored.resource_version &&
                                    !stored.resource_version.empty()) {
    return {std::move(key), std::move(*known)};
  }
  if (const auto metadata = object.find("metadata");
      metadata != object.end() && metadata->is_object()) {
    metadata->erase("managedFields");
  }
  try {
    auto value = decode_(std::move(object));
    if (value) {
      stored.value = std::move(*value);
    } else {
      stored.error = std::make_shared<const Error>(std::move(value.error()));
    }
  } catch (const std::exception& e) {
    // One object must not end the watch of all.
    stored.error = std::make_shared<const Error>(
        Error{Code::kInternal, std::string("decoding failed: ") + e.what(), {}, {}});
  }
  return {std::move(key), std::move(stored)};
}

void InformerBase::Deliver(const StoreChange& change) {
  for (const HandlerErased& handler : handlers_) handler(change);
}

void InformerBase::Forget() {
  const std::lock_guard delivery(delivery_mutex_);
  store_.BeginReplace();
  for (const StoreChange& change : store_.Replace({}, {})) Deliver(change);
}

void InformerBase::Begin() {
  staging_ = true;
  staged_.clear();
  store_.BeginReplace();
}

void InformerBase::Initial(Json&& object) {
  auto [key, stored] = Decode(std::move(object));
  staged_.insert_or_assign(std::move(key), std::move(stored));
  Heard();
}

void InformerBase::Complete(const std::string& resource_version) {
  staging_ = false;
  {
    const std::lock_guard delivery(delivery_mutex_);
    for (const StoreChange& change : store_.Replace(std::move(staged_), resource_version)) {
      Deliver(change);
    }
  }
  staged_.clear();
  Heard();
  {
    const std::lock_guard lock(state_mutex_);
    synced_ = true;
  }
  synced_cv_.notify_all();
}

void InformerBase::Applied(Json&& object) {
  auto [key, stored] = Decode(std::move(object));
  const std::lock_guard delivery(delivery_mutex_);
  const auto change = store_.Put(key, std::move(stored));
  // Before the handlers: whoever is told of a change also finds the knowledge fresh.
  Heard();
  if (change) Deliver(*change);
}

void InformerBase::Deleted(Json&& object) {
  const ObjectKey key = KeyOf(object);
  if (staging_) {
    staged_.erase(key);
    return;
  }
  const std::lock_guard delivery(delivery_mutex_);
  const auto change = store_.Remove(key, UidOf(object), ResourceVersionOf(object));
  Heard();
  if (change) Deliver(*change);
}

void InformerBase::Progress(const std::string& resource_version) {
  store_.Advance(resource_version);
  Heard();
}

bool InformerBase::Upsert(Json&& object) {
  auto [key, stored] = Decode(std::move(object));
  const std::lock_guard delivery(delivery_mutex_);
  const auto change = store_.PutRead(key, std::move(stored));
  if (change) Deliver(*change);
  return change.has_value();
}

}  // namespace countersign
