// operator.h: the operator's parts, put together.
//
// Caches, queues, reconcilers and what connects them: which change of which object makes which
// others be looked at. Caches run in every replica, so that a new leader starts warm; controllers
// run only between StartControllers and StopControllers. The order of the members is the order of
// construction, and backwards of destruction. Thread-safe as its parts are.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "evidence/installation_key.h"
#include "kube/client.h"
#include "kube/event_recorder.h"
#include "kube/informer.h"
#include "operator/admission_policies.h"
#include "operator/children.h"
#include "operator/config_state.h"
#include "operator/controller.h"
#include "operator/deployment_reconciler.h"
#include "operator/memory.h"
#include "operator/metrics.h"
#include "operator/receipts.h"
#include "operator/record_keeper.h"
#include "operator/serving_scan.h"
#include "operator/status_reconciler.h"
#include "operator/webhook_configurations.h"

namespace countersign {

struct OperatorOptions {
  std::string installation;
  InstallationKey key;  // signs revisions
  PublicKeys trusted;   // verify stamps and revisions: the key's own and those it replaced
  std::string identity;
  int workers = 4;
  std::string version;
  WebhookConfigurationOptions webhooks;
  ServingScanOptions scan;
};

// How long a worker may be at one object before only a new process helps: all its calls of the API
// server end within seconds each. A scan of everything that runs in a large cluster takes minutes.
inline constexpr std::chrono::minutes kMaxReconcile{5};
inline constexpr std::chrono::minutes kMaxScan{30};

class Operator {
 public:
  // `client` and `clock` must outlive the operator.
  Operator(const KubeClient& client, Clock& clock, OperatorOptions options);
  ~Operator();

  void StartCaches();
  [[nodiscard]] bool HasSynced() const;
  [[nodiscard]] bool WaitForSync(const std::stop_token& stop) const;
  void StartControllers();
  void StopControllers();

  // For metrics.
  void SetLeading(bool leading) { leading_ = leading; }
  [[nodiscard]] std::string MetricsText() { return metrics_.Text(); }
  // Why nothing but a new process helps: a worker has been at one object for kMaxReconcile, or the
  // scan for kMaxScan.
  [[nodiscard]] std::optional<std::string> Stalled(SteadyTime now) const;

 private:
  // One kind that only gets a status.
  struct Kind {
    Kind(Operator& parts, std::string label, const Resource& resource, const Check& check,
         const StatusReconciler::Tell& tell = {});
    // Evidence, which is given receipts.
    Kind(Operator& parts, std::string label, const Resource& resource, const Check& check,
         const ReceiptWriter& receipts);
    Kind(Operator& parts, std::string label, const Resource& resource, const Check& check,
         const StatusReconciler::Tell& tell, const StatusReconciler::Receive& receive);
    std::string name;
    WorkQueue queue;
    Informer<StatusState> statuses;
    StatusReconciler reconciler;
    Controller controller;
  };

  void Connect();
  void OnCatalogChange(const CatalogChange& change);
  void EnqueuePolicies();
  void EnqueueAll();
  void JudgePoliciesAnew();
  void EnqueueNamespace(const std::string& ns);
  [[nodiscard]] std::vector<InformerBase*> Caches();
  [[nodiscard]] std::vector<CacheAge> CacheAges() const;
  [[nodiscard]] std::vector<const Controller*> Controllers() const;
  [[nodiscard]] std::map<std::string, double> BusySeconds() const;
  void Record(const DecisionNews& news) const;
  [[nodiscard]] std::optional<std::string> GapInAdmission() const;
  // Nothing where nobody compares, or not all of it is known yet.
  [[nodiscard]] std::vector<Weakness> Weaknesses() const;
  [[nodiscard]] std::map<std::string, std::size_t> AdmissionDifferences() const;
  void TellOfPolicy(const InForceNews& news);

  const KubeClient& client_;
  Clock& clock_;
  const OperatorOptions options_;
  std::atomic<bool> leading_ = false;
  Memory memory_;
  WorkQueue queue_;
  EventRecorder events_;
  OperatorMetrics metrics_;
  Catalog catalog_;
  Informer<StatusState> statuses_;  // of ModelDeployments
  Informer<StoredRevision> revisions_;
  Informer<ChildState> workloads_;
  Informer<ChildState> services_;
  Informer<ChildState> budgets_;
  Informer<ConfigState> configs_;
  ChildWriter workload_writer_;
  ChildWriter service_writer_;
  ChildWriter budget_writer_;
  ServingRecorder recorder_;
  WorkQueue record_queue_;  // of RecordSubjects
  RecordKeeper keeper_;
  const ReceiptWriter receipts_;
  DeploymentReconciler reconciler_;
  Controller controller_;
  WorkQueue scan_queue_;  // holds one key: everything
  ServingScan scan_;
  Controller scan_controller_;
  Kind policies_;
  Kind use_cases_;
  Kind sign_offs_;
  Kind snapshots_;
  Kind bias_tests_;
  Kind reports_;
  Kind waivers_;
  Kind incidents_;
  Kind records_;
  Controller record_controller_;
  std::unique_ptr<WebhookConfigurations> webhooks_;  // null: nothing is tended
  std::unique_ptr<AdmissionPolicies> admission_;     // null: nobody compares
  const std::vector<InformerBase*> caches_;          // all of the above
};

}  // namespace countersign
