#include "cli/offline.h"

#include "cli/world.h"
#include "governance/evaluate.h"
#include "governance/measures/sign_off.h"

namespace countersign {

Located<std::vector<OfflineDecision>> DecideOffline(const std::vector<Manifest>& manifests,
                                                    const OfflineOptions& options) {
  World world({ClaimedMaker(options.now), options.name_space});
  if (auto added = world.AddAll(manifests); !added) return tl::unexpected<Fault>(added.error());
  std::vector<OfflineDecision> decisions;
  for (const World::Deployment& deployment : world.deployments()) {
    const Facts facts = world.FactsOf(deployment, options.now);
    decisions.push_back(
        {deployment.source, facts.name_space, facts.name, Evaluate(world.policies(), facts)});
  }
  return decisions;
}

std::vector<std::string> OfflineAssumptions() {
  return {
      "nobody was authenticated: each SignOff counts as made by the signer it names, who counts as "
      "holding the role it names",
      "each report counts as made by an issuer that the policy trusts, and each repetition as made "
      "by somebody independent",
      "who will apply the deployment is not known, so nobody counts as its requester",
      "a SignOff without creationTimestamp counts as made now, a report as old as its performedAt"};
}

void NameFile(OfflineDecision& decision) {
  for (Gate& gate : decision.decision.gates) {
    gate.remedy = WithFile(std::move(gate.remedy), decision.name_space, decision.name);
  }
}

}  // namespace countersign
