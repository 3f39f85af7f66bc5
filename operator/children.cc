#include "operator/children.h"

#include <algorithm>
#include <charconv>

#include "base/digest.h"
#include "operator/names.h"

namespace countersign {
namespace {

// Of the labels and annotations only ours count: other controllers keep theirs there
// (deployment.kubernetes.io/revision).
Json OurMetadata(const Json& object) {
  Json ours = Json::object();
  const Json* labels = FindPath(object, "metadata/labels");
  const Json* annotations = FindPath(object, "metadata/annotations");
  for (const auto key :
       {kNameLabel, kInstanceLabel, kManagedByLabel, kDeploymentLabel, kRevisionLabel}) {
    const Json* value = labels == nullptr ? nullptr : Find(*labels, key);
    ours[std::string(key)] = value == nullptr ? Json() : *value;
  }
  for (const auto key : {kGovernedDigestAnnotation, kModelDigestAnnotation}) {
    const Json* value = annotations == nullptr ? nullptr : Find(*annotations, key);
    ours[std::string(key)] = value == nullptr ? Json() : *value;
  }
  const Json* owners = FindPath(object, "metadata/ownerReferences");
  ours["owners"] = owners == nullptr ? Json() : *owners;
  return ours;
}

// Numbers that are no integers, or beyond 2^53, have no canonical form; the raw text will do, since
// it is only compared with itself.
std::string DigestOf(const Json& value) {
  auto digest = JsonDigest(value);
  return digest ? *digest : "raw:" + Sha256Hex(DumpJson(value));
}

Rollout RolloutOf(const Json& deployment) {
  Rollout rollout;
  rollout.exists = true;
  rollout.current =
      IntAt(deployment, "status/observedGeneration") >= IntAt(deployment, "metadata/generation");
  rollout.wanted = IntAt(deployment, "spec/replicas");
  rollout.updated = IntAt(deployment, "status/updatedReplicas");
  rollout.available = IntAt(deployment, "status/availableReplicas");
  const Json* conditions = FindPath(deployment, "status/conditions");
  if (conditions == nullptr || !conditions->is_array()) return rollout;
  for (const Json& condition : *conditions) {
    const std::string type = StringAt(condition, "type");
    const std::string status = StringAt(condition, "status");
    if ((type == "Progressing" && status == "False") ||
        (type == "ReplicaFailure" && status == "True")) {
      rollout.failure = StringAt(condition, "reason") + ": " + StringAt(condition, "message");
    }
    if (type == "Available" && status == "False") {
      if (auto since = ParseTime(StringAt(condition, "lastTransitionTime"))) {
        rollout.unavailable_since = *since;
      }
    }
  }
  return rollout;
}

// An API server refuses what a ValidatingAdmissionPolicy matches while it does not know the kind of
// the policy's parameters. It looks again every half minute, and knows the kinds of a fresh
// installation only then (apiserver/pkg/admission/plugin/policy/generic/policy_source.go).
bool KnowsNotAllKinds(const ApiError& error) {
  return error.message.find("failed to find resource referenced by paramKind") != std::string::npos;
}

Obstacle RefusedBecause(const Resource& resource, const ApiError& error) {
  return {"RenderRefused", "the API server refuses the " + resource.kind + ": " + error.message,
          KnowsNotAllKinds(error)};
}

std::string OwnerUid(const Json& rendered) {
  const Json* owners = FindPath(rendered, "metadata/ownerReferences");
  return owners == nullptr || owners->empty() ? "" : StringAt(owners->front(), "uid");
}

ApplyOptions Forced(bool dry_run) {
  ApplyOptions options;
  options.force = true;
  options.dry_run = dry_run;
  return options;
}

WriteOptions Replacing(bool dry_run) {
  WriteOptions options;
  options.dry_run = dry_run;
  return options;
}

// Over this version alone.
Json Over(const ChildState& live, Json rendered) {
  rendered["metadata"]["resourceVersion"] = live.resource_version;
  return rendered;
}

// The API server takes a PodDisruptionBudget only over a version.
Json Replacement(const Resource& resource, const Json& rendered, const ChildState& state) {
  return resource == kPodDisruptionBudgets ? Over(state, rendered) : rendered;
}

Call Until(std::stop_token stop) {
  Call call;
  call.stop = std::move(stop);
  return call;
}

Obstacle Taken(const Resource& resource, const ChildState& live) {
  const std::string owner = live.owner_uid.empty()
                                ? "was not made by the operator"
                                : "belongs to " + live.owner_kind + " '" + live.owner_name + "'";
  return {"ChildNameTaken", resource.kind + " '" + live.key.ToString() + "' " + owner +
                                " and must be deleted or renamed first"};
}

// Its deletion is an event that brings us back.
Obstacle Terminating(const Resource& resource, const ObjectKey& key) {
  return {"ChildTerminating", resource.kind + " '" + key.ToString() + "' is being deleted"};
}

// Whether the operator applied it, as the API server wrote down.
bool WasApplied(const Json& object) {
  const Json* fields = FindPath(object, "metadata/managedFields");
  if (fields == nullptr || !fields->is_array()) return false;
  return std::any_of(fields->begin(), fields->end(), [](const Json& one) {
    return StringAt(one, "manager") == kOperatorName && StringAt(one, "operation") == "Apply";
  });
}

std::string NotLetGo(const ApiError& error) {
  return "; the finalizers that hold it cannot be taken off: " + error.message;
}

// Those of the API server's own garbage collector, which ends them by itself.
bool IsOfDeletion(const Json& finalizer) {
  return finalizer == "foregroundDeletion" || finalizer == "orphan";
}

}  // namespace

bool IsRefusal(const ApiError& error) {
  return error.http_status == 500 || error.http_status == 400 || error.http_status == 403 ||
         error.http_status == 409 || error.http_status == 422;
}

bool LooksLikeOurs(const ChildState& child, const std::string& uid) {
  if ((!uid.empty() && child.owner_uid == uid) || child.selected) return true;
  if (!child.labelled) return false;
  return child.owner_uid.empty() || (child.revision && !child.governed_digest.empty());
}

ChildState DecodeChild(const Json& object) {
  ChildState state;
  state.key = KeyOf(object);
  state.uid = UidOf(object);
  state.resource_version = ResourceVersionOf(object);
  state.deleting = !StringAt(object, "metadata/deletionTimestamp").empty();
  if (const Json* owners = FindPath(object, "metadata/ownerReferences");
      owners != nullptr && owners->is_array()) {
    for (const Json& owner : *owners) {
      if (!BoolAt(owner, "controller")) continue;
      state.owner_kind = StringAt(owner, "kind");
      state.owner_name = StringAt(owner, "name");
      state.owner_uid = StringAt(owner, "uid");
    }
  }
  state.governed_digest = AnnotationOf(object, kGovernedDigestAnnotation);
  if (const Json* labels = FindPath(object, "metadata/labels"); labels != nullptr) {
    const Json* mine = Find(*labels, kDeploymentLabel);
    state.labelled = mine != nullptr && *mine == state.key.name;
    if (const Json* number = Find(*labels, kRevisionLabel);
        number != nullptr && number->is_string()) {
      const auto& text = number->get_ref<const std::string&>();
      std::int64_t value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error == std::errc{} && end == text.data() + text.size()) state.revision = value;
    }
  }
  const Json* selector = FindPath(object, "spec/selector/matchLabels");
  const Json ours = {{kInstanceLabel, state.key.name}, {kManagedByLabel, kOperatorName}};
  state.selected =
      selector != nullptr && *selector == ours && FindPath(object, "spec/template") != nullptr;
  const Json* spec = Find(object, "spec");
  Json digested = OurMetadata(object);
  digested["spec"] = spec == nullptr ? Json() : *spec;
  state.digest = DigestOf(digested);
  if (FindPath(object, "spec/replicas") != nullptr) state.rollout = RolloutOf(object);
  return state;
}

ChildWriter::ChildWriter(const KubeClient& client, Resource resource, Informer<ChildState>& cache)
    : client_(client), resource_(std::move(resource)), cache_(cache) {}

std::optional<ChildWriter::Memo> ChildWriter::MemoOf(const ObjectKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = memos_.find(key);
  return found == memos_.end() ? std::nullopt : std::optional(found->second);
}

bool ChildWriter::InPlace(const ObjectKey& key, const std::string& rendered) const {
  const auto memo = MemoOf(key);
  const auto live = cache_.Get(key);
  return memo && live && !live->deleting && memo->rendered == rendered &&
         memo->live == live->digest;
}

ApiResult<ChildWriter::Seen> ChildWriter::Look(const ObjectKey& key, const std::string& owner_uid,
                                               const std::stop_token& stop) const {
  const auto memo = MemoOf(key);
  const auto is_ours = [&](const ChildState& child) {
    return LooksLikeOurs(child, owner_uid) || (memo && memo->uid == child.uid);
  };
  if (const auto cached = cache_.Get(key); cached && is_ours(*cached)) return Seen{cached, true};
  // Only what carries our label is cached: a foreign object of that name, or ours without it. And
  // only the API server remembers who made it.
  auto json = client_.Get(resource_, key, Until(stop));
  if (!json) {
    if (json.error().code == Code::kNotFound) return Seen{};
    return tl::unexpected(json.error());
  }
  ChildState child = DecodeChild(*json);
  const bool ours = is_ours(child) || WasApplied(*json);
  return Seen{std::make_shared<const ChildState>(std::move(child)), ours};
}

// Asks the API server, because the cache may not know of the deletion that took the owner off.
ApiStatus ChildWriter::OwnerStays(const Json& rendered, const std::stop_token& stop) const {
  const ObjectKey owner{KeyOf(rendered).ns,
                        StringAt(rendered["metadata"]["ownerReferences"].front(), "name")};
  const auto object = client_.Get(kModelDeployments, owner, Until(stop));
  if (!object && object.error().code != Code::kNotFound) return tl::unexpected(object.error());
  if (object && UidOf(*object) == OwnerUid(rendered) &&
      StringAt(*object, "metadata/deletionTimestamp").empty()) {
    return {};
  }
  ApiError error;
  error.code = Code::kConflict;
  error.message = "ModelDeployment '" + owner.ToString() + "' is being deleted";
  return tl::unexpected(std::move(error));
}

// As Look, for whatever is rendered; with our owner again, where it is ours. Two controllers cannot
// own one object: an apply would be refused for the other's sake.
ApiResult<ChildWriter::Seen> ChildWriter::Claim(const Json& rendered, const std::stop_token& stop) {
  const ObjectKey key = KeyOf(rendered);
  const std::string uid = OwnerUid(rendered);
  auto seen = Look(key, uid, stop);
  if (!seen || !seen->ours || seen->child->owner_uid == uid) return seen;
  if (auto stays = OwnerStays(rendered, stop); !stays) return tl::unexpected(stays.error());
  if (seen->child->owner_uid.empty()) return seen;
  const Json patch = {
      {"metadata",
       {{"uid", seen->child->uid}, {"ownerReferences", rendered["metadata"]["ownerReferences"]}}}};
  auto claimed = client_.Patch(resource_, key, PatchType::kMerge, patch, {}, Until(stop));
  if (!claimed) return tl::unexpected(claimed.error());
  seen->child = std::make_shared<const ChildState>(DecodeChild(*claimed));
  seen->claimed = true;
  if (cache_.Get(key)) cache_.Upsert(std::move(*claimed));
  return seen;
}

// Whoever put a finalizer on a Deployment keeps it from being reconciled once it is deleted, and
// its pods running.
ApiStatus ChildWriter::LetGo(const ChildState& child, const std::stop_token& stop) {
  if (resource_ != kDeployments) return {};
  auto object = client_.Get(resource_, child.key, Until(stop));
  if (!object) {
    if (object.error().code == Code::kNotFound) return {};
    return tl::unexpected(object.error());
  }
  const Json* before = FindPath(*object, "metadata/finalizers");
  if (before == nullptr || !before->is_array() || UidOf(*object) != child.uid) return {};
  Json finalizers = Json::array();
  for (const Json& one : *before) {
    if (IsOfDeletion(one)) finalizers.push_back(one);
  }
  if (finalizers.size() == before->size()) return {};
  const Json patch = {
      {"metadata",
       {{"resourceVersion", ResourceVersionOf(*object)}, {"finalizers", std::move(finalizers)}}}};
  auto written = client_.Patch(resource_, child.key, PatchType::kMerge, patch, {}, Until(stop));
  if (!written && written.error().code != Code::kNotFound) return tl::unexpected(written.error());
  return {};
}

// A write that was under way while the garbage collector took our owner off (--cascade=orphan)
// would put it back, and the child would be collected with it. So it is done over what was seen,
// and over anything else only while the owner stays: whoever writes again and again keeps nothing
// from being reverted.
ApiResult<Json> ChildWriter::Send(const ChildState& seen, const Json& rendered, bool apply,
                                  const std::stop_token& stop) const {
  const auto send = [&](const Json& object) {
    return apply ? client_.Apply(resource_, object, Forced(false), Until(stop))
                 : client_.Update(resource_, object, Replacing(false), Until(stop));
  };
  auto written = send(Over(seen, rendered));
  if (written || written.error().code != Code::kConflict) return written;
  const auto live = client_.Get(resource_, seen.key, Until(stop));
  const bool gone = !live && live.error().code == Code::kNotFound;
  // Somebody's webhook may answer so too.
  if (!gone && (!live || ResourceVersionOf(*live) == seen.resource_version)) return written;
  if (auto stays = OwnerStays(rendered, stop); !stays) return tl::unexpected(stays.error());
  return send(apply || gone ? rendered : Replacement(resource_, rendered, DecodeChild(*live)));
}

ApiResult<std::optional<Obstacle>> ChildWriter::Check(const Json& rendered,
                                                      const std::stop_token& stop) {
  if (InPlace(KeyOf(rendered), DigestOf(rendered))) return std::optional<Obstacle>{};
  const auto seen = Claim(rendered, stop);
  if (!seen && IsRefusal(seen.error())) {
    return std::optional(RefusedBecause(resource_, seen.error()));
  }
  if (!seen) return tl::unexpected(seen.error());
  if (seen->child && !seen->ours) return std::optional(Taken(resource_, *seen->child));
  const auto dry = client_.Apply(resource_, rendered, Forced(true), Until(stop));
  if (dry) return std::optional<Obstacle>{};
  if (IsRefusal(dry.error())) return std::optional(RefusedBecause(resource_, dry.error()));
  return tl::unexpected(dry.error());
}

ApiResult<ChildOutcome> ChildWriter::Write(const Json& rendered, const std::stop_token& stop) {
  const ObjectKey key = KeyOf(rendered);
  const std::string wanted = DigestOf(rendered);
  ChildOutcome outcome;
  if (InPlace(key, wanted)) return outcome;
  const auto seen = Claim(rendered, stop);
  if (!seen) {
    if (!IsRefusal(seen.error())) return tl::unexpected(seen.error());
    outcome.obstacle = RefusedBecause(resource_, seen.error());
    return outcome;
  }
  const std::shared_ptr<const ChildState>& live = seen->child;
  if (live && !seen->ours) {
    outcome.obstacle = Taken(resource_, *live);
    return outcome;
  }
  if (live && live->deleting) {
    outcome.obstacle = Terminating(resource_, key);
    if (auto gone = LetGo(*live, stop); !gone) outcome.obstacle->message += NotLetGo(gone.error());
    return outcome;
  }
  auto applied = live ? Send(*live, rendered, true, stop)
                      : client_.Apply(resource_, rendered, Forced(false), Until(stop));
  if (!applied) {
    if (!IsRefusal(applied.error())) return tl::unexpected(applied.error());
    outcome.obstacle = RefusedBecause(resource_, applied.error());
    return outcome;
  }
  ChildState state = DecodeChild(*applied);
  if (live) {
    // What the object would be if it were ours alone, defaults included.
    auto alone = client_.Update(resource_, Replacement(resource_, rendered, state), Replacing(true),
                                Until(stop));
    if (!alone) return tl::unexpected(alone.error());
    if (DecodeChild(*alone).digest != state.digest) {
      applied = Send(state, rendered, false, stop);
      if (!applied) return tl::unexpected(applied.error());
      state = DecodeChild(*applied);
    }
  }
  const auto memo = MemoOf(key);
  if (!live || seen->claimed || live->resource_version != state.resource_version) {
    outcome.change = memo && memo->rendered == wanted ? ChildChange::kReverted
                     : live                           ? ChildChange::kUpdated
                                                      : ChildChange::kCreated;
  }
  {
    const std::lock_guard lock(mutex_);
    memos_[key] = {state.uid, wanted, state.digest};
  }
  cache_.Upsert(std::move(*applied));
  return outcome;
}

ApiResult<std::optional<Obstacle>> ChildWriter::ScaleToZero(const ObjectKey& key,
                                                            const std::string& owner_uid,
                                                            const std::stop_token& stop) {
  const auto seen = Look(key, owner_uid, stop);
  if (!seen) return tl::unexpected(seen.error());
  const std::shared_ptr<const ChildState>& live = seen->child;
  if (!live) return std::optional<Obstacle>{};
  if (!seen->ours) {
    if (live->rollout.exists && live->rollout.wanted == 0) return std::optional<Obstacle>{};
    Obstacle obstacle = Taken(resource_, *live);
    obstacle.message += "; its pods run on";
    return std::optional(std::move(obstacle));
  }
  if (live->deleting) {
    Obstacle obstacle = Terminating(resource_, key);
    obstacle.message += "; until it is gone its pods may run on";
    if (auto gone = LetGo(*live, stop); !gone) obstacle.message += NotLetGo(gone.error());
    return std::optional(std::move(obstacle));
  }
  if (live->rollout.exists && live->rollout.wanted == 0) return std::optional<Obstacle>{};
  const Json patch = {{"metadata", {{"uid", live->uid}}}, {"spec", {{"replicas", 0}}}};
  auto scaled = client_.Patch(resource_, key, PatchType::kMerge, patch, {}, Until(stop));
  if (scaled) {
    if (cache_.Get(key)) cache_.Upsert(std::move(*scaled));
    return std::optional<Obstacle>{};
  }
  if (scaled.error().code == Code::kNotFound) return std::optional<Obstacle>{};
  if (!IsRefusal(scaled.error())) return tl::unexpected(scaled.error());
  Obstacle obstacle = RefusedBecause(resource_, scaled.error());
  obstacle.message += "; its pods run on";
  return std::optional(std::move(obstacle));
}

ApiResult<bool> ChildWriter::Remove(const ObjectKey& key, const std::string& owner_uid,
                                    const std::function<bool(const ChildState&)>& approved,
                                    const std::stop_token& stop,
                                    const std::shared_ptr<const ChildState>& found) {
  const auto memo = MemoOf(key);
  const auto live = found != nullptr ? found : cache_.Get(key);
  // What a ModelDeployment that is gone left behind is not taken away by another of its name.
  const bool ours =
      live && (live->owner_uid == owner_uid || (memo && memo->uid == live->uid) ||
               (LooksLikeOurs(*live, owner_uid) && (!live->owner_uid.empty() || approved(*live))));
  if (!ours) return false;
  if (live->deleting) {
    if (auto gone = LetGo(*live, stop); !gone) return tl::unexpected(gone.error());
    return false;
  }
  DeleteOptions options;
  options.propagation = "Background";
  options.uid = live->uid;
  const auto deleted = client_.Delete(resource_, key, options, Until(stop));
  if (!deleted && deleted.error().code != Code::kNotFound) return tl::unexpected(deleted.error());
  const std::lock_guard lock(mutex_);
  memos_[key] = {live->uid, {}, {}};
  return true;
}

ApiResult<std::shared_ptr<const ChildState>> ChildWriter::Seek(const ObjectKey& key,
                                                               const std::string& owner_uid,
                                                               const std::stop_token& stop) const {
  auto seen = Look(key, owner_uid, stop);
  if (!seen) return tl::unexpected(seen.error());
  return seen->ours ? seen->child : nullptr;
}

bool ChildWriter::IsOwnerless(const ObjectKey& key) const {
  const auto live = cache_.Get(key);
  return live && live->owner_uid.empty();
}

void ChildWriter::Forget(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  memos_.erase(key);
}

}  // namespace countersign
