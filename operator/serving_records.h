// serving_records.h: which ServingRecords are still to be written about what a ModelDeployment
// serves, so that policies know that a model ran in an environment, and healthily.
//
// A record says healthy when what serves became available, not healthy when it was unavailable for
// kUnavailableLimit, and ended when it serves no more. What was recorded is read back from the
// records themselves, so that a restart repeats none. Pure functions, plain values.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "governance/facts.h"

namespace countersign {

// A rollout of nodes or an eviction takes less; what takes longer is met by users.
inline constexpr std::chrono::minutes kUnavailableLimit{5};

struct ServingRun {
  UseCaseRef use_case;
  ModelDigest model;
  std::string environment;
  friend bool operator==(const ServingRun&, const ServingRun&) = default;
};

struct ServingRecord {
  ServingRun run;
  bool healthy = false;
  bool ended = false;
  Time at{};  // when admission saw it
};

// What serves now, and how its Deployment stands.
struct ServingState {
  UseCaseRef use_case;
  ModelDigest model;
  bool available = false;                 // all Pods that were asked for, of this revision
  std::optional<Time> unavailable_since;  // too few Pods are there since then
};

// The environments of `name_space` whose run a policy in force asks about: by a measure `promotion`
// from it, or by spec.changes. With `self`, only where that account's records are believed.
[[nodiscard]] std::vector<std::string> EnvironmentsWithRecords(
    const PolicySet& policies, const std::string& name_space, const std::optional<Provenance>& self,
    Time now);

struct RecordsPlan {
  std::vector<ServingRecord> write;  // `at` is not set
  std::optional<Time> look_again;    // when time alone makes another one due
};

// `records` are our own about this ModelDeployment; nullopt: it serves nothing.
[[nodiscard]] RecordsPlan PlanServingRecords(const std::vector<std::string>& environments,
                                             const std::vector<ServingRecord>& records,
                                             const std::optional<ServingState>& serving, Time now);

}  // namespace countersign
