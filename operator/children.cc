#include "operator/children.h"

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

// An answer of the API server that trying again would not soon change by itself. 500 is what it
// says when another's webhook fails or the addresses for Services are used up.
bool IsRefusal(const ApiError& error) {
  return error.http_status == 500 || error.http_status == 400 || error.http_status == 403 ||
         error.http_status == 409 || error.http_status == 422;
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

// What the object would be replaced with. The API server takes a PodDisruptionBudget only with the
// version that it replaces.
Json Replacement(const Resource& resource, const Json& rendered, const ChildState& state) {
  Json whole = rendered;
  if (resource == kPodDisruptionBudgets) {
    whole["metadata"]["resourceVersion"] = state.resource_version;
  }
  return whole;
}

Call Until(std::stop_token stop) {
  Call call;
  call.stop = std::move(stop);
  return call;
}

// Somebody else's object of that name is left alone.
std::optional<Obstacle> Taken(const Resource& resource, const ChildState& live,
                              const std::string& uid) {
  if (live.owner_uid == uid || (live.owner_uid.empty() && live.labelled)) return std::nullopt;
  const std::string owner = live.owner_uid.empty()
                                ? "was not made by the operator"
                                : "belongs to " + live.owner_kind + " '" + live.owner_name + "'";
  return Obstacle{"ChildNameTaken", resource.kind + " '" + live.key.ToString() + "' " + owner +
                                        " and must be deleted or renamed first"};
}

}  // namespace

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
  return memo && live && memo->rendered == rendered && memo->live == live->digest;
}

ApiResult<std::optional<ChildState>> ChildWriter::Live(const ObjectKey& key,
                                                       const std::stop_token& stop) const {
  if (const auto cached = cache_.Get(key)) return *cached;
  // Only what carries our label is cached: a foreign object of that name, or ours without it.
  auto json = client_.Get(resource_, key, Until(stop));
  if (json) return DecodeChild(*json);
  if (json.error().code == Code::kNotFound) return std::optional<ChildState>{};
  return tl::unexpected(json.error());
}

ApiResult<std::optional<Obstacle>> ChildWriter::Check(const Json& rendered,
                                                      const std::stop_token& stop) {
  const ObjectKey key = KeyOf(rendered);
  if (InPlace(key, DigestOf(rendered))) return std::optional<Obstacle>{};
  auto read = Live(key, stop);
  if (!read) return tl::unexpected(read.error());
  const std::optional<ChildState> live = *std::move(read);
  if (live) {
    if (auto taken = Taken(resource_, *live, OwnerUid(rendered))) return taken;
  }
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
  auto read = Live(key, stop);
  if (!read) return tl::unexpected(read.error());
  const std::optional<ChildState> live = *std::move(read);
  if (live && live->deleting) {
    // Its deletion is an event that brings us back.
    outcome.obstacle =
        Obstacle{"ChildTerminating", resource_.kind + " '" + key.ToString() + "' is being deleted"};
    return outcome;
  }
  if (live) {
    outcome.obstacle = Taken(resource_, *live, OwnerUid(rendered));
    if (outcome.obstacle) return outcome;
  }
  auto applied = client_.Apply(resource_, rendered, Forced(false), Until(stop));
  if (!applied) {
    if (!IsRefusal(applied.error())) return tl::unexpected(applied.error());
    outcome.obstacle = RefusedBecause(resource_, applied.error());
    return outcome;
  }
  ChildState state = DecodeChild(*applied);
  if (live) {
    const Json whole = Replacement(resource_, rendered, state);
    // What the object would be if it were ours alone, defaults included.
    auto alone = client_.Update(resource_, whole, Replacing(true), Until(stop));
    if (!alone) return tl::unexpected(alone.error());
    if (DecodeChild(*alone).digest != state.digest) {
      applied = client_.Update(resource_, whole, Replacing(false), Until(stop));
      if (!applied) return tl::unexpected(applied.error());
      state = DecodeChild(*applied);
    }
  }
  const auto memo = MemoOf(key);
  if (!live || live->resource_version != state.resource_version) {
    outcome.change = memo && memo->rendered == wanted ? ChildChange::kReverted
                     : live                           ? ChildChange::kUpdated
                                                      : ChildChange::kCreated;
  }
  {
    const std::lock_guard lock(mutex_);
    memos_[key] = {wanted, state.digest};
  }
  cache_.Upsert(std::move(*applied));
  return outcome;
}

ApiResult<bool> ChildWriter::Remove(const ObjectKey& key, const std::string& owner_uid,
                                    const std::stop_token& stop) {
  const auto live = cache_.Get(key);
  if (!live || live->deleting || live->owner_uid != owner_uid) return false;
  DeleteOptions options;
  options.propagation = "Background";
  options.uid = live->uid;
  const auto deleted = client_.Delete(resource_, key, options, Until(stop));
  if (!deleted && deleted.error().code != Code::kNotFound) return tl::unexpected(deleted.error());
  Forget(key);
  return true;
}

void ChildWriter::Forget(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  memos_.erase(key);
}

}  // namespace countersign
