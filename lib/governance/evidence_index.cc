#include "governance/evidence_index.h"

#include <algorithm>
#include <functional>

namespace countersign {
namespace {

std::size_t HashOf(std::string_view a, std::string_view b) {
  constexpr std::size_t kOdd = 0x9E3779B97F4A7C15;  // 2^64 divided by the golden ratio
  return std::hash<std::string_view>()(a) * kOdd + std::hash<std::string_view>()(b);
}

std::string_view ModelOf(const EvidenceSpec& spec) {
  return spec.model ? std::string_view(spec.model->digest) : std::string_view();
}

// The entries of one hash, which may be those of several keys.
template <class Entry, class Function>
void ForEach(const std::vector<Entry>& entries, std::size_t hash, Function f) {
  auto it =
      std::lower_bound(entries.begin(), entries.end(), hash,
                       [](const Entry& entry, std::size_t wanted) { return entry.hash < wanted; });
  for (; it != entries.end() && it->hash == hash; ++it) f(it->at);
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

EvidenceIndex::EvidenceIndex(const Facts& facts) : facts_(facts) {
  sign_offs_.reserve(facts.sign_offs.size());
  for (std::size_t i = 0; i < facts.sign_offs.size(); ++i) {
    const SignOffSpec& spec = facts.sign_offs[i].object->spec;
    sign_offs_.push_back({HashOf(spec.role, DigestOfSubject(spec.subject)), i});
  }
  std::sort(sign_offs_.begin(), sign_offs_.end());
  reports_.reserve(facts.reports.size());
  for (std::size_t i = 0; i < facts.reports.size(); ++i) {
    const EvidenceSpec& spec = facts.reports[i].object->spec;
    reports_.push_back({HashOf(spec.type, ModelOf(spec)), i});
  }
  std::sort(reports_.begin(), reports_.end());
}

std::vector<const AttestedSignOff*> EvidenceIndex::SignOffs(std::string_view role,
                                                            std::string_view digest) const {
  std::vector<const AttestedSignOff*> found;
  ForEach(sign_offs_, HashOf(role, digest), [&](std::size_t at) {
    const AttestedSignOff& one = facts_.sign_offs[at];
    const SignOffSpec& spec = one.object->spec;
    if (spec.role == role && DigestOfSubject(spec.subject) == digest) found.push_back(&one);
  });
  return found;
}

std::vector<const AttestedEvidence*> EvidenceIndex::Reports(std::string_view type,
                                                            std::string_view model) const {
  std::vector<const AttestedEvidence*> found;
  ForEach(reports_, HashOf(type, model), [&](std::size_t at) {
    const AttestedEvidence& one = facts_.reports[at];
    if (one.object->spec.type == type && ModelOf(one.object->spec) == model) found.push_back(&one);
  });
  return found;
}

}  // namespace countersign
