// approval.h: the sign-offs that a person is about to make, from what was read for it.
//
// Names what is signed by digests, and lists what the signer had in view. The role must be one that
// the policies in force ask for; whether the person holds it, and is independent, is for admission
// and evaluation to say. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "governance/types/bias_test.h"
#include "governance/types/evidence.h"
#include "governance/types/incident.h"
#include "governance/types/model_deployment.h"
#include "governance/types/model_record.h"
#include "governance/types/policy.h"
#include "governance/types/reproducibility_snapshot.h"
#include "governance/types/sign_off.h"
#include "governance/types/use_case.h"
#include "governance/types/waiver.h"

namespace countersign {

struct ApprovalInput {
  // With none of the four, the use case's answers are signed, or with `retirement` its end.
  std::optional<ModelDeployment> deployment;
  std::optional<Waiver> waiver;
  std::optional<Incident> incident;
  std::optional<EvidenceReport> protocol;  // of type ChangeProtocol
  bool retirement = false;
  std::string governed_digest;
  UseCase use_case;
  std::vector<GovernancePolicy> policies;
  std::vector<ReproducibilitySnapshot> snapshots;  // of the use case, any model
  std::vector<BiasTest> bias_tests;
  std::vector<EvidenceReport> reports;
  std::optional<ModelRecord> record;  // of the deployment's model
  std::vector<SignOff> sign_offs;     // of the use case, any subject: advice among them
  std::string role;
  std::string username;
  std::string on_behalf_of;  // account of who lent the role to `username`
  std::string rationale;
  SignOffDecision decision = SignOffDecision::kApprove;
  std::optional<AdviceSeverity> severity;
  std::vector<AdviceResponse> responses;
  std::vector<ApprovalCondition> conditions;
  std::vector<std::string> environments;  // for one sign-off that names them all
  std::optional<Time> expires_at;
  std::string supersedes;  // name of the sign-off that this one corrects
  std::string correction;  // and why
};

// SignOff objects to be created: one for each name that the policies in force have for the
// environment, almost always one. Fails when no policy in force knows the role, or when what is
// answered is not there.
[[nodiscard]] Result<std::vector<Json>> MakeSignOffs(const ApprovalInput& input);

// What the person is asked to confirm, several lines.
[[nodiscard]] std::string ApprovalText(const ApprovalInput& input,
                                       const std::vector<Json>& sign_offs);

}  // namespace countersign
