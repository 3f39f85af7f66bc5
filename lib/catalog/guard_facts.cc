#include "catalog/guard_facts.h"

#include "catalog/resources.h"
#include "governance/serving/child_name.h"
#include "governance/serving/covers.h"

namespace countersign {
namespace {

EarlierRevisions EarlierOf(const Catalog& catalog, const Revisions& revisions,
                           const ObjectMeta& meta, const std::string& governed_digest, Time now) {
  EarlierRevisions earlier;
  const auto found = revisions.Of(meta, governed_digest);
  earlier.unknown = found.empty() && revisions.HasAny(meta);
  earlier.silent = revisions.Stale();
  for (const auto& revision : found) {
    auto approved = DeploymentOf(*revision);
    // What serves of one that nobody can read any more the operator leaves as it is.
    if (!approved) continue;
    earlier.facts.push_back(catalog.Gather(std::move(*approved), revision->governed_digest,
                                           revision->author, meta.name_space, meta.name, now));
  }
  return earlier;
}

}  // namespace

MadeFrom MadeFromOf(const Json& pod) {
  return {AnnotationOf(pod, kGovernedDigestAnnotation), AnnotationOf(pod, kModelDigestAnnotation)};
}

std::vector<Cover> CoversFor(const Catalog& catalog, const Revisions* revisions,
                             const PolicySet& policies, const std::string& ns,
                             const Recognition& serving, const std::vector<ServingOwner>& owners,
                             const MadeFrom& made_from, Time now) {
  std::vector<Cover> covers;
  for (const auto& cached : catalog.deployments().List(ns)) {
    const ModelDeployment& object = cached->object;
    CoverLookups lookups{[&] {
      return catalog.Gather({cached, &cached->object}, object.spec_digest, cached->by, ns,
                            object.meta.name, now);
    }};
    if (revisions != nullptr) {
      lookups.earlier = [&] {
        return EarlierOf(catalog, *revisions, object.meta, made_from.governed_digest, now);
      };
    }
    auto cover = CoverFor(policies, object, serving, owners, made_from, lookups);
    if (cover) covers.push_back(std::move(*cover));
  }
  return covers;
}

std::vector<GuardWaiver> WaiversFor(const Catalog& catalog, const PolicySet& in_force,
                                    const std::string& ns, const Recognition& serving, Time now) {
  const WaiverLookups lookups{[&](const UseCaseRef& ref) -> std::shared_ptr<const UseCase> {
                                return catalog.use_cases().Get({ref.name_space, ref.name});
                              },
                              [&](std::shared_ptr<const ModelDeployment> asked) {
                                return catalog.Gather(std::move(asked), {}, {}, ns, {}, now);
                              }};
  std::vector<GuardWaiver> waivers;
  for (const auto& cached : catalog.waivers().List()) {
    auto waiver =
        WaiverFor(in_force, ns, serving, {{cached, &cached->object}, cached->by}, lookups);
    if (waiver) waivers.push_back(std::move(*waiver));
  }
  return waivers;
}

bool IsOperatorsOwn(const Workload& workload, const UidOfDeployment& uid_of) {
  const std::optional<WorkloadOwner>& owner = workload.owner;
  if (workload.kind != kDeployments.kind || !owner || owner->kind != ModelDeploymentSpec::kKind ||
      owner->uid.empty()) {
    return false;
  }
  // Who may say so of a kind of ours the API server asks (the policy countersign-owners).
  if (!owner->api_version.starts_with(std::string(kApiGroup) + "/")) return false;
  return uid_of({workload.key.ns, owner->name}) == owner->uid &&
         ChildName(owner->name) == workload.key.name;
}

bool IsOperatorsOwn(const Catalog& catalog, const Workload& workload) {
  return IsOperatorsOwn(workload, [&](const ObjectKey& key) {
    const auto deployment = catalog.deployments().Get(key);
    return deployment == nullptr ? std::string() : deployment->object.meta.uid;
  });
}

std::vector<ServingOwner> OwnersOf(const Catalog& catalog,
                                   const std::vector<std::shared_ptr<const Workload>>& chain) {
  std::vector<ServingOwner> owners;
  owners.reserve(chain.size());
  for (const auto& workload : chain) {
    const std::optional<WorkloadOwner>& above = workload->owner;
    owners.push_back({workload->kind, workload->key.name, IsOperatorsOwn(catalog, *workload),
                      workload->recognition, above ? above->name : std::string()});
  }
  return owners;
}

}  // namespace countersign
