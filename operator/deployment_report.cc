// The steps of DeploymentReconciler that say what was done: status, Events, decision record.
#include <algorithm>

#include "base/digest.h"
#include "operator/deployment_work.h"
#include "operator/names.h"
#include "operator/status.h"

namespace countersign {
namespace {

const Condition* FindCondition(const std::vector<Condition>& list, std::string_view type) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const Condition& c) { return c.type == type; });
  return found == list.end() ? nullptr : &*found;
}

std::string ExpiredGates(const Decision& decision) {
  std::string names;
  for (const Gate& gate : decision.gates) {
    if (gate.state != GateState::kExpired) continue;
    names += (names.empty() ? "" : "; ") + gate.measure + ": " + gate.message;
  }
  return names;
}

// Everything that a reader of the record would call another decision.
std::string DecisionDigest(const Decision& decision, const Plan& plan) {
  Json json = DecisionJson(decision);
  json["phase"] = std::string(PhaseName(plan.phase));
  json["serve"] = plan.serve.value_or(0);
  auto digest = JsonDigest(json);
  return digest ? *digest : std::string();
}

}  // namespace

std::string DeploymentReconciler::OtherUseCase(const Work& work) {
  const Revision* revision = work.memory.serving ? work.Find(*work.memory.serving) : nullptr;
  if (revision == nullptr || revision->governed_digest == work.governed_digest) return {};
  auto spec = ParseJson(revision->spec, kMaxForeignJsonDepth);
  return spec ? StringAt(*spec, "useCaseRef/namespace") + "/" + StringAt(*spec, "useCaseRef/name")
              : std::string();
}

std::optional<ReconcileResult> DeploymentReconciler::ReportStatus(Work& work) {
  work.conditions =
      MergeConditions(work.status->conditions,
                      DeploymentConditions(work.decision, work.plan, work.rollout, work.obstacle),
                      work.meta.generation, work.now);
  const Json status = DeploymentStatus({work.key.name, work.decision, work.plan,
                                        work.memory.serving, work.revisions, work.conditions,
                                        work.rollout, work.meta.generation, work.unrecorded.get()});
  auto written = WriteStatus(world_.client, kModelDeployments, work.key, work.meta.uid, status,
                             *work.status, work.memory.status, world_.statuses, work.stop);
  if (written) return std::nullopt;
  return written.error().code == Code::kNotFound ? ReconcileResult::Done()
                                                 : ReconcileResult::From(written.error());
}

void DeploymentReconciler::Tell(const Work& work, EventType type, std::string reason,
                                std::string action, std::string note) {
  Event event;
  event.type = type;
  event.reason = std::move(reason);
  event.action = std::move(action);
  event.note = std::move(note);
  event.regarding.api_version = std::string(kApiVersion);
  event.regarding.kind = kModelDeployments.kind;
  event.regarding.ns = work.key.ns;
  event.regarding.name = work.key.name;
  event.regarding.uid = work.meta.uid;
  world_.events.Record(std::move(event));
}

// Not owned by any ModelDeployment, and none is there of its name.
ApiStatus DeploymentReconciler::TellOfOrphan(const ObjectKey& key, const std::stop_token& stop) {
  const auto found = world_.workload_writer.Seek(key, {}, stop);
  if (!found) return tl::unexpected(found.error());
  const auto& child = *found;
  if (child == nullptr || child->deleting || !child->owner_uid.empty()) return {};
  Event event;
  event.type = EventType::kWarning;
  event.reason = "LeftBehind";
  event.action = "RenderWorkload";
  event.note =
      "its ModelDeployment was deleted and left it behind: nobody governs it any more, so that "
      "nothing withdraws or reverts it; delete it, or create the ModelDeployment again";
  event.regarding = {
      kDeployments.ApiVersion(), kDeployments.kind, key.ns, key.name, child->uid, {}};
  world_.events.Record(std::move(event));
  return {};
}

void DeploymentReconciler::TellOfEmergency(const Work& work) {
  const Condition* before = FindCondition(work.status->conditions, "Emergency");
  const Condition* now = FindCondition(work.conditions, "Emergency");
  if (now != nullptr && (before == nullptr || before->reason != now->reason)) {
    Tell(work, EventType::kWarning, now->reason, "EvaluateGate", now->message);
  } else if (now == nullptr && before != nullptr) {
    Tell(work, EventType::kNormal, "EmergencyClosed", "EvaluateGate",
         "no emergency for it is open any more");
  }
}

std::optional<ReconcileResult> DeploymentReconciler::Announce(Work& work) {
  if (work.recorded) {
    Tell(work, EventType::kNormal, "RevisionApproved", "EvaluateGate",
         "revision " + std::to_string(work.revisions.back()->number) + " is approved, " +
             work.decision.GatesText() + " gates pass");
  }
  if (!work.reverted.empty()) {
    Tell(work, EventType::kWarning, "ChildReverted", "RenderWorkload",
         work.reverted + " was changed by somebody else and is again what was approved");
  }
  if (!work.ignored.empty() && work.ignored != work.memory.ignored) {
    Tell(work, EventType::kWarning, "RevisionIgnored", "EvaluateGate", work.ignored);
  }
  if (work.missing) {
    Tell(work, EventType::kWarning, "RevisionMissing", "RenderWorkload",
         "revision " + std::to_string(*work.missing) +
             " served, but its ControllerRevision was deleted or lost its labels; Deployment and "
             "Service are removed until the spec " +
             (work.decision.Serves() ? "can be recorded" : "is approved"));
  }
  const std::string expired = ExpiredGates(work.decision);
  if (!expired.empty() && expired != work.memory.expired) {
    Tell(work, EventType::kWarning, "EvidenceExpired", "EvaluateGate", expired);
  }
  TellOfEmergency(work);
  const Condition* before = FindCondition(work.status->conditions, "Ready");
  const Condition* ready = FindCondition(work.conditions, "Ready");
  if (ready->status != "True" && (before == nullptr || before->reason != ready->reason)) {
    if (ready->reason == "AwaitingEvidence" || ready->reason == "GateBlocked") {
      Tell(work, EventType::kWarning, "RevisionHeld", "EvaluateGate", ready->message);
    } else if (work.plan.phase == Phase::kSuspended && !work.obstacle) {
      Tell(work, EventType::kWarning, "ServingSuspended", "RenderWorkload", ready->message);
    } else if (ready->reason == "RolledBack" || work.obstacle) {
      Tell(work, EventType::kWarning, ready->reason, "RenderWorkload", ready->message);
    }
  }
  const std::string digest = DecisionDigest(work.decision, work.plan);
  if (digest != work.memory.decision_digest) {
    world_.record({*work.object, work.author, work.decision, work.plan,
                   world_.clock.Steady() - work.started});
  }
  work.memory.decision_digest = digest;
  work.memory.ignored = work.ignored;
  work.memory.expired = expired;
  work.memory.verdict = work.decision.verdict;
  work.memory.valid_until.clear();
  work.memory.waived_until.clear();
  for (const Gate& gate : work.decision.gates) {
    if (!gate.valid_until) continue;
    work.memory.valid_until.push_back(*gate.valid_until);
    if (gate.state == GateState::kWaived) work.memory.waived_until.push_back(*gate.valid_until);
  }
  work.memory.emergency = Emergency::kNone;
  for (const EmergencyNote& note : work.decision.emergencies) {
    work.memory.emergency =
        std::max(work.memory.emergency, note.overdue ? Emergency::kOverdue : Emergency::kOpen);
  }
  work.memory.other_use_case = OtherUseCase(work);
  world_.memory.Set(work.key, work.memory);
  return std::nullopt;
}

// Last, and of no influence on the rest: a record that is refused is tried again.
std::optional<ReconcileResult> DeploymentReconciler::RecordServing(Work& work) {
  std::optional<ServingState> serving;
  const Rollout& rollout = work.rollout;
  if (work.memory.serving && !(rollout.exists && rollout.wanted == 0)) {
    const Revision* revision = work.Find(*work.memory.serving);
    if (revision == nullptr) return std::nullopt;
    auto spec = SpecToServe(work, *revision);
    if (!spec) return ReconcileResult::From(spec.error());
    const auto live = world_.workloads.Get({work.key.ns, ChildName(work.key.name)});
    const bool applied = live != nullptr && live->revision == work.memory.serving;
    serving = ServingState{(*spec)->spec.use_case, (*spec)->spec.model.digest,
                           applied && RolledOut(rollout) && !rollout.unavailable_since,
                           rollout.unavailable_since};
    world_.keeper.Serves(
        work.key, serving->model.digest,
        RecordedServing{work.key.ToString(), serving->use_case.name_space, serving->use_case.name,
                        work.decision.environment, (*spec)->spec.model.version,
                        revision->author.user, work.now, std::nullopt});
  } else {
    world_.keeper.Serves(work.key, {}, std::nullopt);
  }
  auto next = world_.recorder.Record(work.key, serving, work.stop);
  if (!next) return ReconcileResult::From(next.error());
  work.next_record = *next;
  return std::nullopt;
}

}  // namespace countersign
