// object_difference.h: where an object of a cluster is not what it should be.
//
// What the API server fills in by itself is no difference. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace countersign {

struct Difference {
  std::string path;
  std::string wanted;  // "nothing" where there should be none
  std::string found;   // likewise
};

// All of them, in the order of the keys; lists of one length are compared member by member.
[[nodiscard]] std::vector<Difference> Differences(const Json& wanted, const Json& found,
                                                  const std::string& path);
// The first of them.
[[nodiscard]] std::optional<Difference> FirstDifference(const Json& wanted, const Json& found,
                                                        const std::string& path);

}  // namespace countersign
