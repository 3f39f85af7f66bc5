#include "operator/status.h"

namespace countersign {
namespace {

Json Gates(const Decision& decision) {
  Json gates = Json::array();
  for (const Gate& gate : decision.gates) gates.push_back(GateJson(gate));
  return gates;
}

// Newest first.
Json History(const std::vector<std::shared_ptr<const Revision>>& revisions) {
  Json history = Json::array();
  for (auto it = revisions.rbegin(); it != revisions.rend(); ++it) {
    Json entry = {{"revision", (*it)->number},
                  {"governedDigest", (*it)->governed_digest},
                  {"approvedAt", FormatTime((*it)->created)}};
    if (!(*it)->author.user.empty()) entry["author"] = (*it)->author.user;
    history.push_back(std::move(entry));
  }
  return history;
}

}  // namespace

Json DeploymentStatus(const StatusInput& input) {
  const Decision& decision = input.decision;
  Json status = {{"observedGeneration", input.generation},
                 {"verdict", std::string(VerdictName(decision.verdict))},
                 {"phase", std::string(PhaseName(input.plan.phase))},
                 {"gatesPassed", decision.GatesText()},
                 {"gates", Gates(decision)},
                 {"classes", decision.classes},
                 {"governedDigest", decision.governed_digest},
                 {"replicas", input.rollout.wanted},
                 {"availableReplicas", input.rollout.available},
                 {"conditions", ConditionsJson(input.conditions)}};
  if (!decision.environment.empty()) status["environment"] = decision.environment;
  if (!decision.answers_note.empty()) status["answersNote"] = decision.answers_note;
  if (input.plan.serve) status["servingRevision"] = *input.plan.serve;
  if (!input.revisions.empty()) {
    status["approvedRevision"] = input.revisions.back()->number;
    status["history"] = History(input.revisions);
  }
  if (input.plan.next_change) status["nextChange"] = FormatTime(*input.plan.next_change);
  return status;
}

}  // namespace countersign
