#include "governance/group_sums.h"

namespace countersign::fairness {

std::string_view ShapeName(CountShape shape) {
  switch (shape) {
    case CountShape::kBinary: return "tp, fp, fn and tn";
    case CountShape::kSelected: return "selected of count";
    case CountShape::kOutcomes: return "outcomes without labels";
    case CountShape::kMatrix: return "outcomes by label";
    case CountShape::kScoreBins: return "score bins";
    case CountShape::kErrors: return "sums of errors";
    case CountShape::kRanking: return "sums of exposure";
  }
  return "unknown counts";
}

void AddTo(GroupSums& sum, const GroupSums& part) {
  sum.n += part.n;
  sum.compared += part.compared;
  sum.agreed += part.agreed;
  for (const auto& [outcome, count] : part.outcomes) sum.outcomes[outcome] += count;
  for (const auto& [entry, count] : part.matrix) sum.matrix[entry] += count;
  if (sum.bins.size() < part.bins.size()) sum.bins.resize(part.bins.size());
  for (std::size_t i = 0; i < part.bins.size(); ++i) {
    sum.bins[i].n += part.bins[i].n;
    sum.bins[i].scores = sum.bins[i].scores + part.bins[i].scores;
    sum.bins[i].positives += part.bins[i].positives;
  }
  sum.errors = sum.errors + part.errors;
  sum.absolute_errors = sum.absolute_errors + part.absolute_errors;
  sum.squared_errors = sum.squared_errors + part.squared_errors;
  sum.exposure = sum.exposure + part.exposure;
  sum.merit = sum.merit + part.merit;
}

}  // namespace countersign::fairness
