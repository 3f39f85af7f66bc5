// bias_cells.h: what the cells of a BiasTest count, in any of the shapes that there are.
//
// All cells of a test have the same shape. Pure functions. `CheckCells` is part of decoding;
// `CountsOf` and `RowsOf` are meant for what has been decoded.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "governance/confusion_counts.h"
#include "governance/types/bias_test.h"

namespace countersign {

enum class CountShape {
  kBinary,    // tp, fp, fn, tn
  kSelected,  // selected of n: labels are missing
};

// "tp, fp, fn and tn", for messages.
[[nodiscard]] std::string_view ShapeName(CountShape shape);

// nullopt when a cell has no counts or those of several shapes.
[[nodiscard]] std::optional<CountShape> ShapeOf(const BiasCell& cell);
// That of all cells; nullopt when they have none in common.
[[nodiscard]] std::optional<CountShape> ShapeOf(const BiasTestSpec& spec);

// Selected and not selected, right and wrong. Where labels are missing, all of the counts are false
// or true negatives in name only: nothing but Selected() and Total() means anything.
[[nodiscard]] fairness::ConfusionCounts CountsOf(const BiasCell& cell);

// How many rows of the data set are in the cell, whatever their weights.
[[nodiscard]] std::int64_t RowsOf(const BiasCell& cell);

// Counts have weights, or come in clusters: their variance is not that of independent draws.
[[nodiscard]] bool NeedsVariance(const BiasTestSpec& spec);

void CheckCells(const BiasTestSpec& spec, std::vector<Error>& errors);

}  // namespace countersign
