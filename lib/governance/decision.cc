#include "governance/decision.h"

#include <algorithm>
#include <string_view>

#include "governance/measures/sign_off.h"

namespace countersign {
namespace {

void PutText(Json& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = value;
}

// Severity as the operator acts on it: the order of the enum.
Reaction Worse(Reaction a, Reaction b) { return std::max(a, b); }

constexpr std::size_t kMaxChangeText = 1024;

Reaction ReactionOf(const Gate& gate, Time now) {
  if (gate.state != GateState::kExpired || !gate.expired_at) return gate.on_violation;
  return now >= *gate.expired_at + gate.on_expiry.grace ? gate.on_expiry.then
                                                        : gate.on_expiry.action;
}

// Bytes of the character that `text` starts with, if it must not reach a reader: controls, C1
// included; line separators; what turns the direction of the text around it, so that a name could
// reorder a refusal; what takes no width, so that two names could look the same. 0: may be shown.
std::size_t UnshowableAt(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  if (byte(0) < 0x20 || byte(0) == 0x7F) return 1;
  // U+0080 to U+009F and U+00AD; U+061C.
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && (byte(1) < 0xA0 || byte(1) == 0xAD)) return 2;
  if (byte(0) == 0xD8 && byte(1) == 0x9C) return 2;
  // U+200B to U+200F, U+2028 to U+202E; U+2060 to U+206F; U+FEFF.
  if (byte(0) == 0xE2 && byte(1) == 0x80) {
    const unsigned last = byte(2);
    return (last >= 0x8B && last <= 0x8F) || (last >= 0xA8 && last <= 0xAE) ? 3 : 0;
  }
  if (byte(0) == 0xE2 && byte(1) == 0x81) return byte(2) >= 0xA0 && byte(2) <= 0xAF ? 3 : 0;
  return text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
}

}  // namespace

std::string_view GateStateName(GateState state) {
  switch (state) {
    case GateState::kPassed: return "Passed";
    case GateState::kWaived: return "Waived";
    case GateState::kExpired: return "Expired";
    case GateState::kMissing: return "Missing";
    case GateState::kInsufficient: return "Insufficient";
    case GateState::kFailed: return "Failed";
  }
  return "Failed";
}

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAllow: return "Allow";
    case Verdict::kWarn: return "Warn";
    case Verdict::kHold: return "Hold";
    case Verdict::kDeny: return "Deny";
  }
  return "Deny";
}

int Decision::Met() const {
  return static_cast<int>(std::count_if(gates.begin(), gates.end(),
                                        [](const Gate& gate) { return IsMet(gate.state); }));
}

std::string Signatory::Text() const {
  std::string text = printed_name;
  if (printed_name != account) text += " (" + account + ")";
  text += ", " + meaning + ", " + FormatTime(at);
  return key.empty() ? text : text + ", key " + key;
}

Json EvidenceJson(const std::vector<EvidenceRef>& evidence) {
  Json list = Json::array();
  for (const EvidenceRef& ref : evidence) {
    Json json = {{"kind", ref.kind},
                 {"namespace", ref.name_space},
                 {"name", ref.name},
                 {"digest", ref.digest}};
    if (const auto& by = ref.signatory) {
      Json& signatory = json["signatory"];
      signatory = {{"printedName", by->printed_name},
                   {"account", by->account},
                   {"at", FormatTime(by->at)},
                   {"meaning", by->meaning},
                   {"assurance", std::string(NameOf(by->assurance))}};
      PutText(signatory, "key", by->key);
    }
    list.push_back(std::move(json));
  }
  return list;
}

std::string ChangeNote::Text() const {
  std::string text = "change from model " + previous + " by policy '" + policy + "': ";
  for (std::size_t i = 0; i < kinds.size(); ++i) text += (i > 0 ? ", " : "") + kinds[i];
  for (std::size_t i = 0; i < because.size(); ++i) text += (i > 0 ? "; " : " (") + because[i];
  return OneLine(text + (because.empty() ? "" : ")"), kMaxChangeText);
}

std::string EmergencyNote::Text() const {
  std::string names;
  for (const std::string& measure : measures) names += (names.empty() ? "" : ", ") + measure;
  return OneLine("emergency Waiver '" + waiver + "' by '" + by + "' (" + ticket + ") for " + names +
                     (overdue ? " ended at " : " until ") + FormatTime(until) +
                     " and is not signed off: " + remedy,
                 kMaxChangeText);
}

std::string Decision::GatesText() const {
  return std::to_string(Met()) + "/" + std::to_string(gates.size());
}

Json GateJson(const Gate& gate) {
  Json json = {{"measure", gate.measure},
               {"state", std::string(GateStateName(gate.state))},
               {"reason", gate.reason},
               {"message", gate.message}};
  PutText(json, "policy", gate.policy);
  PutText(json, "step", gate.step);
  PutText(json, "path", gate.path);
  PutText(json, "accountable", gate.accountable);
  PutText(json, "remedy", gate.remedy);
  if (gate.state != GateState::kPassed) {
    json["enforcement"] = std::string(gate.final ? "Deny" : NameOf(gate.enforcement));
  }
  if (gate.valid_until) json["validUntil"] = FormatTime(*gate.valid_until);
  if (gate.expired_at) json["expiredAt"] = FormatTime(*gate.expired_at);
  if (gate.unwaived) {
    json["unwaived"] = {{"state", std::string(GateStateName(gate.unwaived->state))},
                        {"reason", gate.unwaived->reason}};
  }
  if (gate.carried_over) {
    json["carriedOver"] = {{"model", gate.carried_over->model},
                           {"steps", gate.carried_over->steps},
                           {"kinds", gate.carried_over->kinds}};
  }
  if (!gate.evidence.empty()) json["evidence"] = EvidenceJson(gate.evidence);
  return json;
}

Json DecisionJson(const Decision& decision) {
  Json json = {{"verdict", std::string(VerdictName(decision.verdict))},
               {"classes", decision.classes},
               {"answersApproved", decision.answers_approved},
               {"gatesPassed", decision.GatesText()},
               {"gates", Json::array()},
               {"policies", Json::array()}};
  PutText(json, "environment", decision.environment);
  PutText(json, "answersNote", decision.answers_note);
  PutText(json, "governedDigest", decision.governed_digest);
  PutText(json, "answersDigest", decision.answers_digest);
  PutText(json, "frameDigest", decision.frame_digest);
  for (const Gate& gate : decision.gates) json["gates"].push_back(GateJson(gate));
  for (const PolicyRef& policy : decision.policies) {
    json["policies"].push_back({{"name", policy.name}, {"digest", policy.digest}});
  }
  for (const EmergencyNote& note : decision.emergencies) {
    json["emergencies"].push_back({{"policy", note.policy},
                                   {"namespace", note.name_space},
                                   {"waiver", note.waiver},
                                   {"by", note.by},
                                   {"measures", note.measures},
                                   {"until", FormatTime(note.until)},
                                   {"overdue", note.overdue},
                                   {"remedy", note.remedy}});
  }
  for (const ChangeNote& change : decision.changes) {
    json["changes"].push_back({{"policy", change.policy},
                               {"previous", change.previous},
                               {"kinds", change.kinds},
                               {"because", change.because}});
  }
  if (decision.next_change) json["nextChange"] = FormatTime(*decision.next_change);
  return json;
}

std::string RefusalText(const Decision& decision, const std::string& subject, std::size_t limit) {
  const auto total = decision.gates.size();
  const auto unmet = total - static_cast<std::size_t>(decision.Met());
  std::string text = "ModelDeployment '" + subject + "' ";
  text += decision.verdict == Verdict::kDeny   ? "is not allowed"
          : decision.verdict == Verdict::kHold ? "is held"
                                               : "does not meet its policy";
  if (!decision.environment.empty()) text += " in environment '" + decision.environment + "'";
  text += ": " + std::to_string(unmet) + " of " + std::to_string(total) + " gates not passed.";
  // A quarter each for the note and for a gate's message and remedy: one long text must not crowd
  // out which gate it is and what to do.
  const std::size_t part = limit / 4;
  if (!decision.answers_note.empty()) text += " " + OneLine(decision.answers_note, part);
  const auto slash = subject.find('/');
  const std::string name_space = subject.substr(0, slash);
  const std::string name = slash == std::string::npos ? "" : subject.substr(slash + 1);
  std::size_t shown = 0;
  for (const Gate& gate : decision.gates) {
    if (IsMet(gate.state)) continue;
    std::string line = "\n- [" + gate.reason + "] " + gate.measure;
    if (!gate.path.empty()) line += " (" + gate.path + ")";
    line += ": " + OneLine(gate.message, part);
    if (!gate.remedy.empty()) {
      line += "\n  Remedy: " + OneLine(WithFile(gate.remedy, name_space, name), part);
    }
    // Room for the sentence that says how many are missing.
    if (text.size() + line.size() + 64 > limit) {
      text += "\n(and " + std::to_string(unmet - shown) + " more)";
      break;
    }
    text += line;
    ++shown;
  }
  return text;
}

std::string OneLine(std::string text, std::size_t limit) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t size = UnshowableAt(std::string_view(text).substr(i));
    if (size > 0) text.replace(i, size, 1, ' ');
  }
  if (text.size() <= limit) return text;
  std::size_t end = limit - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::optional<Reaction> ReactionNow(const Decision& decision, Time now) {
  std::optional<Reaction> worst;
  for (const Gate& gate : decision.gates) {
    if (IsMet(gate.state)) continue;
    // Where unmet gates are only flagged, they are only flagged at run time too.
    const bool lenient = gate.enforcement < Enforcement::kHold && !gate.final;
    const Reaction reaction = lenient ? Reaction::kAlert : ReactionOf(gate, now);
    worst = worst ? Worse(*worst, reaction) : reaction;
  }
  return worst;
}

}  // namespace countersign
