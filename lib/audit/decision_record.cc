#include "audit/decision_record.h"

#include <algorithm>
#include <set>

namespace countersign {
namespace {

std::string Cut(const std::string& text, std::size_t limit = kMaxRecordText) {
  if (text.size() <= limit) return text;
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

// "a,b,c" within kMaxRecordText; whole items only, and how many were left out.
std::string JoinWhole(const std::vector<std::string>& items) {
  constexpr std::size_t kReserve = 16;  // for ",+<count>"
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string item = Cut(items[i], kMaxRecordText / 2);
    if (text.size() + item.size() + kReserve > kMaxRecordText) {
      return text + ",+" + std::to_string(items.size() - i);
    }
    text += (text.empty() ? "" : ",") + item;
  }
  return text;
}

Json Names(const std::vector<std::string>& names, std::size_t limit = kMaxRecordItems) {
  Json list = Json::array();
  for (const std::string& name : names) {
    if (list.size() == limit) break;
    list.push_back(Cut(name, kMaxRecordName));
  }
  return list;
}

Json GatePart(const Gate& gate) {
  Json entry = {{"measure", Cut(gate.measure, kMaxRecordName)},
                {"state", std::string(GateStateName(gate.state))},
                {"reason", gate.reason}};
  if (!gate.policy.empty()) entry["policy"] = Cut(gate.policy, kMaxRecordName);
  if (gate.state != GateState::kPassed) entry["message"] = Cut(gate.message);
  if (gate.evidence.empty()) return entry;
  Json evidence = Json::array();
  for (const EvidenceRef& ref : gate.evidence) {
    if (evidence.size() == kMaxRecordEvidence) break;
    evidence.push_back({{"kind", ref.kind},
                        {"namespace", Cut(ref.name_space, kMaxRecordName)},
                        {"name", Cut(ref.name, kMaxRecordName)},
                        {"digest", Cut(ref.digest, kMaxRecordName)}});
  }
  entry["evidence"] = std::move(evidence);
  if (gate.evidence.size() > kMaxRecordEvidence) entry["evidenceCount"] = gate.evidence.size();
  return entry;
}

// No less than DumpJson(GatePart(gate)).size(): six bytes stand for a control character.
std::size_t MostBytes(const Gate& gate) {
  constexpr std::size_t kKeys = 128;
  std::size_t bytes = gate.measure.size() + gate.reason.size() + gate.policy.size();
  if (gate.state != GateState::kPassed) bytes += gate.message.size();
  for (const EvidenceRef& ref : gate.evidence) {
    bytes += kKeys + ref.kind.size() + ref.name_space.size() + ref.name.size() + ref.digest.size();
  }
  return kKeys + 6 * bytes;
}

// In the decision's order; when they do not all fit, those that failed stay rather than those that
// passed.
Json GatesPart(const Decision& decision) {
  Json gates = Json::array();
  // Nearly always they fit by far, and need no measuring.
  std::size_t most = 0;
  for (const Gate& gate : decision.gates) most += MostBytes(gate);
  if (most <= kMaxRecordGatesBytes) {
    for (const Gate& gate : decision.gates) gates.push_back(GatePart(gate));
    return gates;
  }
  std::vector<Json> parts(decision.gates.size());
  std::size_t bytes = 0;
  for (const bool passed : {false, true}) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (IsMet(decision.gates[i].state) != passed) continue;
      Json part = GatePart(decision.gates[i]);
      bytes += DumpJson(part).size();
      if (bytes <= kMaxRecordGatesBytes) parts[i] = std::move(part);
    }
  }
  for (Json& part : parts) {
    if (!part.is_null()) gates.push_back(std::move(part));
  }
  return gates;
}

Json DecisionPart(const Decision& decision) {
  Json json = {{"verdict", std::string(VerdictName(decision.verdict))},
               {"environment", Cut(decision.environment, kMaxRecordName)},
               {"classes", Names(decision.classes)},
               {"answersApproved", decision.answers_approved},
               {"governedDigest", decision.governed_digest},
               {"answersDigest", decision.answers_digest},
               {"gatesPassed", decision.GatesText()},
               {"gates", GatesPart(decision)}};
  Json policies = Json::array();
  for (const PolicyRef& policy : decision.policies) {
    if (policies.size() == kMaxRecordItems) break;
    policies.push_back({{"name", Cut(policy.name, kMaxRecordName)}, {"digest", policy.digest}});
  }
  json["policies"] = std::move(policies);
  return json;
}

}  // namespace

std::vector<std::string> ReasonsOf(const Decision& decision) {
  std::vector<std::string> reasons;
  std::set<std::string> seen;
  for (const Gate& gate : decision.gates) {
    // A waiver is a reason too: why it was let through all the same.
    if (gate.state != GateState::kPassed && seen.insert(gate.reason).second) {
      reasons.push_back(gate.reason);
    }
  }
  return reasons;
}

std::string RecordLine(const DecisionRecord& record) {
  Json json = {{"type", "decision"},
               {"decisionId", record.id},
               {"time", FormatMicroTime(record.time)},
               {"source", record.source},
               {"operation", record.operation},
               {"dryRun", record.dry_run},
               {"allowed", record.allowed},
               {"reasons", Names(record.reasons)},
               {"latencyMicros", record.latency_micros},
               {"requester",
                {{"username", Cut(record.user)},
                 {"uid", Cut(record.user_uid)},
                 {"groups", Names(record.groups, kMaxRecordGroups)},
                 {"credentialId", Cut(record.credential_id)}}},
               {"object",
                {{"kind", Cut(record.kind, kMaxRecordName)},
                 {"namespace", Cut(record.name_space, kMaxRecordName)},
                 {"name", Cut(record.name, kMaxRecordName)},
                 {"uid", Cut(record.object_uid, kMaxRecordName)}}}};
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) json[key] = Cut(value, kMaxRecordName);
  };
  if (!record.subresource.empty()) {
    json["object"]["subresource"] = Cut(record.subresource, kMaxRecordName);
  }
  if (record.groups.size() > kMaxRecordGroups) {
    json["requester"]["groupCount"] = record.groups.size();
  }
  put("modelDigest", record.model_digest);
  put("requestUid", record.request_uid);
  put("traceparent", record.traceparent);
  if (record.ratcheted) json["ratcheted"] = true;
  if (!record.message.empty()) json["message"] = Cut(record.message, 2 * kMaxRecordText);
  if (record.decision != nullptr) json["decision"] = DecisionPart(*record.decision);
  return DumpJson(json);
}

std::map<std::string, std::string> AuditAnnotations(const DecisionRecord& record) {
  std::map<std::string, std::string> out = {{"decision-id", record.id},
                                            {"decision", record.allowed ? "Allow" : "Deny"}};
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) out[key] = Cut(value);
  };
  put("reasons", JoinWhole(record.reasons));
  put("model-digest", record.model_digest);
  if (record.ratcheted) out["ratcheted"] = "true";
  if (record.decision == nullptr) return out;
  const Decision& decision = *record.decision;
  put("verdict", std::string(VerdictName(decision.verdict)));
  put("environment", decision.environment);
  put("gates", decision.GatesText());
  put("governed-digest", decision.governed_digest);
  std::vector<std::string> policies;
  policies.reserve(decision.policies.size());
  for (const PolicyRef& policy : decision.policies) {
    policies.push_back(policy.name + "=" + policy.digest);
  }
  // One report may serve several gates.
  std::vector<std::string> evidence;
  std::set<std::string> seen;
  for (const Gate& gate : decision.gates) {
    for (const EvidenceRef& ref : gate.evidence) {
      std::string item = ref.kind + "/" + ref.name + "=" + ref.digest;
      if (seen.insert(item).second) evidence.push_back(std::move(item));
    }
  }
  put("policies", JoinWhole(policies));
  put("evidence", JoinWhole(evidence));
  return out;
}

}  // namespace countersign
