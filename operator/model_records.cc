#include "operator/model_records.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "governance/types/bias_cells.h"

namespace countersign {
namespace {

bool IsMade(const Provenance& by) {
  return by.authenticity == Authenticity::kAttested || by.authenticity == Authenticity::kSigned ||
         by.authenticity == Authenticity::kForeign;
}

RecordedMaker MakerOf(const Provenance& by) {
  RecordedMaker maker;
  maker.user = by.user;
  maker.groups = by.groups;
  maker.first_seen = InstantOf(by.first_seen);
  if (by.authenticity == Authenticity::kForeign && by.foreign) {
    maker.installation = by.foreign->installation;
    maker.installation_key = by.foreign->key;
  }
  if (by.authenticity == Authenticity::kSigned && by.signature) {
    maker.signing_key = by.signature->key;
    maker.user_present = by.signature->user_present;
    maker.user_verified = by.signature->user_verified;
  }
  return maker;
}

const ModelDigest& ModelOf(const BiasTestSpec& spec) { return spec.model; }
const ModelDigest& ModelOf(const ReproducibilitySnapshotSpec& spec) { return spec.model; }
// Only what names a model is recorded.
ModelDigest ModelOf(const EvidenceSpec& spec) { return spec.model.value_or(ModelDigest{}); }

void SayWhat(const BiasTestSpec& spec, RecordedResult& result) {
  result.topic = spec.protocol;
  result.data_set = spec.data_set.digest;
  if (const auto shape = ShapeOf(spec)) result.counts = fairness::ShapeName(*shape);
}
void SayWhat(const ReproducibilitySnapshotSpec& spec, RecordedResult& result) {
  result.topic = spec.reproduction_of;
}
void SayWhat(const EvidenceSpec& spec, RecordedResult& result) {
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
  result.digest = object.spec_digest;
  result.by = MakerOf(one.by);
  result.performed_at = object.spec.performed_at;
  return result;
}

template <class Spec>
void AddResults(const SharedList<Attested<Spec>>& list, std::vector<RecordedResult>& results) {
  for (const Attested<Spec>& one : list) {
    if (IsMade(one.by)) results.push_back(ResultOf(one));
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

// One maker's results on one protocol and data set: a stranger's newest displaces nobody's.
bool IsSameSeries(const RecordedResult& a, const RecordedResult& b) {
  const auto maker = [](const RecordedResult& one) -> const std::string& {
    return one.by.signing_key.empty() ? one.by.user : one.by.signing_key;
  };
  return std::tie(a.kind, a.name_space, a.use_case, a.digest_type, a.topic, a.data_set,
                  a.environment, a.counts, maker(a)) == std::tie(b.kind, b.name_space, b.use_case,
                                                                 b.digest_type, b.topic, b.data_set,
                                                                 b.environment, b.counts, maker(b));
}

bool Knows(const RecordedResult& series, const std::string& digest) {
  return series.digest == digest ||
         std::any_of(series.earlier.begin(), series.earlier.end(),
                     [&](const EarlierResult& one) { return one.digest == digest; });
}

// Kept in whole seconds: the one that `time` is in is forgotten as a whole.
void Later(std::optional<Time>& until, Time time) {
  const Time end = std::chrono::ceil<Seconds>(time);
  if (!until || *until < end) until = end;
}

void Forget(RecordedResult& series, ModelRecordSpec& record) {
  const auto limit = static_cast<std::size_t>(kMaxEarlierResults);
  if (series.earlier.size() <= limit) return;
  std::sort(series.earlier.begin(), series.earlier.end(),
            [](const EarlierResult& a, const EarlierResult& b) {
              return a.first_seen.time < b.first_seen.time;
            });
  const auto surplus = static_cast<std::ptrdiff_t>(series.earlier.size() - limit);
  Later(record.results_forgotten_until, series.earlier[surplus - 1].first_seen.time);
  series.earlier.erase(series.earlier.begin(), series.earlier.begin() + surplus);
}

void AddResult(RecordedResult fresh, ModelRecordSpec& record) {
  const auto series =
      std::find_if(record.results.begin(), record.results.end(),
                   [&](const RecordedResult& one) { return IsSameSeries(one, fresh); });
  if (series == record.results.end()) {
    record.results.push_back(std::move(fresh));
    return;
  }
  if (Knows(*series, fresh.digest)) return;
  ++series->attempts;
  const auto& forgotten = record.results_forgotten_until;
  if (forgotten && fresh.performed_at && *fresh.performed_at <= *forgotten) {
    // Perhaps it was here before.
    fresh.by.first_seen = InstantOf(std::min(fresh.by.first_seen.time, *fresh.performed_at));
  }
  if (fresh.by.first_seen.time < series->by.first_seen.time) {
    series->earlier.push_back({fresh.digest, fresh.by.first_seen});
  } else {
    fresh.attempts = series->attempts;
    fresh.earlier = std::move(series->earlier);
    fresh.earlier.push_back({series->digest, series->by.first_seen});
    *series = std::move(fresh);
  }
  Forget(*series, record);
}

// What a rejection is judged by, without what only approvals have.
std::string ContentOf(const SignOffSpec& spec) {
  SignOffSpec kept = spec;
  kept.shown.reset();
  kept.signature.reset();
  kept.responses.clear();
  kept.conditions.clear();
  return DumpJson(EncodeSpec(kept));
}

void AddDecisions(const SeenOfModel& seen, ModelRecordSpec& record) {
  std::vector<RecordedDecision> fresh;
  for (const AttestedSignOff& one : seen.sign_offs) {
    const SignOff& object = *one.object;
    if (!IsMade(one.by) || std::any_of(record.decisions.begin(), record.decisions.end(),
                                       [&](const RecordedDecision& known) {
                                         return known.digest == object.spec_digest &&
                                                known.name_space == object.meta.name_space &&
                                                (known.withdrawn.text.empty() ||
                                                 object.spec.signature ||
                                                 one.by.first_seen <= known.withdrawn.time ||
                                                 object.spec.decision == SignOffDecision::kReject);
                                       })) {
      continue;
    }
    RecordedDecision decision;
    decision.name_space = object.meta.name_space;
    decision.use_case = object.spec.subject.use_case;
    decision.role = object.spec.role;
    decision.decision = object.spec.decision;
    decision.environments = object.spec.subject.environments;
    if (!object.spec.subject.environment.empty()) {
      decision.environments.push_back(object.spec.subject.environment);
    }
    decision.governed_digest = object.spec.subject.governed_digest;
    decision.name = object.meta.name;
    decision.uid = object.meta.uid;
    decision.digest = object.spec_digest;
    decision.by = MakerOf(one.by);
    if (decision.decision == SignOffDecision::kReject) decision.content = ContentOf(object.spec);
    fresh.push_back(std::move(decision));
  }
  for (RecordedDecision& one : fresh) {
    // An approval that was withdrawn and made again replaces what is known of it.
    std::erase_if(record.decisions, [&](const RecordedDecision& known) {
      return known.digest == one.digest && known.name_space == one.name_space;
    });
    record.decisions.push_back(std::move(one));
  }
  std::stable_sort(record.decisions.begin(), record.decisions.end(),
                   [](const RecordedDecision& a, const RecordedDecision& b) {
                     return std::tie(a.by.first_seen.time, a.name) <
                            std::tie(b.by.first_seen.time, b.name);
                   });
}

// Not to be forgotten: nothing later by the same person stands against it.
bool Stands(const RecordedDecision& rejection, const ModelRecordSpec& record) {
  if (rejection.decision != SignOffDecision::kReject) return false;
  return std::none_of(record.decisions.begin(), record.decisions.end(),
                      [&](const RecordedDecision& other) {
                        return IsApproval(other.decision) && other.withdrawn.text.empty() &&
                               other.by.user == rejection.by.user && other.role == rejection.role &&
                               other.governed_digest == rejection.governed_digest &&
                               other.environments == rejection.environments &&
                               other.by.first_seen.time > rejection.by.first_seen.time;
                      });
}

void ForgetDecisions(ModelRecordSpec& record) {
  const auto limit = static_cast<std::size_t>(kMaxRecordedDecisions);
  while (record.decisions.size() > limit) {
    const auto least =
        std::find_if(record.decisions.begin(), record.decisions.end(),
                     [&](const RecordedDecision& one) { return !Stands(one, record); });
    if (least == record.decisions.end()) {
      record.full = true;
      record.decisions.resize(limit);
      return;
    }
    Later(record.decisions_forgotten_until, least->by.first_seen.time);
    record.decisions.erase(least);
  }
}

void AddIncidents(const SeenOfModel& seen, ModelRecordSpec& record) {
  for (const auto& incident : seen.incidents) {
    const bool known = std::any_of(
        record.incidents.begin(), record.incidents.end(), [&](const RecordedIncident& one) {
          return one.digest == incident->spec_digest && one.name == incident->meta.name &&
                 one.name_space == incident->meta.name_space;
        });
    if (known) continue;
    RecordedIncident one;
    one.name_space = incident->meta.name_space;
    one.use_case = incident->spec.use_case;
    one.name = incident->meta.name;
    one.uid = incident->meta.uid;
    one.digest = incident->spec_digest;
    one.content = DumpJson(EncodeSpec(incident->spec));
    record.incidents.push_back(std::move(one));
  }
}

std::set<RecordedObject> ObjectsOf(const SeenOfModel& seen) {
  std::set<RecordedObject> objects;
  const auto add = [&](const auto& list, std::string_view kind) {
    for (const auto& one : list) {
      // Under whatever name: the digest says that it is the same.
      objects.insert({std::string(kind), one.object->meta.name_space, {}, one.object->spec_digest});
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

// First what nobody decides by, then the whole of what does not fit.
void Fit(ModelRecordSpec& record) {
  const auto limit = static_cast<std::size_t>(kMaxRecordedServing);
  if (record.serving.size() > limit) {
    record.serving.erase(record.serving.begin(),
                         record.serving.end() - static_cast<std::ptrdiff_t>(limit));
  }
  ForgetDecisions(record);
  const auto cut = [&](auto& list, std::int64_t most) {
    if (list.size() <= static_cast<std::size_t>(most)) return;
    record.full = true;
    list.resize(static_cast<std::size_t>(most));
  };
  cut(record.results, kMaxRecordedResults);
  cut(record.incidents, kMaxRecordedIncidents);
  while (DumpJson(EncodeSpec(record)).size() > kMaxRecordBytes) {
    record.full = true;
    if (!record.results.empty()) record.results.pop_back();
    if (!record.decisions.empty()) record.decisions.pop_back();
    if (!record.serving.empty()) record.serving.pop_back();
  }
}

}  // namespace

void NoteVerdicts(const Decision& decision, Verdicts& verdicts) {
  for (const Gate& gate : decision.gates) {
    if (gate.policy.empty()) continue;
    for (const EvidenceRef& ref : gate.evidence) {
      if (ref.kind != BiasTestSpec::kKind && ref.kind != EvidenceSpec::kKind &&
          ref.kind != ReproducibilitySnapshotSpec::kKind) {
        continue;
      }
      std::vector<RecordedVerdict>& list = verdicts[ref.digest];
      std::erase_if(list, [&](const RecordedVerdict& one) {
        return one.policy == gate.policy && one.measure == gate.measure;
      });
      list.push_back(
          {gate.policy, gate.measure, std::string(GateStateName(gate.state)), gate.reason});
      std::sort(list.begin(), list.end(), [](const RecordedVerdict& a, const RecordedVerdict& b) {
        return std::tie(a.policy, a.measure) < std::tie(b.policy, b.measure);
      });
      constexpr std::size_t kMostVerdicts = 32;
      if (list.size() > kMostVerdicts) list.resize(kMostVerdicts);
    }
  }
}

std::vector<RecordedObject> MissedBy(const ModelRecordSpec& record, const SeenOfModel& seen) {
  const std::set<RecordedObject> there = ObjectsOf(seen);
  std::vector<RecordedObject> missed;
  ForEachObject(record, [&](RecordedObject object, const auto& entry) {
    if (!entry.withdrawn.text.empty()) return;
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
  ForEachObject(record, [&](const RecordedObject& object, auto& entry) {
    if (entry.withdrawn.text.empty() && std::find(gone.begin(), gone.end(), object) != gone.end()) {
      entry.withdrawn = InstantOf(now);
    }
  });
  for (RecordedResult& one : ResultsOf(seen)) AddResult(std::move(one), record);
  AddDecisions(seen, record);
  AddIncidents(seen, record);
  for (RecordedResult& one : record.results) {
    const auto found = verdicts.find(one.digest);
    if (found != verdicts.end() && one.withdrawn.text.empty()) one.verdicts = found->second;
  }
  Fit(record);
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
