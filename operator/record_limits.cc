#include "operator/record_limits.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "base/json.h"

namespace countersign {
namespace {

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
    ForgetUntil(BoundsOf(record, largest).decisions_forgotten_until,
                all[*least].by.first_seen.time);
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

}  // namespace

void ForgetUntil(std::optional<Time>& until, Time time) {
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

void FitRecord(ModelRecordSpec& record) {
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

}  // namespace countersign
