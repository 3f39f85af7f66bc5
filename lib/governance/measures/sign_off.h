// sign_off.h: whether enough independent people in a role approve of a subject. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "governance/measures/context.h"

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
};

struct SignOffOutcome {
  GateState state = GateState::kMissing;
  std::string reason;
  std::string message;
  std::vector<EvidenceRef> evidence;
  std::optional<Time> valid_until;
  std::optional<Time> expired_at;
};

// Counts people, not objects: of each person the latest decision. A rejection by anyone who holds
// the role blocks until that person approves.
[[nodiscard]] SignOffOutcome JudgeSignOffs(const GovernancePolicySpec& policy,
                                           const SignOffRequirement& requirement,
                                           const SignOffTarget& target, const Facts& facts,
                                           const Insiders& insiders, const EvidenceIndex& index,
                                           const std::string& answers_digest);

// The measure `require.signOff`.
[[nodiscard]] Gate SignOffGate(const Context& context, const SignOffRequirement& requirement);

}  // namespace countersign
