#include "governance/admit.h"

#include <algorithm>

namespace countersign {
namespace {

// The API server drops warnings with control characters, silently.
std::string OneLine(std::string text, std::size_t limit) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  if (text.size() <= limit) return text;
  // Do not cut a UTF-8 sequence in two: invalid text would be dropped as a whole.
  std::size_t end = limit - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

}  // namespace

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
    if (gate.enforcement == Enforcement::kAudit && !gate.final) continue;
    if (admission.warnings.size() == kMaxWarnings) break;
    admission.warnings.push_back(OneLine(std::string(held ? "held: " : "") + "[" + gate.reason +
                                             "] " + gate.measure + ": " + gate.message,
                                         kMaxWarningBytes));
  }
  return admission;
}

}  // namespace countersign
