// bias_test_fitness.h: whether a bias test was made as policy asks, before anything is computed.
//
// Internal to the measures. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "governance/measures/bias_test_judge.h"
#include "governance/records.h"

namespace countersign {

// What is wrong with one test, as it is found.
class BiasFindings {
 public:
  explicit BiasFindings(const std::string& test) : test_(test) {}

  void Add(GateState state, std::string reason, std::string message, std::string path = {},
           std::string remedy = {}) {
    list_.push_back({state, std::move(reason), "test '" + test_ + "': " + std::move(message),
                     std::move(path), std::move(remedy)});
  }
  [[nodiscard]] bool empty() const { return list_.empty(); }
  [[nodiscard]] std::vector<BiasFinding> Take() { return std::move(list_); }

 private:
  const std::string& test_;
  std::vector<BiasFinding> list_;
};

// Favourable outcomes, unit, threshold, attributes and bins are those of policy and deployment, and
// the data independent of the training data where that is asked for.
void CheckProtocol(const Context& context, const BiasTestRequirement& requirement,
                   const BiasTestSpec& spec, BiasFindings& findings);

// Whether what a snapshot says is heard: what was withdrawn says nothing for the model, but what it
// says against it.
[[nodiscard]] bool IsHeard(const Provenance& by);

struct DeletedSnapshot {
  std::string text;    // "snapshot 'run' was deleted"
  std::string remedy;  // what makes up for it
};
// A snapshot of the model that was deleted and may have told what data it was made from, if there
// is one. `believed`: whether whoever made it is. Also one that was followed by another of theirs,
// which may have left out what it told.
[[nodiscard]] std::optional<DeletedSnapshot> DeletedSnapshotOf(
    const RecordQuery& query, const std::function<bool(const Provenance&)>& believed);

// Whether labels are there and good enough for the metrics that need them. Those of selection do
// not need any.
[[nodiscard]] bool CheckLabels(const BiasTestRequirement& requirement, const BiasTestSpec& spec,
                               BiasFindings& findings);

// Whether the metric asks for labels.
[[nodiscard]] bool NeedsLabels(const std::string& metric);

}  // namespace countersign
