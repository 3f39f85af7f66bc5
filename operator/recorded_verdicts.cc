#include "operator/recorded_verdicts.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <tuple>

#include "governance/types/bias_test.h"
#include "governance/types/evidence.h"
#include "governance/types/reproducibility_snapshot.h"

namespace countersign {
namespace {

// As many as are kept.
void Order(std::vector<RecordedVerdict>& list) {
  std::sort(list.begin(), list.end(), [](const RecordedVerdict& a, const RecordedVerdict& b) {
    return std::tie(a.policy, a.measure) < std::tie(b.policy, b.measure);
  });
  constexpr std::size_t kMostVerdicts = 32;
  if (list.size() > kMostVerdicts) list.resize(kMostVerdicts);
}

}  // namespace

void Merge(const Verdicts& verdicts, Verdicts& into) {
  const auto rank = [](const RecordedVerdict& one) {
    return std::tuple(one.state == GateStateName(GateState::kPassed), one.state, one.reason);
  };
  for (const auto& [digest, list] : verdicts) {
    std::vector<RecordedVerdict>& known = into[digest];
    for (const RecordedVerdict& one : list) {
      const auto same = std::find_if(known.begin(), known.end(), [&](const RecordedVerdict& other) {
        return other.policy == one.policy && other.measure == one.measure;
      });
      if (same == known.end()) {
        known.push_back(one);
      } else if (rank(one) < rank(*same)) {
        *same = one;
      }
    }
    Order(known);
  }
}

void NoteVerdicts(const Decision& decision, Verdicts& verdicts) {
  for (const Gate& gate : decision.gates) {
    if (gate.policy.empty()) continue;
    for (const EvidenceRef& ref : gate.evidence) {
      if (ref.kind != BiasTestSpec::kKind && ref.kind != EvidenceSpec::kKind &&
          ref.kind != ReproducibilitySnapshotSpec::kKind) {
        continue;
      }
      std::vector<RecordedVerdict>& list = verdicts[ref.digest];
      std::erase_if(list, [&](const RecordedVerdict& one) {
        return one.policy == gate.policy && one.measure == gate.measure;
      });
      list.push_back(
          {gate.policy, gate.measure, std::string(GateStateName(gate.state)), gate.reason});
      Order(list);
    }
  }
}

}  // namespace countersign
