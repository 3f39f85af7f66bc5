// consultation.h: the advice of consulted roles, beside the decision of those who are accountable.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "governance/measures/sign_off_subject.h"

namespace countersign {

// One person's latest advice on the subject in one role.
struct Advice {
  const AttestedSignOff* given = nullptr;
  std::string person;
  std::string response;      // of an approver who counts; empty: none
  std::string responded_by;  // account
  // By a key that has ended: nobody is heard by it, but what is grave is answered all the same.
  bool ended = false;
};

// The advice of those roles, in the order of the roles and of people's names, with the answers that
// `approvals` give. An answer is to what was there when it was given: advice that came later under
// the same name stays open.
[[nodiscard]] std::vector<Advice> AdviceOf(const SignOffContext& context,
                                           const std::vector<std::string>& roles,
                                           const std::vector<const AttestedSignOff*>& approvals);

// "'dora' advised as 'privacy' (Major): The notice is old; answered by 'vera': It is new."
[[nodiscard]] std::string AdviceText(const std::vector<Advice>& advice);

// "; " and that of roles which the measure says are consulted and nobody asked beforehand.
[[nodiscard]] std::string OtherAdvice(const Context& context, const SignOffRequirement& requirement,
                                      const SignOffTarget& target);

struct ConsultationOutcome {
  GateState state = GateState::kPassed;
  std::string reason;
  std::string message;
  std::string role;   // who has to act
  std::string flags;  // of `approve`, besides the role
  std::optional<Time> valid_until;
  std::optional<Time> expired_at;
};

// Who approves in whose role: the same person, unless it was lent.
struct Approver {
  std::string person;
  std::string holder;
};

// Whether somebody of each consulted role has advised, and what is grave is answered. People who
// advise are not needed for the approval: without them, enough of `approvers` remain.
[[nodiscard]] ConsultationOutcome JudgeConsultation(const SignOffContext& context,
                                                    const std::vector<Advice>& advice,
                                                    const std::vector<Approver>& approvers);

}  // namespace countersign
