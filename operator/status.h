// status.h: the status of a ModelDeployment, for people and GitOps tools.
//
// governance/types/status.h describes it. Written from the decision and the plan and read by nobody
// here: status is never input. Equal states give equal bytes, so that nothing is written at rest.
// Pure.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "governance/decision.h"
#include "operator/conditions.h"
#include "operator/plan.h"
#include "operator/revision.h"

namespace countersign {

struct StatusInput {
  const std::string& name;  // of the ModelDeployment
  const Decision& decision;
  const Plan& plan;
  std::optional<std::int64_t> serving;                            // revision that is in place
  const std::vector<std::shared_ptr<const Revision>>& revisions;  // ascending
  const std::vector<Condition>& conditions;                       // merged
  const Rollout& rollout;
  std::int64_t generation = 0;
  const Revision* unrecorded = nullptr;  // may serve without being one of `revisions`
};

[[nodiscard]] Json DeploymentStatus(const StatusInput& input);

}  // namespace countersign
