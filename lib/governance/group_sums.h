// group_sums.h: what is counted of a group whose members are not simply selected or not.
//
// Sums only, so that groups and intersections are sums of cells. Exact: sums of decimals are kept
// as fractions. Plain values and pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/rational.h"

namespace countersign::fairness {

// What the cells of a bias test count, one kind in a test.
enum class CountShape {
  kBinary,     // tp, fp, fn, tn
  kSelected,   // selected of count: labels are missing
  kOutcomes,   // how often each of several outcomes came, without labels
  kMatrix,     // the same by label: K x K counts
  kScoreBins,  // scores and positives by bin of the score
  kErrors,     // sums of a regression's errors
  kRanking,    // sums of exposure over queries
};
// "tp, fp, fn and tn", for messages.
[[nodiscard]] std::string_view ShapeName(CountShape shape);

struct ScoreBinSums {
  std::int64_t n = 0;
  Rational scores;
  std::int64_t positives = 0;
};

struct GroupSums {
  std::int64_t n = 0;
  std::int64_t compared = 0;  // of a judge model's answers, by people
  std::int64_t agreed = 0;
  std::map<std::string, std::int64_t> outcomes;
  std::map<std::pair<std::string, std::string>, std::int64_t> matrix;  // (label, outcome)
  std::vector<ScoreBinSums> bins;
  Rational errors;
  Rational absolute_errors;
  Rational squared_errors;
  Rational exposure;
  Rational merit;
};
void AddTo(GroupSums& sum, const GroupSums& part);

}  // namespace countersign::fairness
