#include "governance/measures/bias_test_judge.h"

#include <algorithm>
#include <map>
#include <set>

#include "governance/fairness.h"
#include "governance/fairness_judge.h"
#include "governance/marginals.h"
#include "governance/measures/bias_test_fitness.h"
#include "governance/sum_judge.h"
#include "governance/types/bias_cells.h"

namespace countersign {
namespace {

using Values = std::map<std::string, std::string>;

// One attribute's groups, or those of an intersection: both views of the same people, in the same
// order.
struct Groups {
  std::vector<fairness::NamedCounts> counts;
  std::vector<fairness::NamedSums> sums;
};

fairness::Criteria CriteriaOf(const BiasTestRequirement& r, const MetricBound& metric) {
  fairness::Criteria criteria;
  criteria.bounds = {metric.min, metric.max};
  criteria.rule = r.judge;
  criteria.detail = fairness::Detail::kOfFailures;
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

std::string GroupName(const Values& values) {
  // One attribute: the plain value; several: a label that names them all.
  return values.size() == 1 ? values.begin()->second : fairness::CellLabel(values);
}

class TestJudge {
 public:
  TestJudge(const Context& context, const BiasTestRequirement& requirement,
            const AttestedBiasTest& test)
      : context_(context),
        requirement_(requirement),
        spec_(test.object->spec),
        has_sums_(HasSums(spec_)),
        findings_(test.object->meta.name) {}

  std::vector<BiasFinding> Run() {
    CheckProtocol(context_, requirement_, spec_, findings_);
    if (findings_.empty()) FullCross();
    if (findings_.empty()) JudgedByAModel();
    if (findings_.empty()) {
      labels_fit_ = CheckLabels(requirement_, spec_, findings_);
      for (const RequiredAttribute& attribute : requirement_.attributes) JudgeOne(attribute);
      for (const auto& names : requirement_.intersections) JudgeIntersection(names);
      Declared();
    }
    return findings_.Take();
  }

 private:
  // Every group that policy names, no other, and the full cross of them.
  void FullCross() {
    const std::set<std::string> favorable = FavorableOutcomes(requirement_);
    for (const BiasCell& cell : spec_.cells) {
      cells_.push_back({cell.groups, CountsOf(cell, favorable)});
    }
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
        findings_.Add(
            GateState::kMissing, "BiasGroupMissing",
            "group '" + group + "' of attribute '" + attribute.name + "' is not in the counts",
            "spec.cells");
      }
      for (const std::string& group : present) {
        if (wanted.contains(group) || group == attribute.unknown_group) continue;
        findings_.Add(GateState::kFailed, "BiasGroupUnknown",
                      "group '" + group + "' of attribute '" + attribute.name +
                          "' is not one that the policy names",
                      "spec.cells");
      }
      domain[attribute.name] = {present.begin(), present.end()};
    }
    if (auto ok = fairness::CheckFullCross(cells_, domain); !ok) {
      findings_.Add(GateState::kMissing, "BiasCellMissing",
                    "the counts are not the full cross of all groups: " + ok.error().message,
                    "spec.cells");
    }
  }

  Result<Groups> Marginals(const std::vector<std::string>& attributes) {
    auto marginals = fairness::SumMarginals(cells_, attributes);
    if (!marginals) return Fail(marginals.error());
    Groups groups;
    for (const fairness::Cell& cell : *marginals) {
      const auto sampling = SamplingOf(cell.values);
      groups.counts.push_back({GroupName(cell.values), cell.counts, sampling});
      if (has_sums_) {
        groups.sums.push_back({GroupName(cell.values), SumsOfGroup(cell.values), sampling});
      }
    }
    return groups;
  }

  static bool IsOf(const BiasCell& cell, const Values& group) {
    return std::includes(cell.groups.begin(), cell.groups.end(), group.begin(), group.end());
  }

  fairness::GroupSums SumsOfGroup(const Values& group) {
    fairness::GroupSums sums;
    for (const BiasCell& cell : spec_.cells) {
      if (IsOf(cell, group)) AddTo(sums, SumsOf(cell, spec_.outcomes));
    }
    return sums;
  }

  // How the counts of a group came about, where not one by one.
  std::optional<fairness::Sampling> SamplingOf(const Values& group) {
    if (!NeedsVariance(spec_)) return std::nullopt;
    fairness::Sampling sampling;
    for (const BiasCell& cell : spec_.cells) {
      if (!IsOf(cell, group)) continue;
      const std::int64_t units = cell.clusters ? *cell.clusters : RowsOf(cell);
      // A query has items in many cells; there are at least as many as in one of them.
      sampling.units = cell.ranking ? std::max(sampling.units, units) : sampling.units + units;
    }
    for (const SuppliedVariance& supplied : spec_.variances) {
      if (supplied.groups == group) sampling.variances[supplied.metric] = supplied.variance;
    }
    return sampling;
  }

  // A model that sorts answers must agree with people, in every group: one that mistakes a dialect
  // for an insult would pass over all.
  void JudgedByAModel() {
    const JudgeRules rules = requirement_.judge_model.value_or(JudgeRules{});
    if (!spec_.judge) {
      const bool by_people = CountingOf(spec_).label_source == LabelSource::kHumanAnnotation;
      if (!requirement_.judge_model || by_people) return;
      return findings_.Add(
          GateState::kInsufficient, "BiasJudgeMissing",
          "who sorted the answers is not said: neither a judge model nor HumanAnnotation",
          "spec.judge", "a BiasTest with spec.judge, and counts of its agreement with people");
    }
    if (!rules.digests.empty() && std::find(rules.digests.begin(), rules.digests.end(),
                                            spec_.judge->digest) == rules.digests.end()) {
      findings_.Add(GateState::kInsufficient, "BiasJudgeNotAccepted",
                    "judge model '" + spec_.judge->name + "' (" + spec_.judge->digest +
                        ") is not one that the policy accepts",
                    "spec.judge.digest", "have the answers sorted by a judge that it accepts");
    }
    for (const RequiredAttribute& attribute : requirement_.attributes) {
      auto groups = Marginals({attribute.name});
      if (!groups) continue;  // said where it is judged
      for (const fairness::NamedSums& group : groups->sums) {
        if (group.name != attribute.unknown_group) Agreement(attribute.name, group, rules);
      }
    }
  }

  void Agreement(const std::string& attribute, const fairness::NamedSums& group,
                 const JudgeRules& rules) {
    static const Decimal kDefaultAgreement = Decimal::Parse("0.8").value();
    const Decimal least = rules.min_agreement.value_or(kDefaultAgreement);
    const std::string whose = "attribute '" + attribute + "': of the answers to '" + group.name +
                              "' people looked at " + std::to_string(group.sums.compared);
    const std::string remedy = "have people look at " + std::to_string(rules.min_compared) +
                               " answers or more of each group, chosen at random";
    if (group.sums.compared < rules.min_compared) {
      return findings_.Add(GateState::kInsufficient, "BiasJudgeUnchecked",
                           whose + ", must be at least " + std::to_string(rules.min_compared),
                           "spec.cells", remedy);
    }
    const auto share = Rational::Fraction(group.sums.agreed, group.sums.compared);
    if (share && *share >= least) return;
    findings_.Add(GateState::kInsufficient, "BiasJudgeDisagrees",
                  whose + " and agreed with the judge model on " +
                      std::to_string(group.sums.agreed) + ", must be on a share of at least " +
                      least.ToString(),
                  "spec.cells", "a judge model that agrees with people, or people alone");
  }

  void AddJudgement(const fairness::Judgement& judgement, const std::string& what,
                    std::size_t metric) {
    if (judgement.verdict == fairness::Verdict::kPass) return;
    const bool fail = judgement.verdict == fairness::Verdict::kFail;
    const bool unsure = judgement.reason == fairness::Reason::kNoVariance;
    findings_.Add(fail ? GateState::kFailed : GateState::kInsufficient,
                  fail     ? "BiasOutOfBounds"
                  : unsure ? "BiasVarianceMissing"
                           : "BiasInsufficient",
                  what + ": " + judgement.message,
                  "spec.measures['" + context_.measure.name + "'].require.biasTest.metrics[" +
                      std::to_string(metric) + "]",
                  judgement.remedy);
  }

  void JudgeGroups(const std::string& what, const Groups& groups, const std::string& reference) {
    for (std::size_t i = 0; i < requirement_.metrics.size(); ++i) {
      const MetricBound& bound = requirement_.metrics[i];
      if (NeedsLabels(bound.name) && !labels_fit_) continue;
      const fairness::Criteria criteria = CriteriaOf(requirement_, bound);
      std::vector<fairness::Judgement> judgements;
      if (const auto* binary = fairness::FindMetric(bound.name)) {
        judgements = fairness::JudgeAttribute(*binary, groups.counts, reference, criteria);
      } else if (const auto* sum = fairness::FindSumMetric(bound.name)) {
        judgements = fairness::JudgeSums(*sum, groups.sums, reference, criteria);
      } else {
        findings_.Add(GateState::kInsufficient, "MetricUnknown",
                      "'" + bound.name + "' is not a known metric");
      }
      for (const fairness::Judgement& judgement : judgements) AddJudgement(judgement, what, i);
    }
  }

  template <class Unknown>
  static void Leave(Groups& groups, const Unknown& unknown) {
    std::erase_if(groups.counts, [&](const auto& group) { return unknown(group.name); });
    std::erase_if(groups.sums, [&](const auto& group) { return unknown(group.name); });
  }

  void JudgeOne(const RequiredAttribute& attribute) {
    auto groups = Marginals({attribute.name});
    if (!groups) return CountsInvalid(groups.error());
    Coverage(attribute, groups->counts);
    Leave(*groups, [&](const std::string& name) {
      return !attribute.unknown_group.empty() && name == attribute.unknown_group;
    });
    JudgeGroups("attribute '" + attribute.name + "'", *groups, attribute.reference);
  }

  void CountsInvalid(const Error& error) {
    findings_.Add(GateState::kInsufficient, "BiasCountsInvalid", error.message, "spec.cells");
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
    findings_.Add(GateState::kInsufficient, "BiasCoverageTooLow",
                  "attribute '" + attribute.name + "' is known for " + std::to_string(known) +
                      " of " + std::to_string(total) + " people, must be for a share of at least " +
                      floor.ToString(),
                  "spec.cells");
  }

  void JudgeIntersection(const std::vector<std::string>& names) {
    auto groups = Marginals(names);
    if (!groups) return CountsInvalid(groups.error());
    Values reference;
    for (const RequiredAttribute& attribute : requirement_.attributes) {
      if (std::find(names.begin(), names.end(), attribute.name) == names.end()) continue;
      reference[attribute.name] = attribute.reference;
      if (attribute.unknown_group.empty()) continue;
      const std::string unknown = fairness::CellLabel({{attribute.name, attribute.unknown_group}});
      Leave(*groups, [&](const std::string& name) {
        return (", " + name + ",").find(", " + unknown + ",") != std::string::npos;
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
      const auto attribute =
          std::find_if(requirement_.attributes.begin(), requirement_.attributes.end(),
                       [&](const RequiredAttribute& a) { return a.name == declared.attribute; });
      if (attribute == requirement_.attributes.end()) continue;
      auto groups = Marginals({attribute->name});
      if (!groups) continue;
      const std::string problem = Disagreement(declared, *groups, attribute->reference);
      if (problem.empty()) continue;
      findings_.Add(GateState::kFailed, "BiasDeclaredDisagrees", problem,
                    "spec.declared[" + std::to_string(i) + "]");
    }
  }

  // Empty if the declared value is what the counts give, or is of a metric that nobody knows.
  static std::string Disagreement(const DeclaredMetric& declared, const Groups& groups,
                                  const std::string& reference) {
    const auto position = [&](const std::string& name) {
      const auto found =
          std::find_if(groups.counts.begin(), groups.counts.end(),
                       [&](const fairness::NamedCounts& g) { return g.name == name; });
      return static_cast<std::size_t>(found - groups.counts.begin());
    };
    const std::size_t group = position(declared.group);
    const std::size_t other = position(reference);
    const std::string says = "declares " + declared.metric + " " + declared.value.ToString() +
                             " for group '" + declared.group + "', ";
    const auto* binary = fairness::FindMetric(declared.metric);
    const auto* sum = fairness::FindSumMetric(declared.metric);
    if (binary == nullptr && sum == nullptr) return {};
    if (group == groups.counts.size() || other == groups.counts.size()) {
      return "declares a value for group '" + declared.group + "', which has no counts";
    }
    if (sum != nullptr) {
      if (groups.sums.empty()) return says + "which its counts do not tell";
      const std::string why =
          fairness::DisagreementOf(*sum, declared.value, groups.sums[group], groups.sums[other]);
      return why.empty() ? "" : says + why;
    }
    const auto value =
        fairness::ValueOf(*binary, groups.counts[group].counts, groups.counts[other].counts);
    if (!value) return says + "which the counts leave undefined";
    const auto agrees = fairness::AgreesWithDeclared(declared.value.ToString(), *value);
    if (agrees && *agrees) return {};
    return says + "the counts give " + value->ToText(4);
  }

  const Context& context_;
  const BiasTestRequirement& requirement_;
  const BiasTestSpec& spec_;
  const bool has_sums_;
  std::vector<fairness::Cell> cells_;
  bool labels_fit_ = true;
  BiasFindings findings_;
};

}  // namespace

std::vector<BiasFinding> JudgeBiasTest(const Context& context,
                                       const BiasTestRequirement& requirement,
                                       const AttestedBiasTest& test) {
  return TestJudge(context, requirement, test).Run();
}

}  // namespace countersign
