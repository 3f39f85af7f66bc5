// deployment_work.h: what one round of DeploymentReconciler knows, filled in step by step.
//
// Private to the files that hold the steps: deployment_reconciler.cc looks, judges and plans,
// deployment_revisions.cc keeps what was approved, deployment_children.cc makes it so,
// deployment_report.cc says so. One thread; gone when the round is over.
#pragma once

#include <algorithm>

#include "operator/deployment_reconciler.h"

namespace countersign {

// Two caches follow the same collection; the slower one is rarely further behind than this.
inline constexpr std::chrono::milliseconds kCacheRetry{100};

// One round for one object.
struct DeploymentReconciler::Work {
  ObjectKey key;
  std::stop_token stop;
  SteadyTime started{};
  Time now{};
  ObjectMeta meta;
  std::shared_ptr<const ModelDeployment> object;
  std::string governed_digest;
  Provenance author;
  std::shared_ptr<const StatusState> status;
  std::optional<Decision> unreadable;  // instead of an evaluation
  Remembered memory;
  Decision decision;                                          // on the spec that is asked for
  std::vector<std::shared_ptr<const StoredRevision>> stored;  // verified, ascending
  std::vector<std::shared_ptr<const Revision>> revisions;     // the same
  // What is asked for, approved and in place, under the number that the child has: its revision is
  // lost and another one refused. Not told of as recorded, and gone with the round.
  std::shared_ptr<const Revision> unrecorded;
  std::int64_t highest_number = 0;  // of all, verified or not
  std::string ignored;              // why others do not count
  bool recorded = false;
  bool leaving = false;  // it is being deleted
  Plan plan;
  std::optional<Obstacle> obstacle;
  bool wanted_unusable = false;         // what is asked for cannot be put in place
  std::vector<std::int64_t> unusable;   // nor can these revisions
  std::optional<std::int64_t> missing;  // it served, and is not there any more
  Rollout rollout;
  std::string reverted;  // kinds of children
  std::vector<Condition> conditions;
  std::optional<Time> next_record;  // when the next ServingRecord is due

  [[nodiscard]] const Revision* Find(std::int64_t number) const {
    const auto found = std::find_if(revisions.begin(), revisions.end(),
                                    [&](const auto& r) { return r->number == number; });
    if (found != revisions.end()) return found->get();
    return unrecorded != nullptr && unrecorded->number == number ? unrecorded.get() : nullptr;
  }
  // The revision that a child says it was made from; null where none verifies that is as it says.
  [[nodiscard]] const Revision* MadeFrom(const ChildState& child) const;
  // `revisions` and `unrecorded`, as far as planning needs them.
  [[nodiscard]] std::vector<ApprovedRevision> Approved() const;
};

// A call that ends when the round must.
[[nodiscard]] inline Call Until(std::stop_token stop) {
  Call call;
  call.stop = std::move(stop);
  return call;
}

}  // namespace countersign
