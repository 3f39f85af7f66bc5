#include "governance/admit.h"

namespace countersign {
Admission Admit(const Decision& decision, const std::string& subject, bool governed_unchanged) {
  Admission admission;
  const bool refused = decision.verdict == Verdict::kDeny;
  admission.ratcheted = refused && governed_unchanged;
  admission.allowed = !refused || governed_unchanged;
  if (!admission.allowed) {
    admission.message = RefusalText(decision, subject, kMaxRefusalBytes);
    return admission;
  }
  const bool held = decision.verdict >= Verdict::kHold;
  for (const Gate& gate : decision.gates) {
    if (gate.state == GateState::kPassed) continue;
    const bool waived = gate.state == GateState::kWaived;
    if (!waived && gate.enforcement == Enforcement::kAudit && !gate.final) continue;
    if (admission.warnings.size() == kMaxWarnings) break;
    // The API server drops warnings with control characters, silently.
    admission.warnings.push_back(OneLine(std::string(held && !waived ? "held: " : "") + "[" +
                                             gate.reason + "] " + gate.measure + ": " +
                                             gate.message,
                                         kMaxWarningBytes));
  }
  return admission;
}

}  // namespace countersign
