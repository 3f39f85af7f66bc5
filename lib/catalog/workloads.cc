#include "catalog/workloads.h"

#include <algorithm>

#include "base/log.h"

namespace countersign {
namespace {

constexpr char kByUid[] = "uid";

// Pods come last: seldom does one own another workload.
bool IsBuiltIn(const ServingProfile& profile) {
  if (profile.resource == kPods.plural && profile.group.empty()) return false;
  return profile.group.empty() || profile.group == "apps" || profile.group == "batch";
}

InformerOptions Follow(const Resource& resource, const std::string& selector,
                       std::function<void()> not_there) {
  InformerOptions options;
  options.scope.resource = resource;
  options.scope.label_selector = selector;
  // An owner that changes in another version must not be known by what it was.
  options.forget_unknown = true;
  options.on_error = [resource, not_there = std::move(not_there)](const ApiError& error) {
    // A CRD that is not installed, or not in that version.
    if (error.http_status == 404) return not_there();
    Log(LogLevel::kWarning, "cannot follow a collection",
        {{"resource", resource.Name()}, {"error", error.ToString()}});
  };
  return options;
}

}  // namespace

std::optional<WorkloadOwner> ControllerOf(const Json& object) {
  const Json* owners = FindPath(object, "metadata/ownerReferences");
  if (owners == nullptr || !owners->is_array()) return std::nullopt;
  for (const Json& owner : *owners) {
    if (!BoolAt(owner, "controller")) continue;
    return WorkloadOwner{StringAt(owner, "kind"), StringAt(owner, "name"), StringAt(owner, "uid"),
                         StringAt(owner, "apiVersion")};
  }
  return std::nullopt;
}

Workload DecodeWorkload(const ServingProfiles& table, const Json& object) {
  Workload workload;
  workload.key = {StringAt(object, "metadata/namespace"), StringAt(object, "metadata/name")};
  workload.api_version = StringAt(object, "apiVersion");
  workload.kind = StringAt(object, "kind");
  workload.uid = StringAt(object, "metadata/uid");
  workload.owner = ControllerOf(object);
  workload.recognition = Recognise(table, object);
  return workload;
}

Resource ResourceOf(const ServingProfile& profile, const std::string& version) {
  return {profile.group, version, profile.resource, true, profile.kind};
}

Resource ResourceOf(const ServingProfile& profile) {
  return ResourceOf(profile, profile.versions.front());
}

Resource ResourceOf(const ServingSelector& selector) {
  return {selector.group, selector.versions.front(), selector.resource, true, selector.kind};
}

Workloads::Workloads(const KubeClient& client, Clock& clock, const ServingProfiles& table)
    : clock_(clock) {
  for (const bool built_in : {true, false}) {
    for (const ServingProfile& profile : table.profiles) {
      const bool pods = profile.resource == kPods.plural && profile.group.empty();
      if (IsBuiltIn(profile) != built_in || (pods && profile.owners.empty())) continue;
      for (const std::string& version : profile.versions) {
        const bool last = version == profile.versions.back();
        const std::size_t next = followed_.size() + 1;
        followed_.push_back({Following(client, table, ResourceOf(profile, version), profile.owners,
                                       [this, last, next] {
                                         if (!last) FallBackTo(next);
                                       }),
                             version == profile.versions.front(), false});
      }
    }
    if (built_in) built_in_ = followed_.size();
  }
}

std::unique_ptr<Informer<Workload>> Workloads::Following(const KubeClient& client,
                                                         const ServingProfiles& table,
                                                         const Resource& resource,
                                                         const std::string& selector,
                                                         std::function<void()> not_there) {
  // Items of a list name neither kind nor version.
  auto informer = std::make_unique<Informer<Workload>>(
      client, clock_, Follow(resource, selector, std::move(not_there)),
      [&table, resource](Json&& object) -> Result<Workload> {
        object["apiVersion"] = resource.ApiVersion();
        object["kind"] = resource.kind;
        return DecodeWorkload(table, object);
      });
  informer->AddIndex(kByUid, [](const Workload& workload) { return std::vector{workload.uid}; });
  informer->OnChange([this](const ObjectChange<Workload>&) {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  return informer;
}

void Workloads::Start() {
  const std::lock_guard lock(mutex_);
  for (Followed& one : followed_) {
    if (!one.first) continue;
    one.started = true;
    one.informer->Start();
  }
}

void Workloads::FallBackTo(std::size_t at) {
  const std::lock_guard lock(mutex_);
  if (stopped_ || followed_[at].started) return;
  followed_[at].started = true;
  followed_[at].informer->Start();
}

void Workloads::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  for (const Followed& one : followed_) one.informer->Stop();
}

bool Workloads::HasSynced() const {
  return std::all_of(followed_.begin(), followed_.begin() + static_cast<std::ptrdiff_t>(built_in_),
                     [](const Followed& one) { return !one.first || one.informer->HasSynced(); });
}

bool Workloads::WaitForSync(const std::stop_token& stop, SteadyTime deadline) const {
  return std::all_of(
      followed_.begin(), followed_.begin() + static_cast<std::ptrdiff_t>(built_in_),
      [&](const Followed& one) { return !one.first || one.informer->WaitForSync(stop, deadline); });
}

CacheStatus Workloads::Status() const {
  CacheStatus status{"workloads", 0, 0, HasSynced(), std::nullopt};
  for (std::size_t i = 0; i < followed_.size(); ++i) {
    const Informer<Workload>& informer = *followed_[i].informer;
    status.objects += informer.Size();
    status.undecodable += informer.UndecodableCount();
    const auto heard = informer.LastHeard();
    const bool expected = (i < built_in_ && followed_[i].first) || informer.Size() > 0;
    if (!heard || !expected) continue;
    status.last_heard = status.last_heard ? std::min(*status.last_heard, *heard) : *heard;
  }
  return status;
}

std::vector<std::string> Workloads::Stale(SteadyTime now) const {
  std::vector<std::string> stale;
  for (std::size_t i = 0; i < built_in_; ++i) {
    if (!followed_[i].first) continue;
    const auto heard = followed_[i].informer->LastHeard();
    if (!heard || now - *heard < kStaleAfter) continue;
    stale.emplace_back("the API server has not been heard about workloads for some minutes");
    break;
  }
  return stale;
}

std::shared_ptr<const Workload> Workloads::ByUid(const std::string& uid) const {
  if (uid.empty()) return nullptr;
  for (const Followed& one : followed_) {
    auto found = one.informer->ByIndex(kByUid, uid);
    if (!found.empty()) return std::move(found.front());
  }
  return nullptr;
}

std::shared_ptr<const Workload> Workloads::Await(const std::string& uid,
                                                 SteadyTime deadline) const {
  auto found = ByUid(uid);
  if (found != nullptr || uid.empty()) return found;
  std::unique_lock lock(mutex_);
  if (waiting_ >= kMaxWaiting) return nullptr;
  ++waiting_;
  const SteadyTime until = std::min(deadline, clock_.Steady() + kPatience);
  clock_.WaitUntil(lock, changed_, {}, until, [&] {
    found = ByUid(uid);
    return found != nullptr;
  });
  --waiting_;
  return found;
}

std::vector<std::shared_ptr<const Workload>> Workloads::Owners(const std::string& ns,
                                                               const WorkloadOwner& first,
                                                               SteadyTime deadline,
                                                               std::string& problem) const {
  std::vector<std::shared_ptr<const Workload>> chain;
  std::optional<WorkloadOwner> next = first;
  while (next) {
    auto owner = Await(next->uid, deadline);
    if (owner == nullptr) {
      // A ModelDeployment is not among the workloads; whoever asks knows those.
      if (next->kind == "Pod") {
        problem = "its owner is Pod '" + Excerpt(next->name, 253) +
                  "', which is not known (yet) among the Pods that own workloads (`owners` in the "
                  "serving profiles); a controller tries again by itself";
      } else if (next->kind != "ModelDeployment") {
        problem = "its owner " + Excerpt(next->kind, 63) + " '" + Excerpt(next->name, 253) +
                  "' is not known (yet); a controller tries again by itself";
      }
      return chain;
    }
    if (owner->key.ns != ns) {
      problem = "its owner is in another namespace";
      return chain;
    }
    if (chain.size() == kMaxOwners) {
      problem = "it has more than " + std::to_string(kMaxOwners) + " owners above each other";
      return chain;
    }
    next = owner->owner;
    chain.push_back(std::move(owner));
  }
  return chain;
}

}  // namespace countersign
