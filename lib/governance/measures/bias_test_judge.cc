#include "governance/measures/bias_test_judge.h"

#include <algorithm>
#include <map>
#include <set>

#include "governance/fairness.h"
#include "governance/fairness_judge.h"
#include "governance/marginals.h"
#include "governance/types/bias_cells.h"

namespace countersign {
namespace {

fairness::Criteria CriteriaOf(const BiasTestRequirement& r, const MetricBound& metric) {
  fairness::Criteria criteria;
  criteria.bounds = {metric.min, metric.max};
  criteria.rule = r.judge;
  criteria.minimums.group_size = r.min_group_size;
  criteria.minimums.positives = r.min_positives;
  criteria.minimums.negatives = r.min_negatives;
  if (r.confidence) {
    if (auto confidence = fairness::ConfidenceOf(*r.confidence); confidence) {
      criteria.confidence = *confidence;
    }
  }
  return criteria;
}

class TestJudge {
 public:
  TestJudge(const Context& context, const BiasTestRequirement& requirement,
            const AttestedBiasTest& test)
      : context_(context),
        requirement_(requirement),
        spec_(test.object->spec),
        name_(test.object->meta.name) {}

  std::vector<BiasFinding> Run() {
    Protocol();
    if (requirement_.independent_of_training) Independence();
    if (findings_.empty()) Groups();
    if (findings_.empty()) {
      Labels();
      for (const RequiredAttribute& attribute : requirement_.attributes) JudgeOne(attribute);
      for (const auto& names : requirement_.intersections) JudgeIntersection(names);
      Declared();
    }
    return std::move(findings_);
  }

 private:
  void Add(GateState state, std::string reason, std::string message, std::string path = {},
           std::string remedy = {}) {
    findings_.push_back({state, std::move(reason), "test '" + name_ + "': " + std::move(message),
                         std::move(path), std::move(remedy)});
  }

  // Was it made the way that policy and deployment say?
  void Protocol() {
    if (spec_.favorable_outcome != requirement_.favorable_outcome) {
      Add(GateState::kFailed, "FavorableOutcomeDiffers",
          "favorableOutcome must be '" + requirement_.favorable_outcome + "', is '" +
              spec_.favorable_outcome + "'",
          "spec.favorableOutcome");
    }
    const std::string unit = spec_.counting ? spec_.counting->unit : "";
    if (!requirement_.unit.empty() && unit != requirement_.unit) {
      Add(GateState::kFailed, "BiasUnitDiffers",
          "one count must be one " + requirement_.unit + ", is " +
              (unit.empty() ? "not stated" : "one " + unit),
          "spec.counting.unit");
    }
    const auto& decision = context_.facts.deployment->spec.decision;
    if (decision && decision->threshold && spec_.decision_threshold != decision->threshold) {
      Add(GateState::kFailed, "DecisionThresholdDiffers",
          "decisionThreshold must be the deployment's, " + decision->threshold->ToString() +
              ", is " +
              (spec_.decision_threshold ? spec_.decision_threshold->ToString() : "not stated"),
          "spec.decisionThreshold");
    }
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
  void Independence() {
    bool known = false;
    for (const AttestedSnapshot& snapshot : context_.facts.snapshots) {
      if (snapshot.object->spec.model != spec_.model || !IsAuthentic(snapshot.by)) continue;
      for (const DataState& data : snapshot.object->spec.data) {
        if (data.role == DataRole::kTest) continue;
        known = known || SaysWhatItWasMadeFrom(snapshot.by);
        if (data.digest != spec_.data_set.digest) continue;
        Add(GateState::kFailed, "BiasDataNotIndependent",
            "its data set '" + spec_.data_set.name + "' is " + std::string(NameOf(data.role)) +
                " data of the model, as snapshot '" + snapshot.object->meta.name + "' says",
            "spec.dataSet.digest", "test on data that the model was not made from");
        return;
      }
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

  bool SaysWhatItWasMadeFrom(const Provenance& by) const {
    const GovernancePolicySpec& policy = context_.policy.spec;
    return IsTrustedIssuer(policy, requirement_.issuers, by) ||
           std::any_of(policy.measures.begin(), policy.measures.end(), [&](const Measure& measure) {
             const auto& r = measure.require.reproducibility;
             return r && IsTrustedIssuer(policy, r->issuers, by);
           });
  }

  // Every group that policy names, no other, and the full cross of them.
  void Groups() {
    for (const BiasCell& cell : spec_.cells) cells_.push_back({cell.groups, CountsOf(cell)});
    const fairness::Domain found = fairness::DomainOf(cells_);
    fairness::Domain domain = found;
    for (const RequiredAttribute& attribute : requirement_.attributes) {
      std::set<std::string> wanted(attribute.groups.begin(), attribute.groups.end());
      std::set<std::string> present;
      if (const auto it = found.find(attribute.name); it != found.end()) {
        present.insert(it->second.begin(), it->second.end());
      }
      for (const std::string& group : attribute.groups) {
        if (present.contains(group)) continue;
        Add(GateState::kMissing, "BiasGroupMissing",
            "group '" + group + "' of attribute '" + attribute.name + "' is not in the counts",
            "spec.cells");
      }
      for (const std::string& group : present) {
        if (wanted.contains(group) || group == attribute.unknown_group) continue;
        Add(GateState::kFailed, "BiasGroupUnknown",
            "group '" + group + "' of attribute '" + attribute.name +
                "' is not one that the policy names",
            "spec.cells");
      }
      domain[attribute.name] = {present.begin(), present.end()};
    }
    if (auto ok = fairness::CheckFullCross(cells_, domain); !ok) {
      Add(GateState::kMissing, "BiasCellMissing",
          "the counts are not the full cross of all groups: " + ok.error().message, "spec.cells");
    }
  }

  Result<std::vector<fairness::NamedCounts>> Marginals(const std::vector<std::string>& attributes) {
    auto sums = fairness::SumMarginals(cells_, attributes);
    if (!sums) return Fail(sums.error());
    std::vector<fairness::NamedCounts> groups;
    for (const fairness::Cell& cell : *sums) {
      // One attribute: the plain value; several: a label that names them all.
      groups.push_back(
          {attributes.size() == 1 ? cell.values.begin()->second : fairness::CellLabel(cell.values),
           cell.counts, SamplingOf(cell.values)});
    }
    return groups;
  }

  // How the counts of a group came about, where not one by one.
  std::optional<fairness::Sampling> SamplingOf(const std::map<std::string, std::string>& group) {
    if (!NeedsVariance(spec_)) return std::nullopt;
    fairness::Sampling sampling;
    for (const BiasCell& cell : spec_.cells) {
      if (!std::includes(cell.groups.begin(), cell.groups.end(), group.begin(), group.end())) {
        continue;
      }
      sampling.units += cell.clusters ? *cell.clusters : RowsOf(cell);
    }
    for (const SuppliedVariance& supplied : spec_.variances) {
      if (supplied.groups == group) sampling.variances[supplied.metric] = supplied.variance;
    }
    return sampling;
  }

  // Whether labels are there and good enough for the metrics that need them. Those of selection do
  // not, and are judged all the same.
  void Labels() {
    std::string needing;
    for (const MetricBound& bound : requirement_.metrics) {
      const fairness::Metric* metric = fairness::FindMetric(bound.name);
      if (metric == nullptr || !metric->needs_labels()) continue;
      needing += (needing.empty() ? "" : ", ") + bound.name;
    }
    if (needing.empty()) return;
    const std::size_t before = findings_.size();
    const std::string unfit = " (for " + needing + ")";
    const Counting counting = spec_.counting.value_or(Counting{});
    if (ShapeOf(spec_) == CountShape::kSelected) {
      Add(GateState::kInsufficient, "BiasLabelsMissing",
          "labels are missing, cells count only who was selected" + unfit, "spec.cells",
          "a BiasTest with tp, fp, fn and tn once outcomes are known; until then a measure on "
          "metrics of selection");
    }
    const LabelRules rules = requirement_.labels.value_or(LabelRules{});
    if (!rules.sources.empty() &&
        (!counting.label_source || std::find(rules.sources.begin(), rules.sources.end(),
                                             *counting.label_source) == rules.sources.end())) {
      Add(GateState::kInsufficient, "BiasLabelSourceUnfit",
          "labels must be " + SourcesText(rules.sources) + ", are " +
              (counting.label_source ? std::string(NameOf(*counting.label_source))
                                     : "of a source "
                                       "not stated") +
              unfit,
          "spec.counting.labelSource",
          "a BiasTest with labels that are " + SourcesText(rules.sources));
    }
    if (rules.min_maturity &&
        (!counting.label_window || *counting.label_window < *rules.min_maturity)) {
      const std::string wanted = FormatDuration(*rules.min_maturity);
      Add(GateState::kInsufficient, "BiasLabelsImmature",
          "outcomes must have been waited for " + wanted + ", were " +
              (counting.label_window ? "for " + FormatDuration(*counting.label_window)
                                     : "for a time not stated") +
              unfit,
          "spec.counting.labelWindow",
          "a BiasTest on decisions that are at least " + wanted +
              " old, with their outcomes since");
    }
    if (counting.selection == LabelSelection::kSelectedOnly && !rules.accept_selected_only) {
      Add(GateState::kInsufficient, "BiasLabelsSelectedOnly",
          "only those have labels whom somebody selected before" + unfit, "spec.counting.selection",
          "a BiasTest with labels of everybody, or of a random share of the others too; whether "
          "labels of the selected are enough is the policy's to say (labels.acceptSelectedOnly)");
    }
    labels_fit_ = findings_.size() == before;
  }

  static std::string SourcesText(const std::vector<LabelSource>& sources) {
    std::string text;
    for (const LabelSource source : sources) {
      text += (text.empty() ? "" : " or ") + std::string(NameOf(source));
    }
    return text;
  }

  void JudgeGroups(const std::string& what, const std::vector<fairness::NamedCounts>& groups,
                   const std::string& reference) {
    for (std::size_t i = 0; i < requirement_.metrics.size(); ++i) {
      const MetricBound& bound = requirement_.metrics[i];
      const fairness::Metric* metric = fairness::FindMetric(bound.name);
      if (metric == nullptr) {
        Add(GateState::kInsufficient, "MetricUnknown",
            "'" + bound.name + "' is not a known metric");
        continue;
      }
      if (metric->needs_labels() && !labels_fit_) continue;
      for (const fairness::Judgement& judgement :
           fairness::JudgeAttribute(*metric, groups, reference, CriteriaOf(requirement_, bound))) {
        if (judgement.verdict == fairness::Verdict::kPass) continue;
        const bool fail = judgement.verdict == fairness::Verdict::kFail;
        const bool unsure = judgement.reason == fairness::Reason::kNoVariance;
        Add(fail ? GateState::kFailed : GateState::kInsufficient,
            fail     ? "BiasOutOfBounds"
            : unsure ? "BiasVarianceMissing"
                     : "BiasInsufficient",
            what + ": " + judgement.message,
            "spec.measures['" + context_.measure.name + "'].require.biasTest.metrics[" +
                std::to_string(i) + "]",
            judgement.remedy);
      }
    }
  }

  void JudgeOne(const RequiredAttribute& attribute) {
    auto groups = Marginals({attribute.name});
    if (!groups) {
      return Add(GateState::kInsufficient, "BiasCountsInvalid", groups.error().message,
                 "spec.cells");
    }
    Coverage(attribute, *groups);
    std::erase_if(*groups, [&](const fairness::NamedCounts& g) {
      return !attribute.unknown_group.empty() && g.name == attribute.unknown_group;
    });
    JudgeGroups("attribute '" + attribute.name + "'", *groups, attribute.reference);
  }

  // The share of people whose value is known, compared exactly.
  void Coverage(const RequiredAttribute& attribute,
                const std::vector<fairness::NamedCounts>& groups) {
    if (attribute.unknown_group.empty()) return;
    static const Decimal kDefaultFloor = Decimal::Parse("0.95").value();
    const Decimal floor = attribute.min_coverage.value_or(kDefaultFloor);
    std::int64_t known = 0;
    std::int64_t total = 0;
    for (const fairness::NamedCounts& group : groups) {
      total += group.counts.Total();
      if (group.name != attribute.unknown_group) known += group.counts.Total();
    }
    const auto share = Rational::Fraction(known, total);
    if (share && *share >= floor) return;
    Add(GateState::kInsufficient, "BiasCoverageTooLow",
        "attribute '" + attribute.name + "' is known for " + std::to_string(known) + " of " +
            std::to_string(total) + " people, must be for a share of at least " + floor.ToString(),
        "spec.cells");
  }

  void JudgeIntersection(const std::vector<std::string>& names) {
    auto groups = Marginals(names);
    if (!groups) {
      return Add(GateState::kInsufficient, "BiasCountsInvalid", groups.error().message,
                 "spec.cells");
    }
    std::map<std::string, std::string> reference;
    for (const RequiredAttribute& attribute : requirement_.attributes) {
      if (std::find(names.begin(), names.end(), attribute.name) == names.end()) continue;
      reference[attribute.name] = attribute.reference;
      if (attribute.unknown_group.empty()) continue;
      const std::string unknown = fairness::CellLabel({{attribute.name, attribute.unknown_group}});
      std::erase_if(*groups, [&](const fairness::NamedCounts& g) {
        return (", " + g.name + ",").find(", " + unknown + ",") != std::string::npos;
      });
    }
    std::string what = "intersection of";
    for (const std::string& name : names) what += " '" + name + "'";
    JudgeGroups(what, *groups, fairness::CellLabel(reference));
  }

  // Values that the report itself states must be what its counts give.
  void Declared() {
    for (std::size_t i = 0; i < spec_.declared.size(); ++i) {
      const DeclaredMetric& declared = spec_.declared[i];
      const std::string path = "spec.declared[" + std::to_string(i) + "]";
      const fairness::Metric* metric = fairness::FindMetric(declared.metric);
      const auto attribute =
          std::find_if(requirement_.attributes.begin(), requirement_.attributes.end(),
                       [&](const RequiredAttribute& a) { return a.name == declared.attribute; });
      if (metric == nullptr || attribute == requirement_.attributes.end()) continue;
      auto groups = Marginals({attribute->name});
      if (!groups) continue;
      const auto find = [&](const std::string& group) {
        return std::find_if(groups->begin(), groups->end(),
                            [&](const fairness::NamedCounts& g) { return g.name == group; });
      };
      const auto group = find(declared.group);
      const auto reference = find(attribute->reference);
      if (group == groups->end() || reference == groups->end()) {
        Add(GateState::kFailed, "BiasDeclaredDisagrees",
            "declares a value for group '" + declared.group + "', which has no counts", path);
        continue;
      }
      const fairness::Value value = fairness::ValueOf(*metric, group->counts, reference->counts);
      if (!value) {
        Add(GateState::kFailed, "BiasDeclaredDisagrees",
            "declares " + declared.metric + " " + declared.value.ToString() + " for group '" +
                declared.group + "', which the counts leave undefined",
            path);
        continue;
      }
      const auto agrees = fairness::AgreesWithDeclared(declared.value.ToString(), *value);
      if (agrees && *agrees) continue;
      Add(GateState::kFailed, "BiasDeclaredDisagrees",
          "declares " + declared.metric + " " + declared.value.ToString() + " for group '" +
              declared.group + "', the counts give " + value->ToText(4),
          path);
    }
  }

  const Context& context_;
  const BiasTestRequirement& requirement_;
  const BiasTestSpec& spec_;
  const std::string& name_;
  std::vector<fairness::Cell> cells_;
  bool labels_fit_ = true;
  std::vector<BiasFinding> findings_;
};

}  // namespace

std::vector<BiasFinding> JudgeBiasTest(const Context& context,
                                       const BiasTestRequirement& requirement,
                                       const AttestedBiasTest& test) {
  return TestJudge(context, requirement, test).Run();
}

}  // namespace countersign
