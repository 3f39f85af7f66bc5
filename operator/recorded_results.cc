#include "operator/recorded_results.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "governance/signers.h"
#include "governance/types/bias_cells.h"
#include "operator/record_limits.h"
#include "operator/recorded_maker.h"

namespace countersign {
namespace {

const ModelDigest& ModelOf(const BiasTestSpec& spec) { return spec.model; }
const ModelDigest& ModelOf(const ReproducibilitySnapshotSpec& spec) { return spec.model; }
// What names no model is in its use case's record.
ModelDigest ModelOf(const EvidenceSpec& spec) { return spec.model.value_or(ModelDigest{}); }

// Each once, as many as are kept.
void AddNames(const std::vector<std::string>& names, RecordedResult& result) {
  for (const std::string& name : names) {
    if (result.performed_by.size() >= static_cast<std::size_t>(kMaxRecordedNames)) return;
    if (std::find(result.performed_by.begin(), result.performed_by.end(), name) ==
        result.performed_by.end()) {
      result.performed_by.push_back(name);
    }
  }
}

void SayWhat(const BiasTestSpec& spec, RecordedResult& result) {
  result.performed_by = spec.performed_by;
  result.topic = spec.protocol;
  result.data_set = spec.data_set.digest;
  if (const auto shape = ShapeOf(spec)) result.counts = fairness::ShapeName(*shape);
}
void SayWhat(const ReproducibilitySnapshotSpec& spec, RecordedResult& result) {
  result.performed_by = spec.performed_by;
  if (spec.code) AddNames(spec.code->authors, result);
  result.topic = spec.reproduction_of;
}
void SayWhat(const EvidenceSpec& spec, RecordedResult& result) {
  result.performed_by = spec.performed_by;
  result.topic = spec.type;
  result.environment = spec.environment;
}

template <class Spec>
RecordedResult ResultOf(const Attested<Spec>& one) {
  const Object<Spec>& object = *one.object;
  RecordedResult result;
  result.kind = Spec::kKind;
  result.name_space = object.meta.name_space;
  result.use_case = object.spec.use_case;
  result.digest_type = ModelOf(object.spec).type;
  SayWhat(object.spec, result);
  result.name = object.meta.name;
  result.uid = object.meta.uid;
  result.digest = object.KnownAs();
  result.by = MakerOf(one.by);
  result.performed_at = SignedDate(object.spec);
  return result;
}

template <class Spec>
void AddResults(const SharedList<Attested<Spec>>& list, std::vector<RecordedResult>& results) {
  for (const Attested<Spec>& one : list) {
    if (MakerIsKnown(one.by)) results.push_back(ResultOf(one));
  }
}

// In the order in which they were seen.
std::vector<RecordedResult> ResultsOf(const SeenOfModel& seen) {
  std::vector<RecordedResult> results;
  AddResults(seen.bias_tests, results);
  AddResults(seen.snapshots, results);
  AddResults(seen.reports, results);
  std::stable_sort(
      results.begin(), results.end(), [](const RecordedResult& a, const RecordedResult& b) {
        return std::tie(a.by.first_seen.time, a.name) < std::tie(b.by.first_seen.time, b.name);
      });
  return results;
}

// All by which a policy may believe whoever made it: what a policy does not believe must not take
// the place of what it does.
bool IsSameMaker(const RecordedMaker& a, const RecordedMaker& b) {
  if (std::tie(a.installation, a.installation_key, a.signing_key) !=
      std::tie(b.installation, b.installation_key, b.signing_key)) {
    return false;
  }
  if (a.signing_key.empty()) {
    return a.user == b.user && a.groups == b.groups &&
           a.signed_in_at.has_value() == b.signed_in_at.has_value();
  }
  return a.certificates == b.certificates && a.user_present == b.user_present &&
         std::equal(a.cosigners.begin(), a.cosigners.end(), b.cosigners.begin(), b.cosigners.end(),
                    [](const RecordedCosigner& one, const RecordedCosigner& other) {
                      return one.signing_key == other.signing_key &&
                             one.certificates == other.certificates;
                    });
}

// One maker's results on one protocol and data set: a stranger's newest displaces nobody's.
bool IsSameSeries(const RecordedResult& a, const RecordedResult& b) {
  return std::tie(a.kind, a.name_space, a.use_case, a.digest_type, a.topic, a.data_set,
                  a.environment, a.counts) == std::tie(b.kind, b.name_space, b.use_case,
                                                       b.digest_type, b.topic, b.data_set,
                                                       b.environment, b.counts) &&
         IsSameMaker(a.by, b.by);
}

// From when on it counts, as evaluation has it (governance/signers.h): what is signed from when it
// was done, or whoever applies a result that they kept back would make it the newest.
Time CountsFrom(const RecordedResult& one) {
  if (one.by.signing_key.empty() || !one.performed_at) return one.by.first_seen.time;
  return std::min(one.by.first_seen.time, *one.performed_at);
}

void Forget(RecordedResult& series, ModelRecordSpec& record) {
  const auto limit = static_cast<std::size_t>(kMaxEarlierResults);
  if (series.earlier.size() <= limit) return;
  std::sort(series.earlier.begin(), series.earlier.end(),
            [](const EarlierResult& a, const EarlierResult& b) {
              return a.first_seen.time < b.first_seen.time;
            });
  const auto surplus = static_cast<std::ptrdiff_t>(series.earlier.size() - limit);
  ForgetUntil(BoundsOf(record, series.name_space).results_forgotten_until,
              series.earlier[surplus - 1].first_seen.time);
  series.earlier.erase(series.earlier.begin(), series.earlier.begin() + surplus);
}

// Of a series the entries are its newest results: several where they count from the same instant.
// The first of them remembers those before.
std::vector<RecordedResult*> NewestOf(ModelRecordSpec& record, const RecordedResult& series) {
  std::vector<RecordedResult*> newest;
  for (RecordedResult& one : record.results) {
    if (IsSameSeries(one, series)) newest.push_back(&one);
  }
  return newest;
}

// `fresh` follows all of `newest`.
void Follow(const std::vector<RecordedResult*>& newest, RecordedResult fresh,
            ModelRecordSpec& record) {
  const std::string digest = fresh.digest;
  for (const RecordedResult* one : newest) {
    fresh.attempts += one->attempts;
    fresh.earlier.insert(fresh.earlier.end(), one->earlier.begin(), one->earlier.end());
    fresh.earlier.push_back({one->digest, one->by.first_seen});
  }
  // It was counted among those before, if it is known.
  const auto known =
      std::erase_if(fresh.earlier, [&](const EarlierResult& one) { return one.digest == digest; });
  fresh.attempts -= static_cast<std::int64_t>(known);
  const std::vector<std::string> own = std::move(fresh.performed_by);
  fresh.performed_by.clear();
  for (const RecordedResult* one : newest) AddNames(one->performed_by, fresh);
  AddNames(own, fresh);
  RecordedResult& place = *newest.front();
  place = std::move(fresh);
  Forget(place, record);
  std::erase_if(record.results, [&, series = place](const RecordedResult& one) {
    return one.digest != digest && IsSameSeries(one, series);
  });
}

// Whether `fresh`, first seen at `seen`, is one that the series had and let go of: counted again
// with each look at what is there, there would seem to be more of them than are.
bool WasLetGo(const RecordedResult& fresh, Time seen, Time forgotten,
              const RecordedResult& series) {
  return seen <= forgotten &&
         series.earlier.size() >= static_cast<std::size_t>(kMaxEarlierResults) &&
         std::all_of(series.earlier.begin(), series.earlier.end(), [&](const EarlierResult& one) {
           return fresh.by.first_seen.time <= one.first_seen.time;
         });
}

void AddResult(RecordedResult fresh, ModelRecordSpec& record) {
  const std::vector<RecordedResult*> newest = NewestOf(record, fresh);
  if (newest.empty()) {
    record.results.push_back(std::move(fresh));
    return;
  }
  const auto is = [&](const auto& one) { return one.digest == fresh.digest; };
  if (std::any_of(newest.begin(), newest.end(), [&](const auto* one) { return is(*one); })) return;
  RecordedResult& first = *newest.front();
  const auto known = std::find_if(first.earlier.begin(), first.earlier.end(), is);
  if (known != first.earlier.end()) {
    if (known->first_seen.time < fresh.by.first_seen.time) fresh.by.first_seen = known->first_seen;
    if (CountsFrom(fresh) > CountsFrom(first)) Follow(newest, std::move(fresh), record);
    return;
  }
  const Time seen = fresh.by.first_seen.time;
  const Time forgotten = record.ResultsForgottenUntil(fresh.name_space);
  if (fresh.performed_at && *fresh.performed_at <= forgotten) {
    // Perhaps it was here before.
    fresh.by.first_seen = InstantOf(std::min(fresh.by.first_seen.time, *fresh.performed_at));
  }
  if (CountsFrom(fresh) > CountsFrom(first)) {
    Follow(newest, std::move(fresh), record);
  } else if (CountsFrom(fresh) == CountsFrom(first)) {
    record.results.push_back(std::move(fresh));
  } else if (!WasLetGo(fresh, seen, forgotten, first)) {
    ++first.attempts;
    AddNames(fresh.performed_by, first);
    first.earlier.push_back({fresh.digest, fresh.by.first_seen});
    Forget(first, record);
    // Of one that is older than all that are kept nothing else tells next time that it was here.
    const bool kept = std::any_of(first.earlier.begin(), first.earlier.end(), is);
    if (!kept) ForgetUntil(BoundsOf(record, first.name_space).results_forgotten_until, seen);
  }
}

}  // namespace

void AddResults(const SeenOfModel& seen, ModelRecordSpec& record) {
  for (RecordedResult& one : ResultsOf(seen)) AddResult(std::move(one), record);
}

}  // namespace countersign
