#include "governance/measures/corrections.h"

#include <algorithm>
#include <set>

#include "governance/measures/context.h"

namespace countersign {

bool IsSameSubject(const BiasTestSpec& a, const BiasTestSpec& b) {
  return a.use_case == b.use_case && a.model == b.model && a.protocol == b.protocol &&
         a.data_set.digest == b.data_set.digest;
}

bool IsSameSubject(const ReproducibilitySnapshotSpec& a, const ReproducibilitySnapshotSpec& b) {
  return a.use_case == b.use_case && a.model == b.model && a.reproduction_of == b.reproduction_of;
}

bool IsSameSubject(const EvidenceSpec& a, const EvidenceSpec& b) {
  return a.use_case == b.use_case && a.type == b.type && a.model == b.model &&
         a.environment == b.environment;
}

bool IsSameSubject(const SignOffSpec& a, const SignOffSpec& b) {
  return a.subject == b.subject && a.role == b.role;
}

namespace {

template <class Spec>
const Attested<Spec>* First(const std::vector<const Attested<Spec>*>& list) {
  return list.empty() ? nullptr : list.front();
}

// Whether what `corrected` corrects leads back to `name`.
template <class Spec>
bool LeadsBack(const ByName<Spec>& named, const Attested<Spec>* corrected,
               const std::string& name) {
  std::set<std::string> seen;
  while (corrected != nullptr) {
    const auto& supersedes = corrected->object->spec.supersedes;
    if (!supersedes) return false;
    if (supersedes->name == name) return true;
    if (!seen.insert(supersedes->name).second) return false;
    corrected = named(supersedes->name);
  }
  return false;
}

}  // namespace

template <class Spec>
std::optional<Disregarded> WhyNoCorrection(const GovernancePolicySpec& policy,
                                           const ByName<Spec>& named, const Attested<Spec>& one) {
  const auto& supersedes = one.object->spec.supersedes;
  if (!supersedes) return std::nullopt;
  const std::string what = std::string(Spec::kKind) + " '" + supersedes->name + "'";
  const std::string says = "it says that it corrects " + what;
  if (supersedes->name == one.object->meta.name) {
    return Disregarded{"SupersedesItself", says + ", which is itself"};
  }
  const Attested<Spec>* found = named(supersedes->name);
  if (found == nullptr) return std::nullopt;
  if (LeadsBack(named, found, one.object->meta.name)) {
    return Disregarded{"SupersedesInCircle", says + ", which says that it corrects this one"};
  }
  if (found->object->spec_digest != supersedes->digest) {
    return Disregarded{"SupersedesAnotherVersion", says + " of digest " + supersedes->digest +
                                                       ", which is one of digest " +
                                                       found->object->spec_digest};
  }
  if (!IsSameSubject(found->object->spec, one.object->spec)) {
    return Disregarded{"SupersedesOtherSubject", says + ", which is about something else"};
  }
  // What counts for nothing anybody may set right.
  if (!IsAuthentic(found->by)) return std::nullopt;
  if (PersonOf(policy, found->by.user) != PersonOf(policy, one.by.user)) {
    return Disregarded{"SupersedesOtherPerson", says + ", which '" + found->by.user +
                                                    "' made, and was itself made by '" +
                                                    one.by.user + "'"};
  }
  if (found->by.first_seen > one.by.first_seen) {
    return Disregarded{"SupersedesLater",
                       says + ", which was made later, at " + FormatTime(found->by.first_seen)};
  }
  return std::nullopt;
}

template std::optional<Disregarded> WhyNoCorrection(const GovernancePolicySpec&,
                                                    const ByName<SignOffSpec>&,
                                                    const Attested<SignOffSpec>&);
template std::optional<Disregarded> WhyNoCorrection(const GovernancePolicySpec&,
                                                    const ByName<BiasTestSpec>&,
                                                    const Attested<BiasTestSpec>&);
template std::optional<Disregarded> WhyNoCorrection(const GovernancePolicySpec&,
                                                    const ByName<ReproducibilitySnapshotSpec>&,
                                                    const Attested<ReproducibilitySnapshotSpec>&);
template std::optional<Disregarded> WhyNoCorrection(const GovernancePolicySpec&,
                                                    const ByName<EvidenceSpec>&,
                                                    const Attested<EvidenceSpec>&);

template <>
const AttestedSignOff* NamedIn(const EvidenceIndex& index, const std::string& name) {
  return First(index.SignOffsNamed(name));
}
template <>
const AttestedBiasTest* NamedIn(const EvidenceIndex& index, const std::string& name) {
  return First(index.BiasTestsNamed(name));
}
template <>
const AttestedSnapshot* NamedIn(const EvidenceIndex& index, const std::string& name) {
  return First(index.SnapshotsNamed(name));
}
template <>
const AttestedEvidence* NamedIn(const EvidenceIndex& index, const std::string& name) {
  return First(index.ReportsNamed(name));
}

}  // namespace countersign
