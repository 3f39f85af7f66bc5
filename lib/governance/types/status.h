// status.h: what the operator writes under `status`, one description for writer, reader and CRD.
//
// Status is for people, printer columns and GitOps tools. It is never input to a decision: whoever
// may write status could otherwise decide what serves. Limits are wide on purpose: a status that
// the API server refuses leaves people with an old one. See object.h for thread rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "governance/decision.h"

namespace countersign {

enum class ConditionStatus { kTrue, kFalse, kUnknown };

// metav1.Condition, https://github.com/kubernetes/apimachinery/blob/master/pkg/apis/meta/v1.
struct StatusCondition {
  std::string type;
  ConditionStatus status = ConditionStatus::kUnknown;
  std::optional<std::int64_t> observed_generation;
  Time last_transition_time{};
  std::string reason;
  std::string message;
};

struct StatusEvidence {
  std::string kind;
  std::string name_space;
  std::string name;
  std::string digest;
  std::optional<Signatory> signatory = {};
};

// A Gate as status shows it; members as GateJson writes them.
struct StatusUnwaived {
  GateState state = GateState::kMissing;
  std::string reason;
};

struct StatusCarriedOver {
  std::string model;
  std::int64_t steps = 0;
  std::vector<std::string> kinds;
};

struct StatusGate {
  std::string policy;
  std::string measure;
  std::string step;
  GateState state = GateState::kMissing;
  std::string reason;
  std::string message;
  std::string path;
  std::string accountable;
  std::string remedy;
  std::optional<Enforcement> enforcement;
  std::optional<Time> valid_until;
  std::optional<Time> expired_at;
  std::optional<StatusUnwaived> unwaived;
  std::optional<StatusCarriedOver> carried_over;
  std::vector<StatusEvidence> evidence;
};

struct StatusRevision {
  std::int64_t revision = 0;
  std::string governed_digest;
  std::string model_version;
  std::string author;
  std::optional<Time> approved_at;
};

struct ModelDeploymentStatus {
  std::int64_t observed_generation = -1;
  std::string environment;
  std::vector<std::string> classes;
  std::string class_summary;
  std::optional<Verdict> verdict;
  std::string phase;
  std::string gates_passed;
  std::vector<StatusGate> gates;
  std::string why_not;
  std::string answers_note;
  std::vector<std::string> changes;
  std::string governed_digest;
  std::string answers_digest;
  std::optional<std::int64_t> approved_revision;
  std::optional<std::int64_t> serving_revision;
  std::string serving_version;
  std::int64_t replicas = 0;
  std::int64_t available_replicas = 0;
  std::string selector;
  std::vector<StatusCondition> conditions;
  std::vector<StatusRevision> history;
  std::optional<Time> next_change;
};

// "high,personal", for printer columns, which show lists as JSON; what does not fit is counted.
[[nodiscard]] std::string ClassSummary(const std::vector<std::string>& classes);

struct UseCaseStatus {
  std::int64_t observed_generation = -1;
  std::vector<std::string> classes;
  std::string class_summary;
  std::optional<bool> answers_approved;
  std::string answers_note;
  std::string answers_digest;
  std::vector<StatusCondition> conditions;
};

// Of evidence: who the API server had authenticated when it was made, and of what is signed off or
// signed by a key its manifestation: name, time and meaning.
struct EvidenceStatus {
  std::int64_t observed_generation = -1;
  std::string stamped_user;
  std::optional<Time> first_seen;
  std::string signing_key;
  std::vector<std::string> groups;
  std::string credential_id;
  std::optional<Time> signed_in_at = {};
  std::optional<Signatory> signatory;
  std::vector<StatusCondition> conditions;
};

struct GovernancePolicyStatus {
  std::int64_t observed_generation = -1;
  std::optional<bool> in_force;
  std::string state;
  std::optional<Time> since;
  std::optional<Time> until;
  std::string published_by;
  std::optional<Time> published_at;
  std::string remedy;
  std::string kept_because;
  std::optional<Time> next_change;
  std::vector<StatusCondition> conditions;
};

// Instantiated for the four types above. `DecodeStatus` is strict, so that a test finds a writer
// who forgets the schema; programs that show a status read it leniently.
template <class StatusType>
[[nodiscard]] Json EncodeStatus(const StatusType& status);
template <class StatusType>
[[nodiscard]] Result<StatusType> DecodeStatus(const Json& status);
template <class StatusType>
[[nodiscard]] Json StatusSchema();

}  // namespace countersign
