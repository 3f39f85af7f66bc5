#include "governance/measures/bias_test_fitness.h"

#include <algorithm>
#include <set>

#include "governance/fairness_metrics.h"
#include "governance/records.h"
#include "governance/sum_metrics.h"
#include "governance/types/bias_cells.h"

namespace countersign {
namespace {

class FitnessCheck {
 public:
  FitnessCheck(const BiasTestRequirement& requirement, const BiasTestSpec& spec,
               BiasFindings& findings)
      : requirement_(requirement), spec_(spec), findings_(findings) {}

  void Protocol(const Context& context) {
    Outcomes();
    Unit("unit", "one count must be one ", requirement_.unit, CountingOf(spec_).unit);
    Unit("errorUnit", "errors must be in ", requirement_.error_unit, CountingOf(spec_).error_unit);
    ScoreBins();
    Threshold(context);
    Attributes();
    if (requirement_.independent_of_training) Independence(context);
  }

  bool Labels() {
    std::string needing;
    for (const MetricBound& bound : requirement_.metrics) {
      if (NeedsLabels(bound.name)) needing += (needing.empty() ? "" : ", ") + bound.name;
    }
    if (needing.empty()) return true;
    needing_ = " (for " + needing + ")";
    const bool there = Labelled();
    const LabelRules rules = requirement_.labels.value_or(LabelRules{});
    const bool of_source = OfSource(rules);
    const bool mature = Mature(rules);
    return there && of_source && mature && OfEverybody(rules);
  }

 private:
  void Add(GateState state, std::string reason, std::string message, std::string path = {},
           std::string remedy = {}) {
    findings_.Add(state, std::move(reason), std::move(message), std::move(path), std::move(remedy));
  }

  void Outcomes() {
    if (spec_.favorable_outcome != requirement_.favorable_outcome) {
      Add(GateState::kFailed, "FavorableOutcomeDiffers",
          "favorableOutcome must be '" + requirement_.favorable_outcome + "', is '" +
              spec_.favorable_outcome + "'",
          "spec.favorableOutcome");
    }
    if (spec_.outcomes.empty()) return;
    const std::set<std::string> tested(spec_.outcomes.begin(), spec_.outcomes.end());
    const auto& all = requirement_.outcomes;
    if (!all.empty() && tested != std::set<std::string>(all.begin(), all.end())) {
      return Add(GateState::kFailed, "BiasOutcomesDiffer",
                 "outcomes must be " + Listed(all) + ", are " + Listed(spec_.outcomes),
                 "spec.outcomes");
    }
    for (const std::string& outcome : requirement_.also_favorable) {
      if (tested.contains(outcome)) continue;
      Add(GateState::kFailed, "BiasOutcomesDiffer",
          "outcomes must include '" + outcome + "', which the policy counts as favourable, are " +
              Listed(spec_.outcomes),
          "spec.outcomes");
    }
  }

  static std::string Listed(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "'" : ", '") + name + "'";
    return text;
  }

  void Unit(const char* field, const char* must, const std::string& wanted,
            const std::string& found) {
    if (wanted.empty() || found == wanted) return;
    Add(GateState::kFailed, "BiasUnitDiffers",
        must + wanted + ", is " + (found.empty() ? "not stated" : found),
        std::string("spec.counting.") + field);
  }

  void ScoreBins() {
    if (requirement_.score_bins.empty() || spec_.score_bins == requirement_.score_bins) return;
    Add(GateState::kFailed, "BinsDiffer", "scores must be binned as the policy says",
        "spec.scoreBins");
  }

  void Threshold(const Context& context) {
    const auto& decision = context.facts.deployment->spec.decision;
    if (!decision || !decision->threshold) return;
    if (spec_.decision_threshold == decision->threshold) return;
    Add(GateState::kFailed, "DecisionThresholdDiffers",
        "decisionThreshold must be the deployment's, " + decision->threshold->ToString() + ", is " +
            (spec_.decision_threshold ? spec_.decision_threshold->ToString() : "not stated"),
        "spec.decisionThreshold");
  }

  void Attributes() {
    for (const RequiredAttribute& attribute : requirement_.attributes) {
      const auto it =
          std::find_if(spec_.attributes.begin(), spec_.attributes.end(),
                       [&](const TestedAttribute& a) { return a.name == attribute.name; });
      if (it == spec_.attributes.end()) {
        Add(GateState::kMissing, "BiasAttributeMissing",
            "attribute '" + attribute.name + "' was not tested", "spec.attributes");
      } else if (!attribute.bins.empty() && it->bins != attribute.bins) {
        Add(GateState::kFailed, "BinsDiffer",
            "attribute '" + attribute.name + "' must be binned as the policy says",
            "spec.attributes");
      }
    }
  }

  // A model is fair to the people it was made from more easily than to others. Whoever says that
  // the test data were among them is believed; that they were not, only the believed issuers can
  // say.
  void Independence(const Context& context) {
    bool known = false;
    const auto counting = context.index.Snapshots(spec_.model);
    const auto ever = context.index.Ever().Snapshots(spec_.model);
    for (std::size_t i = 0; i < ever.size(); ++i) {
      const AttestedSnapshot* snapshot = ever[i];
      if (!IsHeard(snapshot->by)) continue;
      for (const DataState& data : snapshot->object->spec.data) {
        if (data.role == DataRole::kTest) continue;
        known = known || SaysWhatItWasMadeFrom(context.policy.spec, counting[i]->by);
        if (data.digest != spec_.data_set.digest) continue;
        return Add(GateState::kFailed, "BiasDataNotIndependent",
                   "its data set '" + spec_.data_set.name + "' is " +
                       std::string(NameOf(data.role)) + " data of the model, as snapshot '" +
                       snapshot->object->meta.name + "' says",
                   "spec.dataSet.digest", "test on data that the model was not made from");
      }
    }
    const auto believed = [&](const Provenance& by) {
      return SaysWhatItWasMadeFrom(context.policy.spec, by);
    };
    if (auto gone = DeletedSnapshotOf(
            {context.policy.spec, context.facts, context.index, spec_.model}, believed)) {
      return Add(GateState::kInsufficient, "BiasTrainingDataUnknown",
                 "whether its data are independent of the training data cannot be said: " +
                     gone->text + ", and what data it named nobody can read any more",
                 "spec.dataSet.digest", std::move(gone->remedy));
    }
    if (known) return;
    Add(GateState::kInsufficient, "BiasTrainingDataUnknown",
        "whether its data are independent of the training data cannot be said: no snapshot of this "
        "model by a believed issuer names them",
        "spec.dataSet.digest",
        "a ReproducibilitySnapshot of this model that lists its Training data with digests, "
        "created "
        "by " +
            SubjectsText(requirement_.issuers));
  }

  bool SaysWhatItWasMadeFrom(const GovernancePolicySpec& policy, const Provenance& by) const {
    return IsTrustedIssuer(policy, requirement_.issuers, by) ||
           std::any_of(policy.measures.begin(), policy.measures.end(), [&](const Measure& measure) {
             const auto& r = measure.require.reproducibility;
             return r && IsTrustedIssuer(policy, r->issuers, by);
           });
  }

  bool Labelled() {
    const auto shape = ShapeOf(spec_);
    if (shape != CountShape::kSelected && shape != CountShape::kOutcomes) return true;
    Add(GateState::kInsufficient, "BiasLabelsMissing",
        "labels are missing, cells count " + std::string(fairness::ShapeName(*shape)) + needing_,
        "spec.cells",
        "a BiasTest with labels once outcomes are known; until then a measure on metrics that need "
        "none");
    return false;
  }

  bool OfSource(const LabelRules& rules) {
    const std::optional<LabelSource>& source = CountingOf(spec_).label_source;
    if (rules.sources.empty()) return true;
    if (source &&
        std::find(rules.sources.begin(), rules.sources.end(), *source) != rules.sources.end()) {
      return true;
    }
    std::string wanted;
    for (const LabelSource one : rules.sources) {
      wanted += (wanted.empty() ? "" : " or ") + std::string(NameOf(one));
    }
    Add(GateState::kInsufficient, "BiasLabelSourceUnfit",
        "labels must be " + wanted + ", are " +
            (source ? std::string(NameOf(*source)) : "of a source not stated") + needing_,
        "spec.counting.labelSource", "a BiasTest with labels that are " + wanted);
    return false;
  }

  bool Mature(const LabelRules& rules) {
    const std::optional<Seconds>& window = CountingOf(spec_).label_window;
    if (!rules.min_maturity || (window && *window >= *rules.min_maturity)) return true;
    const std::string wanted = FormatDuration(*rules.min_maturity);
    Add(GateState::kInsufficient, "BiasLabelsImmature",
        "outcomes must have been waited for " + wanted + ", were " +
            (window ? "for " + FormatDuration(*window) : "for a time not stated") + needing_,
        "spec.counting.labelWindow",
        "a BiasTest on decisions that are at least " + wanted + " old, with their outcomes since");
    return false;
  }

  bool OfEverybody(const LabelRules& rules) {
    if (CountingOf(spec_).selection != LabelSelection::kSelectedOnly || rules.accept_selected_only)
      return true;
    Add(GateState::kInsufficient, "BiasLabelsSelectedOnly",
        "only those have labels whom somebody selected before" + needing_,
        "spec.counting.selection",
        "a BiasTest with labels of everybody, or of a random share of the others too; whether "
        "labels of the selected are enough is the policy's to say (labels.acceptSelectedOnly)");
    return false;
  }

  const BiasTestRequirement& requirement_;
  const BiasTestSpec& spec_;
  BiasFindings& findings_;
  std::string needing_;
};

}  // namespace

bool IsHeard(const Provenance& by) {
  return IsAuthentic(by) || by.authenticity == Authenticity::kWithdrawn;
}

std::optional<DeletedSnapshot> DeletedSnapshotOf(
    const RecordQuery& query, const std::function<bool(const Provenance&)>& believed) {
  const ModelRecord* record = RecordOf(query.facts, query.model.digest);
  if (record == nullptr) return std::nullopt;
  // Under a name that nobody knows it is not there: nobody hears it.
  auto present = RecordedSnapshots(query.index.Ever(), query.model, *record);
  std::erase_if(present, [](const AttestedSnapshot* one) { return !IsHeard(one->by); });
  const auto is_there = [&](const std::string& digest) {
    return std::any_of(present.begin(), present.end(), [&](const AttestedSnapshot* one) {
      return one->object->KnownAs() == digest;
    });
  };
  const auto named = [](const std::string& name) {
    return DeletedSnapshot{"snapshot '" + name + "' was deleted",
                           "apply the deleted snapshot again as it was, or release the model anew, "
                           "under another digest"};
  };
  std::int64_t let_go = 0;
  for (const PastResult& past :
       PastResults(query.policy, query.facts, query.index.environment(), *record)) {
    const RecordedResult& result = *past.result;
    if (result.kind != ReproducibilitySnapshotSpec::kKind ||
        result.digest_type != query.model.type) {
      continue;
    }
    const auto ever = DespiteRevocation(query.policy, past.by, result.performed_at);
    if (!believed(ever.value_or(past.by))) continue;
    if (!is_there(result.digest)) return named(result.name);
    for (const EarlierResult& earlier : result.earlier) {
      if (!is_there(earlier.digest)) return named(earlier.digest);
    }
    let_go += LetGo(result);
  }
  const auto is_theirs = [&](const AttestedSnapshot& one) { return believed(one.by); };
  if (!IsAnyGone(let_go, *record, present, is_theirs)) return std::nullopt;
  return DeletedSnapshot{"of " + std::to_string(let_go) +
                             " snapshots before those that its ModelRecord names one was deleted",
                         "release the model anew, under another digest"};
}

void CheckProtocol(const Context& context, const BiasTestRequirement& requirement,
                   const BiasTestSpec& spec, BiasFindings& findings) {
  FitnessCheck(requirement, spec, findings).Protocol(context);
}

bool CheckLabels(const BiasTestRequirement& requirement, const BiasTestSpec& spec,
                 BiasFindings& findings) {
  return FitnessCheck(requirement, spec, findings).Labels();
}

bool NeedsLabels(const std::string& metric) {
  if (const fairness::Metric* binary = fairness::FindMetric(metric)) return binary->needs_labels();
  const fairness::SumMetric* sum = fairness::FindSumMetric(metric);
  return sum != nullptr && sum->needs_labels;
}

}  // namespace countersign
