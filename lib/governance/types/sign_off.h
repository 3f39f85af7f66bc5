// sign_off.h: one person's decision on one subject. See object.h for thread rules.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/describe.h"
#include "governance/types/claim_assertion.h"
#include "governance/types/common.h"
#include "governance/types/correction.h"
#include "governance/types/object.h"
#include "governance/types/signature.h"
#include "governance/types/use_case.h"

namespace countersign {

enum class SubjectOfSignOff {
  kModelDeployment,
  kUseCase,
  kWaiver,
  kIncident,
  kDelegation,
  kChangeProtocol,
  kGovernancePolicy
};
// From lenient to strict.
enum class SignOffDecision { kApprove, kApproveWithConditions, kAdvise, kReject };
template <>
struct EnumNames<SignOffDecision> {
  static constexpr std::pair<SignOffDecision, std::string_view> kNames[] = {
      {SignOffDecision::kApprove, "Approve"},
      {SignOffDecision::kApproveWithConditions, "ApproveWithConditions"},
      {SignOffDecision::kAdvise, "Advise"},
      {SignOffDecision::kReject, "Reject"}};
};

// How much an adviser has against it, from nothing to everything.
enum class AdviceSeverity { kNone, kMinor, kMajor, kCritical };
template <>
struct EnumNames<AdviceSeverity> {
  static constexpr std::pair<AdviceSeverity, std::string_view> kNames[] = {
      {AdviceSeverity::kNone, "None"},
      {AdviceSeverity::kMinor, "Minor"},
      {AdviceSeverity::kMajor, "Major"},
      {AdviceSeverity::kCritical, "Critical"}};
};

// What is decided on. A deployment is named by what it serves (model digest, governed digest),
// where (environment) and what for (use case), never by its object name: names can be reused.
struct SignOffSubject {
  SubjectOfSignOff kind = SubjectOfSignOff::kModelDeployment;
  std::string use_case;
  std::string environment;
  std::vector<std::string> environments;  // instead of one; of a delegation its limit
  std::optional<ModelDigest> model;
  std::string governed_digest;
  std::string answers_digest;
  std::string retirement_digest;
  std::string waiver;
  std::string waiver_digest;
  std::string incident;
  std::string incident_digest;
  std::string deputy;  // account that the signer lends the role to
  std::string protocol;
  std::string protocol_digest;
  std::string policy;
  std::string policy_digest;
  std::optional<bool> withdraw;  // of a policy: that it counts no longer
  friend bool operator==(const SignOffSubject&, const SignOffSubject&) = default;
};

struct ShownPolicy {
  std::string name;
  std::string digest;
};

struct ShownEvidence {
  std::string kind;
  std::string name;
  std::string digest;
};

// The answers themselves: what was agreed to when they have long been overwritten.
struct ShownUseCase {
  std::map<std::string, std::vector<std::string>> answers;
  std::vector<Subject> developers;
  std::string owner;
  std::string purpose;
  std::string purpose_category;
};

// As a use case of which nothing else is known.
[[nodiscard]] UseCaseSpec AsUseCase(const ShownUseCase& shown);

// What the signer had in view; a later, worse state makes the sign-off stale.
struct Shown {
  std::vector<ShownPolicy> policies;
  std::string answers_digest;
  std::vector<ShownEvidence> evidence;
  std::optional<ShownUseCase> use_case;
};

// The report that fulfils a condition: the latest by whom the approver believes.
struct ConditionEvidence {
  std::string type;
  std::vector<ClaimAssertion> claims;
  std::vector<Subject> issuers;
};

struct ApprovalCondition {
  std::string name;
  std::string description;
  Time due_at{};
  std::optional<ConditionEvidence> evidence;  // without it only a later approval fulfils it
};

// An approver's answer to advice.
struct AdviceResponse {
  std::string advice;  // name of the SignOff
  std::string response;
};

struct Signer {
  std::string username;
};

struct SignOffSpec {
  static constexpr std::string_view kKind = "SignOff";
  SignOffSubject subject;
  std::string role;
  SignOffDecision decision = SignOffDecision::kApprove;
  Signer signer;
  std::string on_behalf_of;  // account of who lent the signer the role
  std::string rationale;
  std::optional<AdviceSeverity> severity;
  std::vector<AdviceResponse> responses;
  std::vector<ApprovalCondition> conditions;
  std::optional<Shown> shown;
  std::optional<Time>
      performed_at;  // when the signer decided, where that is not when it was recorded
  std::optional<Time> expires_at;
  std::optional<Correction> supersedes;
  std::optional<ObjectSignature> signature;
};
using SignOff = Object<SignOffSpec>;

// A list of conditions by itself, as spec.conditions has it; paths begin with `conditions`.
[[nodiscard]] Result<std::vector<ApprovalCondition>> DecodeApprovalConditions(const Json& list);

[[nodiscard]] constexpr bool IsApproval(SignOffDecision decision) {
  return decision == SignOffDecision::kApprove ||
         decision == SignOffDecision::kApproveWithConditions;
}

}  // namespace countersign
