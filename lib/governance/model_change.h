// model_change.h: how one model differs from the one before it, computed from the snapshots of
// both (design, "Change is normal").
//
// The kind is never declared. What only one of the snapshots states, or neither, may have changed
// in any way and counts as Algorithm; so does another model from equal inputs, which nothing
// explains. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "governance/evidence_index.h"

namespace countersign {

struct ModelChange {
  std::set<ChangeKind> kinds;
  std::vector<std::string> because;  // fields with what became of them, one for each finding

  void Add(ChangeKind kind, std::string why);
};

[[nodiscard]] ModelChange ChangeBetween(const ReproducibilitySnapshotSpec& before,
                                        const ReproducibilitySnapshotSpec& after);

// What the deployment and its use case make of the model beyond what its snapshot states: another
// threshold, another purpose.
void AddChangesOfDeployment(const Facts& facts, const ReproducibilitySnapshotSpec& snapshot,
                            ModelChange& change);

// Whether the policy takes the snapshot's word about what changed: by spec.changes.issuers, and no
// repetition of another.
[[nodiscard]] bool TellsOfChange(const GovernancePolicySpec& policy,
                                 const AttestedSnapshot& snapshot);
// The latest such snapshot of the model; null: there is none.
[[nodiscard]] const AttestedSnapshot* SnapshotOf(const GovernancePolicySpec& policy,
                                                 const EvidenceIndex& index,
                                                 const ModelDigest& model);

// Their names, in the order of the enum.
[[nodiscard]] std::vector<std::string> KindNames(const std::set<ChangeKind>& kinds);

// One model that came before the deployment's.
struct LineageStep {
  ModelDigest model;
  ModelChange change;  // from it to the model after it
};

struct Lineage {
  std::vector<LineageStep> steps;  // the nearest first
  // Why it goes no further, where the last snapshot names one more model: a code and a sentence.
  std::string end_reason;
  std::string end;
};

// The models before the deployment's, as the snapshots of issuers whom `policy` believes tell it;
// at most spec.changes.maxSteps of them, none without spec.changes.
[[nodiscard]] Lineage LineageOf(const GovernancePolicySpec& policy, const Facts& facts,
                                const EvidenceIndex& index);

}  // namespace countersign
