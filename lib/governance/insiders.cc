#include "governance/insiders.h"

#include <algorithm>

#include "governance/measures/context.h"
#include "governance/measures/developers.h"
#include "governance/measures/subjects.h"
#include "governance/model_change.h"
#include "governance/records.h"
#include "governance/signers.h"

namespace countersign {
namespace {

// Whose it is, also where the key is revoked: by that nobody becomes independent of their own work.
Provenance MakerEver(const GovernancePolicySpec& policy, const Provenance& by,
                     const std::optional<Time>& performed_at) {
  return DespiteRevocation(policy, by, performed_at).value_or(by);
}

// Whose results are recorded has made them, also where they are gone.
void AddRecordedIssuers(const GovernancePolicySpec& policy, const Requirement& require,
                        const Facts& facts, std::string_view environment, const ModelDigest& model,
                        Insiders& insiders) {
  const ModelRecord* record = RecordOf(facts, model.digest);
  if (record == nullptr) return;
  for (const PastResult& past : PastResults(policy, facts, environment, *record)) {
    const std::string& kind = past.result->kind;
    const Provenance by = MakerEver(policy, past.by, past.result->performed_at);
    const auto add = [&](const std::vector<Subject>& issuers) {
      if (!IsTrustedIssuer(policy, issuers, by)) return;
      AddPerson(policy, by, insiders);
      for (const std::string& name : past.result->performed_by) {
        insiders.Add(policy, name);
      }
    };
    if (require.bias_test && kind == BiasTestSpec::kKind) add(require.bias_test->issuers);
    if (const auto& r = require.report;
        r && !r->independent && kind == EvidenceSpec::kKind && past.result->topic == r->type) {
      add(r->issuers);
    }
    if (require.reproducibility && kind == ReproducibilitySnapshotSpec::kKind &&
        past.result->topic.empty()) {
      add(require.reproducibility->issuers);
    }
  }
}

// The believed issuers of what a measure asks about `model`.
void AddIssuers(const GovernancePolicySpec& policy, const Requirement& require, const Facts& facts,
                const EvidenceIndex& index, const ModelDigest& model, Insiders& insiders) {
  AddRecordedIssuers(policy, require, facts, index.environment(), model, insiders);
  // Whom a believed issuer names as having made it has a hand in it, beside the issuer.
  const auto add = [&](const std::vector<Subject>& issuers, const auto& evidence,
                       const std::vector<std::string>& named) {
    const Provenance by = MakerEver(policy, evidence.by, SignedDate(evidence.object->spec));
    if (!IsTrustedIssuer(policy, issuers, by)) return;
    AddPerson(policy, by, insiders);
    for (const std::string& name : named) insiders.Add(policy, name);
  };
  if (require.bias_test) {
    for (const AttestedBiasTest* test : index.BiasTests(model)) {
      add(require.bias_test->issuers, *test, test->object->spec.performed_by);
    }
  }
  if (const auto& r = require.report; r && !r->independent) {
    for (const AttestedEvidence* report : index.Reports(r->type, model.digest)) {
      if (report->object->spec.model != model) continue;
      add(r->issuers, *report, report->object->spec.performed_by);
    }
  }
  if (require.reproducibility) {
    for (const AttestedSnapshot* snapshot : index.Snapshots(model)) {
      const ReproducibilitySnapshotSpec& spec = snapshot->object->spec;
      if (spec.reproduction_of.empty()) {
        add(require.reproducibility->issuers, *snapshot, spec.performed_by);
        if (spec.code) add(require.reproducibility->issuers, *snapshot, spec.code->authors);
      }
    }
  }
}

// The model and those that it came from, by every snapshot that tells of it: a later one that
// leaves out what was before makes nobody independent.
std::vector<const ModelDigest*> CameFrom(const GovernancePolicySpec& policy,
                                         const EvidenceIndex& index, const ModelDigest& model) {
  std::vector<const ModelDigest*> models = {&model};
  if (!policy.changes) return models;
  std::size_t from = 0;
  for (std::int64_t step = 0; step < policy.changes->max_steps; ++step) {
    const std::size_t until = models.size();
    for (; from < until; ++from) {
      for (const AttestedSnapshot* snapshot : index.Snapshots(*models[from])) {
        const auto& previous = snapshot->object->spec.previous;
        if (!previous || !TellsOfChange(policy, *snapshot)) continue;
        const bool known = std::any_of(models.begin(), models.end(),
                                       [&](const ModelDigest* one) { return *one == *previous; });
        if (!known) models.push_back(&*previous);
      }
    }
  }
  return models;
}

}  // namespace

void AddPerson(const GovernancePolicySpec& policy, const Provenance& by, Insiders& insiders) {
  if (!IsAuthentic(by)) return;
  for (const Provenance& one : EachSignerEver(policy, by)) insiders.AddMakers(policy, one);
}

Insiders InsidersOf(const GovernancePolicySpec& policy, const Facts& facts,
                    const EvidenceIndex& index) {
  Insiders insiders = DevelopersEver(policy, facts, index);
  AddPerson(policy, facts.author, insiders);
  // Whoever made what this model came from has a hand in it too, also where the key has ended by
  // which somebody told of that.
  const std::vector<const ModelDigest*> models =
      CameFrom(policy, index.Ever(), facts.deployment->spec.model.digest);
  // So has whoever tells what was changed, whether a measure asks for snapshots or not.
  if (policy.changes) {
    Requirement told;
    told.reproducibility.emplace().issuers = policy.changes->issuers;
    for (const ModelDigest* model : models) {
      AddIssuers(policy, told, facts, index, *model, insiders);
    }
  }
  for (const Measure& measure : policy.measures) {
    for (const ModelDigest* model : models) {
      AddIssuers(policy, measure.require, facts, index, *model, insiders);
    }
    const Model& whole = facts.deployment->spec.model;
    if (whole.components.empty()) continue;
    for (const MeasureSubject& subject : SubjectsOf(measure, whole)) {
      if (subject.component.empty()) continue;
      AddIssuers(policy, measure.require, facts, index, subject.model, insiders);
    }
  }
  return insiders;
}

}  // namespace countersign
