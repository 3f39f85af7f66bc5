#include "catalog/catalog.h"

#include <algorithm>

#include "base/log.h"

namespace countersign {
namespace {

constexpr char kByUseCase[] = "use-case";

std::string Ref(const std::string& name_space, const std::string& name) {
  return name_space + "/" + name;
}

std::string UseCaseOf(const Object<SignOffSpec>& o) {
  return Ref(o.meta.name_space, o.spec.subject.use_case);
}
std::string UseCaseOf(const Object<ReproducibilitySnapshotSpec>& o) {
  return Ref(o.meta.name_space, o.spec.use_case);
}
std::string UseCaseOf(const Object<BiasTestSpec>& o) {
  return Ref(o.meta.name_space, o.spec.use_case);
}
std::string UseCaseOf(const Object<ModelDeploymentSpec>& o) {
  return Ref(o.spec.use_case.name_space, o.spec.use_case.name);
}

template <class Spec>
std::function<Result<Cached<Spec>>(Json&&)> DecodeCached(const StampAuthority& authority) {
  return [&authority](Json&& json) -> Result<Cached<Spec>> {
    auto object = Decode<Spec>(json);
    if (!object) return Fail(object.error());
    auto digest = StampedDigest(json);
    if (!digest) return Fail(digest.error());
    Cached<Spec> cached{std::move(*object), VerifyStamp(authority, json), std::move(*digest)};
    // Verified and taken apart; keeping its text would double the object.
    if constexpr (!std::is_same_v<Spec, ModelDeploymentSpec>) cached.object.meta.stamp.clear();
    return cached;
  };
}

InformerOptions Follow(const Resource& resource) {
  InformerOptions options;
  options.scope.resource = resource;
  options.on_error = [resource](const ApiError& error) {
    Log(LogLevel::kWarning, "cannot follow a collection",
        {{"resource", resource.Name()}, {"error", error.ToString()}});
  };
  return options;
}

template <class Spec>
void Collect(const Informer<Cached<Spec>>& informer, const std::string& use_case,
             std::vector<Attested<Spec>>& out) {
  for (auto& cached : informer.ByIndex(kByUseCase, use_case)) {
    // Shares the cached object's ownership, points into it.
    std::shared_ptr<const Object<Spec>> object(cached, &cached->object);
    out.push_back({std::move(object), cached->by});
  }
}

// An object that cannot be read may be a rejection or a failed test of any use case beside it.
void CollectUnreadable(const InformerBase& informer, std::string_view kind,
                       const std::string& name_space, std::vector<std::string>& unknown) {
  for (const auto& [key, error] : informer.Undecodable(name_space)) {
    unknown.push_back(std::string(kind) + " '" + key.ToString() +
                      "' cannot be read: " + error.ToString().substr(0, 300));
  }
}

}  // namespace

Catalog::Catalog(const KubeClient& client, Clock& clock, StampAuthority authority)
    : authority_(std::move(authority)),
      policies_(client, clock, Follow(kGovernancePolicies),
                [](Json&& json) { return Decode<GovernancePolicySpec>(json); }),
      use_cases_(client, clock, Follow(kUseCases),
                 [](Json&& json) { return Decode<UseCaseSpec>(json); }),
      deployments_(client, clock, Follow(kModelDeployments),
                   DecodeCached<ModelDeploymentSpec>(authority_)),
      sign_offs_(client, clock, Follow(kSignOffs), DecodeCached<SignOffSpec>(authority_)),
      snapshots_(client, clock, Follow(kReproducibilitySnapshots),
                 DecodeCached<ReproducibilitySnapshotSpec>(authority_)),
      bias_tests_(client, clock, Follow(kBiasTests), DecodeCached<BiasTestSpec>(authority_)) {
  Connect(deployments_);
  Connect(sign_offs_);
  Connect(snapshots_);
  Connect(bias_tests_);
  policies_.OnChange([this](const ObjectChange<GovernancePolicy>& change) {
    RebuildPolicies();
    Notify({std::string(GovernancePolicySpec::kKind), change.key, {}});
  });
  use_cases_.OnChange([this](const ObjectChange<UseCase>& change) {
    Notify({std::string(UseCaseSpec::kKind), change.key, change.key.ToString()});
  });
}

template <class Spec>
void Catalog::Connect(Informer<Cached<Spec>>& informer) {
  informer.AddIndex(kByUseCase, [](const Cached<Spec>& cached) {
    return std::vector<std::string>{UseCaseOf(cached.object)};
  });
  informer.OnChange([this](const ObjectChange<Cached<Spec>>& change) {
    // An unreadable object may concern any use case of its namespace.
    if (change.undecodable) return Notify({std::string(Spec::kKind), change.key, {}});
    std::string before = change.before ? UseCaseOf(change.before->object) : std::string();
    std::string after = change.after ? UseCaseOf(change.after->object) : std::string();
    if (before.empty() && after.empty()) return Notify({std::string(Spec::kKind), change.key, {}});
    if (!before.empty()) Notify({std::string(Spec::kKind), change.key, before});
    if (!after.empty() && after != before) Notify({std::string(Spec::kKind), change.key, after});
  });
}

void Catalog::OnChange(std::function<void(const CatalogChange&)> handler) {
  handlers_.push_back(std::move(handler));
}

void Catalog::Notify(const CatalogChange& change) const {
  for (const auto& handler : handlers_) handler(change);
}

std::vector<InformerBase*> Catalog::All() {
  return {&policies_, &use_cases_, &deployments_, &sign_offs_, &snapshots_, &bias_tests_};
}

void Catalog::Start() {
  for (InformerBase* informer : All()) informer->Start();
}

void Catalog::Stop() {
  for (InformerBase* informer : All()) informer->Stop();
}

bool Catalog::HasSynced() const {
  return policies_.HasSynced() && use_cases_.HasSynced() && deployments_.HasSynced() &&
         sign_offs_.HasSynced() && snapshots_.HasSynced() && bias_tests_.HasSynced();
}

bool Catalog::WaitForSync(std::stop_token stop, SteadyTime deadline) const {
  return policies_.WaitForSync(stop, deadline) && use_cases_.WaitForSync(stop, deadline) &&
         deployments_.WaitForSync(stop, deadline) && sign_offs_.WaitForSync(stop, deadline) &&
         snapshots_.WaitForSync(stop, deadline) && bias_tests_.WaitForSync(stop, deadline);
}

void Catalog::RebuildPolicies() {
  auto set = std::make_shared<PolicySet>();
  set->policies = policies_.List();
  for (const auto& [key, error] : policies_.Undecodable()) {
    set->unreadable.push_back("GovernancePolicy '" + key.name +
                              "' cannot be read: " + error.ToString().substr(0, 300));
  }
  const std::lock_guard lock(policies_mutex_);
  policy_set_ = std::move(set);
}

std::shared_ptr<const PolicySet> Catalog::Policies() const {
  const std::lock_guard lock(policies_mutex_);
  return policy_set_;
}

Facts Catalog::Gather(std::shared_ptr<const ModelDeployment> deployment,
                      std::string governed_digest, Provenance author, const std::string& name_space,
                      const std::string& name, Time now) const {
  Facts facts;
  facts.now = now;
  facts.name_space = name_space;
  facts.name = name;
  facts.governed_digest = std::move(governed_digest);
  facts.author = std::move(author);
  const UseCaseRef& ref = deployment->spec.use_case;
  const Lookup<UseCase> use_case = use_cases_.Find({ref.name_space, ref.name});
  facts.use_case = use_case.value;
  const std::string key = Ref(ref.name_space, ref.name);
  Collect(sign_offs_, key, facts.sign_offs);
  Collect(snapshots_, key, facts.snapshots);
  Collect(bias_tests_, key, facts.bias_tests);
  CollectUnreadable(sign_offs_, SignOffSpec::kKind, ref.name_space, facts.unknown);
  CollectUnreadable(bias_tests_, BiasTestSpec::kKind, ref.name_space, facts.unknown);
  CollectUnreadable(snapshots_, ReproducibilitySnapshotSpec::kKind, ref.name_space, facts.unknown);
  facts.deployment = std::move(deployment);
  return facts;
}

void Catalog::Upsert(const Resource& resource, Json&& object) {
  if (resource == kGovernancePolicies) {
    policies_.Upsert(std::move(object));
  } else if (resource == kUseCases) {
    use_cases_.Upsert(std::move(object));
  } else if (resource == kModelDeployments) {
    deployments_.Upsert(std::move(object));
  } else if (resource == kSignOffs) {
    sign_offs_.Upsert(std::move(object));
  } else if (resource == kReproducibilitySnapshots) {
    snapshots_.Upsert(std::move(object));
  } else if (resource == kBiasTests) {
    bias_tests_.Upsert(std::move(object));
  }
}

std::vector<ObjectKey> Catalog::DeploymentsOf(const std::string& use_case) const {
  std::vector<ObjectKey> keys;
  for (const auto& cached : deployments_.ByIndex(kByUseCase, use_case)) {
    keys.push_back({cached->object.meta.name_space, cached->object.meta.name});
  }
  return keys;
}

}  // namespace countersign
