#include "governance/group_sums.h"

namespace countersign::fairness {

std::string_view ShapeName(CountShape shape) {
  switch (shape) {
    case CountShape::kBinary: return "tp, fp, fn and tn";
    case CountShape::kSelected: return "selected of n";
    case CountShape::kOutcomes: return "outcomes without labels";
    case CountShape::kMatrix: return "outcomes by label";
  }
  return "unknown counts";
}

void AddTo(GroupSums& sum, const GroupSums& part) {
  sum.n += part.n;
  sum.compared += part.compared;
  sum.agreed += part.agreed;
  for (const auto& [outcome, count] : part.outcomes) sum.outcomes[outcome] += count;
  for (const auto& [entry, count] : part.matrix) sum.matrix[entry] += count;
}

}  // namespace countersign::fairness
