// children.h: Deployment, Service and PodDisruptionBudget of a ModelDeployment, as they are and as
// they must be.
//
// ChildState is the little that is kept of a live child: whose it is, digests of what we care about
// in it, and how its rollout stands. ChildWriter makes a child be what was rendered: server-side
// apply with force for our own fields, and, because apply leaves the fields of others alone, a
// replacement of the whole spec when somebody added some: `command: [...]` beside an approved image
// is another model. What was once made right is remembered with the digest of the result, so that a
// child at rest costs no request. What is ours stays ours, whoever writes another owner into it or
// holds its deletion up. Thread-safe for different keys; one worker a key.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "kube/client.h"
#include "kube/informer.h"
#include "operator/conditions.h"

namespace countersign {

struct ChildState {
  ObjectKey key;
  std::string uid;
  std::string resource_version;
  std::string owner_kind;  // of the controlling owner
  std::string owner_name;
  std::string owner_uid;
  bool labelled = false;                 // carries our label for this name
  std::optional<std::int64_t> revision;  // number on the label
  std::string governed_digest;           // of the annotation
  bool deleting = false;
  // A Deployment that selects the pods of our child of this name. Nobody can change that, whatever
  // is taken off of its labels, owners and what the API server remembers of who made it.
  bool selected = false;
  std::string digest;  // of the spec and of the metadata that is ours
  Rollout rollout;     // of a Deployment
};

// Never fails: what is absent stays empty.
[[nodiscard]] ChildState DecodeChild(const Json& object);

// Whether it looks like what the operator makes for the ModelDeployment `uid`, whoever owns it now.
[[nodiscard]] bool LooksLikeOurs(const ChildState& child, const std::string& uid);

// An answer of the API server that trying again would not soon change by itself. 500 is what it
// says when another's webhook fails or the addresses for Services are used up.
[[nodiscard]] bool IsRefusal(const ApiError& error);

enum class ChildChange { kNone, kCreated, kUpdated, kReverted };

struct ChildOutcome {
  ChildChange change = ChildChange::kNone;
  std::optional<Obstacle> obstacle;  // the API server refuses it, or somebody else has the name
};

class ChildWriter {
 public:
  // `client` and `cache` must outlive the writer.
  ChildWriter(const KubeClient& client, Resource resource, Informer<ChildState>& cache);

  // Whether the API server would take it: an obstacle if not. No request when it is in place.
  [[nodiscard]] ApiResult<std::optional<Obstacle>> Check(const Json& rendered,
                                                         const std::stop_token& stop);
  // Makes the child what was rendered.
  [[nodiscard]] ApiResult<ChildOutcome> Write(const Json& rendered, const std::stop_token& stop);
  // Takes its pods away and leaves the rest as it is. An obstacle if they run on.
  [[nodiscard]] ApiResult<std::optional<Obstacle>> ScaleToZero(const ObjectKey& key,
                                                               const std::string& owner_uid,
                                                               const std::stop_token& stop);
  // Takes the child away, if it is ours. True if there was one. `approved`: whether that is what a
  // child without an owner says it was made from, which makes it ours. `found`: by Seek, where the
  // cache does not have it.
  [[nodiscard]] ApiResult<bool> Remove(const ObjectKey& key, const std::string& owner_uid,
                                       const std::function<bool(const ChildState&)>& approved,
                                       const std::stop_token& stop,
                                       const std::shared_ptr<const ChildState>& found = nullptr);
  // The child as the API server has it, if it is ours: the cache has only what carries our label.
  // Null where there is none.
  [[nodiscard]] ApiResult<std::shared_ptr<const ChildState>> Seek(
      const ObjectKey& key, const std::string& owner_uid, const std::stop_token& stop) const;
  // Whether somebody took the owner off it.
  [[nodiscard]] bool IsOwnerless(const ObjectKey& key) const;
  // The ModelDeployment is gone.
  void Forget(const ObjectKey& key);

 private:
  struct Memo {
    std::string uid;       // of the child
    std::string rendered;  // digest of what was asked for
    std::string live;      // ChildState::digest when it was in place
  };
  // A child as it is, and whether somebody else's only has its name.
  struct Seen {
    std::shared_ptr<const ChildState> child;  // null: there is none
    bool ours = false;
    bool claimed = false;  // it had another owner a moment ago
  };
  [[nodiscard]] bool InPlace(const ObjectKey& key, const std::string& rendered) const;
  [[nodiscard]] std::optional<Memo> MemoOf(const ObjectKey& key) const;
  [[nodiscard]] ApiResult<Seen> Look(const ObjectKey& key, const std::string& owner_uid,
                                     const std::stop_token& stop) const;
  [[nodiscard]] ApiStatus OwnerStays(const Json& rendered, const std::stop_token& stop) const;
  [[nodiscard]] ApiResult<Seen> Claim(const Json& rendered, const std::stop_token& stop);
  [[nodiscard]] ApiResult<Json> Send(const ChildState& seen, const Json& rendered, bool apply,
                                     const std::stop_token& stop) const;
  [[nodiscard]] ApiStatus LetGo(const ChildState& child, const std::stop_token& stop);

  const KubeClient& client_;
  const Resource resource_;
  Informer<ChildState>& cache_;
  mutable std::mutex mutex_;
  std::map<ObjectKey, Memo> memos_;
};

}  // namespace countersign
