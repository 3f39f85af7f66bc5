#include "operator/deployment_reconciler.h"

#include <algorithm>

#include "governance/barred.h"
#include "operator/deployment_work.h"
#include "operator/names.h"

namespace countersign {
namespace {

Decision Unreadable(const std::string& what, const Error& error) {
  Decision decision;
  Gate gate;
  gate.measure = "readable";
  gate.state = GateState::kFailed;
  gate.reason = "SpecUnreadable";
  gate.message = what + " cannot be read: " + error.message;
  gate.path = error.path;
  gate.remedy = "correct the field";
  gate.final = true;
  decision.gates.push_back(std::move(gate));
  return decision;
}

constexpr Seconds kRecordRetry{30};

// Nothing new is served by what is not recorded; what serves goes on.
void Hold(Decision& decision, const ApiError& error) {
  Gate gate;
  gate.measure = "recorded";
  gate.state = GateState::kMissing;
  gate.reason = "ModelNotRecorded";
  gate.message = "what lets the model serve could not be written down: " + error.ToString();
  gate.remedy = "kubectl get modelrecords; the operator tries again";
  gate.enforcement = Enforcement::kHold;
  gate.on_violation = Reaction::kAlert;
  decision.gates.push_back(std::move(gate));
  decision.verdict = std::max(decision.verdict, Verdict::kHold);
}

}  // namespace

DeploymentReconciler::DeploymentReconciler(World world) : world_(std::move(world)) {}

ReconcileResult DeploymentReconciler::Reconcile(const ObjectKey& key, std::stop_token stop) {
  static constexpr Step kSteps[] = {
      &DeploymentReconciler::Observe,         // what is asked for, what was approved
      &DeploymentReconciler::Judge,           // may it serve
      &DeploymentReconciler::RecordRevision,  // an approved spec is kept for ever
      &DeploymentReconciler::MakeThePlan,     // what serves
      &DeploymentReconciler::WriteChildren,   // make it so
      &DeploymentReconciler::KeepWhatServes,  // or make the best of it
      &DeploymentReconciler::ReportStatus,    // say so
      &DeploymentReconciler::Announce,        // Events and the decision record
      &DeploymentReconciler::PruneRevisions,  // keep the last few
      &DeploymentReconciler::RecordServing,   // for promotion and changes
  };
  Work work;
  work.key = key;
  work.stop = std::move(stop);
  work.started = world_.clock.Steady();
  for (const Step step : kSteps) {
    if (auto result = (this->*step)(work)) return *result;
  }
  // Whatever time alone will change is looked at in that instant.
  std::chrono::nanoseconds wait = kLongestWait;
  if (work.obstacle) {
    const std::chrono::nanoseconds retry =
        work.obstacle->passes ? std::chrono::nanoseconds(kPassingRetry) : kObstacleRetry;
    wait = std::min(wait, retry);
  }
  if (!work.plan.next_change && !work.next_record && !work.obstacle) return ReconcileResult::Done();
  for (const std::optional<Time>& next : {work.plan.next_change, work.next_record}) {
    if (!next) continue;
    wait = WaitFor(*next, world_.clock.Now(), wait);
  }
  return ReconcileResult::Wait(
      std::max<std::chrono::nanoseconds>(wait, std::chrono::milliseconds(5)));
}

std::optional<ReconcileResult> DeploymentReconciler::Observe(Work& work) {
  const auto lookup = world_.catalog.deployments().Find(work.key);
  work.status = world_.statuses.Get(work.key);
  if (lookup.found == Found::kAbsent) {
    // Children and revisions go with it, by their owner references.
    world_.memory.Forget(work.key);
    const ObjectKey child{work.key.ns, ChildName(work.key.name)};
    if (auto told = TellOfOrphan(child, work.stop); !told) {
      return ReconcileResult::From(told.error());
    }
    world_.workload_writer.Forget(child);
    world_.service_writer.Forget(child);
    world_.budget_writer.Forget(child);
    world_.keeper.Forget(work.key);
    const auto ended = world_.recorder.Record(work.key, std::nullopt, work.stop);
    return ended ? ReconcileResult::Done() : ReconcileResult::From(ended.error());
  }
  if (work.status == nullptr) return ReconcileResult::Wait(kCacheRetry);
  if (lookup.found == Found::kPresent) {
    work.object = {lookup.value, &lookup.value->object};
    work.governed_digest = lookup.value->object.spec_digest;
    work.author = lookup.value->by;
  } else {
    // The spec cannot be judged, but what was approved before still is.
    ModelDeployment nameless;
    nameless.meta.name = work.key.name;
    nameless.meta.name_space = work.key.ns;
    nameless.meta.uid = work.status->uid;
    nameless.meta.generation = work.status->generation;
    work.object = std::make_shared<const ModelDeployment>(std::move(nameless));
    work.unreadable = Unreadable("the spec", *lookup.error);
  }
  work.meta = work.object->meta;
  // One of two caches is behind; it will catch up.
  if (work.status->uid != work.meta.uid) return ReconcileResult::Wait(kCacheRetry);
  // The one that is behind does not know yet whether what serves is to stay.
  if (lookup.found == Found::kPresent && work.meta.deleting != work.status->deleting) {
    return ReconcileResult::Wait(kCacheRetry);
  }
  work.memory = world_.memory.Get(work.key, work.meta.uid);
  if (work.meta.deleting || work.status->deleting) {
    // Whoever deletes it so wants to keep what serves, ungoverned.
    if (work.status->orphaning) return ReconcileResult::Done();
    // It may stay for as long as somebody's finalizer does; what serves may not.
    work.leaving = true;
  }
  LoadRevisions(work);
  Recall(work);
  return std::nullopt;
}

void DeploymentReconciler::Recall(Work& work) const {
  if (!work.revisions.empty()) work.memory.verified = true;
  const auto child = world_.workloads.Get({work.key.ns, ChildName(work.key.name)});
  if (!work.memory.serving && child != nullptr && LooksLikeOurs(*child, work.meta.uid)) {
    // After a restart the child says what serves; only what verifies is believed.
    const Revision* revision = work.MadeFrom(*child);
    if (revision != nullptr) work.memory.serving = revision->number;
  }
  if (!work.memory.suspended) {
    const bool no_pods = child != nullptr && child->rollout.exists && child->rollout.wanted == 0;
    work.memory.suspended = no_pods || work.status->suspended;
  }
}

Decision DeploymentReconciler::Evaluated(const Work& work,
                                         std::shared_ptr<const ModelDeployment> object,
                                         const std::string& governed_digest,
                                         const Provenance& author) const {
  return Evaluate(*world_.catalog.Policies(),
                  world_.catalog.Gather(std::move(object), governed_digest, author, work.key.ns,
                                        work.key.name, work.now));
}

static RecordSubject UseCaseOf(const ModelDeployment& deployment) {
  const UseCaseRef& use_case = deployment.spec.use_case;
  return {use_case.name_space, use_case.name};
}

// What lets a model serve is written down first: it might be deleted in the next moment.
ApiStatus DeploymentReconciler::KeepRecords(const Work& work) const {
  const Model& model = work.object->spec.model;
  std::vector<RecordSubject> subjects = {SubjectOfModel(model.digest.digest),
                                         UseCaseOf(*work.object)};
  for (const Component& component : model.components) {
    subjects.push_back(SubjectOfModel(component.identity.digest));
  }
  for (const RecordSubject& subject : subjects) {
    if (auto kept = world_.keeper.Keep(subject, work.stop); !kept) return kept;
  }
  return {};
}

std::optional<ReconcileResult> DeploymentReconciler::Judge(Work& work) {
  work.now = world_.clock.Now();
  if (work.unreadable) {
    work.decision = *work.unreadable;
    return std::nullopt;
  }
  const auto recorded = KeepRecords(work);
  work.decision = Evaluated(work, work.object, work.governed_digest, work.author);
  const Revision* serving = work.memory.serving ? work.Find(*work.memory.serving) : nullptr;
  if (serving != nullptr && serving->governed_digest == work.governed_digest) {
    JudgeConfig(work, work.object->spec.serving, work.decision);
  }
  if (!recorded && recorded.error().code == Code::kConflict && !work.leaving) {
    // Somebody wrote meanwhile, and the next round, at once, knows what. Pods that must go by what
    // is known already do not wait for it: more evidence in a record lets nothing pass.
    work.plan = PlanOf(work);
    if (work.plan.phase == Phase::kSuspended) {
      if (auto result = TakePodsAway(work)) return result;
    }
    return ReconcileResult::From(recorded.error());
  }
  if (!recorded) {
    Hold(work.decision, recorded.error());
    work.next_record = work.now + kRecordRetry;
  }
  const RecordSubject model = SubjectOfModel(work.object->spec.model.digest.digest);
  world_.keeper.Judged({model, UseCaseOf(*work.object)}, work.key, work.decision);
  return std::nullopt;
}

Decision DeploymentReconciler::JudgeRevision(const Work& work, const Revision& revision) const {
  if (revision.governed_digest == work.governed_digest) return work.decision;
  auto object = DeploymentOf(revision);
  if (!object) {
    return Unreadable("revision " + std::to_string(revision.number), object.error());
  }
  Decision decision = Evaluated(work, *object, revision.governed_digest, revision.author);
  if (revision.number == work.memory.serving) {
    JudgeConfig(work, (*object)->spec.serving, decision);
  }
  return decision;
}

// Nobody can put back what a ConfigMap said, and pods take in what it says now. So what serves is
// not what was approved any more, and that is reacted to as the strictest of its measures says.
void DeploymentReconciler::JudgeConfig(const Work& work, const Serving& serving,
                                       Decision& decision) const {
  auto mismatch = ConfigMismatch(serving, work.key.ns, world_.configs);
  if (!mismatch) return;
  Gate gate;
  gate.measure = "configuration";
  gate.state = GateState::kFailed;
  gate.reason = std::move(mismatch->reason);
  gate.message = std::move(mismatch->message);
  gate.path = "spec.serving.config";
  gate.remedy = "restore its content, or have the new content approved";
  gate.enforcement = Enforcement::kHold;
  for (const Gate& other : decision.gates) {
    if (!other.policy.empty()) gate.on_violation = std::max(gate.on_violation, other.on_violation);
  }
  decision.gates.push_back(std::move(gate));
  decision.verdict = std::max(decision.verdict, Verdict::kHold);
}

Plan DeploymentReconciler::PlanOf(const Work& work) const {
  const std::vector<ApprovedRevision> approved = work.Approved();
  const PlanInput input{work.decision,
                        work.object->spec.serving.replicas,
                        approved,
                        work.memory.serving,
                        work.now,
                        [&](const ApprovedRevision& revision) {
                          return JudgeRevision(work, *work.Find(revision.number));
                        },
                        work.wanted_unusable,
                        work.unusable,
                        work.memory.suspended.value_or(false)};
  return MakePlan(input);
}

std::optional<ReconcileResult> DeploymentReconciler::MakeThePlan(Work& work) {
  if (work.leaving) {
    work.plan.reason = "BeingDeleted";
    work.plan.explanation = "it is being deleted, and nothing serves for it any more";
    return std::nullopt;
  }
  work.plan = PlanOf(work);
  if (work.plan.phase != Phase::kNothing || work.ignored.empty() || work.obstacle) {
    return std::nullopt;
  }
  // Perhaps it is our key that is wrong: take nothing away on that ground alone.
  work.obstacle = Obstacle{"RevisionsUnverified", work.ignored};
  if (const Gate* gate = Barred(work.decision)) {
    work.plan.phase = Phase::kSuspended;
    work.plan.reason = "Suspended";
    work.plan.explanation = "serving is suspended: " + gate->measure + ": " + gate->message;
    work.obstacle->message += "; " + work.plan.explanation;
  }
  return std::nullopt;
}

}  // namespace countersign
