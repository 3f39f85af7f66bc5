#include "cli/offline.h"

#include "base/shell.h"
#include "cli/world.h"
#include "governance/evaluate.h"
#include "governance/measures/sign_off.h"

namespace countersign {

Located<std::vector<OfflineDecision>> DecideOffline(const std::vector<Manifest>& manifests,
                                                    const OfflineOptions& options) {
  World world({ClaimedMaker(options.now), options.name_space, true});
  if (auto added = world.AddAll(manifests); !added) return tl::unexpected<Fault>(added.error());
  std::vector<OfflineDecision> decisions;
  for (const World::Deployment& deployment : world.deployments()) {
    const Facts facts = world.FactsOf(deployment, options.now);
    decisions.push_back({deployment.source, facts.name_space, facts.name,
                         deployment.file.value_or(std::string()),
                         Evaluate(world.policies(), facts)});
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

void NameFile(Decision& decision, const std::string& name_space, const std::string& name,
              const std::string& file) {
  // With its name: there may be others in the file.
  const std::string by = name + " -f " + (file.empty() ? "FILE" : ShellWord(file));
  for (Gate& gate : decision.gates) {
    gate.remedy = WithFile(std::move(gate.remedy), name_space, name, by);
  }
}

}  // namespace countersign
