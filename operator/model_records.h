// model_records.h: what a ModelRecord becomes by what is seen, written down before and no more.
//
// Pure. A record only grows: what was there and is gone stays, marked as withdrawn once the API
// server has said that it is gone. Where a list is full, what matters least gives way and is
// remembered by a time: older results by resultsForgottenUntil, decisions that were decided anew by
// decisionsForgottenUntil. What still does not fit makes the record full, and the model is served
// no more (governance/records.h). Whichever namespace a list holds most of gives way, so that it is
// full for that one alone.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "governance/types/model_record.h"
#include "operator/recorded_verdicts.h"

namespace countersign {

// An object that a record names and nobody sees any more.
struct RecordedObject {
  std::string kind;
  std::string name_space;
  std::string name;
  std::string digest;
  friend auto operator<=>(const RecordedObject&, const RecordedObject&) = default;
};

// The digests of the specs of what a record knows by another one (types/signature.h), by that one.
[[nodiscard]] std::map<std::string, std::string> DigestsOf(const SeenOfModel& seen);

// The objects that `record` takes for present and that are not among `seen`.
[[nodiscard]] std::vector<RecordedObject> MissedBy(const ModelRecordSpec& record,
                                                   const SeenOfModel& seen);

// `gone`: those of MissedBy that the API server does not have.
[[nodiscard]] ModelRecordSpec NextRecord(const ModelRecordSpec& before, const SeenOfModel& seen,
                                         const std::vector<RecordedObject>& gone,
                                         const Verdicts& verdicts, Time now);

// What becomes of `serving` when the model serves there, in a record; true if it changes.
bool NoteServing(ModelRecordSpec& record, const RecordedServing& serving, bool serves, Time now);

[[nodiscard]] Json RecordObject(const ModelRecordSpec& spec);

}  // namespace countersign
