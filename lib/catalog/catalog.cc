#include "catalog/catalog.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "catalog/index_keys.h"
#include "evidence/receipt.h"
#include "evidence/signed_object.h"
#include "governance/records.h"
#include "governance/signers.h"

namespace countersign {
namespace {

bool IsOnPolicy(const std::shared_ptr<const Cached<SignOffSpec>>& cached) {
  return cached != nullptr &&
         cached->object.spec.subject.kind == SubjectOfSignOff::kGovernancePolicy;
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

// A policy's authorities remember what they found about a certificate: asked here, they need no
// cryptography when a decision waits.
void JudgeChain(const PolicySet& policies, const Provenance& by) {
  if (!by.signature || (!by.signature->chain && by.signature->cosigners.empty())) return;
  for (const auto& policy : policies.policies) {
    static_cast<void>(SignerOf(policy->spec, by, {}, std::nullopt, Revocation::kDisregarded));
  }
}

template <class Spec>
void JudgeChains(const PolicySet& policies, const Informer<Cached<Spec>>& informer) {
  for (const auto& cached : informer.List()) JudgeChain(policies, cached->by);
}

}  // namespace

Catalog::Catalog(const KubeClient& client, Clock& clock, StampAuthority authority)
    : clock_(clock),
      authority_(std::move(authority)),
      policies_(client, clock, Follow(kGovernancePolicies), DecodeCached<GovernancePolicySpec>()),
      use_cases_(client, clock, Follow(kUseCases),
                 [this](Json&& json) {
                   auto use_case = Decode<UseCaseSpec>(json);
                   if (!use_case) concerns_.Note(json);
                   return use_case;
                 }),
      deployments_(client, clock, Follow(kModelDeployments), DecodeCached<ModelDeploymentSpec>()),
      sign_offs_(client, clock, Follow(kSignOffs), DecodeCached<SignOffSpec>()),
      snapshots_(client, clock, Follow(kReproducibilitySnapshots),
                 DecodeCached<ReproducibilitySnapshotSpec>()),
      bias_tests_(client, clock, Follow(kBiasTests), DecodeCached<BiasTestSpec>()),
      reports_(client, clock, Follow(kEvidence), DecodeCached<EvidenceSpec>()),
      waivers_(client, clock, Follow(kWaivers), DecodeCached<WaiverSpec>()),
      incidents_(client, clock, Follow(kIncidents), DecodeCached<IncidentSpec>()),
      records_(client, clock, Follow(kModelRecords), DecodeCached<ModelRecordSpec>()) {
  Connect(deployments_);
  sign_offs_.AddIndex(kBySubject, [](const Cached<SignOffSpec>& cached) {
    const bool on_policy = cached.object.spec.subject.kind == SubjectOfSignOff::kGovernancePolicy;
    return on_policy ? std::vector<std::string>{kPolicies} : std::vector<std::string>();
  });
  snapshots_.AddIndex(kByRepeated, [](const Cached<ReproducibilitySnapshotSpec>& cached) {
    const std::string& repeated = cached.object.spec.reproduction_of;
    return repeated.empty()
               ? std::vector<std::string>()
               : std::vector<std::string>{RefTo(cached.object.meta.name_space, repeated)};
  });
  reports_.AddIndex(kByDeployment, [](const Cached<EvidenceSpec>& cached) {
    std::string deployment = DeploymentOf(cached.object);
    return deployment.empty() ? std::vector<std::string>()
                              : std::vector<std::string>{std::move(deployment)};
  });
  reports_.AddIndex(kAboutUseCase, [](const Cached<EvidenceSpec>& cached) {
    return cached.object.spec.model ? std::vector<std::string>()
                                    : std::vector<std::string>{UseCaseOf(cached.object)};
  });
  // First, so that whoever hears of the change finds the new set.
  sign_offs_.OnChange([this](const ObjectChange<Cached<SignOffSpec>>& change) {
    // Perhaps: the set says so of one that might be on a policy.
    const bool was_unreadable = !change.before && !Policies()->unreadable.empty();
    if (change.undecodable || was_unreadable || IsOnPolicy(change.before) ||
        IsOnPolicy(change.after)) {
      RebuildPolicies();
    }
  });
  sign_offs_.AddIndex(kRejections, [](const Cached<SignOffSpec>& cached) {
    return IsRejectionInUseCase(cached.object.spec)
               ? std::vector<std::string>{UseCaseOf(cached.object)}
               : std::vector<std::string>();
  });
  Connect(sign_offs_);
  Connect(snapshots_);
  Connect(bias_tests_);
  Connect(reports_);
  Connect(waivers_);
  Connect(incidents_);
  ConnectRecords();
  policies_.OnChange([this](const ObjectChange<Cached<GovernancePolicySpec>>& change) {
    if (!change.undecodable) concerns_.Forget(GovernancePolicySpec::kKind, change.key);
    RebuildPolicies();
    Notify({std::string(GovernancePolicySpec::kKind), change.key, {}});
  });
  use_cases_.OnChange([this](const ObjectChange<UseCase>& change) {
    if (!change.undecodable) concerns_.Forget(UseCaseSpec::kKind, change.key);
    Notify({std::string(UseCaseSpec::kKind), change.key, change.key.ToString()});
  });
}

template <class Spec>
std::function<Result<Cached<Spec>>(Json&&)> Catalog::DecodeCached() {
  return [this](Json&& json) -> Result<Cached<Spec>> {
    auto object = Decode<Spec>(json);
    if (!object) {
      concerns_.Note(json);
      return Fail(object.error());
    }
    Cached<Spec> cached{std::move(*object), {}};
    cached.by = WithSignature(VerifyStored(authority_, json, cached.object.spec_digest), json);
    JudgeChain(*Policies(), cached.by);
    // Taken apart, and seldom needed: both would multiply what an object takes here. By which key a
    // record is stamped the operator looks at each time, so as not to write it again.
    if constexpr (!std::is_same_v<Spec, ModelRecordSpec>) {
      std::string().swap(cached.object.meta.stamp);
    }
    if constexpr (std::is_same_v<Spec, EvidenceSpec>) {
      auto& signature = cached.object.spec.model_signature;
      if (signature) std::string().swap(signature->bundle);
    }
    if constexpr (requires { cached.object.spec.signature; }) {
      auto& signature = cached.object.spec.signature;  // its payload is the spec once more
      if (signature) std::string().swap(signature->payload);
    }
    if constexpr (std::is_same_v<Spec, ModelDeploymentSpec>) {
      cached.object.spec.serving.pod_template.Pack();
    }
    return cached;
  };
}

template <class Spec>
void Catalog::Connect(Informer<Cached<Spec>>& informer) {
  informer.AddIndex(kByUseCase, [](const Cached<Spec>& cached) {
    return std::vector<std::string>{UseCaseOf(cached.object)};
  });
  informer.AddIndex(kByModel,
                    [](const Cached<Spec>& cached) { return ModelsOf(cached.object.spec); });
  informer.OnChange([this](const ObjectChange<Cached<Spec>>& change) {
    if constexpr (!std::is_same_v<Spec, ModelDeploymentSpec>) {
      // First, so that whoever hears of the change finds what changed.
      if (change.before) Outdate(UseCaseOf(change.before->object));
      if (change.after) Outdate(UseCaseOf(change.after->object));
    }
    if (!change.undecodable) concerns_.Forget(Spec::kKind, change.key);
    // An unreadable object may concern any use case of its namespace.
    if (change.undecodable) return Notify({std::string(Spec::kKind), change.key, {}});
    std::string before = change.before ? UseCaseOf(change.before->object) : std::string();
    std::string after = change.after ? UseCaseOf(change.after->object) : std::string();
    std::vector<std::string> models;
    for (const auto& one : {change.before, change.after}) {
      if (one == nullptr) continue;
      for (std::string& model : ModelsOf(one->object.spec)) models.push_back(std::move(model));
      if constexpr (std::is_same_v<Spec, ReproducibilitySnapshotSpec>) {
        const std::string& repeated = one->object.spec.reproduction_of;
        const auto original =
            repeated.empty() ? nullptr : snapshots_.Get({one->object.meta.name_space, repeated});
        if (original != nullptr) models.push_back(original->object.spec.model.digest);
      }
    }
    const std::string kind(Spec::kKind);
    if (before.empty() && after.empty()) return Notify({kind, change.key, {}, models});
    if (!before.empty()) Notify({kind, change.key, before, models});
    if (!after.empty() && after != before) Notify({kind, change.key, after, models});
  });
}

// One record may be about several use cases.
void Catalog::ConnectRecords() {
  records_.AddIndex(kRejections, [](const Cached<ModelRecordSpec>& cached) {
    std::set<std::string> use_cases;
    if (!cached.object.spec.use_case.empty()) return std::vector<std::string>();
    for (const RecordedDecision& one : cached.object.spec.decisions) {
      if (one.sign_off != nullptr && IsRejectionInUseCase(one.sign_off->spec)) {
        use_cases.insert(RefTo(one.name_space, one.use_case));
      }
    }
    return std::vector<std::string>(use_cases.begin(), use_cases.end());
  });
  records_.OnChange([this](const ObjectChange<Cached<ModelRecordSpec>>& change) {
    const std::string kind(ModelRecordSpec::kKind);
    if (change.undecodable) return Notify({kind, change.key, {}});
    concerns_.Forget(kind, change.key);
    std::set<std::string> use_cases;
    std::vector<std::string> models;
    for (const auto& one : {change.before, change.after}) {
      if (one == nullptr) continue;
      const ModelRecordSpec& spec = one->object.spec;
      models = {spec.digest};
      const auto add = [&](const auto& list) {
        for (const auto& entry : list) use_cases.insert(RefTo(entry.name_space, entry.use_case));
      };
      add(spec.results);
      add(spec.decisions);
      add(spec.incidents);
    }
    for (const std::string& use_case : use_cases) Notify({kind, change.key, use_case, models});
  });
}

void Catalog::OnChange(std::function<void(const CatalogChange&)> handler) {
  handlers_.push_back(std::move(handler));
}

void Catalog::Notify(const CatalogChange& change) const {
  for (const auto& handler : handlers_) handler(change);
}

std::vector<Catalog::Caching> Catalog::All() const {
  return {{GovernancePolicySpec::kKind, &policies_},
          {UseCaseSpec::kKind, &use_cases_},
          {ModelDeploymentSpec::kKind, &deployments_},
          {SignOffSpec::kKind, &sign_offs_},
          {ReproducibilitySnapshotSpec::kKind, &snapshots_},
          {BiasTestSpec::kKind, &bias_tests_},
          {EvidenceSpec::kKind, &reports_},
          {WaiverSpec::kKind, &waivers_},
          {IncidentSpec::kKind, &incidents_},
          {ModelRecordSpec::kKind, &records_}};
}

void Catalog::Start() {
  policies_.Start();
  use_cases_.Start();
  deployments_.Start();
  sign_offs_.Start();
  snapshots_.Start();
  bias_tests_.Start();
  reports_.Start();
  waivers_.Start();
  incidents_.Start();
  records_.Start();
}

void Catalog::Stop() {
  policies_.Stop();
  use_cases_.Stop();
  deployments_.Stop();
  sign_offs_.Stop();
  snapshots_.Stop();
  bias_tests_.Stop();
  reports_.Stop();
  waivers_.Stop();
  incidents_.Stop();
  records_.Stop();
}

bool Catalog::HasSynced() const {
  const auto all = All();
  return std::all_of(all.begin(), all.end(),
                     [](const Caching& c) { return c.second->HasSynced(); });
}

bool Catalog::WaitForSync(std::stop_token stop, SteadyTime deadline) const {
  const auto all = All();
  return std::all_of(all.begin(), all.end(),
                     [&](const Caching& c) { return c.second->WaitForSync(stop, deadline); });
}

std::vector<CacheStatus> Catalog::Caches() const {
  std::vector<CacheStatus> caches;
  for (const auto& [kind, cache] : All()) {
    caches.push_back(
        {kind, cache->Size(), cache->UndecodableCount(), cache->HasSynced(), cache->LastHeard()});
  }
  return caches;
}

std::vector<std::string> Catalog::Stale(SteadyTime now) const {
  std::vector<std::string> stale;
  for (const CacheStatus& cache : Caches()) {
    if (!cache.last_heard || now - *cache.last_heard < kStaleAfter) continue;
    const auto silent = std::chrono::duration_cast<Seconds>(now - *cache.last_heard);
    stale.push_back("the API server has not been heard about " + std::string(cache.kind) +
                    " objects for " + std::to_string(silent.count()) + " s");
  }
  return stale;
}

void Catalog::RebuildPolicies() {
  // Two caches lead here; the set that was read last must be the one that stays.
  const std::lock_guard rebuild(rebuild_mutex_);
  auto set = std::make_shared<PolicySet>();
  for (const auto& cached : policies_.List()) {
    set->policies.emplace_back(cached, &cached->object);
    set->made_by[cached->object.meta.name] = cached->by;
  }
  for (const auto& [key, error] : policies_.Undecodable()) {
    set->unreadable.push_back(UnreadableObject(GovernancePolicySpec::kKind, key.name, error));
  }
  for (const auto& cached : sign_offs_.ByIndex(kBySubject, kPolicies)) {
    set->sign_offs.push_back({{cached, &cached->object}, cached->by});
  }
  // It may be a rejection.
  for (const auto& [key, error] : sign_offs_.Undecodable()) {
    if (!concerns_.OnPolicy(SignOffSpec::kKind, key)) continue;
    set->unreadable.push_back(UnreadableObject(SignOffSpec::kKind, key.ToString(), error));
  }
  if (std::any_of(set->policies.begin(), set->policies.end(), [](const auto& policy) {
        return !policy->spec.certificate_authorities.empty();
      })) {
    JudgeChains(*set, sign_offs_);
    JudgeChains(*set, snapshots_);
    JudgeChains(*set, bias_tests_);
    JudgeChains(*set, reports_);
  }
  const std::lock_guard lock(policies_mutex_);
  policy_set_ = std::move(set);
}

std::shared_ptr<const PolicySet> Catalog::Policies() const {
  const std::lock_guard lock(policies_mutex_);
  return policy_set_;
}

void Catalog::Outdate(const std::string& use_case) {
  const std::lock_guard lock(dossiers_mutex_);
  ++outdated_;
  dossiers_.erase(use_case);
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
  } else if (resource == kEvidence) {
    reports_.Upsert(std::move(object));
  } else if (resource == kWaivers) {
    waivers_.Upsert(std::move(object));
  } else if (resource == kIncidents) {
    incidents_.Upsert(std::move(object));
  } else if (resource == kModelRecords) {
    records_.Upsert(std::move(object));
  }
}

}  // namespace countersign
