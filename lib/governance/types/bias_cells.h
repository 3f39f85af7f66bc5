// bias_cells.h: what the cells of a BiasTest count, in any of the shapes that there are.
//
// All cells of a test have the same shape. Pure functions. `CheckCells` is part of decoding;
// `CountsOf` and `RowsOf` are meant for what has been decoded.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "governance/confusion_counts.h"
#include "governance/group_sums.h"
#include "governance/types/bias_requirement.h"
#include "governance/types/bias_test.h"

namespace countersign {

using fairness::CountShape;

// Of all counts that a cell has; decoding takes none but cells of one shape.
[[nodiscard]] std::vector<CountShape> ShapesIn(const BiasCell& cell);
// nullopt when a cell has no counts or those of several shapes.
[[nodiscard]] std::optional<CountShape> ShapeOf(const BiasCell& cell);
// That of all cells; nullopt when they have none in common.
[[nodiscard]] std::optional<CountShape> ShapeOf(const BiasTestSpec& spec);

// The outcomes that the policy counts as favourable.
[[nodiscard]] std::set<std::string> FavorableOutcomes(const BiasTestRequirement& requirement);

// Selected and not selected, right and wrong; of several outcomes, those in `favorable` are the
// selected. Where labels are missing, counts are false positives or true negatives in name only:
// nothing but Selected() and Total() means anything; of scores, errors and rankings nothing but
// Total().
[[nodiscard]] fairness::ConfusionCounts CountsOf(const BiasCell& cell,
                                                 const std::set<std::string>& favorable = {});

// What is there beyond binary counts, with a 0 for each of `outcomes` that did not come.
[[nodiscard]] fairness::GroupSums SumsOf(const BiasCell& cell,
                                         const std::vector<std::string>& outcomes);
[[nodiscard]] bool HasSums(const BiasTestSpec& spec);

// What the test says of its counts; nothing, if it says nothing.
[[nodiscard]] const Counting& CountingOf(const BiasTestSpec& spec);

// How many rows of the data set are in the cell, whatever their weights.
[[nodiscard]] std::int64_t RowsOf(const BiasCell& cell);

// Counts have weights, or come in clusters: their variance is not that of independent draws.
[[nodiscard]] bool NeedsVariance(const BiasTestSpec& spec);

void CheckCells(const BiasTestSpec& spec, std::vector<Error>& errors);

}  // namespace countersign
