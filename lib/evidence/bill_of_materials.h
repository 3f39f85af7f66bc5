// bill_of_materials.h: what a CycloneDX bill of materials names, at every depth. Pure functions.
#pragma once

#include <cstddef>
#include <set>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace countersign {

struct BomContents {
  std::size_t components = 0;  // that the described one is made of, each with those within it
  std::size_t unlicensed = 0;  // of them, and not data
  std::set<std::string> licenses;
  std::set<std::string> data_sets;
};

// Of the described component, of the others, of services, of what is nested in them and of what
// they are descended from: SPDX identifiers and names of licences, as they stand there, each
// identifier of an expression by itself; names of data, and of the data sets of model cards. What
// is of another shape is an error with its path, for a licence that was not understood could be the
// excluded one.
[[nodiscard]] Result<BomContents> ContentsOfBom(const Json& bom);

}  // namespace countersign
