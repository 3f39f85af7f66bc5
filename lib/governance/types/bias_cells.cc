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
  return shapes;
}

class CellChecker {
 public:
  CellChecker(const BiasTestSpec& spec, std::vector<Error>& errors)
      : spec_(spec), errors_(errors) {}

  void Run() {
    std::int64_t rows = 0;
    for (std::size_t i = 0; i < spec_.cells.size(); ++i) {
      path_ = "spec.cells[" + std::to_string(i) + "]";
      const std::size_t before = errors_.size();
      Shape(spec_.cells[i]);
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
                 "must have counts: tp, fp, fn and tn, or selected of n where labels are missing");
    }
    if (shapes.size() > 1) {
      return Add("", "must have one kind of counts, has " + std::string(ShapeName(shapes[0])) +
                         " and " + std::string(ShapeName(shapes[1])));
    }
    const auto first = ShapesIn(spec_.cells.front());
    if (shapes != first) {
      return Add("", "must have the same kind of counts as the first cell, " +
                         std::string(ShapeName(first.front())) + ", has " +
                         std::string(ShapeName(shapes.front())));
    }
    if (shapes.front() == CountShape::kBinary) {
      const std::pair<const char*, const std::optional<std::int64_t>&> all[] = {
          {".tp", cell.tp}, {".fp", cell.fp}, {".fn", cell.fn}, {".tn", cell.tn}};
      for (const auto& [field, count] : all) {
        if (!count) Add(field, "is required: the four counts belong together");
      }
    } else if (!cell.n) {
      Add(".n", "is required: how many there are of whom some were selected");
    }
  }

  // What belongs together must agree.
  void Numbers(const BiasCell& cell) {
    const std::int64_t total = CountsOf(cell).Total();
    if (cell.selected && *cell.selected > *cell.n) {
      Add(".selected", "must be at most n, " + std::to_string(*cell.n) + ", is " +
                           std::to_string(*cell.selected));
    } else if (cell.n && *cell.n != total) {
      Add(".n", "must be the sum of the cell's counts, which is " + std::to_string(total) +
                    ", is " + std::to_string(*cell.n));
    }
    const bool weighted = spec_.counting && spec_.counting->weighted;
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
  std::string path_;
};

}  // namespace

std::string_view ShapeName(CountShape shape) {
  switch (shape) {
    case CountShape::kBinary: return "tp, fp, fn and tn";
    case CountShape::kSelected: return "selected of n";
  }
  return "unknown counts";
}

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

fairness::ConfusionCounts CountsOf(const BiasCell& cell) {
  if (cell.selected) {
    return {.tp = 0, .fp = *cell.selected, .fn = 0, .tn = cell.n.value_or(0) - *cell.selected};
  }
  return {cell.tp.value_or(0), cell.fp.value_or(0), cell.fn.value_or(0), cell.tn.value_or(0)};
}

std::int64_t RowsOf(const BiasCell& cell) {
  return cell.unweighted ? *cell.unweighted : CountsOf(cell).Total();
}

bool NeedsVariance(const BiasTestSpec& spec) {
  return (spec.counting && spec.counting->weighted) ||
         std::any_of(spec.cells.begin(), spec.cells.end(),
                     [](const BiasCell& cell) { return cell.clusters.has_value(); });
}

void CheckCells(const BiasTestSpec& spec, std::vector<Error>& errors) {
  CellChecker(spec, errors).Run();
}

}  // namespace countersign
