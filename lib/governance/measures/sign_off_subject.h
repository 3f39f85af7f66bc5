// sign_off_subject.h: which sign-offs are about what is judged, and which of them are worth a look.
// What the parts of the measure share: sign_off.h, consultation.h, conditions.h. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "governance/measures/context.h"
#include "governance/measures/delegation.h"

namespace countersign {

// What a sign-off must be about to count; members that its kind does not use stay empty.
struct SignOffTarget {
  SubjectOfSignOff kind = SubjectOfSignOff::kModelDeployment;
  std::string use_case;
  std::string environment;
  std::optional<ModelDigest> model;
  std::string governed_digest;
  std::string answers_digest;
  std::string retirement_digest;
  std::string waiver;
  std::string waiver_digest;
  std::string incident;
  std::string incident_digest;
  std::string protocol;
  std::string protocol_digest;
  std::string policy;
  std::string policy_digest;
  bool withdraw = false;
};

// One requirement for sign-offs on one subject, and all that is known.
struct SignOffContext {
  const GovernancePolicySpec& policy;
  const SignOffRequirement& requirement;
  const SignOffTarget& target;
  const Facts& facts;
  const Insiders& insiders;
  const EvidenceIndex& index;
  const std::string& answers_digest;
  const std::vector<EvidenceInUse>* in_use = nullptr;  // null: the subject has no measures
  const GovernancePolicy* named = nullptr;             // the policy with name and digest
};

// The same where keys are their owners' whether they count or not (EvidenceIndex::Ever).
[[nodiscard]] SignOffContext Ever(const SignOffContext& context);
// And nobody takes back by a key that does not count what a no rests on.
[[nodiscard]] SignOffContext EverStrictly(const SignOffContext& context);

[[nodiscard]] std::string_view DigestOf(const SignOffTarget& target);
[[nodiscard]] bool IsAbout(const SignOffSubject& subject, const SignOffTarget& target);

// By what the signer decides in the sign-off's role: null, if they hold it; else the delegation by
// which they act for somebody who does. Or why they may not.
[[nodiscard]] tl::expected<const AttestedSignOff*, Disregarded> StandingOf(
    const SignOffContext& context, const AttestedSignOff& sign_off);

// What has changed under the signer's feet; empty if nothing.
[[nodiscard]] std::string StaleBecause(const SignOffContext& context,
                                       const AttestedSignOff& sign_off);

// What the approval should list as shown to the signer and does not; empty if nothing.
[[nodiscard]] std::string NotShown(const SignOffContext& context, const AttestedSignOff& sign_off);

// Why whoever signed is not independent of the requirement's distinctFromRoles; empty if they are.
[[nodiscard]] std::string HoldsOtherRole(const SignOffContext& context, const Provenance& by);

// When the decision ends by the requirement's maxAge or by itself; nullopt: never.
[[nodiscard]] std::optional<Time> EndOfSignOff(const SignOffContext& context,
                                               const AttestedSignOff& sign_off);

}  // namespace countersign
