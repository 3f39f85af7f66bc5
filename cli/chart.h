// chart.h: the parts of charts/countersign that are made from the same source as `countersign
// install`, so that the two never differ. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace countersign {

// Path below the repository and content. Objects are Helm templates where they depend on the
// release's namespace.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> ChartFiles();

// Values of the chart for a table of one's own: the table, and what is made from it, which a
// template cannot make. Error: what is wrong with the table.
[[nodiscard]] Result<Json> ChartValues(const std::string& serving_profiles);

}  // namespace countersign
