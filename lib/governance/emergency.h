// emergency.h: break-glass, a waiver that counts before anybody but its maker has said so.
//
// Somebody in the role of the policy's spec.waivers.emergency declares it (Waiver with
// spec.emergency), for hours. It stays open, and shows wherever it let something through, until
// people sign it off as any waiver; a rejection ends it at once. While one that has ended is open,
// no other counts for the same measure and environment of the use case: what nobody has looked at
// yet cannot be prolonged. docs/decisions/2026-11-29-break-glass.md says why. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "governance/decision.h"
#include "governance/measures/context.h"
#include "governance/measures/delegation.h"
#include "governance/measures/sign_off.h"

namespace countersign {

// What a waiver is judged in, whichever of its measures is asked about.
struct WaiverScene {
  const GovernancePolicy& policy;
  const Facts& facts;
  const Insiders& insiders;
  const EvidenceIndex& index;
  const std::string& answers_digest;
  const std::set<std::string>* versions = nullptr;  // as Context has them

  static WaiverScene Of(const Context& context) {
    return {context.policy, context.facts,          context.insiders,
            context.index,  context.answers_digest, context.versions};
  }
  // Where a no closes what stands in the way (EvidenceIndex::Strict).
  [[nodiscard]] WaiverScene Strictly() const {
    return {policy, facts, insiders, index.Strict(), answers_digest, versions};
  }
};

// Whether it was declared as an emergency under this policy or another version of it. Admission let
// it in by what held then; who left the role since, or what a later version says, does not undo it,
// nor does an end of the key that signed it: `waiver` is one of scene.index.Ever().
[[nodiscard]] bool WasEmergency(const WaiverScene& scene, const std::string& environment,
                                const AttestedWaiver& waiver);

// The sign-offs on a waiver. Approval is always by others than whoever asked for it, the use case's
// owner, developers and author, whatever the policy's distinctFrom says.
[[nodiscard]] SignOffOutcome WaiverSignOffs(const WaiverScene& scene, const WaiverRules& rules,
                                            const AttestedWaiver& waiver);

// Why `by` may not declare this emergency under the policy; nullopt: they may.
[[nodiscard]] std::optional<Disregarded> EmergencyFault(const GovernancePolicySpec& policy,
                                                        const WaiverSpec& spec,
                                                        const Provenance& by);

enum class EmergencyState { kOpen, kApproved, kRejected };

struct EmergencyReview {
  EmergencyState state = EmergencyState::kOpen;
  SignOffOutcome sign_offs;
  std::string remedy;  // of an open one, who can close it and how
};

// What people made of an emergency that was declared as the policy lets it.
[[nodiscard]] EmergencyReview ReviewOf(const WaiverScene& scene, const WaiverRules& rules,
                                       const AttestedWaiver& waiver);

// The emergencies for this model and environment that nobody has closed, ended ones too.
[[nodiscard]] std::vector<EmergencyNote> OpenEmergencies(const WaiverScene& scene,
                                                         const PolicyEnvironment& environment);

}  // namespace countersign
