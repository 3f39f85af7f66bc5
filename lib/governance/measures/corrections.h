// corrections.h: what an object may say that it corrects (spec.supersedes).
//
// The newest result governs with or without a correction, so a correction never improves a verdict:
// it tells readers why there is another one. What it says must hold all the same, or the object
// that says it counts for nothing good. Admission and evaluation ask the same function. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "governance/evidence_index.h"
#include "governance/facts.h"
#include "governance/measures/delegation.h"

namespace countersign {

// Whether two objects are about the same: of a bias test model, protocol and data set; of a
// snapshot model and what it repeats; of a report type, model and environment; of a sign-off all of
// its subject, and the role. The newer of two such governs.
[[nodiscard]] bool IsSameSubject(const BiasTestSpec& a, const BiasTestSpec& b);
[[nodiscard]] bool IsSameSubject(const ReproducibilitySnapshotSpec& a,
                                 const ReproducibilitySnapshotSpec& b);
[[nodiscard]] bool IsSameSubject(const EvidenceSpec& a, const EvidenceSpec& b);
[[nodiscard]] bool IsSameSubject(const SignOffSpec& a, const SignOffSpec& b);

// The object of that name, in the name of whose key signed it; null if there is none.
template <class Spec>
using ByName = std::function<const Attested<Spec>*(const std::string& name)>;

// Why `one` may not correct what it says it corrects; nullopt when it may, or corrects nothing.
// `named` knows those of its kind in its namespace. What is not there any more can do no harm.
template <class Spec>
[[nodiscard]] std::optional<Disregarded> WhyNoCorrection(const GovernancePolicySpec& policy,
                                                         const ByName<Spec>& named,
                                                         const Attested<Spec>& one);

template <class Spec>
[[nodiscard]] const Attested<Spec>* NamedIn(const EvidenceIndex& index, const std::string& name);
template <>
const AttestedSignOff* NamedIn(const EvidenceIndex& index, const std::string& name);
template <>
const AttestedBiasTest* NamedIn(const EvidenceIndex& index, const std::string& name);
template <>
const AttestedSnapshot* NamedIn(const EvidenceIndex& index, const std::string& name);
template <>
const AttestedEvidence* NamedIn(const EvidenceIndex& index, const std::string& name);

// Among what is known of the use case.
template <class Spec>
[[nodiscard]] std::optional<Disregarded> WhyNoCorrection(const GovernancePolicySpec& policy,
                                                         const EvidenceIndex& index,
                                                         const Attested<Spec>& one) {
  if (!one.object->spec.supersedes) return std::nullopt;
  return WhyNoCorrection<Spec>(
      policy, [&](const std::string& name) { return NamedIn<Spec>(index, name); }, one);
}

}  // namespace countersign
