// fairness_sampling.h: counts that are not one for each of independent people.
//
// Ten decisions about one person say less than decisions about ten people, and a weight of five is
// one person still. Minimums therefore speak of independent units, to which counts are scaled down.
// Pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/decimal.h"

namespace countersign::fairness {

struct Sampling {
  // Independent clusters, or people counted without their weights.
  std::int64_t units = 0;
  // Of each metric's value for this group, as the report supplies it.
  std::map<std::string, Decimal, std::less<>> variances;
};

// `counted` of `total`, scaled down to independent units and rounded down; as it is without a
// sampling.
[[nodiscard]] std::int64_t IndependentOf(const std::optional<Sampling>& sampling,
                                         std::int64_t counted, std::int64_t total);

}  // namespace countersign::fairness
