// admission_policies.h: what the operator knows of our ValidatingAdmissionPolicies and bindings.
//
// They hold what must hold while nobody can ask us: evidence is final, records and receipts are the
// operator's, locked environments are locked. Where one is no longer what we install, it is told as
// of webhook configurations (webhook_configurations.h), and nothing is changed. All policies of the
// cluster are followed, since RBAC by name follows one object alone; of those of others nothing is
// kept. Start its caches with the others; its controller only while leading. Weaknesses() may be
// called from any thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/installation.h"
#include "kube/client.h"
#include "kube/event_recorder.h"
#include "kube/informer.h"
#include "kube/work_queue.h"
#include "operator/controller.h"
#include "operator/weakness.h"

namespace countersign {

class AdmissionPolicies {
 public:
  // `client`, `clock` and `events` must outlive it. `observe` hears every round, for metrics;
  // `changed` that Weaknesses() gives something else.
  AdmissionPolicies(const KubeClient& client, Clock& clock, EventRecorder& events,
                    const InstallOptions& installed, Controller::Observer observe,
                    std::function<void()> changed);

  [[nodiscard]] std::vector<InformerBase*> Caches() { return {&policies_, &bindings_}; }
  void Start();
  void Stop() { controller_.Stop(); }
  [[nodiscard]] const Controller& Worker() const { return controller_; }

  // One for each that we install, also where nothing differs; nothing before they are known.
  [[nodiscard]] std::vector<Weakness> Weaknesses() const;

 private:
  struct Policy {
    std::string uid;
    Json object;  // its spec alone; null: somebody else's
  };
  using Policies = Informer<Policy>;

  [[nodiscard]] Policies::DecodeFunction Decode(const Resource& resource) const;
  [[nodiscard]] Weakness Compare(const Resource& resource, const Json& expected) const;
  [[nodiscard]] const Policies& CacheOf(const Resource& resource) const;
  // `key.name` is the plural of one of the two resources.
  ReconcileResult Reconcile(const ObjectKey& key);

  const std::string reinstall_;  // the command
  const std::function<void()> changed_;
  std::map<std::string, std::map<std::string, Json>> expected_;  // by plural and name
  WorkQueue queue_;
  Policies policies_;
  Policies bindings_;
  WeaknessTeller teller_;  // the one worker only
  Controller controller_;
};

}  // namespace countersign
