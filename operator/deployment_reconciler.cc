#include "operator/deployment_reconciler.h"

#include <algorithm>

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
    wait = std::min<std::chrono::nanoseconds>(wait, *next - world_.clock.Now());
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
    world_.workload_writer.Forget(child);
    world_.service_writer.Forget(child);
    world_.budget_writer.Forget(child);
    world_.keeper.Serves(work.key, {}, std::nullopt);
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
  if (work.meta.deleting || work.status->deleting) return ReconcileResult::Done();
  // One of two caches is behind; it will catch up.
  if (work.status->uid != work.meta.uid) return ReconcileResult::Wait(kCacheRetry);
  work.memory = world_.memory.Get(work.key, work.meta.uid);
  LoadRevisions(work);
  return std::nullopt;
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
  if (!recorded && recorded.error().code == Code::kConflict) {
    return ReconcileResult::From(recorded.error());
  }
  work.decision = Evaluated(work, work.object, work.governed_digest, work.author);
  if (!recorded) {
    Hold(work.decision, recorded.error());
    work.next_record = work.now + kRecordRetry;
  }
  const RecordSubject model = SubjectOfModel(work.object->spec.model.digest.digest);
  for (const RecordSubject& subject : {model, UseCaseOf(*work.object)}) {
    world_.keeper.Judged(subject, work.key, work.decision);
  }
  return std::nullopt;
}

Decision DeploymentReconciler::JudgeRevision(const Work& work, const Revision& revision) const {
  if (revision.governed_digest == work.governed_digest) return work.decision;
  auto object = DeploymentOf(revision);
  if (!object) {
    return Unreadable("revision " + std::to_string(revision.number), object.error());
  }
  return Evaluated(work, *object, revision.governed_digest, revision.author);
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
                        work.unusable};
  return MakePlan(input);
}

std::optional<ReconcileResult> DeploymentReconciler::MakeThePlan(Work& work) {
  if (!work.memory.serving) {
    // After a restart the child says what serves; only a number that verifies is believed.
    const auto child = world_.workloads.Get({work.key.ns, ChildName(work.key.name)});
    const auto number = child == nullptr ? std::nullopt : child->revision;
    if (number && child->owner_uid == work.meta.uid && work.Find(*number) != nullptr) {
      work.memory.serving = number;
    }
  }
  work.plan = PlanOf(work);
  if (!work.plan.serve && !work.ignored.empty() && !work.obstacle) {
    // Perhaps it is our key that is wrong: take nothing away on that ground alone.
    work.obstacle = Obstacle{"RevisionsUnverified", work.ignored};
  }
  return std::nullopt;
}

}  // namespace countersign
