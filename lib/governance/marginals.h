// marginals.h: from counts per cell of the full cross of attributes to counts per group.
//
// A bias test reports one cell for every combination of attribute values (sex x age band x ...).
// Groups of one attribute, and of named intersections, are sums over those cells, so a report
// cannot show one set of people for sex and another for age. A combination without people is a cell
// of zeros: leaving it out is indistinguishable from hiding it, and `CheckFullCross` refuses it.
// Pure functions; errors are kInvalidArgument and name the cell.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "governance/confusion_counts.h"

namespace countersign::fairness {

// Bounds the cross product, and with it the work and memory that one report can ask for.
inline constexpr std::size_t kMaxCells = 4096;

// One combination of attribute values, or a group of a marginal: the same with fewer attributes.
struct Cell {
  std::map<std::string, std::string> values;  // attribute -> value
  ConfusionCounts counts;
};

// The values that each attribute can take, as policy lists them.
using Domain = std::map<std::string, std::vector<std::string>>;

// "ageBand=<30, sex=female".
[[nodiscard]] std::string CellLabel(const std::map<std::string, std::string>& values);

// Every combination of `domain` is there exactly once, nothing else is, and the counts are valid.
[[nodiscard]] Status CheckFullCross(std::span<const Cell> cells, const Domain& domain);

// The domain that the cells themselves span, for reports that are to be checked on their own.
[[nodiscard]] Domain DomainOf(std::span<const Cell> cells);

// Sums `cells` over every attribute but `attributes` (one, or several for an intersection). The
// result has one cell per combination found, ordered by value. Fails when `attributes` is empty or
// names one that a cell lacks, and when counts are or become invalid.
[[nodiscard]] Result<std::vector<Cell>> SumMarginals(std::span<const Cell> cells,
                                                     std::span<const std::string> attributes);

}  // namespace countersign::fairness
