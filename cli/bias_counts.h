// bias_counts.h: a bias test's counts per group from CSV files: counted already, or a row a person.
//
// Columns that are neither counts nor outcomes are attributes. What the file leaves out of the full
// cross of their values is nobody. Free functions without state.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "governance/types/bias_test.h"

namespace countersign {

struct BiasCounts {
  std::vector<std::string> attributes;
  std::vector<BiasCell> cells;
};

// Columns tp, fp, fn, tn: a row a cell.
[[nodiscard]] Result<BiasCounts> ReadCounts(const std::string& path);

// Columns y_true and y_pred: a row a person. The favourable outcome is positive; where all outcomes
// are 1 and 0, and it is neither, 1 is it.
[[nodiscard]] Result<BiasCounts> ReadPredictions(const std::string& path,
                                                 const std::string& favorable_outcome);

}  // namespace countersign
