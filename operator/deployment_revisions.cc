// The steps of DeploymentReconciler that keep what was approved: load, record, prune.
#include <algorithm>

#include "operator/deployment_work.h"
#include "operator/names.h"

namespace countersign {
namespace {

// Numbers that strangers took are skipped; more of them than this is an attack to look at.
constexpr int kMaxNumberTries = 20;
// Of revisions that do not verify only plausible numbers are passed over: one at the end of the
// range would leave none for ours.
constexpr std::int64_t kMaxForeignNumber = 1'000'000'000;

}  // namespace

std::vector<ApprovedRevision> DeploymentReconciler::Work::Approved() const {
  std::vector<ApprovedRevision> list;
  const auto add = [&](const Revision& revision) {
    auto spec = ParseJson(revision.spec, kMaxForeignJsonDepth);
    list.push_back({revision.number, revision.governed_digest,
                    spec ? IntAt(*spec, "serving/replicas", 1) : 1});
  };
  for (const auto& revision : revisions) add(*revision);
  if (unrecorded != nullptr) {
    add(*unrecorded);
    std::sort(list.begin(), list.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
  }
  return list;
}

const Revision* DeploymentReconciler::Work::MadeFrom(const ChildState& child) const {
  const Revision* revision = child.revision ? Find(*child.revision) : nullptr;
  return revision != nullptr && revision->governed_digest == child.governed_digest ? revision
                                                                                   : nullptr;
}

void DeploymentReconciler::LoadRevisions(Work& work) {
  work.stored.clear();
  work.revisions.clear();
  work.ignored.clear();
  for (const auto& stored : world_.revisions.ByIndex(kRevisionsByOwner, work.meta.uid)) {
    if (stored->key.ns != work.key.ns) continue;
    const bool ours = stored->revision != nullptr && stored->revision->deployment == work.key;
    if (ours || stored->number <= kMaxForeignNumber) {
      work.highest_number = std::max(work.highest_number, stored->number);
    }
    if (ours) {
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

// Its revision is lost, and the API server refuses another: what is in place goes on while it is
// just what is asked for and passes now, since it is judged in each round as any other. Nothing is
// put in place so: the child must say that it was made from this spec, and it is made so again.
void DeploymentReconciler::KeepUnrecorded(Work& work, Revision revision) const {
  const auto child = world_.workloads.Get({work.key.ns, ChildName(work.key.name)});
  if (child == nullptr || child->deleting || !LooksLikeOurs(*child, work.meta.uid) ||
      child->governed_digest != revision.governed_digest || !child->revision) {
    return;
  }
  const bool taken =
      work.Find(*child->revision) != nullptr ||
      std::any_of(work.revisions.begin(), work.revisions.end(), [&](const auto& one) {
        return one->governed_digest == revision.governed_digest;
      });
  if (taken) return;
  revision.number = *child->revision;
  work.unrecorded = std::make_shared<const Revision>(std::move(revision));
  work.obstacle->message += "; what serves is what is approved, and goes on";
}

// There is a child, but no revision that it was made from. The cache may be behind, so the API
// server is asked before anything is taken away.
ApiResult<bool> DeploymentReconciler::RevisionsAreGone(const Work& work) const {
  ListOptions options;
  options.label_selector = OursSelector();
  auto page = world_.client.List(kControllerRevisions, work.key.ns, options, Until(work.stop));
  if (!page) return tl::unexpected(page.error());
  for (Json& item : page->items) {
    const StoredRevision stored = world_.verify(item);
    if (stored.owner_uid != work.meta.uid || stored.revision == nullptr ||
        stored.revision->deployment != work.key) {
      continue;
    }
    world_.revisions.Upsert(std::move(item));
    return false;
  }
  return true;
}

std::optional<ReconcileResult> DeploymentReconciler::RecordRevision(Work& work) {
  if (work.leaving || !NeedsRevision(work.decision, work.Approved())) return std::nullopt;
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
  const auto refuse = [&](const std::string& why, bool passes = false) {
    // Trying again at once would change nothing; what serves is judged all the same.
    work.obstacle = Obstacle{"RevisionRefused", "the revision cannot be recorded: " + why, passes};
    KeepUnrecorded(work, revision);
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
    // A quota, or somebody's policy or webhook.
    if (!created && IsRefusal(created.error())) {
      return refuse(created.error().message, created.error().http_status == 500);
    }
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
