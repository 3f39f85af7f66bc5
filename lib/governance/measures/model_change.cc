#include "governance/model_change.h"

#include <algorithm>
#include <map>
#include <utility>

#include "governance/measures/context.h"
#include "governance/measures/revoked.h"
#include "governance/records.h"

namespace countersign {
namespace {

using Snapshot = ReproducibilitySnapshotSpec;

std::string Quoted(const std::string& text) {
  return text.empty() ? "nothing" : "'" + Shorten(text) + "'";
}

void CompareText(const std::string& path, const std::string& before, const std::string& after,
                 ChangeKind kind, ModelChange& change) {
  if (before.empty() || after.empty()) {
    change.Add(ChangeKind::kAlgorithm, path + " is not stated by both snapshots");
  } else if (before != after) {
    change.Add(kind, path + " was " + Quoted(before) + ", is " + Quoted(after));
  }
}

// The same kept bytes are the same code, whatever commit they were taken from.
bool SameCode(const CodeState& before, const CodeState& after) {
  if (!before.artifact_digest.empty() && !after.artifact_digest.empty()) {
    return before.artifact_digest == after.artifact_digest;
  }
  return before.repository == after.repository && before.commit == after.commit;
}

void CompareCode(const Snapshot& before, const Snapshot& after, ModelChange& change) {
  if (!before.code || !after.code) {
    change.Add(ChangeKind::kAlgorithm, "spec.code is not stated by both snapshots");
  } else if (!before.code->clean || !after.code->clean) {
    change.Add(ChangeKind::kAlgorithm, "spec.code.clean is false: nobody knows what ran");
  } else if (!SameCode(*before.code, *after.code)) {
    change.Add(ChangeKind::kAlgorithm, "spec.code is another commit");
  } else if (before.code->entry_point != after.code->entry_point) {
    change.Add(ChangeKind::kAlgorithm, "spec.code.entryPoint was " +
                                           Quoted(before.code->entry_point) + ", is " +
                                           Quoted(after.code->entry_point));
  }
}

// Another library can compute another thing; another machine does not, beyond rounding.
void CompareEnvironment(const Snapshot& before, const Snapshot& after, ModelChange& change) {
  if (!before.environment || !after.environment) {
    change.Add(ChangeKind::kAlgorithm, "spec.environment is not stated by both snapshots");
    return;
  }
  const EnvironmentState& was = *before.environment;
  const EnvironmentState& is = *after.environment;
  if (was.lock_file_digest.empty() && was.image.empty()) {
    change.Add(ChangeKind::kAlgorithm, "spec.environment pins nothing");
  } else if (was.lock_file_digest != is.lock_file_digest || was.image != is.image ||
             was.runtime != is.runtime) {
    change.Add(ChangeKind::kAlgorithm, "spec.environment is another");
  } else if (!was.unpinned.empty() || !is.unpinned.empty()) {
    change.Add(ChangeKind::kAlgorithm, "spec.environment.unpinned may be other versions");
  }
}

void CompareFeatures(const Snapshot& before, const Snapshot& after, ModelChange& change) {
  if (!before.features || !after.features ||
      before.features->digest.empty() != after.features->digest.empty()) {
    change.Add(ChangeKind::kAlgorithm, "spec.features is not stated by both snapshots alike");
    return;
  }
  const std::set<std::string> was(before.features->names.begin(), before.features->names.end());
  const std::set<std::string> is(after.features->names.begin(), after.features->names.end());
  if (before.features->digest != after.features->digest || was != is) {
    change.Add(ChangeKind::kFeature, "spec.features are others");
  }
}

// Data sets of the same names and roles with other bytes are a refresh; any other data set is an
// input that nobody has looked at.
void CompareData(const Snapshot& before, const Snapshot& after, ModelChange& change) {
  using Sets = std::map<std::pair<std::string, DataRole>, const DataState*>;
  const auto sets = [](const Snapshot& snapshot) {
    Sets all;
    for (const DataState& data : snapshot.data) all[{data.name, data.role}] = &data;
    return all;
  };
  const Sets was = sets(before);
  const Sets is = sets(after);
  if (was.empty() || is.empty()) {
    change.Add(ChangeKind::kAlgorithm, "spec.data is not stated by both snapshots");
    return;
  }
  for (const auto& [key, data] : is) {
    const auto found = was.find(key);
    if (found == was.end()) {
      change.Add(ChangeKind::kAlgorithm, "spec.data has '" + key.first + "', which is new");
      continue;
    }
    if (found->second->digest != data->digest) {
      change.Add(ChangeKind::kDataRefresh, "spec.data '" + key.first + "' has another digest");
    }
    if (found->second->split != data->split || found->second->seed != data->seed ||
        found->second->deterministic != data->deterministic) {
      change.Add(ChangeKind::kParameter, "spec.data '" + key.first + "' is split otherwise");
    }
  }
  for (const auto& [key, data] : was) {
    if (!is.contains(key)) {
      change.Add(ChangeKind::kAlgorithm, "spec.data lacks '" + key.first + "', which was there");
    }
  }
}

void CompareParameters(const Snapshot& before, const Snapshot& after, ModelChange& change) {
  std::map<std::string, std::pair<std::string, std::string>> all;
  for (const auto& [name, value] : before.parameters) all[name].first = value;
  for (const auto& [name, value] : after.parameters) all[name].second = value;
  for (const auto& [name, values] : all) {
    if (before.parameters.contains(name) && after.parameters.contains(name) &&
        values.first == values.second) {
      continue;
    }
    change.Add(ChangeKind::kParameter, "spec.parameters." + Shorten(name) + " was " +
                                           Quoted(values.first) + ", is " + Quoted(values.second));
  }
}

std::string ThresholdText(const std::optional<Decimal>& threshold) {
  return threshold ? threshold->ToString() : "none";
}

}  // namespace

void ModelChange::Add(ChangeKind kind, std::string why) {
  kinds.insert(kind);
  because.push_back(std::move(why));
}

ModelChange ChangeBetween(const Snapshot& before, const Snapshot& after) {
  ModelChange change;
  CompareText("spec.purposeCategory", before.purpose_category, after.purpose_category,
              ChangeKind::kPurpose, change);
  CompareText("spec.algorithm", before.algorithm, after.algorithm, ChangeKind::kAlgorithm, change);
  CompareCode(before, after, change);
  CompareEnvironment(before, after, change);
  CompareFeatures(before, after, change);
  CompareData(before, after, change);
  CompareParameters(before, after, change);
  if (before.model.type == DigestType::kComposite || after.model.type == DigestType::kComposite) {
    change.Add(ChangeKind::kAlgorithm,
               "a snapshot does not state which components a composite model has");
  }
  if (before.decision_threshold != after.decision_threshold) {
    change.Add(ChangeKind::kThreshold, "spec.decisionThreshold was " +
                                           ThresholdText(before.decision_threshold) + ", is " +
                                           ThresholdText(after.decision_threshold));
  }
  if (before.serving_image != after.serving_image) {
    change.Add(ChangeKind::kServing, "spec.servingImage is another");
  }
  if (change.kinds.empty()) {
    change.Add(ChangeKind::kAlgorithm, "nothing that is stated explains another model");
  }
  return change;
}

void AddChangesOfDeployment(const Facts& facts, const Snapshot& snapshot, ModelChange& change) {
  const auto& decision = facts.deployment->spec.decision;
  const auto threshold = decision ? decision->threshold : std::nullopt;
  if (threshold != snapshot.decision_threshold) {
    change.Add(ChangeKind::kThreshold, "the deployment's spec.decision.threshold is " +
                                           ThresholdText(threshold) + ", the snapshot states " +
                                           ThresholdText(snapshot.decision_threshold));
  }
  const std::string& purpose = facts.use_case->spec.purpose_category;
  if (!snapshot.purpose_category.empty() && purpose != snapshot.purpose_category) {
    change.Add(ChangeKind::kPurpose, "the use case's spec.purposeCategory is " + Quoted(purpose) +
                                         ", the snapshot states " +
                                         Quoted(snapshot.purpose_category));
  }
}

std::vector<std::string> KindNames(const std::set<ChangeKind>& kinds) {
  std::vector<std::string> names;
  names.reserve(kinds.size());
  for (const ChangeKind kind : kinds) names.emplace_back(NameOf(kind));
  return names;
}

bool TellsOfChange(const GovernancePolicySpec& policy, const AttestedSnapshot& snapshot) {
  return policy.changes && snapshot.object->spec.reproduction_of.empty() &&
         IsTrustedIssuer(policy, policy.changes->issuers, snapshot.by);
}

const AttestedSnapshot* SnapshotOf(const GovernancePolicySpec& policy, const EvidenceIndex& index,
                                   const ModelDigest& model) {
  std::vector<const AttestedSnapshot*> usable;
  for (const AttestedSnapshot* snapshot : index.Snapshots(model)) {
    if (TellsOfChange(policy, *snapshot)) usable.push_back(snapshot);
  }
  // Of several at the same instant nobody can say which tells what was changed.
  const auto latest = LatestOf(usable);
  return latest.size() == 1 ? latest.front() : nullptr;
}

namespace {

// `snapshot`, and later ones of its model by keys that have ended: these tell of no change in its
// place, but of what it leaves out.
std::vector<const AttestedSnapshot*> AndRevoked(const GovernancePolicySpec& policy,
                                                const EvidenceIndex& index,
                                                const AttestedSnapshot& snapshot) {
  const ModelDigest& model = snapshot.object->spec.model;
  std::vector<const AttestedSnapshot*> all =
      RevokedOf(index.Snapshots(model), index.Ever().Snapshots(model),
                [&](const AttestedSnapshot& one) { return TellsOfChange(policy, one); });
  std::erase_if(all, [&](const AttestedSnapshot* one) {
    return one->by.first_seen < snapshot.by.first_seen;
  });
  all.insert(all.begin(), &snapshot);
  return all;
}

ModelChange ChangeTold(const std::vector<const AttestedSnapshot*>& before,
                       const std::vector<const AttestedSnapshot*>& after) {
  ModelChange change;
  for (const AttestedSnapshot* from : before) {
    for (const AttestedSnapshot* to : after) {
      const ModelChange one = ChangeBetween(from->object->spec, to->object->spec);
      change.kinds.insert(one.kinds.begin(), one.kinds.end());
      for (const std::string& why : one.because) {
        const auto known = std::find(change.because.begin(), change.because.end(), why);
        if (known == change.because.end()) change.because.push_back(why);
      }
    }
  }
  return change;
}

// What a later snapshot than `latest` said that was deleted, nobody can read any more.
void AddChangesDeleted(const RecordQuery& query, const AttestedSnapshot& latest,
                       ModelChange& change) {
  const Believed who{query.policy.changes->issuers, Assurance::kRequester};
  const auto present = query.index.Snapshots(query.model);
  for (const PastResult& past : PastResults(query, ReproducibilitySnapshotSpec::kKind, who)) {
    if (!past.result->topic.empty() ||
        !GovernsAlthoughGone(query.policy, who, past, &latest, present)) {
      continue;
    }
    change.Add(ChangeKind::kAlgorithm, "snapshot '" + past.result->name +
                                           "', which is later than '" + latest.object->meta.name +
                                           "', was deleted, and what it told of is unknown");
    return;
  }
}

}  // namespace

Lineage LineageOf(const GovernancePolicySpec& policy, const Facts& facts,
                  const EvidenceIndex& index) {
  Lineage lineage;
  if (!policy.changes || !facts.deployment) return lineage;
  const ModelDigest& model = facts.deployment->spec.model.digest;
  std::set<std::pair<std::string, DigestType>> visited = {{model.digest, model.type}};
  const AttestedSnapshot* after = SnapshotOf(policy, index, model);
  while (after != nullptr) {
    const std::optional<ModelDigest>& named = after->object->spec.previous;
    if (!named) break;
    const ModelDigest& previous = *named;
    const std::string of = "model " + previous.digest + ", which snapshot '" +
                           after->object->meta.name + "' names as previous";
    if (!visited.insert({previous.digest, previous.type}).second) {
      lineage.end_reason = "ChangeCycle";
      lineage.end = of + ", took over from the new one itself";
      return lineage;
    }
    if (lineage.steps.size() >= static_cast<std::size_t>(policy.changes->max_steps)) {
      lineage.end_reason = "ChangeTooFar";
      lineage.end =
          "more than " + std::to_string(policy.changes->max_steps) +
          " changes since the last evidence, which is the most that spec.changes.maxSteps "
          "allows";
      return lineage;
    }
    const AttestedSnapshot* before = SnapshotOf(policy, index, previous);
    if (before == nullptr) {
      lineage.end_reason = "PredecessorUnknown";
      lineage.end =
          of + ", has no snapshot by " +
          (policy.changes->issuers.empty() ? "anybody: spec.changes.issuers of the policy is empty"
                                           : SubjectsText(policy.changes->issuers));
      return lineage;
    }
    ModelChange change =
        ChangeTold(AndRevoked(policy, index, *before), AndRevoked(policy, index, *after));
    for (const AttestedSnapshot* told : {before, after}) {
      AddChangesDeleted({policy, facts, index, told->object->spec.model}, *told, change);
    }
    if (lineage.steps.empty()) AddChangesOfDeployment(facts, after->object->spec, change);
    lineage.steps.push_back({previous, std::move(change)});
    after = before;
  }
  return lineage;
}

}  // namespace countersign
