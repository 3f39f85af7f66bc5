// conditions.h: what a user, kubectl wait, Flux and Argo CD read about an object.
//
// Conditions follow the API conventions and kstatus: `Ready` and `Governed` are always there;
// `Reconciling`, `Stalled` and `Emergency` are abnormal-true, so they are absent when all is normal
// (https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md). Merge keeps the
// time of the last change of a status, stamps the generation and sorts, so that equal states give
// equal bytes and are not written twice. Pure functions, plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "governance/decision.h"
#include "operator/plan.h"

namespace countersign {

// The API allows 32 KiB; a message longer than this is not read by anybody.
inline constexpr std::size_t kMaxConditionMessage = 1024;

// `text` within kMaxConditionMessage bytes, cut between characters.
[[nodiscard]] std::string CutMessage(std::string text);

struct Condition {
  std::string type;
  std::string status;  // True, False, Unknown
  std::string reason;  // upper-camel, never empty
  std::string message;
  std::int64_t observed_generation = 0;
  Time last_transition{};
};

// What the children say about themselves.
struct Rollout {
  bool exists = false;
  bool current = false;  // the controller has seen what we applied last
  std::int64_t wanted = 0;
  std::int64_t updated = 0;
  std::int64_t available = 0;
  std::string failure;  // of condition Progressing=False or ReplicaFailure=True; empty if none
  std::optional<Time> unavailable_since = std::nullopt;  // of condition Available=False
};
[[nodiscard]] bool RolledOut(const Rollout& rollout);

// What keeps the operator from doing what the plan says, in words for the owner.
struct Obstacle {
  std::string reason;  // RenderRefused, ConfigMismatch, ChildNameTaken
  std::string message;
  bool passes = false;  // ends by itself: nobody has to act
};

[[nodiscard]] std::vector<Condition> DeploymentConditions(const Decision& wanted, const Plan& plan,
                                                          const Rollout& rollout,
                                                          const std::optional<Obstacle>& obstacle);

// For kinds that are only checked: Ready, and Stalled when `fault` names what is wrong.
[[nodiscard]] std::vector<Condition> CheckedConditions(const std::string& reason,
                                                       const std::string& message,
                                                       const std::string& fault_reason = {});

// `fresh` with generation, cut messages and the transition times of `before` where the status is
// the same, sorted by type.
[[nodiscard]] std::vector<Condition> MergeConditions(const std::vector<Condition>& before,
                                                     std::vector<Condition> fresh,
                                                     std::int64_t generation, Time now);

[[nodiscard]] Json ConditionsJson(const std::vector<Condition>& conditions);
// Lenient: what is no condition is left out.
[[nodiscard]] std::vector<Condition> DecodeConditions(const Json& status);

}  // namespace countersign
