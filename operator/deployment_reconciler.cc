#include "operator/deployment_reconciler.h"

#include <algorithm>

#include "base/digest.h"
#include "base/log.h"
#include "operator/names.h"
#include "operator/render.h"
#include "operator/status.h"

namespace countersign {
namespace {

// Numbers that strangers took are skipped; more of them than this is an attack to look at.
constexpr int kMaxNumberTries = 20;
// Two caches follow the same collection; the slower one is rarely further behind than this.
constexpr std::chrono::milliseconds kCacheRetry{100};

Call Until(std::stop_token stop) {
  Call call;
  call.stop = std::move(stop);
  return call;
}

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

Result<std::shared_ptr<const ModelDeployment>> DecodeRevisionSpec(const Revision& revision) {
  auto spec = ParseJson(revision.spec, kMaxForeignJsonDepth);
  if (!spec) return Fail(spec.error());
  auto object = Decode<ModelDeploymentSpec>({{"apiVersion", kApiVersion},
                                             {"kind", ModelDeploymentSpec::kKind},
                                             {"metadata",
                                              {{"namespace", revision.deployment.ns},
                                               {"name", revision.deployment.name},
                                               {"uid", revision.uid}}},
                                             {"spec", std::move(*spec)}});
  if (!object) return Fail(object.error());
  return std::make_shared<const ModelDeployment>(std::move(*object));
}

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

// One round for one object.
struct DeploymentReconciler::Work {
  ObjectKey key;
  std::stop_token stop;
  SteadyTime started{};
  Time now{};
  ObjectMeta meta;
  std::shared_ptr<const ModelDeployment> object;
  std::string governed_digest;
  Provenance author;
  std::shared_ptr<const StatusState> status;
  std::optional<Decision> unreadable;  // instead of an evaluation
  Remembered memory;
  Decision decision;                                          // on the spec that is asked for
  std::vector<std::shared_ptr<const StoredRevision>> stored;  // verified, ascending
  std::vector<std::shared_ptr<const Revision>> revisions;     // the same
  std::int64_t highest_number = 0;                            // of all, verified or not
  std::string ignored;                                        // why others do not count
  bool recorded = false;
  Plan plan;
  std::optional<Obstacle> obstacle;
  Rollout rollout;
  std::string reverted;  // kinds of children
  std::vector<Condition> conditions;

  [[nodiscard]] const Revision* Find(std::int64_t number) const {
    const auto found = std::find_if(revisions.begin(), revisions.end(),
                                    [&](const auto& r) { return r->number == number; });
    return found == revisions.end() ? nullptr : found->get();
  }
};

DeploymentReconciler::DeploymentReconciler(World world) : world_(std::move(world)) {}

ReconcileResult DeploymentReconciler::Reconcile(const ObjectKey& key, std::stop_token stop) {
  static constexpr Step kSteps[] = {
      &DeploymentReconciler::Observe,         // what is asked for, what was approved
      &DeploymentReconciler::Judge,           // may it serve
      &DeploymentReconciler::RecordRevision,  // an approved spec is kept for ever
      &DeploymentReconciler::MakeThePlan,     // what serves
      &DeploymentReconciler::WriteChildren,   // make it so
      &DeploymentReconciler::ReportStatus,    // say so
      &DeploymentReconciler::Announce,        // Events and the decision record
      &DeploymentReconciler::PruneRevisions,  // keep the last few
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
  if (work.obstacle) wait = std::min<std::chrono::nanoseconds>(wait, kObstacleRetry);
  if (work.plan.next_change) {
    wait = std::min<std::chrono::nanoseconds>(wait, *work.plan.next_change - world_.clock.Now());
  } else if (!work.obstacle) {
    return ReconcileResult::Done();
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
    return ReconcileResult::Done();
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

void DeploymentReconciler::LoadRevisions(Work& work) {
  work.stored.clear();
  work.revisions.clear();
  work.ignored.clear();
  for (const auto& stored : world_.revisions.ByIndex(kRevisionsByOwner, work.meta.uid)) {
    if (stored->key.ns != work.key.ns) continue;
    work.highest_number = std::max(work.highest_number, stored->number);
    if (stored->revision != nullptr && stored->revision->deployment == work.key) {
      work.stored.push_back(stored);
    } else if (work.ignored.size() < kMaxEventNote) {
      work.ignored += (work.ignored.empty() ? "ControllerRevision '" : "; '") + stored->key.name +
                      "' " + (stored->problem.empty() ? "is another's" : stored->problem);
    }
  }
  std::sort(work.stored.begin(), work.stored.end(),
            [](const auto& a, const auto& b) { return a->number < b->number; });
  for (const auto& stored : work.stored) work.revisions.push_back(stored->revision);
}

Decision DeploymentReconciler::Evaluated(const Work& work,
                                         std::shared_ptr<const ModelDeployment> object,
                                         const std::string& governed_digest,
                                         const Provenance& author) const {
  return Evaluate(*world_.catalog.Policies(),
                  world_.catalog.Gather(std::move(object), governed_digest, author, work.key.ns,
                                        work.key.name, work.now));
}

std::optional<ReconcileResult> DeploymentReconciler::Judge(Work& work) {
  work.now = world_.clock.Now();
  work.decision = work.unreadable ? *work.unreadable
                                  : Evaluated(work, work.object, work.governed_digest, work.author);
  return std::nullopt;
}

Decision DeploymentReconciler::JudgeRevision(const Work& work, const Revision& revision) const {
  if (revision.governed_digest == work.governed_digest) return work.decision;
  auto object = DecodeRevisionSpec(revision);
  if (!object) {
    return Unreadable("revision " + std::to_string(revision.number), object.error());
  }
  return Evaluated(work, *object, revision.governed_digest, revision.author);
}

namespace {

std::vector<ApprovedRevision> Approved(
    const std::vector<std::shared_ptr<const Revision>>& revisions) {
  std::vector<ApprovedRevision> list;
  for (const auto& revision : revisions) {
    auto spec = ParseJson(revision->spec, kMaxForeignJsonDepth);
    list.push_back({revision->number, revision->governed_digest,
                    spec ? IntAt(*spec, "serving/replicas", 1) : 1});
  }
  return list;
}

}  // namespace

std::optional<ReconcileResult> DeploymentReconciler::RecordRevision(Work& work) {
  if (!NeedsRevision(work.decision, Approved(work.revisions))) return std::nullopt;
  auto live = world_.client.Get(kModelDeployments, work.key, Until(work.stop));
  if (!live) return ReconcileResult::From(live.error());
  const Json* spec = countersign::Find(*live, "spec");
  auto digest = spec == nullptr ? Result<std::string>(Fail(Code::kConflict, "there is no spec"))
                                : GovernedDigest(*spec);
  if (!digest || *digest != work.decision.governed_digest || UidOf(*live) != work.meta.uid) {
    // What was judged is not what stands there any more; the watch will tell.
    return ReconcileResult{ReconcileResult::Kind::kConflict, {}, "the spec has changed"};
  }
  Revision revision;
  revision.installation = world_.installation;
  revision.deployment = work.key;
  revision.uid = work.meta.uid;
  revision.governed_digest = work.decision.governed_digest;
  revision.spec = DumpJson(*spec);
  revision.author = work.author;
  revision.created = world_.clock.Now();
  const auto refuse = [&](const std::string& why) {
    // Trying again would change nothing; what serves stays.
    work.obstacle = Obstacle{"RevisionRefused", "the revision cannot be recorded: " + why};
    return std::nullopt;
  };
  for (int i = 1; i <= kMaxNumberTries; ++i) {
    revision.number = work.highest_number + i;
    auto object = RevisionObject(revision, world_.sign);
    if (!object) return refuse(object.error().ToString());
    // Nothing is written that would not count afterwards, or it would be written for ever.
    const StoredRevision check = world_.verify(*object);
    if (check.revision == nullptr) return refuse("it " + check.problem);
    auto created = world_.client.Create(kControllerRevisions, *object, {}, Until(work.stop));
    if (!created && created.error().code == Code::kAlreadyExists) continue;
    if (!created) return ReconcileResult::From(created.error());
    // The cache follows; until then the answer is what there is.
    work.stored.push_back(std::make_shared<const StoredRevision>(world_.verify(*created)));
    work.revisions.push_back(work.stored.back()->revision);
    world_.revisions.Upsert(std::move(*created));
    work.recorded = true;
    return std::nullopt;
  }
  return refuse("the names of the next " + std::to_string(kMaxNumberTries) + " are taken");
}

std::optional<ReconcileResult> DeploymentReconciler::MakeThePlan(Work& work) {
  const std::vector<ApprovedRevision> approved = Approved(work.revisions);
  std::optional<std::int64_t> serving = work.memory.serving;
  if (!serving) {
    const auto child = world_.workloads.Get({work.key.ns, ChildName(work.key.name)});
    if (child && child->owner_uid == work.meta.uid) serving = child->revision;
  }
  PlanInput input{work.decision,
                  work.object->spec.serving.replicas,
                  approved,
                  serving,
                  work.now,
                  [&](const ApprovedRevision& revision) {
                    return JudgeRevision(work, *work.Find(revision.number));
                  }};
  work.plan = MakePlan(input);
  if (!work.plan.serve && !work.ignored.empty()) {
    // Perhaps it is our key that is wrong: take nothing away on that ground alone.
    work.obstacle = Obstacle{"RevisionsUnverified", work.ignored};
  }
  return std::nullopt;
}

Result<std::shared_ptr<const ModelDeployment>> DeploymentReconciler::SpecToServe(
    const Work& work) const {
  const Revision* revision = work.Find(*work.plan.serve);
  // Replicas and labels of the pods are not governed: they follow what is asked for.
  if (revision->governed_digest == work.governed_digest) {
    return work.object;
  }
  return DecodeRevisionSpec(*revision);
}

std::string DeploymentReconciler::OtherUseCase(const Work& work) {
  const Revision* revision = work.memory.serving ? work.Find(*work.memory.serving) : nullptr;
  if (revision == nullptr || revision->governed_digest == work.governed_digest) return {};
  auto spec = ParseJson(revision->spec, kMaxForeignJsonDepth);
  return spec ? StringAt(*spec, "useCaseRef/namespace") + "/" + StringAt(*spec, "useCaseRef/name")
              : std::string();
}

std::optional<ReconcileResult> DeploymentReconciler::RemoveChildren(Work& work) {
  const ObjectKey child{work.key.ns, ChildName(work.key.name)};
  for (ChildWriter* writer : {&world_.workload_writer, &world_.service_writer}) {
    auto removed = writer->Remove(child, work.meta.uid, work.stop);
    if (!removed) return ReconcileResult::From(removed.error());
  }
  work.memory.serving.reset();
  return std::nullopt;
}

std::optional<ReconcileResult> DeploymentReconciler::WriteChildren(Work& work) {
  const ObjectKey child{work.key.ns, ChildName(work.key.name)};
  const auto observe = [&] {
    const auto live = world_.workloads.Get(child);
    if (live && live->owner_uid == work.meta.uid) work.rollout = live->rollout;
  };
  if (!work.plan.serve) {
    observe();
    return work.obstacle ? std::nullopt : RemoveChildren(work);
  }
  auto spec = SpecToServe(work);
  if (!spec) return ReconcileResult::From(spec.error());
  const RenderInput input{work.key.ns,      work.key.name,
                          work.meta.uid,    work.Find(*work.plan.serve)->governed_digest,
                          *work.plan.serve, work.plan.replicas};
  auto rendered = Render(input, (*spec)->spec);
  if (!rendered) {
    work.obstacle = Obstacle{"RenderRefused", rendered.error().ToString()};
    observe();
    return std::nullopt;
  }
  const auto live = world_.workloads.Get(child);
  const bool rolled_out = live && live->revision == work.plan.serve;
  if (work.plan.replicas > 0) {
    work.obstacle = ConfigMismatch((*spec)->spec.serving, work.key.ns, world_.configs);
  }
  if (!work.obstacle || rolled_out) {
    // Both are tried before either is written: a half-applied change serves nobody.
    std::optional<Obstacle> refused;
    for (const auto& [writer, object] : {std::pair{&world_.workload_writer, &rendered->deployment},
                                         std::pair{&world_.service_writer, &rendered->service}}) {
      auto checked = writer->Check(*object, work.stop);
      if (!checked) return ReconcileResult::From(checked.error());
      if (*checked) refused = *checked;
      if (refused) break;
    }
    for (const auto& [writer, object] : {std::pair{&world_.workload_writer, &rendered->deployment},
                                         std::pair{&world_.service_writer, &rendered->service}}) {
      if (refused) break;
      auto written = writer->Write(*object, work.stop);
      if (!written) return ReconcileResult::From(written.error());
      if (written->obstacle) refused = written->obstacle;
      if (written->change == ChildChange::kReverted) {
        work.reverted += (work.reverted.empty() ? "" : " and ") + StringAt(*object, "kind");
      }
    }
    if (refused) {
      work.obstacle = refused;
    } else {
      work.memory.serving = work.plan.serve;
    }
  }
  observe();
  return std::nullopt;
}

std::optional<ReconcileResult> DeploymentReconciler::ReportStatus(Work& work) {
  work.conditions =
      MergeConditions(work.status->conditions,
                      DeploymentConditions(work.decision, work.plan, work.rollout, work.obstacle),
                      work.meta.generation, work.now);
  const Json status = DeploymentStatus({work.key.name, work.decision, work.plan, work.revisions,
                                        work.conditions, work.rollout, work.meta.generation});
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
  const std::string expired = ExpiredGates(work.decision);
  if (!expired.empty() && expired != work.memory.expired) {
    Tell(work, EventType::kWarning, "EvidenceExpired", "EvaluateGate", expired);
  }
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
  for (const Gate& gate : work.decision.gates) {
    if (gate.valid_until) work.memory.valid_until.push_back(*gate.valid_until);
  }
  work.memory.other_use_case = OtherUseCase(work);
  world_.memory.Set(work.key, work.memory);
  return std::nullopt;
}

std::optional<ReconcileResult> DeploymentReconciler::PruneRevisions(Work& work) {
  std::size_t left = work.stored.size();
  for (const auto& stored : work.stored) {
    if (left <= kRevisionsKept) break;
    if (stored->number == work.plan.serve || stored->number == work.memory.serving) continue;
    DeleteOptions options;
    options.uid = stored->uid;
    auto deleted =
        world_.client.Delete(kControllerRevisions, stored->key, options, Until(work.stop));
    if (!deleted && deleted.error().code != Code::kNotFound) {
      return ReconcileResult::From(deleted.error());
    }
    --left;
  }
  return std::nullopt;
}

}  // namespace countersign
