// catalog.h: the current objects of our kinds, and the facts about a deployment gathered from them.
//
// Webhook and operator decide by the same facts from the same caches; this is that shared part.
// Each object's stamp is verified once, when it enters the cache, never while a request waits. What
// cannot be decoded stays visible as an unknown fact, so that decisions fail closed. Thread-safe
// after Start; register change handlers before it, and let them enqueue, not work.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/concerns.h"
#include "catalog/resources.h"
#include "evidence/stamp.h"
#include "governance/dossier.h"
#include "governance/facts.h"
#include "kube/informer.h"

namespace countersign {

// One cached object with its maker. `stamp` stays in object.meta.
template <class Spec>
struct Cached {
  Object<Spec> object;
  Provenance by;
};

struct CatalogChange {
  std::string kind;
  ObjectKey key;
  // The use case whose deployments may be affected, "namespace/name"; empty: all of them.
  std::string use_case;
  // Digests of the models that the object is about, before and after.
  std::vector<std::string> models = {};
};

// All evidence about a model there is now, for its record; or all reports about a use case as a
// whole, and what was rejected in it whatever model it deploys.
struct SeenOfModel {
  std::string digest;
  std::string use_case = {};  // "namespace/name"; empty: it is about a model
  SharedList<AttestedBiasTest> bias_tests;
  SharedList<AttestedSnapshot> snapshots;
  SharedList<AttestedEvidence> reports;
  SharedList<AttestedSignOff> sign_offs;
  std::vector<std::shared_ptr<const Incident>> incidents;
};

// What one cache holds, for metrics and probes.
struct CacheStatus {
  std::string_view kind;
  std::size_t objects = 0;
  std::size_t undecodable = 0;  // of them
  bool synced = false;
  // When the API server was last heard about this kind; nullopt: never. Long ago means that
  // decisions are made on old knowledge.
  std::optional<SteadyTime> last_heard;
};

// A watch ends after five minutes at most (kube/watcher.h) and brings a bookmark about once a
// minute; silence beyond that and some tries to reconnect means that what the caches say may long
// be untrue.
inline constexpr std::chrono::minutes kStaleAfter{6};

class Catalog {
 public:
  // `client`, `clock` must outlive the catalog.
  Catalog(const KubeClient& client, Clock& clock, StampAuthority authority);
  ~Catalog() { Stop(); }
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  void OnChange(std::function<void(const CatalogChange&)> handler);
  void Start();
  void Stop();
  [[nodiscard]] bool HasSynced() const;
  // Waits for all caches; false at `deadline` or `stop`.
  [[nodiscard]] bool WaitForSync(std::stop_token stop, SteadyTime deadline) const;

  // One entry a kind, always in the same order.
  [[nodiscard]] std::vector<CacheStatus> Caches() const;

  // A sentence for each kind that the API server has not been heard about for kStaleAfter: evidence
  // may have been withdrawn since. Gather counts them as unknown facts.
  [[nodiscard]] std::vector<std::string> Stale(SteadyTime now) const;

  // The policies, and the sign-offs on them, wherever these lie. The same snapshot until one of
  // them changes.
  [[nodiscard]] std::shared_ptr<const PolicySet> Policies() const;

  // Everything known about `deployment` in `name_space`. Name and namespace are given apart,
  // because admission may know them before the object does. What cannot be read and may matter
  // becomes a sentence in `unknown`; nothing of the home namespace is named there unless the use
  // case lists `name_space`, because a deployer elsewhere must not learn what lies in it.
  [[nodiscard]] Facts Gather(std::shared_ptr<const ModelDeployment> deployment,
                             std::string governed_digest, Provenance author,
                             const std::string& name_space, const std::string& name,
                             Time now) const;

  // What names the use case ("namespace/name"). The same one until something of it changes.
  [[nodiscard]] std::shared_ptr<const Dossier> DossierOf(const std::string& use_case) const;

  // The sign-offs that name this use case, delegations among them.
  [[nodiscard]] SharedList<AttestedSignOff> SignOffsOf(const UseCaseRef& use_case) const;

  // The ServingRecords that say they are about this ModelDeployment ("namespace/name"), whoever
  // made them.
  [[nodiscard]] std::vector<std::shared_ptr<const Cached<EvidenceSpec>>> ServingRecordsOf(
      const std::string& deployment) const;
  // The ModelDeployment that the report is a ServingRecord about, if it is one and says so.
  [[nodiscard]] std::optional<ObjectKey> RecordedDeployment(const ObjectKey& report) const;

  [[nodiscard]] SeenOfModel SeenOf(const std::string& model) const;
  // Records of models that hold what was rejected in the use case, from before it had its own.
  [[nodiscard]] std::vector<std::shared_ptr<const Cached<ModelRecordSpec>>> RecordsOfRejectionsIn(
      const ObjectKey& use_case) const;
  [[nodiscard]] SeenOfModel SeenOfUseCase(const ObjectKey& use_case) const;

  // Takes in what a live read gave (see live_reader.h).
  void Upsert(const Resource& resource, Json&& object);

  [[nodiscard]] const StampAuthority& authority() const { return authority_; }
  using Deployments = Informer<Cached<ModelDeploymentSpec>>;
  [[nodiscard]] const Deployments& deployments() const { return deployments_; }
  [[nodiscard]] const Informer<Cached<GovernancePolicySpec>>& policies() const { return policies_; }
  [[nodiscard]] const Informer<UseCase>& use_cases() const { return use_cases_; }
  [[nodiscard]] const Informer<Cached<SignOffSpec>>& sign_offs() const { return sign_offs_; }
  [[nodiscard]] const Informer<Cached<ReproducibilitySnapshotSpec>>& snapshots() const {
    return snapshots_;
  }
  [[nodiscard]] const Informer<Cached<BiasTestSpec>>& bias_tests() const { return bias_tests_; }
  [[nodiscard]] const Informer<Cached<EvidenceSpec>>& reports() const { return reports_; }
  [[nodiscard]] const Informer<Cached<WaiverSpec>>& waivers() const { return waivers_; }
  [[nodiscard]] const Informer<Cached<IncidentSpec>>& incidents() const { return incidents_; }
  [[nodiscard]] const Informer<Cached<ModelRecordSpec>>& records() const { return records_; }
  // Keys of the deployments of a use case ("namespace/name"), sorted.
  [[nodiscard]] std::vector<ObjectKey> DeploymentsOf(const std::string& use_case) const;
  // Digests of the models of its deployments, with their components.
  [[nodiscard]] std::vector<std::string> ModelsOfUseCase(const std::string& use_case) const;

 private:
  void RebuildPolicies();
  // Whoever asks for the dossier from now on gets a new one.
  void Outdate(const std::string& use_case);
  void Notify(const CatalogChange& change) const;
  template <class Spec>
  void Connect(Informer<Cached<Spec>>& informer);
  template <class Spec>
  std::function<Result<Cached<Spec>>(Json&&)> DecodeCached();
  // What of the home namespace of `facts.use_case` cannot be read and may concern it.
  template <class Spec>
  void CollectUnreadable(const Informer<Cached<Spec>>& informer, Facts& facts) const;
  void ConnectRecords();
  // What is recorded of the deployment's models and of its use case.
  void CollectRecords(Facts& facts) const;
  // What its models' records have of the use case, while it has none of its own.
  void CollectRejections(Facts& facts) const;
  using Caching = std::pair<std::string_view, const InformerBase*>;
  [[nodiscard]] std::vector<Caching> All() const;

  Clock& clock_;
  const StampAuthority authority_;
  Concerns concerns_;
  Informer<Cached<GovernancePolicySpec>> policies_;
  Informer<UseCase> use_cases_;
  Deployments deployments_;
  Informer<Cached<SignOffSpec>> sign_offs_;
  Informer<Cached<ReproducibilitySnapshotSpec>> snapshots_;
  Informer<Cached<BiasTestSpec>> bias_tests_;
  Informer<Cached<EvidenceSpec>> reports_;
  Informer<Cached<WaiverSpec>> waivers_;
  Informer<Cached<IncidentSpec>> incidents_;
  Informer<Cached<ModelRecordSpec>> records_;
  std::vector<std::function<void(const CatalogChange&)>> handlers_;
  std::mutex rebuild_mutex_;  // held from reading the caches until the set is there
  mutable std::mutex dossiers_mutex_;
  mutable std::map<std::string, std::shared_ptr<const Dossier>> dossiers_;  // by use case
  std::uint64_t outdated_ = 0;  // how often any was; tells whether one that was made may be kept
  mutable std::mutex policies_mutex_;
  std::shared_ptr<const PolicySet> policy_set_ = std::make_shared<PolicySet>();
};

}  // namespace countersign
