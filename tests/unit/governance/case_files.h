// case_files.h: the cases of tests/cases (README.md there), for tests that run over all of them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "situation.h"

namespace countersign::testing {

struct Case {
  std::string file;
  std::string name;
  std::vector<Json> merges;  // one after the other over the base
  Json expect;
};

void PrintTo(const Case& c, std::ostream* out);

[[nodiscard]] const Json& BaseSituation();
[[nodiscard]] std::vector<Case> AllCases();
[[nodiscard]] Json SituationOf(const Case& c);

}  // namespace countersign::testing
