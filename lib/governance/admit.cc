#include "governance/admit.h"

#include <string_view>
#include <utility>

namespace countersign {
namespace {

constexpr std::string_view kGoesOn = "… ";

// The most of `text` within `limit` bytes: up to a word's end, or a character's in a word that is
// longer than a line. A command that is the end of it stays whole where it can.
std::size_t FirstPart(const std::string& text, std::size_t limit) {
  if (text.size() <= limit) return text.size();
  const std::size_t command = text.find(" kubectl ");
  if (command != std::string::npos && command > 0 && command < limit &&
      text.size() - command <= kMaxWarningBytes - kGoesOn.size()) {
    return command;
  }
  const std::size_t space = text.rfind(' ', limit);
  if (space != std::string::npos && space > 0) return space;
  std::size_t end = limit;
  while (end > 1 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return end;
}

// `text` in lines; the first `most` of them, of which the last says that there is more.
std::vector<std::string> Lines(std::string text, std::size_t most) {
  constexpr std::string_view kMore = "...";
  std::vector<std::string> lines;
  std::string start;
  while (!text.empty()) {
    const std::size_t room = kMaxWarningBytes - start.size();
    const bool last = lines.size() + 1 == most && text.size() > room;
    const std::size_t end = FirstPart(text, last ? room - kMore.size() : room);
    lines.push_back(start + text.substr(0, end) + std::string(last ? kMore : ""));
    if (last) break;
    text.erase(0, text[end] == ' ' ? end + 1 : end);
    start = std::string(kGoesOn);
  }
  return lines;
}

}  // namespace

std::vector<std::string> WarningLines(const std::vector<std::string>& warnings) {
  std::vector<std::string> lines;
  const bool all = warnings.size() <= kMaxWarnings;
  const std::size_t shown = all ? warnings.size() : kMaxWarnings - 1;
  for (std::size_t i = 0; i < shown; ++i) {
    // What others wrote must not add lines; the API server drops what has control characters.
    std::string text = OneLine(warnings[i], warnings[i].size());
    // A line for each that is still to come, so that a long one pushes out none.
    const std::size_t kept = shown - i - 1 + (all ? 0 : 1);
    for (std::string& line : Lines(std::move(text), kMaxWarnings - lines.size() - kept)) {
      lines.push_back(std::move(line));
    }
  }
  if (!all) lines.push_back("and " + std::to_string(warnings.size() - shown) + " more");
  return lines;
}

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
    admission.warnings.push_back(std::string(held && !waived ? "held: " : "") + "[" + gate.reason +
                                 "] " + gate.measure + ": " + gate.message);
  }
  return admission;
}

}  // namespace countersign
