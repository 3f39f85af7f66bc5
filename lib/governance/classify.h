// classify.h: from a use case's answers to the policy's risk classes.
//
// Three-valued: an answer that is not given, not among the options, or not yet signed off could be
// any, and every class that it could lead to applies. So leaving a question out, or registering a
// use case anew, never gives a milder class. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "governance/types/policy.h"
#include "governance/types/use_case.h"

namespace countersign {

struct ClassesOf {
  std::vector<std::string> classes;  // in the policy's order
  std::vector<std::string> faults;   // "question 'audience' is not answered", …
  bool certain = false;              // every answer counts and is valid
};

// `approved`: a sign-off covers the answers. `use_case` may be null: then nothing is known.
[[nodiscard]] ClassesOf Classify(const Classification& classification, const UseCaseSpec* use_case,
                                 bool approved);

}  // namespace countersign
