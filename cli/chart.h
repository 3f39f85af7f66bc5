// chart.h: the parts of charts/countersign that are made from the same source as `countersign
// install`, so that the two never differ. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace countersign {

// Path below the repository and content. Objects are Helm templates where they depend on the
// release's namespace.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> ChartFiles();

}  // namespace countersign
