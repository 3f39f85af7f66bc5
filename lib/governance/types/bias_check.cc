#include "governance/types/bias_check.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include "governance/fairness_metrics.h"
#include "governance/sum_metrics.h"

namespace countersign {
namespace {

std::string At(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

class BiasChecker {
 public:
  BiasChecker(const BiasTestRequirement& r, const std::string& path, std::vector<Error>& errors)
      : r_(r), path_(path), errors_(errors) {}

  void Run() {
    Outcomes();
    Attributes();
    Intersections();
    Metrics();
    SameCounts();
    if (!r_.confidence) return;
    const std::string text = r_.confidence->ToString();
    if (text != "0.9" && text != "0.95" && text != "0.99") {
      Add(path_ + ".confidence", "must be one of 0.9, 0.95, 0.99, is " + text);
    }
  }

 private:
  void Add(const std::string& path, const std::string& message) {
    errors_.push_back({Code::kInvalidArgument, message, path, std::nullopt});
  }

  void Ascending(const std::vector<Decimal>& bins, const std::string& path) {
    for (std::size_t i = 1; i < bins.size(); ++i) {
      if (bins[i] > bins[i - 1]) continue;
      return Add(path, "must be ascending");
    }
  }

  void Share(const std::optional<Decimal>& share, const std::string& path) {
    if (share && (*share < Decimal() || share->ToDouble() > 1.0)) {
      Add(path, "must be between 0 and 1, is " + share->ToString());
    }
  }

  void Outcomes() {
    const std::set<std::string> all(r_.outcomes.begin(), r_.outcomes.end());
    const auto known = [&](const std::string& outcome, const std::string& at) {
      if (!all.empty() && !all.contains(outcome)) {
        Add(at, "'" + outcome + "' is not one of outcomes");
      }
    };
    if (!r_.favorable_outcome.empty()) known(r_.favorable_outcome, path_ + ".favorableOutcome");
    std::set<std::string> favorable = {r_.favorable_outcome};
    for (std::size_t i = 0; i < r_.also_favorable.size(); ++i) {
      const std::string at = At(path_ + ".alsoFavorable", i);
      known(r_.also_favorable[i], at);
      if (!favorable.insert(r_.also_favorable[i]).second) {
        Add(at, "'" + r_.also_favorable[i] + "' is the favorableOutcome already");
      }
    }
    if (!all.empty() && std::includes(favorable.begin(), favorable.end(), all.begin(), all.end())) {
      Add(path_ + ".outcomes", "must have one that is not favourable");
    }
    Ascending(r_.score_bins, path_ + ".scoreBins");
    for (const Decimal& boundary : r_.score_bins) {
      if (boundary > Decimal() && boundary.ToDouble() < 1.0) continue;
      Add(path_ + ".scoreBins", "must lie between 0 and 1, has " + boundary.ToString());
    }
    if (r_.judge_model) {
      Share(r_.judge_model->min_agreement, path_ + ".judgeModel.minAgreement");
    }
  }

  // One measure judges one kind of counts; a test is for it or is not.
  void SameCounts() {
    using fairness::CountShape;
    std::vector<CountShape> shapes = {CountShape::kBinary, CountShape::kOutcomes,
                                      CountShape::kMatrix, CountShape::kScoreBins,
                                      CountShape::kErrors, CountShape::kRanking};
    for (std::size_t i = 0; i < r_.metrics.size(); ++i) {
      const std::string& name = r_.metrics[i].name;
      const fairness::SumMetric* sum = fairness::FindSumMetric(name);
      if (sum == nullptr && fairness::FindMetric(name) == nullptr) continue;
      const bool of_outcomes = sum != nullptr && (sum->shape == CountShape::kMatrix ||
                                                  sum->shape == CountShape::kOutcomes);
      const auto required = [&](const char* field, bool needed, bool missing) {
        if (needed && missing) Add(path_ + field, "is required by metric '" + name + "'");
      };
      const bool of_nobody = sum != nullptr && (sum->shape == CountShape::kErrors ||
                                                sum->shape == CountShape::kRanking);
      required(".outcomes", of_outcomes, r_.outcomes.empty());
      required(".favorableOutcome", !of_nobody, r_.favorable_outcome.empty());
      required(".scoreBins", sum != nullptr && sum->shape == CountShape::kScoreBins,
               r_.score_bins.empty());
      required(".errorUnit", sum != nullptr && sum->statistic == fairness::Statistic::kMeanError,
               r_.error_unit.empty());
      std::erase_if(shapes, [&](CountShape shape) { return !fairness::Serves(shape, name); });
      if (!shapes.empty()) continue;
      return Add(At(path_ + ".metrics", i) + ".name",
                 "'" + name +
                     "' is not computed from the counts that the metrics before it are computed "
                     "from: one measure judges one kind of counts, write another for this one");
    }
  }

  void Attributes() {
    std::int64_t cells = 1;
    for (std::size_t i = 0; i < r_.attributes.size(); ++i) {
      const RequiredAttribute& a = r_.attributes[i];
      const std::string at = At(path_ + ".attributes", i);
      const std::set<std::string> groups(a.groups.begin(), a.groups.end());
      if (!groups.contains(a.reference)) {
        Add(at + ".reference", "'" + a.reference + "' is not one of the groups");
      }
      if (!a.unknown_group.empty() && groups.contains(a.unknown_group)) {
        Add(at + ".unknownGroup", "must not be one of the groups that are judged");
      }
      Share(a.min_coverage, at + ".minCoverage");
      if (a.min_coverage && a.unknown_group.empty()) {
        Add(at + ".minCoverage", "needs unknownGroup: without it every value must be known");
      }
      Ascending(a.bins, at + ".bins");
      cells *= static_cast<std::int64_t>(a.groups.size()) + (a.unknown_group.empty() ? 0 : 1);
      if (cells > 512) {
        return Add(path_ + ".attributes", "the full cross of all groups must be at most 512 cells");
      }
    }
  }

  void Intersections() {
    std::set<std::string> attributes;
    for (const RequiredAttribute& a : r_.attributes) attributes.insert(a.name);
    for (std::size_t i = 0; i < r_.intersections.size(); ++i) {
      const auto& names = r_.intersections[i];
      const std::string at = At(path_ + ".intersections", i);
      if (names.size() < 2) Add(at, "must name at least two attributes");
      for (std::size_t k = 0; k < names.size(); ++k) {
        if (attributes.contains(names[k])) continue;
        Add(At(at, k), "'" + names[k] + "' is not an attribute of this policy");
      }
    }
  }

  void Metrics() {
    for (std::size_t i = 0; i < r_.metrics.size(); ++i) {
      const MetricBound& bound = r_.metrics[i];
      const std::string at = At(path_ + ".metrics", i);
      const fairness::Bounds bounds = {bound.min, bound.max};
      if (const auto* binary = fairness::FindMetric(bound.name)) {
        Bounds(fairness::CheckBounds(*binary, bounds, r_.judge), at);
      } else if (const auto* sum = fairness::FindSumMetric(bound.name)) {
        Bounds(fairness::CheckBounds(*sum, bounds, r_.judge), at);
      } else {
        Add(at + ".name", "'" + bound.name + "' is not a known metric");
      }
    }
  }

  void Bounds(const Status& ok, const std::string& at) {
    if (ok) return;
    const std::string& field = ok.error().path;
    std::string where = field == "judge" ? path_ : at;
    if (!field.empty()) where.append(".").append(field);
    Add(where, ok.error().message);
  }

  const BiasTestRequirement& r_;
  const std::string& path_;
  std::vector<Error>& errors_;
};

}  // namespace

void CheckBias(const BiasTestRequirement& r, const std::string& path, std::vector<Error>& errors) {
  BiasChecker(r, path, errors).Run();
}

}  // namespace countersign
