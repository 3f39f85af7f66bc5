#include "governance/dossier.h"

#include <algorithm>
#include <functional>
#include <iterator>

namespace countersign {
namespace {

std::size_t HashOf(std::string_view text) { return std::hash<std::string_view>()(text); }

template <class... Rest>
std::size_t HashOf(std::string_view first, Rest... rest) {
  constexpr std::size_t kOdd = 0x9E3779B97F4A7C15;  // 2^64 divided by the golden ratio
  return (HashOf(first) * kOdd) ^ (HashOf(rest...) * kOdd >> 1U);
}

std::size_t HashOf(std::string_view role, const NamedSubject& s) {
  const char flags[] = {static_cast<char>(s.kind), s.retirement ? '1' : '0',
                        s.withdraw ? '1' : '0'};
  return HashOf(role, std::string_view(flags, sizeof flags), s.use_case, s.environment, s.waiver,
                s.incident, s.protocol, s.policy);
}

std::string_view ModelOf(const EvidenceSpec& spec) {
  return spec.model ? std::string_view(spec.model->digest) : std::string_view();
}

std::string_view ModelOf(const SignOffSpec& spec) {
  return spec.subject.model ? std::string_view(spec.subject.model->digest) : std::string_view();
}

template <class Spec>
bool BeforeByName(const Attested<Spec>& a, const Attested<Spec>& b) {
  return a.object->meta.name < b.object->meta.name;
}

bool BeforeByName(const std::shared_ptr<const Incident>& a,
                  const std::shared_ptr<const Incident>& b) {
  return a->meta.name < b->meta.name;
}

template <class T>
void Order(SharedList<T>& list) {
  const auto before = [](const T& a, const T& b) { return BeforeByName(a, b); };
  if (std::is_sorted(list.begin(), list.end(), before)) return;
  list.Change([&](std::vector<T>& all) { std::stable_sort(all.begin(), all.end(), before); });
}

// The entries of one hash, which may be those of several keys, for which `is` says yes.
template <class Entry, class Predicate>
std::vector<std::size_t> Find(const std::vector<Entry>& entries, std::size_t hash, Predicate is) {
  auto it =
      std::lower_bound(entries.begin(), entries.end(), hash,
                       [](const Entry& entry, std::size_t wanted) { return entry.hash < wanted; });
  std::vector<std::size_t> found;
  for (; it != entries.end() && it->hash == hash; ++it) {
    if (is(it->at)) found.push_back(it->at);
  }
  return found;
}

template <class Spec>
bool HasIn(const SharedList<Attested<Spec>>& list, const ShownEvidence& shown) {
  auto it = std::lower_bound(list.begin(), list.end(), shown.name,
                             [](const Attested<Spec>& one, const std::string& name) {
                               return one.object->meta.name < name;
                             });
  for (; it != list.end() && it->object->meta.name == shown.name; ++it) {
    if (it->object->spec_digest == shown.digest) return true;
  }
  return false;
}

}  // namespace

std::string_view DigestOfSubject(const SignOffSubject& subject) {
  switch (subject.kind) {
    case SubjectOfSignOff::kModelDeployment: return subject.governed_digest;
    case SubjectOfSignOff::kUseCase:
      return subject.answers_digest.empty() ? subject.retirement_digest : subject.answers_digest;
    case SubjectOfSignOff::kWaiver: return subject.waiver_digest;
    case SubjectOfSignOff::kIncident: return subject.incident_digest;
    case SubjectOfSignOff::kDelegation: return {};
    case SubjectOfSignOff::kChangeProtocol: return subject.protocol_digest;
    case SubjectOfSignOff::kGovernancePolicy: return subject.policy_digest;
  }
  return {};
}

template <class List, class Key>
Dossier::Entries Dossier::IndexBy(const List& list, Key key) {
  Entries entries;
  entries.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) entries.push_back({key(list[i].object->spec), i});
  std::sort(entries.begin(), entries.end());
  return entries;
}

Dossier::Dossier(StoredEvidence evidence) : evidence_(std::move(evidence)) {
  Order(evidence_.sign_offs);
  Order(evidence_.snapshots);
  Order(evidence_.bias_tests);
  Order(evidence_.reports);
  Order(evidence_.waivers);
  Order(evidence_.incidents);
  const auto& sign_offs = evidence_.sign_offs;
  sign_offs_by_subject_ = IndexBy(sign_offs, [](const SignOffSpec& spec) {
    return HashOf(spec.role, DigestOfSubject(spec.subject));
  });
  sign_offs_by_digest_ = IndexBy(
      sign_offs, [](const SignOffSpec& spec) { return HashOf(DigestOfSubject(spec.subject)); });
  sign_offs_by_model_ =
      IndexBy(sign_offs, [](const SignOffSpec& spec) { return HashOf(ModelOf(spec)); });
  for (std::size_t i = 0; i < sign_offs.size(); ++i) {
    const SignOffSpec& spec = sign_offs[i].object->spec;
    const SignOffSubject& s = spec.subject;
    if (s.kind == SubjectOfSignOff::kUseCase) on_use_case_.push_back(i);
    NamedSubject named{
        s.kind,     s.use_case, s.environment, !s.retirement_digest.empty(), s.waiver,
        s.incident, s.protocol, s.policy,      s.withdraw.value_or(false)};
    if (s.environments.empty()) named_.push_back(HashOf(spec.role, named));
    for (const std::string& environment : s.environments) {
      named.environment = environment;
      named_.push_back(HashOf(spec.role, named));
    }
  }
  std::sort(named_.begin(), named_.end());
  reports_by_model_ = IndexBy(
      evidence_.reports, [](const EvidenceSpec& spec) { return HashOf(spec.type, ModelOf(spec)); });
  reports_by_type_ =
      IndexBy(evidence_.reports, [](const EvidenceSpec& spec) { return HashOf(spec.type); });
  reports_about_ =
      IndexBy(evidence_.reports, [](const EvidenceSpec& spec) { return HashOf(ModelOf(spec)); });
  bias_tests_by_model_ = IndexBy(
      evidence_.bias_tests, [](const BiasTestSpec& spec) { return HashOf(spec.model.digest); });
  const auto& snapshots = evidence_.snapshots;
  snapshots_by_model_ = IndexBy(
      snapshots, [](const ReproducibilitySnapshotSpec& spec) { return HashOf(spec.model.digest); });
  repetitions_ = IndexBy(snapshots, [](const ReproducibilitySnapshotSpec& spec) {
    return HashOf(spec.reproduction_of);
  });
  originals_ = static_cast<std::size_t>(std::count_if(
      snapshots.begin(), snapshots.end(),
      [](const AttestedSnapshot& one) { return one.object->spec.reproduction_of.empty(); }));
  waivers_by_model_ =
      IndexBy(evidence_.waivers, [](const WaiverSpec& spec) { return HashOf(spec.model.digest); });
}

bool Dossier::IsOf(const StoredEvidence& evidence) const {
  return evidence_.sign_offs.IsSame(evidence.sign_offs) &&
         evidence_.snapshots.IsSame(evidence.snapshots) &&
         evidence_.bias_tests.IsSame(evidence.bias_tests) &&
         evidence_.reports.IsSame(evidence.reports) && evidence_.waivers.IsSame(evidence.waivers) &&
         evidence_.incidents.IsSame(evidence.incidents);
}

Dossier::Positions Dossier::SignOffs(std::string_view role, std::string_view digest) const {
  return Find(sign_offs_by_subject_, HashOf(role, digest), [&](std::size_t at) {
    const SignOffSpec& spec = evidence_.sign_offs[at].object->spec;
    return spec.role == role && DigestOfSubject(spec.subject) == digest;
  });
}

Dossier::Positions Dossier::SignOffsOn(std::string_view digest) const {
  return Find(sign_offs_by_digest_, HashOf(digest), [&](std::size_t at) {
    return DigestOfSubject(evidence_.sign_offs[at].object->spec.subject) == digest;
  });
}

Dossier::Positions Dossier::SignOffsAbout(const ModelDigest& model) const {
  return Find(sign_offs_by_model_, HashOf(model.digest), [&](std::size_t at) {
    return evidence_.sign_offs[at].object->spec.subject.model == model;
  });
}

std::size_t Dossier::CountOf(std::string_view role, const NamedSubject& subject) const {
  const auto [begin, end] = std::equal_range(named_.begin(), named_.end(), HashOf(role, subject));
  return static_cast<std::size_t>(std::distance(begin, end));
}

Dossier::Positions Dossier::Reports(std::string_view type, std::string_view model) const {
  return Find(reports_by_model_, HashOf(type, model), [&](std::size_t at) {
    const EvidenceSpec& spec = evidence_.reports[at].object->spec;
    return spec.type == type && ModelOf(spec) == model;
  });
}

Dossier::Positions Dossier::ReportsAbout(std::string_view model) const {
  return Find(reports_about_, HashOf(model),
              [&](std::size_t at) { return ModelOf(evidence_.reports[at].object->spec) == model; });
}

Dossier::Positions Dossier::ReportsOfType(std::string_view type) const {
  return Find(reports_by_type_, HashOf(type),
              [&](std::size_t at) { return evidence_.reports[at].object->spec.type == type; });
}

std::pair<Dossier::Positions, std::size_t> Dossier::SomeOfType(std::string_view type,
                                                               std::size_t limit) const {
  const std::size_t hash = HashOf(type);
  const auto before = [](const Entry& entry, std::size_t wanted) { return entry.hash < wanted; };
  const auto after = [](std::size_t wanted, const Entry& entry) { return wanted < entry.hash; };
  auto it = std::lower_bound(reports_by_type_.begin(), reports_by_type_.end(), hash, before);
  const auto end = std::upper_bound(it, reports_by_type_.end(), hash, after);
  const auto count = static_cast<std::size_t>(std::distance(it, end));
  Positions some;
  for (; it != end && some.size() < limit; ++it) {
    if (evidence_.reports[it->at].object->spec.type == type) some.push_back(it->at);
  }
  return {std::move(some), count};
}

Dossier::Positions Dossier::BiasTests(const ModelDigest& model) const {
  return Find(bias_tests_by_model_, HashOf(model.digest),
              [&](std::size_t at) { return evidence_.bias_tests[at].object->spec.model == model; });
}

Dossier::Positions Dossier::Snapshots(const ModelDigest& model) const {
  return Find(snapshots_by_model_, HashOf(model.digest),
              [&](std::size_t at) { return evidence_.snapshots[at].object->spec.model == model; });
}

Dossier::Positions Dossier::Repetitions(std::string_view of) const {
  return Find(repetitions_, HashOf(of), [&](std::size_t at) {
    return evidence_.snapshots[at].object->spec.reproduction_of == of;
  });
}

Dossier::Positions Dossier::Waivers(const ModelDigest& model) const {
  return Find(waivers_by_model_, HashOf(model.digest),
              [&](std::size_t at) { return evidence_.waivers[at].object->spec.model == model; });
}

bool Dossier::Has(const ShownEvidence& shown) const {
  if (shown.kind == BiasTestSpec::kKind) return HasIn(evidence_.bias_tests, shown);
  if (shown.kind == ReproducibilitySnapshotSpec::kKind) return HasIn(evidence_.snapshots, shown);
  if (shown.kind == EvidenceSpec::kKind) return HasIn(evidence_.reports, shown);
  if (shown.kind == SignOffSpec::kKind) return HasIn(evidence_.sign_offs, shown);
  return true;
}

}  // namespace countersign
