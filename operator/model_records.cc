#include "operator/model_records.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "governance/decision.h"
#include "governance/dossier.h"
#include "governance/records.h"
#include "governance/signers.h"
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
  if (by.sign_in) maker.signed_in_at = by.sign_in->at;
  if (by.authenticity == Authenticity::kForeign && by.foreign) {
    maker.installation = by.foreign->installation;
    maker.installation_key = by.foreign->key;
  }
  if (by.authenticity == Authenticity::kSigned && by.signature) {
    maker.signing_key = by.signature->key;
    maker.user_present = by.signature->user_present;
    maker.user_verified = by.signature->user_verified;
    if (const auto& chain = by.signature->chain) maker.certificates = chain->Pem();
    for (const SignerProof& one : by.signature->cosigners) {
      maker.cosigners.push_back({one.key, one.chain ? one.chain->Pem() : std::string()});
    }
  }
  return maker;
}

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

// Kept in whole seconds: the one that `time` is in is forgotten as a whole.
void Later(std::optional<Time>& until, Time time) {
  const Time end = std::chrono::ceil<Seconds>(time);
  if (!until || *until < end) until = end;
}

RecordBounds& BoundsOf(ModelRecordSpec& record, const std::string& name_space) {
  const auto at = std::lower_bound(
      record.bounds.begin(), record.bounds.end(), name_space,
      [](const RecordBounds& one, const std::string& wanted) { return one.name_space < wanted; });
  if (at != record.bounds.end() && at->name_space == name_space) return *at;
  return *record.bounds.insert(at, RecordBounds{name_space});
}

void Forget(RecordedResult& series, ModelRecordSpec& record) {
  const auto limit = static_cast<std::size_t>(kMaxEarlierResults);
  if (series.earlier.size() <= limit) return;
  std::sort(series.earlier.begin(), series.earlier.end(),
            [](const EarlierResult& a, const EarlierResult& b) {
              return a.first_seen.time < b.first_seen.time;
            });
  const auto surplus = static_cast<std::ptrdiff_t>(series.earlier.size() - limit);
  Later(BoundsOf(record, series.name_space).results_forgotten_until,
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
    if (!kept) Later(BoundsOf(record, first.name_space).results_forgotten_until, seen);
  }
}

// As much of a text as anybody is shown; of no character JSON makes many.
std::string Cut(const std::string& text) {
  constexpr std::size_t kShown = 512;
  return OneLine(text, kShown);
}

// What a rejection is judged by, without what only approvals have.
std::string ContentOf(const SignOffSpec& spec) {
  SignOffSpec kept = spec;
  kept.rationale = Cut(spec.rationale);
  kept.shown.reset();
  kept.signature.reset();
  kept.responses.clear();
  kept.conditions.clear();
  return DumpJson(EncodeSpec(kept));
}

std::string ContentOf(const IncidentSpec& spec) {
  IncidentSpec kept = spec;
  kept.summary = Cut(spec.summary);
  return DumpJson(EncodeSpec(kept));
}

// Whether `known` says all that there is to say of it. A rejection is one for each key that signed
// it: a copy by a key that the policy does not believe must not stand for one by a key that it
// does.
bool IsRecordOf(const RecordedDecision& known, const AttestedSignOff& one) {
  const SignOff& object = *one.object;
  if (known.digest != object.KnownAs() || known.name_space != object.meta.name_space) return false;
  if (object.spec.decision == SignOffDecision::kReject) {
    return known.by.signing_key == (one.by.signature ? one.by.signature->key : std::string());
  }
  return known.withdrawn.text.empty() || object.spec.signature ||
         one.by.first_seen <= known.withdrawn.time;
}

// An approval that was perhaps here before, and went: recorded anew it would count again.
bool IsForgotten(const AttestedSignOff& one, const ModelRecordSpec& record) {
  const SignOff& object = *one.object;
  const Time made =
      std::min(one.by.first_seen, object.spec.performed_at.value_or(one.by.first_seen));
  return object.spec.decision != SignOffDecision::kReject &&
         made <= record.DecisionsForgottenUntil(object.meta.name_space);
}

void AddDecisions(const SeenOfModel& seen, ModelRecordSpec& record) {
  std::vector<RecordedDecision> fresh;
  for (const AttestedSignOff& one : seen.sign_offs) {
    const SignOff& object = *one.object;
    const auto is = [&](const RecordedDecision& known) { return IsRecordOf(known, one); };
    if (!IsMade(one.by) || IsForgotten(one, record) ||
        std::any_of(record.decisions.begin(), record.decisions.end(), is) ||
        std::any_of(fresh.begin(), fresh.end(), is)) {
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
    decision.governed_digest = DigestOfSubject(object.spec.subject);
    decision.name = object.meta.name;
    decision.uid = object.meta.uid;
    decision.digest = object.KnownAs();
    decision.by = MakerOf(one.by);
    if (decision.decision == SignOffDecision::kReject) decision.content = ContentOf(object.spec);
    fresh.push_back(std::move(decision));
  }
  for (RecordedDecision& one : fresh) {
    // An approval that was withdrawn and made again replaces what is known of it.
    std::erase_if(record.decisions, [&](const RecordedDecision& known) {
      return one.decision != SignOffDecision::kReject && known.digest == one.digest &&
             known.name_space == one.name_space;
    });
    record.decisions.push_back(std::move(one));
  }
  std::stable_sort(record.decisions.begin(), record.decisions.end(),
                   [](const RecordedDecision& a, const RecordedDecision& b) {
                     return std::tie(a.by.first_seen.time, a.name) <
                            std::tie(b.by.first_seen.time, b.name);
                   });
}

// Whether nobody else can have made `a` than made `b`, and it counts from when it was seen. What is
// signed counts from when it was done, which is not kept: it takes nothing back here.
bool IsBySame(const RecordedMaker& a, const RecordedMaker& b) {
  return a.signing_key.empty() && b.signing_key.empty() &&
         std::tie(a.user, a.installation, a.installation_key) ==
             std::tie(b.user, b.installation, b.installation_key);
}

// Not to be forgotten: nothing later by the same person stands against it.
bool Stands(const RecordedDecision& rejection, const ModelRecordSpec& record) {
  if (rejection.decision != SignOffDecision::kReject) return false;
  return std::none_of(record.decisions.begin(), record.decisions.end(),
                      [&](const RecordedDecision& other) {
                        return IsApproval(other.decision) && other.withdrawn.text.empty() &&
                               IsBySame(other.by, rejection.by) && other.role == rejection.role &&
                               other.governed_digest == rejection.governed_digest &&
                               other.environments == rejection.environments &&
                               other.by.first_seen.time > rejection.by.first_seen.time;
                      });
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
    one.content = ContentOf(incident->spec);
    record.incidents.push_back(std::move(one));
  }
}

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

// Home namespaces whose use cases the model serves or has served. Others may fill half of a record
// at most: of the other half each of these has its part, which nobody takes.
class Shares {
 public:
  explicit Shares(const ModelRecordSpec& record) {
    for (const RecordedServing& one : record.serving) serving_.insert(one.name_space);
  }
  // Of `total`, what the namespace keeps whatever others do.
  [[nodiscard]] std::size_t Of(const std::string& name_space, std::size_t total) const {
    return serving_.contains(name_space) ? total / 2 / serving_.size() : 0;
  }

  // The namespace that gives way: of those beyond their part the one with most; empty if there is
  // none.
  [[nodiscard]] std::string Largest(const std::map<std::string, std::size_t>& sizes,
                                    std::size_t total) const {
    const std::pair<const std::string, std::size_t>* largest = nullptr;
    for (const auto& one : sizes) {
      if (one.second <= Of(one.first, total)) continue;
      if (largest == nullptr || one.second > largest->second) largest = &one;
    }
    return largest == nullptr ? std::string() : largest->first;
  }

 private:
  std::set<std::string> serving_;
};

// Takes entries out of a list that is too long, one of the namespace that gives way each.
template <class Entry>
class Trimming {
 public:
  Trimming(std::vector<Entry>& list, std::int64_t most, const Shares& shares)
      : list_(list), shares_(shares), most_(static_cast<std::size_t>(most)), left_(list.size()) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      places_[list[i].name_space].push_back(i);
      ++sizes_[list[i].name_space];
    }
  }
  [[nodiscard]] bool TooLong() const { return left_ > most_; }
  // Not to be called of a list that is not too long: then some namespace is beyond its part.
  [[nodiscard]] std::string Largest() const { return shares_.Largest(sizes_, most_); }
  // The first of the namespace's that `may` go, if there is one.
  template <class May>
  [[nodiscard]] std::optional<std::size_t> First(const std::string& name_space, const May& may) {
    for (const std::size_t i : places_[name_space]) {
      if (may(i)) return i;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::size_t Last(const std::string& name_space) {
    return places_[name_space].back();
  }
  void Take(std::size_t i) {
    std::erase(places_[list_[i].name_space], i);
    --sizes_[list_[i].name_space];
    taken_.insert(i);
    --left_;
  }
  void Finish() {
    std::size_t i = 0;
    std::erase_if(list_, [&](const Entry&) { return taken_.contains(i++); });
  }

 private:
  std::vector<Entry>& list_;
  const Shares& shares_;
  const std::size_t most_;
  std::size_t left_;
  std::map<std::string, std::vector<std::size_t>> places_;
  std::map<std::string, std::size_t> sizes_;
  std::set<std::size_t> taken_;
};

// Of whichever namespace has most beyond its part there goes what does not fit.
template <class Entry>
void CutList(std::vector<Entry>& list, std::int64_t most, const Shares& shares,
             ModelRecordSpec& record) {
  Trimming<Entry> trimming(list, most, shares);
  while (trimming.TooLong()) {
    const std::string largest = trimming.Largest();
    BoundsOf(record, largest).full = true;
    trimming.Take(trimming.Last(largest));
  }
  trimming.Finish();
}

void ForgetDecisions(const Shares& shares, ModelRecordSpec& record) {
  std::vector<RecordedDecision>& all = record.decisions;
  if (all.size() <= static_cast<std::size_t>(kMaxRecordedDecisions)) return;
  std::vector<bool> stands;
  stands.reserve(all.size());
  for (const RecordedDecision& one : all) stands.push_back(Stands(one, record));
  Trimming<RecordedDecision> trimming(all, kMaxRecordedDecisions, shares);
  while (trimming.TooLong()) {
    const std::string largest = trimming.Largest();
    const auto least = trimming.First(largest, [&](std::size_t i) { return !stands[i]; });
    if (!least) {
      BoundsOf(record, largest).full = true;
      trimming.Take(trimming.Last(largest));
      continue;
    }
    Later(BoundsOf(record, largest).decisions_forgotten_until, all[*least].by.first_seen.time);
    trimming.Take(*least);
  }
  trimming.Finish();
}

// The namespace that gives way by the room that its evidence takes; empty if there is none.
std::string LargestBySize(const Json& record, const Shares& shares) {
  std::map<std::string, std::size_t> sizes;
  for (const char* list : {"results", "decisions", "incidents"}) {
    const Json* entries = Find(record, list);
    if (entries == nullptr) continue;
    for (const Json& one : *entries) sizes[StringAt(one, "namespace")] += DumpJson(one).size();
  }
  return shares.Largest(sizes, kMaxRecordBytes);
}

// The later half of what a list holds of it.
template <class Entry>
void HalveOf(std::vector<Entry>& list, const std::string& name_space) {
  const auto is = [&](const Entry& one) { return one.name_space == name_space; };
  const auto count = std::count_if(list.begin(), list.end(), is);
  std::ptrdiff_t seen = 0;
  std::erase_if(list, [&](const Entry& one) { return is(one) && ++seen > count / 2; });
}

// Of a namespace whose evidence does not fit nobody asks any more: there it may be halved.
void CutToSize(const Shares& shares, ModelRecordSpec& record) {
  while (true) {
    const Json json = EncodeSpec(record);
    if (DumpJson(json).size() <= kMaxRecordBytes) return;
    const std::string largest = LargestBySize(json, shares);
    if (largest.empty()) {
      record.full = true;
      record.serving.clear();
      record.bounds.clear();
      return;
    }
    BoundsOf(record, largest).full = true;
    HalveOf(record.results, largest);
    HalveOf(record.decisions, largest);
    HalveOf(record.incidents, largest);
  }
}

// Longer chains than can be read again, which a bundle may bring: the API server would refuse the
// record of a model that others serve as well.
template <class Entry>
void CutCertificates(std::vector<Entry>& list, ModelRecordSpec& record) {
  constexpr std::size_t kReadable = 65'536;
  for (Entry& one : list) {
    const auto cut = [&](std::string& certificates) {
      if (certificates.size() <= kReadable) return;
      certificates.clear();
      BoundsOf(record, one.name_space).full = true;
    };
    cut(one.by.certificates);
    for (RecordedCosigner& cosigner : one.by.cosigners) cut(cosigner.certificates);
  }
}

// What serves now stays longest.
void CutServing(std::vector<RecordedServing>& list) {
  const auto limit = static_cast<std::size_t>(kMaxRecordedServing);
  if (list.size() <= limit) return;
  std::stable_partition(list.begin(), list.end(),
                        [](const RecordedServing& one) { return one.until.has_value(); });
  list.erase(list.begin(), list.end() - static_cast<std::ptrdiff_t>(limit));
}

// First what nobody decides by, then what does not fit, of whoever has most there.
void Fit(ModelRecordSpec& record) {
  CutCertificates(record.results, record);
  CutCertificates(record.decisions, record);
  const Shares shares(record);
  CutServing(record.serving);
  ForgetDecisions(shares, record);
  CutList(record.results, kMaxRecordedResults, shares, record);
  CutList(record.incidents, kMaxRecordedIncidents, shares, record);
  CutToSize(shares, record);
  if (record.bounds.size() > static_cast<std::size_t>(kMaxRecordedBounds)) {
    record.full = true;
    record.bounds.clear();
  }
}

// As many as are kept.
void Order(std::vector<RecordedVerdict>& list) {
  std::sort(list.begin(), list.end(), [](const RecordedVerdict& a, const RecordedVerdict& b) {
    return std::tie(a.policy, a.measure) < std::tie(b.policy, b.measure);
  });
  constexpr std::size_t kMostVerdicts = 32;
  if (list.size() > kMostVerdicts) list.resize(kMostVerdicts);
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

void Merge(const Verdicts& verdicts, Verdicts& into) {
  const auto rank = [](const RecordedVerdict& one) {
    return std::tuple(one.state == GateStateName(GateState::kPassed), one.state, one.reason);
  };
  for (const auto& [digest, list] : verdicts) {
    std::vector<RecordedVerdict>& known = into[digest];
    for (const RecordedVerdict& one : list) {
      const auto same = std::find_if(known.begin(), known.end(), [&](const RecordedVerdict& other) {
        return other.policy == one.policy && other.measure == one.measure;
      });
      if (same == known.end()) {
        known.push_back(one);
      } else if (rank(one) < rank(*same)) {
        *same = one;
      }
    }
    Order(known);
  }
}

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
      Order(list);
    }
  }
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
  for (RecordedResult& one : ResultsOf(seen)) AddResult(std::move(one), record);
  AddDecisions(seen, record);
  AddIncidents(seen, record);
  const std::map<std::string, std::string> spelled = DigestsOf(seen);
  for (RecordedResult& one : record.results) {
    const auto digest = spelled.find(one.digest);
    const auto found = verdicts.find(digest == spelled.end() ? one.digest : digest->second);
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
