// The step of DeploymentReconciler that makes the children what the plan says.
#include "operator/deployment_work.h"
#include "operator/names.h"

namespace countersign {

Result<std::shared_ptr<const ModelDeployment>> DeploymentReconciler::SpecToServe(
    const Work& work, const Revision& revision) const {
  // Replicas and labels of the pods are not governed: they follow what is asked for.
  if (revision.governed_digest == work.governed_digest) {
    return work.object;
  }
  return DeploymentOf(revision);
}

std::optional<ReconcileResult> DeploymentReconciler::RemoveChildren(Work& work) {
  const ObjectKey child{work.key.ns, ChildName(work.key.name)};
  auto live = world_.workloads.Get(child);
  std::shared_ptr<const ChildState> hidden;
  if (live) {
    work.memory.looked = false;
  } else if (!work.memory.looked) {
    // Whoever took our label off took it out of our cache, and not out of service.
    auto found = world_.workload_writer.Seek(child, work.meta.uid, work.stop);
    if (!found) return ReconcileResult::From(found.error());
    live = hidden = *std::move(found);
    work.memory.looked = hidden == nullptr;
  }
  if (live && !live->deleting && !work.leaving &&
      (live->owner_uid == work.meta.uid || work.memory.serving)) {
    const auto gone = RevisionsAreGone(work);
    if (!gone) return ReconcileResult::From(gone.error());
    if (!*gone) return ReconcileResult::Wait(kCacheRetry);
    work.missing = live->revision;
  }
  if (!work.leaving) {
    const auto leaving = IsLeaving(work, hidden && hidden->owner_uid.empty());
    if (!leaving) return ReconcileResult::From(leaving.error());
    if (*leaving) return ReconcileResult::Wait(kCacheRetry);
  }
  const auto approved = [&](const ChildState& one) { return work.MadeFrom(one) != nullptr; };
  bool removed = false;
  for (ChildWriter* writer :
       {&world_.workload_writer, &world_.service_writer, &world_.budget_writer}) {
    const bool workload = writer == &world_.workload_writer;
    auto one =
        writer->Remove(child, work.meta.uid, approved, work.stop, workload ? hidden : nullptr);
    if (!one) return ReconcileResult::From(one.error());
    if (workload) removed = *one;
  }
  if (live && !live->deleting && live->owner_uid.empty() && (live->labelled || hidden) &&
      !removed) {
    work.obstacle =
        Obstacle{"ChildNameTaken",
                 "Deployment '" + child.ToString() +
                     "' has no owner: it was left behind by a ModelDeployment that is gone, or "
                     "somebody took the owner off; no approved revision is known that it was made "
                     "from, so that it must be deleted by hand, and runs on until then"};
    return std::nullopt;
  }
  if (hidden && (removed || hidden->deleting)) {
    // Its end is no event for us.
    work.obstacle = Obstacle{"ChildTerminating",
                             "Deployment '" + child.ToString() +
                                 "', which somebody took our labels off, is being deleted",
                             true};
  }
  work.memory.serving.reset();
  work.memory.suspended = false;
  return std::nullopt;
}

// Before and without all else: whatever is refused of the other children, or wrong with this one,
// the pods go.
std::optional<ReconcileResult> DeploymentReconciler::TakePodsAway(Work& work) {
  if (work.plan.phase == Phase::kSuspended && work.memory.suspended != true) {
    // At once: the round may end early.
    work.memory.suspended = true;
    world_.memory.Set(work.key, work.memory);
  }
  const ObjectKey child{work.key.ns, ChildName(work.key.name)};
  auto scaled = world_.workload_writer.ScaleToZero(child, work.meta.uid, work.stop);
  if (!scaled) return ReconcileResult::From(scaled.error());
  if (*scaled) work.obstacle = *std::move(scaled);
  ObserveRollout(work);
  return std::nullopt;
}

// Whoever took the owner off a child may be the garbage collector, for a ModelDeployment that is
// deleted and leaves it behind. Our caches may not know of that yet, and an owner that is gone
// would take the child with it.
ApiResult<bool> DeploymentReconciler::IsLeaving(const Work& work, bool ownerless) const {
  const ObjectKey child{work.key.ns, ChildName(work.key.name)};
  if (!ownerless && !world_.workload_writer.IsOwnerless(child) &&
      !world_.service_writer.IsOwnerless(child) && !world_.budget_writer.IsOwnerless(child)) {
    return false;
  }
  const auto live = world_.client.Get(kModelDeployments, work.key, Until(work.stop));
  if (!live && live.error().code == Code::kNotFound) return true;
  if (!live) return tl::unexpected(live.error());
  return UidOf(*live) != work.meta.uid || !StringAt(*live, "metadata/deletionTimestamp").empty();
}

// A change is tried as a whole before any of it is written: half of it serves nobody. What is in
// place already is kept right one by one.
std::optional<ReconcileResult> DeploymentReconciler::Apply(Work& work, const Rendered& rendered,
                                                           bool in_place) {
  std::vector<std::pair<ChildWriter*, const Json*>> children = {
      {&world_.workload_writer, &rendered.deployment}, {&world_.service_writer, &rendered.service}};
  if (rendered.disruption_budget) {
    children.emplace_back(&world_.budget_writer, &*rendered.disruption_budget);
  }
  for (const auto& [writer, object] : children) {
    if (in_place) break;
    auto checked = writer->Check(*object, work.stop);
    if (!checked) return ReconcileResult::From(checked.error());
    if (*checked) {
      work.obstacle = *checked;
      return std::nullopt;
    }
  }
  for (const auto& [writer, object] : children) {
    auto written = writer->Write(*object, work.stop);
    if (!written) return ReconcileResult::From(written.error());
    if (written->change == ChildChange::kReverted) {
      work.reverted += (work.reverted.empty() ? "" : " and ") + StringAt(*object, "kind");
    }
    if (written->obstacle) {
      if (!work.obstacle) work.obstacle = written->obstacle;
      if (!in_place) return std::nullopt;
      continue;
    }
    // The pods make what serves, whatever becomes of the others.
    if (writer == &world_.workload_writer) {
      work.memory.serving = work.plan.serve;
      work.memory.suspended = work.plan.replicas == 0;
      work.memory.looked = false;
      world_.memory.Set(work.key, work.memory);  // at once: the round may end early
    }
  }
  if (!rendered.disruption_budget) {
    auto removed = world_.budget_writer.Remove(
        {work.key.ns, ChildName(work.key.name)}, work.meta.uid,
        [&](const ChildState& one) { return work.MadeFrom(one) != nullptr; }, work.stop);
    if (!removed) return ReconcileResult::From(removed.error());
  }
  return std::nullopt;
}

void DeploymentReconciler::ObserveRollout(Work& work) const {
  const auto live = world_.workloads.Get({work.key.ns, ChildName(work.key.name)});
  if (live && LooksLikeOurs(*live, work.meta.uid)) work.rollout = live->rollout;
}

std::optional<ReconcileResult> DeploymentReconciler::WriteChildren(Work& work) {
  ObserveRollout(work);
  if (work.leaving) return RemoveChildren(work);
  const bool suspended = work.plan.phase == Phase::kSuspended;
  if (suspended) {
    if (auto result = TakePodsAway(work)) return result;
  }
  if (!work.plan.serve) {
    // That nothing verifies may be our key's fault, but not where something did.
    const bool gone =
        work.obstacle && work.obstacle->reason == "RevisionsUnverified" && work.memory.verified;
    if (suspended || (work.obstacle && !gone)) return std::nullopt;
    return RemoveChildren(work);
  }
  const auto leaving = IsLeaving(work);
  if (!leaving) return ReconcileResult::From(leaving.error());
  if (*leaving) return ReconcileResult::Wait(kCacheRetry);
  const Revision& revision = *work.Find(*work.plan.serve);
  auto spec = SpecToServe(work, revision);
  if (!spec) return ReconcileResult::From(spec.error());
  const RenderInput input{work.key.ns,      work.key.name,
                          work.meta.uid,    revision.governed_digest,
                          *work.plan.serve, work.plan.replicas};
  auto rendered = Render(input, (*spec)->spec);
  if (!rendered) {
    work.obstacle = Obstacle{"RenderRefused", rendered.error().ToString()};
    return std::nullopt;
  }
  if (work.plan.replicas > 0) {
    auto mismatch = ConfigMismatch((*spec)->spec.serving, work.key.ns, world_.configs);
    // That a revision is refused stays to be told where nothing keeps it from serving.
    if (mismatch || &revision != work.unrecorded.get()) work.obstacle = std::move(mismatch);
  }
  const auto live = world_.workloads.Get({work.key.ns, ChildName(work.key.name)});
  const bool in_place =
      work.memory.serving == work.plan.serve || (live && live->revision == work.plan.serve);
  // What has no pods gets none by what is out of place.
  const bool runs = live && in_place && !work.memory.suspended.value_or(false);
  if (work.obstacle && !runs && !suspended) return std::nullopt;
  auto result = Apply(work, *rendered, in_place || suspended);
  if (suspended && work.obstacle) work.obstacle->message += "; " + work.plan.explanation;
  ObserveRollout(work);
  return result;
}

// What is planned cannot be put in place. What serves meanwhile must still be what was approved,
// and is withdrawn when its own evidence no longer holds.
std::optional<ReconcileResult> DeploymentReconciler::KeepWhatServes(Work& work) {
  std::optional<Obstacle> first = work.obstacle;
  // Nobody knows what serves, or its revision is lost, and what is asked for cannot take its place:
  // nobody would ever judge it.
  const bool lost = work.plan.reason == "RevisionNotRecorded";
  const auto goes_on = [&] {
    const bool known = work.memory.serving && work.Find(*work.memory.serving) != nullptr;
    return known ? work.memory.serving != work.plan.serve : lost;
  };
  // Each round takes one more revision out of the choice.
  while (work.obstacle && goes_on()) {
    const Revision* tried = work.plan.serve ? work.Find(*work.plan.serve) : nullptr;
    if (tried == nullptr || tried->governed_digest == work.governed_digest) {
      if (work.wanted_unusable) break;
      work.wanted_unusable = true;
    }
    if (tried != nullptr) work.unusable.push_back(tried->number);
    work.obstacle.reset();
    if (auto result = MakeThePlan(work)) return result;
    if (auto result = WriteChildren(work)) return result;
  }
  if (first && work.wanted_unusable) first->message += "; " + work.plan.explanation;
  work.obstacle = std::move(first);
  return std::nullopt;
}

}  // namespace countersign
