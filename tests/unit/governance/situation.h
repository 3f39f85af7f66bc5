// situation.h: policies and facts from the YAML notation of tests/cases (README.md there).
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "base/json.h"
#include "governance/facts.h"

namespace countersign::testing {

struct Situation {
  PolicySet policies;
  Facts facts;
};

// The file tests/cases/<name>, one document. Throws std::runtime_error, as all here: it is a test.
[[nodiscard]] Json ReadCases(const std::string& name);

// RFC 7386.
void MergePatch(Json& target, const Json& patch);

// `base` is what the placeholders $baseGovernedDigest and $baseAnswersDigest refer to.
[[nodiscard]] Situation MakeSituation(const Json& situation, const Json& base);

// In another order.
template <class T>
void Shuffle(SharedList<T>& list, std::mt19937& random) {
  list.Change([&](std::vector<T>& all) { std::shuffle(all.begin(), all.end(), random); });
}

}  // namespace countersign::testing
