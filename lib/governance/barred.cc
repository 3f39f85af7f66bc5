#include "governance/barred.h"

namespace countersign {

const Gate* Barred(const Decision& decision) {
  for (const Gate& gate : decision.gates) {
    if (gate.final && !IsMet(gate.state) && gate.on_violation >= Reaction::kRollback) return &gate;
  }
  return nullptr;
}

}  // namespace countersign
