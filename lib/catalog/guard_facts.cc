#include "catalog/guard_facts.h"

#include <algorithm>

#include "catalog/child_name.h"
#include "catalog/resources.h"
#include "governance/environment.h"
#include "governance/evaluate.h"
#include "governance/serving/guard_waiver.h"

namespace countersign {
namespace {

std::string WhyNot(const Decision& decision) {
  for (const Gate& gate : decision.gates) {
    if (IsMet(gate.state)) continue;
    return decision.GatesText() + " gates pass, " + gate.measure + " does not (" + gate.reason +
           "): kubectl countersign explain";
  }
  return "its decision is " + std::string(VerdictName(decision.verdict));
}

std::string FullName(const ObjectMeta& meta) { return meta.name_space + "/" + meta.name; }

bool Lists(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

}  // namespace

std::vector<Cover> CoversFor(const Catalog& catalog, const PolicySet& policies,
                             const std::string& ns, const Recognition& serving,
                             const std::vector<ServingOwner>& owners, Time now) {
  std::vector<Cover> covers;
  for (const auto& cached : catalog.deployments().List(ns)) {
    const ModelDeployment& object = cached->object;
    Cover cover = CoverOf(object.meta.name, object.spec);
    const auto concerns = [&](const Recognition& recognition) {
      return std::any_of(recognition.references.begin(), recognition.references.end(),
                         [&](const ServedReference& one) { return Holds(cover, one); });
    };
    // To judge those that have nothing to do with it would take a request's time.
    if (!concerns(serving) && std::none_of(owners.begin(), owners.end(), [&](const auto& owner) {
          return concerns(owner.recognition);
        })) {
      continue;
    }
    if (object.meta.deleting) {
      cover.why_not = "it is being deleted";
    } else {
      const Decision decision =
          Evaluate(policies, catalog.Gather({cached, &cached->object}, object.spec_digest,
                                            cached->by, ns, object.meta.name, now));
      cover.approved = decision.Serves();
      if (!cover.approved) cover.why_not = WhyNot(decision);
    }
    covers.push_back(std::move(cover));
  }
  return covers;
}

std::vector<GuardWaiver> WaiversFor(const Catalog& catalog, const PolicySet& in_force,
                                    const std::string& ns, const Recognition& serving, Time now) {
  std::vector<GuardWaiver> waivers;
  for (const auto& cached : catalog.waivers().List()) {
    const WaiverSpec& spec = cached->object.spec;
    const bool about = Lists(spec.measures, std::string(kShadowMeasure)) &&
                       std::any_of(serving.references.begin(), serving.references.end(),
                                   [&](const ServedReference& reference) {
                                     return reference.digest == spec.model.digest;
                                   });
    if (!about || spec.model.type != DigestType::kOciManifest) continue;
    const UseCaseRef home{cached->object.meta.name_space, spec.use_case};
    const auto use_case = catalog.use_cases().Get({home.name_space, home.name});
    // Whoever deploys elsewhere must not learn what lies in a home that is not theirs.
    if (use_case == nullptr || !Lists(use_case->spec.deploy_to, ns)) continue;
    ModelDeployment asked;
    asked.spec.use_case = home;
    asked.spec.model.digest = spec.model;
    const Facts facts = catalog.Gather(std::make_shared<const ModelDeployment>(std::move(asked)),
                                       {}, {}, ns, {}, now);
    GuardWaiver waiver{FullName(cached->object.meta), false,
                       "no policy in force has an environment of this namespace that it names",
                       spec.model.digest};
    for (const auto& policy : in_force.policies) {
      if (policy->meta.name != spec.policy) continue;
      for (const PolicyEnvironment* environment : EnvironmentsOf(policy->spec, ns)) {
        if (environment->name != spec.environment) continue;
        const ShadowWaiver judged = JudgeShadowWaiver(*policy, *environment, facts,
                                                      {{cached, &cached->object}, cached->by});
        waiver.active = judged.active;
        waiver.why_not = judged.why_not;
      }
    }
    waivers.push_back(std::move(waiver));
  }
  return waivers;
}

bool IsOperatorsOwn(const Catalog& catalog, const Workload& workload) {
  if (workload.kind != kDeployments.kind || !workload.owner ||
      workload.owner->kind != ModelDeploymentSpec::kKind) {
    return false;
  }
  const auto deployment = catalog.deployments().Get({workload.key.ns, workload.owner->name});
  return deployment != nullptr && !workload.owner->uid.empty() &&
         deployment->object.meta.uid == workload.owner->uid &&
         ChildName(deployment->object.meta.name) == workload.key.name;
}

std::vector<ServingOwner> OwnersOf(const Catalog& catalog,
                                   const std::vector<std::shared_ptr<const Workload>>& chain) {
  std::vector<ServingOwner> owners;
  owners.reserve(chain.size());
  for (const auto& workload : chain) {
    owners.push_back({workload->kind, workload->key.name, IsOperatorsOwn(catalog, *workload),
                      workload->recognition});
  }
  return owners;
}

}  // namespace countersign
