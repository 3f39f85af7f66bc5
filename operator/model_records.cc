#include "operator/model_records.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "governance/records.h"
#include "operator/record_limits.h"
#include "operator/recorded_decisions.h"
#include "operator/recorded_results.h"

namespace countersign {
namespace {

std::set<RecordedObject> ObjectsOf(const SeenOfModel& seen) {
  std::set<RecordedObject> objects;
  const auto add = [&](const auto& list, std::string_view kind) {
    for (const auto& one : list) {
      // Under whatever name: the digest says that it is the same.
      objects.insert({std::string(kind), one.object->meta.name_space, {}, one.object->KnownAs()});
    }
  };
  add(seen.bias_tests, BiasTestSpec::kKind);
  add(seen.snapshots, ReproducibilitySnapshotSpec::kKind);
  add(seen.reports, EvidenceSpec::kKind);
  add(seen.sign_offs, SignOffSpec::kKind);
  for (const auto& one : seen.incidents) {
    objects.insert({std::string(IncidentSpec::kKind), one->meta.name_space, {}, one->spec_digest});
  }
  return objects;
}

// Calls `use` for each entry with the object that it is about.
template <class Record, class Use>
void ForEachObject(Record& record, const Use& use) {
  for (auto& one : record.results) {
    use(RecordedObject{one.kind, one.name_space, one.name, one.digest}, one);
  }
  for (auto& one : record.decisions) {
    use(RecordedObject{std::string(SignOffSpec::kKind), one.name_space, one.name, one.digest}, one);
  }
  for (auto& one : record.incidents) {
    use(RecordedObject{std::string(IncidentSpec::kKind), one.name_space, one.name, one.digest},
        one);
  }
}

}  // namespace

std::map<std::string, std::string> DigestsOf(const SeenOfModel& seen) {
  std::map<std::string, std::string> digests;
  const auto add = [&](const auto& list) {
    for (const auto& one : list) {
      const auto& object = *one.object;
      if (!object.record_digest.empty()) digests[object.record_digest] = object.spec_digest;
    }
  };
  add(seen.bias_tests);
  add(seen.snapshots);
  add(seen.reports);
  return digests;
}

// What was rejected in a use case stood in the records of its models before it had its own.
static bool IsOfUseCase(const RecordedDecision& one, const ModelRecordSpec& record) {
  return record.use_case.empty() && one.sign_off != nullptr &&
         IsRejectionInUseCase(one.sign_off->spec);
}
template <class Entry>
static bool IsOfUseCase(const Entry& /*entry*/, const ModelRecordSpec& /*record*/) {
  return false;
}

std::vector<RecordedObject> MissedBy(const ModelRecordSpec& record, const SeenOfModel& seen) {
  const std::set<RecordedObject> there = ObjectsOf(seen);
  std::vector<RecordedObject> missed;
  ForEachObject(record, [&](RecordedObject object, const auto& entry) {
    if (!entry.withdrawn.text.empty() || IsOfUseCase(entry, record)) return;
    RecordedObject nameless = object;
    nameless.name.clear();
    if (!there.contains(nameless)) missed.push_back(std::move(object));
  });
  return missed;
}

ModelRecordSpec NextRecord(const ModelRecordSpec& before, const SeenOfModel& seen,
                           const std::vector<RecordedObject>& gone, const Verdicts& verdicts,
                           Time now) {
  ModelRecordSpec record = before;
  record.digest = seen.digest;
  record.use_case = seen.use_case;
  ForEachObject(record, [&](const RecordedObject& object, auto& entry) {
    if (entry.withdrawn.text.empty() && std::find(gone.begin(), gone.end(), object) != gone.end()) {
      entry.withdrawn = InstantOf(now);
    }
  });
  AddResults(seen, record);
  AddDecisions(seen, record);
  AddIncidents(seen, record);
  const std::map<std::string, std::string> spelled = DigestsOf(seen);
  for (RecordedResult& one : record.results) {
    const auto digest = spelled.find(one.digest);
    const auto found = verdicts.find(digest == spelled.end() ? one.digest : digest->second);
    if (found != verdicts.end() && one.withdrawn.text.empty()) one.verdicts = found->second;
  }
  FitRecord(record);
  return record;
}

bool NoteServing(ModelRecordSpec& record, const RecordedServing& serving, bool serves, Time now) {
  const auto open =
      std::find_if(record.serving.begin(), record.serving.end(), [&](const RecordedServing& one) {
        return !one.until && one.deployment == serving.deployment;
      });
  const bool same = open != record.serving.end() && open->environment == serving.environment &&
                    open->version == serving.version && open->author == serving.author;
  if (serves && same) return false;
  if (!serves && open == record.serving.end()) return false;
  if (open != record.serving.end()) open->until = now;
  if (serves) {
    record.serving.push_back(serving);
    record.serving.back().since = now;
  }
  return true;
}

Json RecordObject(const ModelRecordSpec& spec) {
  return {{"apiVersion", std::string(kApiVersion)},
          {"kind", std::string(ModelRecordSpec::kKind)},
          {"metadata", {{"name", RecordName(spec.digest)}}},
          {"spec", EncodeSpec(spec)}};
}

}  // namespace countersign
