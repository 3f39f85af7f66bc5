#include "governance/types/bias_cells.h"

namespace countersign {
namespace {

// Calls `found` with every shape that the cell has counts of.
template <class Found>
void VisitShapes(const BiasCell& cell, const Found& found) {
  if (cell.tp || cell.fp || cell.fn || cell.tn) found(CountShape::kBinary);
  if (cell.selected) found(CountShape::kSelected);
  if (!cell.outcomes.empty()) {
    found(cell.outcomes.front().label.empty() ? CountShape::kOutcomes : CountShape::kMatrix);
  }
  if (!cell.bins.empty()) found(CountShape::kScoreBins);
  if (cell.errors) found(CountShape::kErrors);
  if (cell.ranking) found(CountShape::kRanking);
}

}  // namespace

std::vector<CountShape> ShapesIn(const BiasCell& cell) {
  std::vector<CountShape> shapes;
  VisitShapes(cell, [&](CountShape shape) { shapes.push_back(shape); });
  return shapes;
}

std::optional<CountShape> ShapeOf(const BiasCell& cell) {
  std::optional<CountShape> only;
  int kinds = 0;
  VisitShapes(cell, [&](CountShape shape) {
    only = shape;
    ++kinds;
  });
  return kinds == 1 ? only : std::nullopt;
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
  for (const ScoreBin& bin : cell.bins) counts.tn += bin.n;
  if (!cell.bins.empty()) return counts;
  if (cell.errors || cell.ranking) return {.tp = 0, .fp = 0, .fn = 0, .tn = cell.n.value_or(0)};
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
  for (const ScoreBin& bin : cell.bins) {
    sums.bins.push_back({bin.n, Rational(bin.scores), bin.positives});
  }
  if (cell.errors) {
    sums.errors = Rational(cell.errors->sum);
    sums.absolute_errors = Rational(cell.errors->sum_of_absolute);
    sums.squared_errors = Rational(cell.errors->sum_of_squares);
  }
  if (cell.ranking) {
    sums.exposure = Rational(cell.ranking->exposure);
    sums.merit = Rational(cell.ranking->merit.value_or(Decimal()));
  }
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
  // All cells have clusters or none does.
  return CountingOf(spec).weighted || (!spec.cells.empty() && spec.cells.front().clusters);
}

}  // namespace countersign
