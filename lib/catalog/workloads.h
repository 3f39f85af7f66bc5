// workloads.h: what runs in the cluster and may serve a model, as the guard sees it.
//
// One informer for each kind of the serving table; of Pods, which are many and are judged as they
// come, for those alone that own workloads. Of several versions the first that the API server has.
// Of an object only whose it is and what was recognised in it is kept. Owners are found by UID
// alone: names in a request prove nothing. Kinds whose CRD is not installed are asked for again now
// and then and are no condition of being synced. Thread-safe after Start.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "governance/serving/recognise.h"
#include "kube/informer.h"

namespace countersign {

struct WorkloadOwner {
  std::string kind;
  std::string name;
  std::string uid;
  std::string api_version = {};
};

struct Workload {
  ObjectKey key;
  std::string api_version;
  std::string kind;
  std::string uid;
  std::optional<WorkloadOwner> owner;  // the controlling one
  Recognition recognition;
};

// The controlling owner that an object names.
[[nodiscard]] std::optional<WorkloadOwner> ControllerOf(const Json& object);
[[nodiscard]] Workload DecodeWorkload(const ServingProfiles& table, const Json& object);
// Where the API server keeps a kind of the table.
[[nodiscard]] Resource ResourceOf(const ServingProfile& profile);
[[nodiscard]] Resource ResourceOf(const ServingSelector& selector);

class Workloads {
 public:
  // A controller acts some milliseconds after it saw the owner; our cache is not later by more.
  static constexpr std::chrono::milliseconds kPatience{250};
  // Requests that wait for an owner at a time; each holds a thread.
  static constexpr int kMaxWaiting = 2;
  // A Pod of a Job of a CronJob has two; nothing has many.
  static constexpr int kMaxOwners = 8;

  // `client`, `clock` and `table` must outlive it.
  Workloads(const KubeClient& client, Clock& clock, const ServingProfiles& table);
  ~Workloads() { Stop(); }
  Workloads(const Workloads&) = delete;
  Workloads& operator=(const Workloads&) = delete;

  void Start();
  void Stop();
  // Whether the kinds that every cluster has are there.
  [[nodiscard]] bool HasSynced() const;
  [[nodiscard]] bool WaitForSync(const std::stop_token& stop, SteadyTime deadline) const;
  // Of all of them together, as kind "workloads". Silence counts for kinds that every cluster has
  // and for those of which there are objects.
  [[nodiscard]] CacheStatus Status() const;
  // "deployments.apps has not been heard of for …", as Catalog::Stale.
  [[nodiscard]] std::vector<std::string> Stale(SteadyTime now) const;

  [[nodiscard]] std::shared_ptr<const Workload> ByUid(const std::string& uid) const;
  // The owners of what `first` owns in `ns`, the nearest first; waits for kPatience at most for one
  // that is not known yet. `problem` says why the chain ends too early.
  [[nodiscard]] std::vector<std::shared_ptr<const Workload>> Owners(const std::string& ns,
                                                                    const WorkloadOwner& first,
                                                                    SteadyTime deadline,
                                                                    std::string& problem) const;

 private:
  [[nodiscard]] std::shared_ptr<const Workload> Await(const std::string& uid,
                                                      SteadyTime deadline) const;

  struct Followed {
    std::unique_ptr<Informer<Workload>> informer;
    bool first = false;  // of its kind's versions
    bool started = false;
  };
  [[nodiscard]] std::unique_ptr<Informer<Workload>> Following(const KubeClient& client,
                                                              const ServingProfiles& table,
                                                              const Resource& resource,
                                                              const std::string& selector,
                                                              std::function<void()> not_there);
  void FallBackTo(std::size_t at);

  Clock& clock_;
  std::vector<Followed> followed_;
  std::size_t built_in_ = 0;  // of them, kinds that every cluster has: these come first
  bool stopped_ = false;
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  mutable int waiting_ = 0;
};

}  // namespace countersign
