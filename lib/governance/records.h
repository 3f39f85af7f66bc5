// records.h: what ModelRecords change about the facts: deleting evidence improves nothing.
//
// A result counts from when it was first seen, however often it is applied; what was withdrawn does
// not count again; a rejection or an incident whose object is gone counts as if it were there. And
// the newest result of a kind governs although it is gone: then none of the earlier ones does
// (GoneResult). Pure functions.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "governance/measures/context.h"
#include "governance/signers.h"

namespace countersign {

// Adds what is recorded of one of the deployment's models, or of its use case.
void AddRecord(Facts& facts, std::shared_ptr<const ModelRecord> record);
// Whether it rejects something of the use case itself, whichever model that deploys: answers, an
// end, a waiver, a protocol, a closed incident, a delegation.
[[nodiscard]] bool IsRejectionInUseCase(const SignOffSpec& spec);
// What a use case's record begins with: what was rejected in it and stands in those of its models,
// from before it had its own. Without decisions: nothing was.
[[nodiscard]] ModelRecordSpec FirstOfUseCase(const std::string& name_space,
                                             const std::string& use_case,
                                             const std::vector<const ModelRecordSpec*>& others);
// The same as a record for evaluations, while there is none that is kept; adds nothing where it
// would be empty.
void AddFirstOfUseCase(Facts& facts, const std::vector<const ModelRecordSpec*>& others);
// Digests of the models whose records an evaluation of these facts can need, and the use case's.
[[nodiscard]] std::vector<std::string> ModelsOf(const Facts& facts, const Dossier& dossier);

// The facts as the records make them; nothing when these change nothing. `dossier`: of the facts.
[[nodiscard]] std::optional<Facts> WithRecords(const Facts& facts, const Dossier& dossier);

// Null if nothing is recorded of the model.
[[nodiscard]] const ModelRecord* RecordOf(const Facts& facts, std::string_view digest);

// A result that is recorded, with its maker as a policy sees them.
struct PastResult {
  const RecordedResult* result = nullptr;
  Provenance by;
  bool revoked = false;  // its maker's key, since
};
// Those of a record that are for the facts' use case.
[[nodiscard]] std::vector<PastResult> PastResults(const GovernancePolicySpec& policy,
                                                  const Facts& facts, std::string_view environment,
                                                  const ModelRecord& record);
// Who made what is recorded, by whatever key.
[[nodiscard]] Provenance RecordedBy(const GovernancePolicySpec& policy, const RecordedMaker& maker);
// Whom a measure believes of a kind of result, and how strongly they have to have made it.
struct Believed {
  const std::vector<Subject>& issuers;
  Assurance assurance;
};
[[nodiscard]] bool IsBelieved(const GovernancePolicySpec& policy, const Believed& who,
                              const Provenance& by);

// What is asked about one model, of one use case.
struct RecordQuery {
  const GovernancePolicySpec& policy;
  const Facts& facts;
  const EvidenceIndex& index;
  const ModelDigest& model;
};
[[nodiscard]] RecordQuery QueryOf(const Context& context);
// Whether all measures passed by it, as far as anybody has judged it, which somebody has.
[[nodiscard]] bool HasPassed(const RecordedResult& result);
// The `model` of a query about reports on the use case as a whole.
[[nodiscard]] ModelDigest InPlaceOfModel(const UseCase& use_case);

// Those of one kind about the model, made by whom the measure believes; of makers whose key was
// revoked since those of which no gate is known to have passed.
[[nodiscard]] std::vector<PastResult> PastResults(const RecordQuery& query, std::string_view kind,
                                                  const Believed& who);

// Whether `present` is what is recorded. Beside what another tool signed may stand whatever time
// (types/signature.h): dated back it stands for nothing.
template <class Spec>
[[nodiscard]] bool IsStill(const GovernancePolicySpec& policy, const Believed& who,
                           const PastResult& past, const Attested<Spec>& present) {
  const RecordedResult& result = *past.result;
  if (present.object->KnownAs() != result.digest) return false;
  if (result.performed_at && present.object->spec.performed_at < *result.performed_at) return false;
  if (IsBelieved(policy, who, present.by)) return true;
  const auto despite = past.revoked
                           ? DespiteRevocation(policy, present.by, SignedDate(present.object->spec))
                           : std::nullopt;
  return despite && IsBelieved(policy, who, *despite);
}

// Whether the result is later than `latest`, the latest that counts, which may be null, or of the
// same instant, and no object of `present` is it. `present`: all that are there about the model,
// also what does not count for a reason that is not its maker; under another maker's name it is not
// the same result.
template <class Spec>
[[nodiscard]] bool GovernsAlthoughGone(const GovernancePolicySpec& policy, const Believed& who,
                                       const PastResult& past, const Attested<Spec>* latest,
                                       const std::vector<const Attested<Spec>*>& present) {
  if (latest != nullptr && latest->by.first_seen > past.by.first_seen) return false;
  return std::none_of(present.begin(), present.end(),
                      [&](const Attested<Spec>* one) { return IsStill(policy, who, past, *one); });
}

// How many results of a series its record has let go of. It names kMaxEarlierResults before the
// newest; of those before them it knows how many there were.
[[nodiscard]] std::int64_t LetGo(const RecordedResult& series);

// Whether one of `let_go` results that `record` has let go of was deleted: fewer are there than
// that. They are those of `present` that it does not name and has forgotten, copies of one object
// being one. `is_of`: whether it is of the series by whose LetGo they were counted.
template <class Spec, class IsOf>
[[nodiscard]] bool IsAnyGone(std::int64_t let_go, const ModelRecord& record,
                             const std::vector<const Attested<Spec>*>& present, const IsOf& is_of) {
  std::set<std::string_view> there;
  for (const Attested<Spec>* one : present) {
    const std::string& digest = one->object->KnownAs();
    const std::string& name_space = one->object->meta.name_space;
    if (is_of(*one) && record.spec.Find(digest, name_space) == nullptr &&
        one->by.Recorded() <= record.spec.ResultsForgottenUntil(name_space)) {
      there.insert(digest);
    }
  }
  return static_cast<std::int64_t>(there.size()) < let_go;
}

// The snapshots in the record of a model that are there: of the model, and repetitions of its runs
// that ended in another.
[[nodiscard]] EvidenceIndex::SnapshotList RecordedSnapshots(const EvidenceIndex& index,
                                                            const ModelDigest& model,
                                                            const ModelRecord& record);

// "'b' of 2026-…, which was Failed BiasOutOfBounds, was deleted; it governs until …".
[[nodiscard]] std::string GoneText(const PastResult& past);

}  // namespace countersign
