// deployment_reconciler.h: brings one ModelDeployment to what its governance lets it be.
//
// An ordered list of small steps over one Work: look, judge, record an approved spec as a revision,
// plan, check configuration, write the children, status, Events, decision record, wake-up. A step
// that ends the round returns a result. What decides is judged anew every time from policies, facts
// and verified revisions; status, labels and memory never let anything serve. Every write is
// idempotent, and none is made when nothing changed. Taking pods away comes before every write but
// those of the records, which may show that they must go, and waits for no success of these.
// Thread-safe for different keys; the work queue keeps two workers from one key.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "governance/evaluate.h"
#include "kube/client.h"
#include "kube/event_recorder.h"
#include "kube/informer.h"
#include "operator/children.h"
#include "operator/config_state.h"
#include "operator/controller.h"
#include "operator/memory.h"
#include "operator/plan.h"
#include "operator/record_keeper.h"
#include "operator/render.h"
#include "operator/revision.h"
#include "operator/serving_recorder.h"
#include "operator/status_state.h"

namespace countersign {

// Revisions kept of each ModelDeployment, besides the one that serves.
inline constexpr std::size_t kRevisionsKept = 10;
// A timer runs on the steady clock, expiry on the wall clock; after a step of the latter nothing is
// later than this.
inline constexpr std::chrono::hours kLongestWait{1};
// What another object or an administrator must cure is tried again without being asked.
inline constexpr std::chrono::minutes kObstacleRetry{2};
inline constexpr std::chrono::seconds kPassingRetry{5};

// A decision that differs from the one before, for the record.
struct DecisionNews {
  const ModelDeployment& deployment;
  const Provenance& author;
  const Decision& decision;
  const Plan& plan;
  std::chrono::nanoseconds took;
};

class DeploymentReconciler {
 public:
  // All that is referred to must outlive the reconciler.
  struct World {
    const KubeClient& client;
    Clock& clock;
    const Catalog& catalog;
    Informer<StatusState>& statuses;      // of ModelDeployments
    Informer<StoredRevision>& revisions;  // index kRevisionsByOwner
    Informer<ChildState>& workloads;
    Informer<ConfigState>& configs;
    ChildWriter& workload_writer;
    ChildWriter& service_writer;
    ChildWriter& budget_writer;
    ServingRecorder& recorder;
    RecordKeeper& keeper;
    EventRecorder& events;
    Memory& memory;
    std::string installation;
    EnvelopeSigner sign;
    std::function<StoredRevision(const Json& object)> verify;
    std::function<void(const DecisionNews&)> record;
  };
  explicit DeploymentReconciler(World world);

  [[nodiscard]] ReconcileResult Reconcile(const ObjectKey& key, std::stop_token stop);

 private:
  struct Work;
  using Step = std::optional<ReconcileResult> (DeploymentReconciler::*)(Work&);

  std::optional<ReconcileResult> Observe(Work& work);
  std::optional<ReconcileResult> Judge(Work& work);
  std::optional<ReconcileResult> RecordRevision(Work& work);
  std::optional<ReconcileResult> MakeThePlan(Work& work);
  std::optional<ReconcileResult> WriteChildren(Work& work);
  std::optional<ReconcileResult> KeepWhatServes(Work& work);
  std::optional<ReconcileResult> ReportStatus(Work& work);
  std::optional<ReconcileResult> Announce(Work& work);
  std::optional<ReconcileResult> PruneRevisions(Work& work);
  std::optional<ReconcileResult> RecordServing(Work& work);

  std::optional<ReconcileResult> Apply(Work& work, const Rendered& rendered, bool in_place);
  [[nodiscard]] ApiResult<bool> IsLeaving(const Work& work, bool ownerless = false) const;
  std::optional<ReconcileResult> TakePodsAway(Work& work);
  std::optional<ReconcileResult> RemoveChildren(Work& work);
  // What its children say of what serves, where nothing is remembered.
  void Recall(Work& work) const;
  [[nodiscard]] ApiStatus TellOfOrphan(const ObjectKey& key, const std::stop_token& stop);
  // Adds that the configuration of what serves is not what was approved.
  void JudgeConfig(const Work& work, const Serving& serving, Decision& decision) const;
  // Why the records of the models are not up to date; empty if they are.
  [[nodiscard]] ApiStatus KeepRecords(const Work& work) const;
  void ObserveRollout(Work& work) const;
  void LoadRevisions(Work& work);
  void KeepUnrecorded(Work& work, Revision revision) const;
  [[nodiscard]] ApiResult<bool> RevisionsAreGone(const Work& work) const;
  [[nodiscard]] Plan PlanOf(const Work& work) const;
  [[nodiscard]] Decision Evaluated(const Work& work, std::shared_ptr<const ModelDeployment> object,
                                   const std::string& governed_digest,
                                   const Provenance& author) const;
  [[nodiscard]] Decision JudgeRevision(const Work& work, const Revision& revision) const;
  [[nodiscard]] Result<std::shared_ptr<const ModelDeployment>> SpecToServe(
      const Work& work, const Revision& revision) const;
  // The use case of what serves, where it is not the one of what is asked for.
  [[nodiscard]] static std::string OtherUseCase(const Work& work);
  void TellOfEmergency(const Work& work);
  void Tell(const Work& work, EventType type, std::string reason, std::string action,
            std::string note);

  World world_;
};

// Index of verified and other revisions by the uid of their controlling owner.
inline constexpr char kRevisionsByOwner[] = "owner";

}  // namespace countersign
