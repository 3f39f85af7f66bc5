#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "base/rational.h"
#include "governance/types/bias_cells.h"

namespace countersign {
namespace {

bool HasOutcome(CountShape shape) {
  return shape != CountShape::kErrors && shape != CountShape::kRanking;
}

class CellChecker {
 public:
  CellChecker(const BiasTestSpec& spec, std::vector<Error>& errors)
      : spec_(spec), errors_(errors) {}

  void Run() {
    SpecOutcomes();
    SpecScoreBins();
    JudgeModelPart();
    std::int64_t rows = 0;
    for (std::size_t i = 0; i < spec_.cells.size(); ++i) {
      path_ = "spec.cells[" + std::to_string(i) + "]";
      const std::size_t before = errors_.size();
      Shape(spec_.cells[i]);
      OutcomeCounts(spec_.cells[i]);
      if (errors_.size() > before) return;  // without counts there is nothing to add up
      Numbers(spec_.cells[i]);
      rows += RowsOf(spec_.cells[i]);
    }
    if (rows != spec_.data_set.rows) {
      path_ = "spec.dataSet";
      Add(".rows", "must be the sum of all cells, which is " + std::to_string(rows) + ", is " +
                       std::to_string(spec_.data_set.rows));
    }
    Variances();
  }

 private:
  void Add(const std::string& field, std::string message) {
    errors_.push_back({Code::kInvalidArgument, std::move(message), path_ + field, std::nullopt});
  }

  void Shape(const BiasCell& cell) {
    const auto shapes = ShapesIn(cell);
    if (shapes.empty()) {
      return Add("",
                 "must have counts: tp, fp, fn and tn, selected of count where labels are missing, "
                 "outcomes, bins, errors or ranking");
    }
    if (shapes.size() > 1) {
      return Add("", "must have one kind of counts, has " +
                         std::string(fairness::ShapeName(shapes[0])) + " and " +
                         std::string(fairness::ShapeName(shapes[1])));
    }
    const auto first = ShapesIn(spec_.cells.front());
    if (shapes != first) {
      return Add("", "must have the same kind of counts as the first cell, " +
                         std::string(fairness::ShapeName(first.front())) + ", has " +
                         std::string(fairness::ShapeName(shapes.front())));
    }
    if (shapes.front() == CountShape::kBinary) {
      const std::pair<const char*, const std::optional<std::int64_t>&> all[] = {
          {".tp", cell.tp}, {".fp", cell.fp}, {".fn", cell.fn}, {".tn", cell.tn}};
      for (const auto& [field, count] : all) {
        if (!count) Add(field, "is required: the four counts belong together");
      }
    } else if (!cell.n && (cell.selected || cell.errors || cell.ranking)) {
      Add(".count", "is required: how many there are in the cell");
    }
    if (cell.ranking && !cell.clusters) {
      Add(".clusters", "is required: how many queries the items were ranked for");
    }
  }

  void SpecOutcomes() {
    const auto shape = spec_.cells.empty() ? std::nullopt : ShapeOf(spec_.cells.front());
    if (shape && HasOutcome(*shape) && spec_.favorable_outcome.empty()) {
      path_ = "spec.favorableOutcome";
      Add("", "is required where cells count " + std::string(fairness::ShapeName(*shape)));
    }
    path_ = "spec.outcomes";
    const bool counted = !spec_.cells.empty() && !spec_.cells.front().outcomes.empty();
    outcomes_.insert(spec_.outcomes.begin(), spec_.outcomes.end());
    if (counted && outcomes_.size() < 2) {
      Add("", "must list all outcomes that there are, two or more, where cells count outcomes");
    } else if (counted && !outcomes_.contains(spec_.favorable_outcome)) {
      Add("", "must include favorableOutcome, '" + spec_.favorable_outcome + "'");
    } else if (!counted && !outcomes_.empty()) {
      Add("", "is for cells that count outcomes");
    }
  }

  void SpecScoreBins() {
    path_ = "spec.scoreBins";
    const bool binned = !spec_.cells.empty() && !spec_.cells.front().bins.empty();
    const auto& bins = spec_.score_bins;
    if (binned != !bins.empty()) {
      return Add("", binned ? "is required: where the bins of the cells begin and end"
                            : "is for cells that count score bins");
    }
    for (std::size_t i = 0; i < bins.size(); ++i) {
      if (bins[i] > (i == 0 ? Decimal() : bins[i - 1]) && bins[i].ToDouble() < 1.0) continue;
      return Add("", "must be ascending and between 0 and 1");
    }
  }

  // What cannot be was made up or miscounted: a score outside of its bin, for example.
  void Bins(const BiasCell& cell) {
    const auto& inner = spec_.score_bins;
    if (!cell.bins.empty() && cell.bins.size() != inner.size() + 1) {
      return Add(".bins", "must have one entry for each of the " +
                              std::to_string(inner.size() + 1) + " bins of spec.scoreBins, has " +
                              std::to_string(cell.bins.size()));
    }
    for (std::size_t i = 0; i < cell.bins.size(); ++i) {
      const ScoreBin& bin = cell.bins[i];
      const std::string field = ".bins[" + std::to_string(i) + "]";
      if (bin.positives > bin.n) {
        Add(field + ".positives", "must be at most count, " + std::to_string(bin.n) + ", is " +
                                      std::to_string(bin.positives));
      }
      const Rational n(bin.n);
      const Rational least = i == 0 ? Rational(0) : Rational(inner[i - 1]) * n;
      const Rational most = i == inner.size() ? n : Rational(inner[i]) * n;
      const Rational scores(bin.scores);
      if (scores < least || scores > most) {
        Add(field + ".scores", "must be from " + least.ToText(4) + " to " + most.ToText(4) +
                                   " for " + std::to_string(bin.n) + " scores in this bin, is " +
                                   bin.scores.ToString());
      }
    }
  }

  void Errors(const BiasCell& cell) {
    if (!cell.errors) return;
    const Rational absolute(cell.errors->sum_of_absolute);
    const Rational squares(cell.errors->sum_of_squares);
    // Sums are rounded to the digits of a decimal: what differs by less than that agrees.
    const Rational slack(Decimal::Parse("0.000001").value());
    if (Rational(cell.errors->sum).Abs() > absolute + slack) {
      Add(".errors.sumOfAbsolute", "must be at least the size of sum, " +
                                       cell.errors->sum.ToString() + ", is " +
                                       cell.errors->sum_of_absolute.ToString());
    }
    // Cauchy and Schwarz.
    if (absolute * absolute >
        squares * Rational(cell.n.value_or(0)) * (Rational(1) + slack) + slack) {
      Add(".errors.sumOfSquares",
          "is less than such errors can have: the square of sumOfAbsolute "
          "is at most count times sumOfSquares");
    }
  }

  void Ranking(const BiasCell& cell) {
    if (!cell.ranking) return;
    if (cell.ranking->exposure < Decimal()) Add(".ranking.exposure", "must not be negative");
    if (cell.ranking->merit && *cell.ranking->merit < Decimal()) {
      Add(".ranking.merit", "must not be negative");
    }
  }

  void JudgeModelPart() {
    path_ = "spec.counting";
    const bool by_model = CountingOf(spec_).label_source == LabelSource::kModelJudge;
    if (spec_.judge && !by_model) {
      Add(".labelSource", "must be ModelJudge where there is a spec.judge");
    } else if (by_model && !spec_.judge) {
      path_ = "spec.judge";
      Add("", "is required where spec.counting.labelSource is ModelJudge");
    }
  }

  void OutcomeCounts(const BiasCell& cell) {
    std::set<std::pair<std::string, std::string>> seen;
    for (std::size_t i = 0; i < cell.outcomes.size(); ++i) {
      const OutcomeCount& one = cell.outcomes[i];
      const std::string field = ".outcomes[" + std::to_string(i) + "]";
      const auto known = [&](const std::string& name, const char* what) {
        if (outcomes_.contains(name)) return;
        Add(field + what, "'" + name + "' is not listed in spec.outcomes");
      };
      known(one.outcome, ".outcome");
      if (one.label.empty() != cell.outcomes.front().label.empty()) {
        Add(field + ".label", "must be given for all entries or for none");
      } else if (!one.label.empty()) {
        known(one.label, ".label");
      }
      if (!seen.emplace(one.label, one.outcome).second) {
        Add(field, "counts the same outcome and label a second time");
      }
    }
    if (spec_.judge.has_value() != cell.compared.has_value() ||
        spec_.judge.has_value() != cell.agreed.has_value()) {
      Add(".compared", spec_.judge ? "and agreed are required: how far people agree with spec.judge"
                                   : "and agreed are for answers sorted by a spec.judge");
    } else if (spec_.judge && *cell.agreed > *cell.compared) {
      Add(".agreed", "must be at most compared, " + std::to_string(*cell.compared) + ", is " +
                         std::to_string(*cell.agreed));
    }
  }

  // What belongs together must agree.
  void Numbers(const BiasCell& cell) {
    Bins(cell);
    Errors(cell);
    Ranking(cell);
    const std::int64_t total = CountsOf(cell).Total();
    const std::int64_t n = cell.n.value_or(total);
    if (cell.selected && *cell.selected > n) {
      Add(".selected",
          "must be at most count, " + std::to_string(n) + ", is " + std::to_string(*cell.selected));
    } else if (n != total) {
      Add(".count", "must be the sum of the cell's counts, which is " + std::to_string(total) +
                        ", is " + std::to_string(n));
    }
    if (cell.compared && *cell.compared > RowsOf(cell)) {
      Add(".compared", "must be at most the cell's number of rows, " +
                           std::to_string(RowsOf(cell)) + ", is " + std::to_string(*cell.compared));
    }
    const bool weighted = CountingOf(spec_).weighted;
    if (weighted != cell.unweighted.has_value()) {
      Add(".unweighted", weighted ? "is required: how many there are without their weights"
                                  : "is for weighted counts alone (spec.counting.weighted)");
    } else if (weighted && (*cell.unweighted == 0) != (total == 0)) {
      Add(".unweighted", "must be 0 where the counts are, and only there");
    }
    if (cell.clusters.has_value() != spec_.cells.front().clusters.has_value()) {
      Add(".clusters", "must be given for all cells or for none");
    } else if (cell.clusters) {
      const std::int64_t rows = RowsOf(cell);
      if (*cell.clusters > rows || (*cell.clusters == 0) != (rows == 0)) {
        Add(".clusters", "must be from 1 to the cell's number of rows, " + std::to_string(rows) +
                             ", or 0 in an empty one, is " + std::to_string(*cell.clusters));
      }
    }
  }

  void Variances() {
    if (!spec_.variances.empty() && !NeedsVariance(spec_)) {
      path_ = "spec.variances";
      return Add("",
                 "are for weighted counts (spec.counting.weighted) or clusters (spec.cells[] "
                 ".clusters) alone: others have intervals of their own");
    }
    std::set<std::pair<std::string, std::map<std::string, std::string>>> seen;
    for (std::size_t i = 0; i < spec_.variances.size(); ++i) {
      const SuppliedVariance& variance = spec_.variances[i];
      path_ = "spec.variances[" + std::to_string(i) + "]";
      if (variance.variance <= Decimal()) {
        Add(".variance", "must be above 0, is " + variance.variance.ToString());
      }
      for (const auto& [attribute, group] : variance.groups) {
        if (std::none_of(spec_.attributes.begin(), spec_.attributes.end(),
                         [&](const TestedAttribute& a) { return a.name == attribute; })) {
          Add(".groups", "'" + attribute + "' is not listed in spec.attributes");
        }
      }
      if (!seen.emplace(variance.metric, variance.groups).second) {
        Add("", "says the variance of this metric and group a second time");
      }
    }
  }

  const BiasTestSpec& spec_;
  std::vector<Error>& errors_;
  std::set<std::string> outcomes_;
  std::string path_;
};

}  // namespace

void CheckCells(const BiasTestSpec& spec, std::vector<Error>& errors) {
  CellChecker(spec, errors).Run();
}

}  // namespace countersign
