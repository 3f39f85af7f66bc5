// record_keeper.h: writes down in ModelRecords what is seen of each model (model_records.h).
//
// Evidence is recorded before the operator serves anything by it, and again whenever it changes.
// What a record names and no cache has any more is asked for at the API server before it is called
// withdrawn: caches follow their kinds each at its own pace. Records are signed; one that does not
// verify is left alone, and stands in the way, until an administrator looks. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "evidence/installation_key.h"
#include "kube/client.h"
#include "operator/model_records.h"

namespace countersign {

// Whose record it is: a use case, or a model, by its digest and without a namespace.
using RecordSubject = ObjectKey;
[[nodiscard]] RecordSubject SubjectOfModel(const std::string& digest);

class RecordKeeper {
 public:
  // All must outlive the keeper. `look` is told of whose record may change.
  RecordKeeper(const KubeClient& client, Clock& clock, Catalog& catalog, InstallationKey key,
               std::function<void(const RecordSubject& subject)> look)
      : client_(client),
        clock_(clock),
        catalog_(catalog),
        key_(std::move(key)),
        look_(std::move(look)) {}

  // Brings the record of `subject` up to date. Error: it could not be written.
  [[nodiscard]] ApiStatus Keep(const RecordSubject& subject, const std::stop_token& stop);

  // What came of the evidence about each of `subjects` for a ModelDeployment, which is about no
  // others any more.
  void Judged(const std::vector<RecordSubject>& subjects, const ObjectKey& deployment,
              const Decision& decision);
  // It is gone, and with it what came of evidence for it.
  void Forget(const ObjectKey& deployment);
  // What a ModelDeployment serves now; nullopt: nothing. `model`: its digest.
  void Serves(const ObjectKey& deployment, const std::string& model,
              std::optional<RecordedServing> serving);

 private:
  [[nodiscard]] ApiResult<std::vector<RecordedObject>> Gone(
      const std::vector<RecordedObject>& missed, const std::stop_token& stop) const;
  [[nodiscard]] ApiStatus Write(const ModelRecordSpec& next, const Object<ModelRecordSpec>* before,
                                const std::stop_token& stop);
  void NoteWhereItServes(ModelRecordSpec& record, Time now) const;
  [[nodiscard]] Verdicts VerdictsOn(const RecordSubject& subject) const;

  const KubeClient& client_;
  Clock& clock_;
  Catalog& catalog_;
  const InstallationKey key_;
  const std::function<void(const RecordSubject&)> look_;
  std::mutex writing_;  // one record at a time: rare, and then not to be torn
  mutable std::mutex mutex_;
  // By subject and deployment: two that differ in one model must not take turns in its record.
  std::map<RecordSubject, std::map<ObjectKey, Verdicts>> verdicts_;
  struct Place {
    std::string model;
    std::optional<RecordedServing> serving;
  };
  std::map<std::string, Place> places_;                // by deployment, "namespace/name"
  std::map<std::string, std::set<std::string>> here_;  // deployments by model
};

}  // namespace countersign
