#include "governance/types/bias_cells.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace countersign {
namespace {

std::vector<CountShape> ShapesIn(const BiasCell& cell) {
  std::vector<CountShape> shapes;
  if (cell.tp || cell.fp || cell.fn || cell.tn) shapes.push_back(CountShape::kBinary);
  if (cell.selected) shapes.push_back(CountShape::kSelected);
  if (!cell.outcomes.empty()) {
    shapes.push_back(cell.outcomes.front().label.empty() ? CountShape::kOutcomes
                                                         : CountShape::kMatrix);
  }
  return shapes;
}

class CellChecker {
 public:
  CellChecker(const BiasTestSpec& spec, std::vector<Error>& errors)
      : spec_(spec), errors_(errors) {}

  void Run() {
    SpecOutcomes();
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
                 "must have counts: tp, fp, fn and tn, selected of n where labels are missing, or "
                 "outcomes");
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
    } else if (shapes.front() == CountShape::kSelected && !cell.n) {
      Add(".n", "is required: how many there are of whom some were selected");
    }
  }

  void SpecOutcomes() {
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
    const std::int64_t total = CountsOf(cell).Total();
    const std::int64_t n = cell.n.value_or(total);
    if (cell.selected && *cell.selected > n) {
      Add(".selected",
          "must be at most n, " + std::to_string(n) + ", is " + std::to_string(*cell.selected));
    } else if (n != total) {
      Add(".n", "must be the sum of the cell's counts, which is " + std::to_string(total) +
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

std::optional<CountShape> ShapeOf(const BiasCell& cell) {
  const auto shapes = ShapesIn(cell);
  if (shapes.size() != 1) return std::nullopt;
  return shapes.front();
}

std::optional<CountShape> ShapeOf(const BiasTestSpec& spec) {
  if (spec.cells.empty()) return std::nullopt;
  const auto first = ShapeOf(spec.cells.front());
  for (const BiasCell& cell : spec.cells) {
    if (ShapeOf(cell) != first) return std::nullopt;
  }
  return first;
}

std::set<std::string> FavorableOutcomes(const BiasTestRequirement& requirement) {
  std::set<std::string> favorable(requirement.also_favorable.begin(),
                                  requirement.also_favorable.end());
  favorable.insert(requirement.favorable_outcome);
  return favorable;
}

fairness::ConfusionCounts CountsOf(const BiasCell& cell, const std::set<std::string>& favorable) {
  fairness::ConfusionCounts counts;
  for (const OutcomeCount& one : cell.outcomes) {
    const bool selected = favorable.contains(one.outcome);
    const bool positive = !one.label.empty() && favorable.contains(one.label);
    (selected ? (positive ? counts.tp : counts.fp) : (positive ? counts.fn : counts.tn)) +=
        one.count;
  }
  if (!cell.outcomes.empty()) return counts;
  if (cell.selected) {
    return {.tp = 0, .fp = *cell.selected, .fn = 0, .tn = cell.n.value_or(0) - *cell.selected};
  }
  return {cell.tp.value_or(0), cell.fp.value_or(0), cell.fn.value_or(0), cell.tn.value_or(0)};
}

fairness::GroupSums SumsOf(const BiasCell& cell, const std::vector<std::string>& outcomes) {
  fairness::GroupSums sums;
  sums.compared = cell.compared.value_or(0);
  sums.agreed = cell.agreed.value_or(0);
  sums.n = CountsOf(cell).Total();
  const bool labelled = !cell.outcomes.empty() && !cell.outcomes.front().label.empty();
  for (const std::string& outcome : outcomes) {
    sums.outcomes[outcome] = 0;
    if (!labelled) continue;
    for (const std::string& label : outcomes) sums.matrix[{label, outcome}] = 0;
  }
  for (const OutcomeCount& one : cell.outcomes) {
    sums.outcomes[one.outcome] += one.count;
    if (labelled) sums.matrix[{one.label, one.outcome}] += one.count;
  }
  return sums;
}

bool HasSums(const BiasTestSpec& spec) {
  const auto shape = ShapeOf(spec);
  return shape && *shape != CountShape::kBinary && *shape != CountShape::kSelected;
}

const Counting& CountingOf(const BiasTestSpec& spec) {
  static const Counting kSaysNothing;
  return spec.counting ? *spec.counting : kSaysNothing;
}

std::int64_t RowsOf(const BiasCell& cell) {
  return cell.unweighted ? *cell.unweighted : CountsOf(cell).Total();
}

bool NeedsVariance(const BiasTestSpec& spec) {
  return CountingOf(spec).weighted ||
         std::any_of(spec.cells.begin(), spec.cells.end(),
                     [](const BiasCell& cell) { return cell.clusters.has_value(); });
}

void CheckCells(const BiasTestSpec& spec, std::vector<Error>& errors) {
  CellChecker(spec, errors).Run();
}

}  // namespace countersign
