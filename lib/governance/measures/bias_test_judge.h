// bias_test_judge.h: what is wrong with one bias test, by one measure.
//
// Internal to bias_test.cc, which chooses the test that governs. Pure.
#pragma once

#include <string>
#include <vector>

#include "governance/measures/context.h"

namespace countersign {

struct BiasFinding {
  GateState state = GateState::kPassed;
  std::string reason;
  std::string message;
  std::string path;
  std::string remedy;
};

// Empty for a test that holds. Whose it is, and how old, is not looked at.
[[nodiscard]] std::vector<BiasFinding> JudgeBiasTest(const Context& context,
                                                     const BiasTestRequirement& requirement,
                                                     const AttestedBiasTest& test);

}  // namespace countersign
