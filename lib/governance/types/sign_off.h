// sign_off.h: one person's decision on one subject. See object.h for thread rules.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "governance/types/common.h"
#include "governance/types/object.h"
#include "governance/types/use_case.h"

namespace countersign {

enum class SubjectOfSignOff { kModelDeployment, kUseCase, kWaiver, kIncident };
enum class SignOffDecision { kApprove, kReject };

// What is decided on. A deployment is named by what it serves (model digest, governed digest),
// where (environment) and what for (use case), never by its object name: names can be reused.
struct SignOffSubject {
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

struct Signer {
  std::string username;
};

struct SignOffSpec {
  static constexpr std::string_view kKind = "SignOff";
  SignOffSubject subject;
  std::string role;
  SignOffDecision decision = SignOffDecision::kApprove;
  Signer signer;
  std::string rationale;
  std::optional<Shown> shown;
  std::optional<Time> expires_at;
};
using SignOff = Object<SignOffSpec>;

}  // namespace countersign
