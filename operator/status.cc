#include "operator/status.h"

#include "governance/types/status.h"
#include "operator/names.h"

namespace countersign {
namespace {

StatusGate ToStatus(const Gate& gate) {
  StatusGate out;
  out.policy = gate.policy;
  out.measure = gate.measure;
  out.step = gate.step;
  out.state = gate.state;
  out.reason = gate.reason;
  out.message = gate.message;
  out.path = gate.path;
  out.accountable = gate.accountable;
  out.remedy = gate.remedy;
  if (gate.state != GateState::kPassed) {
    out.enforcement = gate.final ? Enforcement::kDeny : gate.enforcement;
  }
  if (gate.unwaived) out.unwaived = StatusUnwaived{gate.unwaived->state, gate.unwaived->reason};
  if (const auto& carried = gate.carried_over) {
    out.carried_over = StatusCarriedOver{carried->model, carried->steps, carried->kinds};
  }
  out.valid_until = gate.valid_until;
  out.expired_at = gate.expired_at;
  for (const EvidenceRef& ref : gate.evidence) {
    out.evidence.push_back({ref.kind, ref.name_space, ref.name, ref.digest, ref.signatory});
  }
  return out;
}

std::string ModelVersion(const Revision& revision) {
  auto spec = ParseJson(revision.spec, kMaxForeignJsonDepth);
  return spec ? StringAt(*spec, "model/version") : std::string();
}

StatusRevision ToStatus(const Revision& revision) {
  return {revision.number, revision.governed_digest, ModelVersion(revision), revision.author.user,
          revision.created};
}

}  // namespace

Json DeploymentStatus(const StatusInput& input) {
  const Decision& decision = input.decision;
  ModelDeploymentStatus status;
  status.observed_generation = input.generation;
  status.environment = decision.environment;
  status.classes = decision.classes;
  status.class_summary = ClassSummary(decision.classes);
  status.verdict = decision.verdict;
  status.phase = PhaseName(input.plan.phase);
  status.gates_passed = decision.GatesText();
  for (const Gate& gate : decision.gates) status.gates.push_back(ToStatus(gate));
  if (const Gate* gate = FirstUnmet(decision); gate != nullptr) {
    status.why_not = CutMessage(gate->measure + ": " + gate->message);
  }
  status.answers_note = decision.answers_note;
  for (const ChangeNote& change : decision.changes) status.changes.push_back(change.Text());
  status.governed_digest = decision.governed_digest;
  status.answers_digest = decision.answers_digest;
  status.replicas = input.rollout.wanted;
  status.available_replicas = input.rollout.available;
  status.selector = SelectorText(input.name);
  status.serving_revision = input.serving;
  for (auto it = input.revisions.rbegin(); it != input.revisions.rend(); ++it) {
    status.history.push_back(ToStatus(**it));
    if ((*it)->number == input.serving) {
      status.serving_version = status.history.back().model_version;
    }
  }
  if (input.unrecorded != nullptr && input.unrecorded->number == input.serving) {
    status.serving_version = ModelVersion(*input.unrecorded);
  }
  if (!input.revisions.empty()) status.approved_revision = input.revisions.back()->number;
  status.next_change = input.plan.next_change;
  Json json = EncodeStatus(status);
  json["conditions"] = ConditionsJson(input.conditions);
  return json;
}

}  // namespace countersign
