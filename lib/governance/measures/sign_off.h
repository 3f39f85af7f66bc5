// sign_off.h: whether enough independent people in a role approve of a subject. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "governance/measures/sign_off_subject.h"

namespace countersign {

struct SignOffOutcome {
  GateState state = GateState::kMissing;
  std::string reason;
  std::string message;
  std::vector<EvidenceRef> evidence;
  std::optional<Time> valid_until;
  std::optional<Time> expired_at;
  std::string role;   // who has to act, if it is not passed
  std::string flags;  // of `approve`, besides the role
};

// "group 'model-risk' can run: kubectl countersign approve SUBJECT --role model-validator
// --rationale "…"": as typed, it records a sign-off. `flags` begin with a space.
[[nodiscard]] std::string ApproveText(const GovernancePolicySpec& policy, const std::string& role,
                                      const std::string& subject, const std::string& flags = {});

// The same for what an outcome lacks.
[[nodiscard]] std::string RemedyText(const GovernancePolicySpec& policy,
                                     const SignOffOutcome& outcome, const std::string& subject);

// `remedy` of a deployment that is not stored as it was judged, as where admission refuses it: by
// its name people would sign what is stored, so it names the file. `by` is how, as typed.
[[nodiscard]] std::string WithFile(std::string remedy, const std::string& name_space,
                                   const std::string& name, const std::string& by = "-f FILE");

// Counts people, not objects: of each person the latest decision. A rejection by anyone who holds
// the role blocks until that person approves. Advice decides nothing, but may have to be there and
// answered (consultation.h); an approval with conditions holds until they are due (conditions.h).
[[nodiscard]] SignOffOutcome JudgeSignOffs(const GovernancePolicySpec& policy,
                                           const SignOffRequirement& requirement,
                                           const SignOffTarget& target, const Facts& facts,
                                           const Insiders& insiders, const EvidenceIndex& index,
                                           const std::string& answers_digest);

// The measure `require.signOff`.
[[nodiscard]] Gate SignOffGate(const Context& context, const SignOffRequirement& requirement);

}  // namespace countersign
