// serving_scan.h: looks now and then at everything that runs, for models that are served past us.
//
// Admission sees what is written while the guard is there; this sees what was there before, what
// was let in with a warning, what is in exempt namespaces, and what lost its approval. Each shadow
// deployment gets an Event, is counted for metrics, and is recorded when it is new or its reasons
// change. It refuses and removes nothing. One scan at a time; Counts is thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "governance/serving/scan.h"
#include "kube/client.h"
#include "kube/event_recorder.h"
#include "operator/controller.h"

namespace countersign {

struct ServingScanOptions {
  ServingProfiles table;
  GuardMode elsewhere = GuardMode::kWarn;  // namespaces in no environment
  std::chrono::seconds interval{300};
  std::string own_namespace = {};  // of the programs: exempt; empty: nobody looks
};

// What stands in the exempt namespace and should not.
struct ExemptCounts {
  std::size_t environments = 0;  // policies in force that put it in one
  std::size_t objects = 0;       // that serve models
};

// How soon kinds are looked through again that the API server could not list just now.
inline constexpr std::chrono::seconds kScanRetry{30};

class ServingScan {
 public:
  // All must outlive it.
  ServingScan(const KubeClient& client, Clock& clock, const Catalog& catalog, EventRecorder& events,
              ServingScanOptions options);

  // One scan; waits for the next.
  [[nodiscard]] ReconcileResult Run(const std::stop_token& stop);

  // Shadow deployments of the last scan, by what the guard does where they are; of kinds that it
  // could not read, those of the scan before.
  [[nodiscard]] std::map<GuardMode, std::size_t> Counts() const;
  [[nodiscard]] ExemptCounts Exempt() const;
  // What the last scan found to serve by an emergency waiver that nobody has signed off.
  [[nodiscard]] std::size_t Emergencies() const;
  // Kinds that it could not read, of which it says nothing new.
  [[nodiscard]] std::size_t UnreadKinds() const;

 private:
  struct Unread {
    std::string kind;
    std::string why;
    bool lasts = false;  // until an administrator grants it
  };
  struct Told {
    std::string message;  // of the last record
    std::string kind;
    GuardMode mode = GuardMode::kDeny;
  };

  [[nodiscard]] std::vector<ScannedObject> ReadAll(const std::stop_token& stop);
  [[nodiscard]] bool IsUnread(const std::string& kind) const;
  [[nodiscard]] bool ReadAllThatItMay() const;  // in the last scan
  // `unsure`: UIDs of which nothing can be said now.
  void Report(const std::vector<ScanFinding>& findings, const std::set<std::string>& unsure,
              const PolicySet& in_force, Time now);

  // Told at each object, or at what owns it: by which waiver, and who closes it.
  using InEmergency = std::map<const ScannedObject*, std::string>;
  void TellOfEmergencies(const InEmergency& all);
  void LookAtOwnNamespace(const std::vector<ScannedObject>& objects, const PolicySet& in_force);

  const KubeClient& client_;
  Clock& clock_;
  const Catalog& catalog_;
  EventRecorder& events_;
  const ServingScanOptions options_;
  std::map<std::string, Told> told_;      // by UID
  std::map<std::string, Unread> unread_;  // by resource, of the last scan
  std::string exempt_told_;               // what was logged last of the own namespace
  mutable std::mutex mutex_;
  std::map<GuardMode, std::size_t> counts_;
  std::size_t unread_kinds_ = 0;
  std::size_t emergencies_ = 0;
  ExemptCounts exempt_;
};

}  // namespace countersign
