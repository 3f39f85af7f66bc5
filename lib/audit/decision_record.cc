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

std::string JoinedReasons(const std::vector<std::string>& reasons) {
  std::string text;
  for (const std::string& reason : reasons) text += (text.empty() ? "" : ",") + reason;
  return Cut(text);
}

Json GatesOf(const Decision& decision) {
  Json gates = Json::array();
  for (const Gate& gate : decision.gates) {
    Json entry = {{"measure", gate.measure},
                  {"state", std::string(GateStateName(gate.state))},
                  {"reason", gate.reason}};
    if (!gate.policy.empty()) entry["policy"] = gate.policy;
    if (gate.state != GateState::kPassed) entry["message"] = Cut(gate.message);
    Json evidence = Json::array();
    for (const EvidenceRef& ref : gate.evidence) {
      evidence.push_back({{"kind", ref.kind},
                          {"namespace", ref.name_space},
                          {"name", ref.name},
                          {"digest", ref.digest}});
    }
    if (!evidence.empty()) entry["evidence"] = std::move(evidence);
    gates.push_back(std::move(entry));
  }
  return gates;
}

Json DecisionPart(const Decision& decision) {
  Json json = {{"verdict", std::string(VerdictName(decision.verdict))},
               {"environment", decision.environment},
               {"classes", decision.classes},
               {"answersApproved", decision.answers_approved},
               {"governedDigest", decision.governed_digest},
               {"answersDigest", decision.answers_digest},
               {"gatesPassed", decision.GatesText()},
               {"gates", GatesOf(decision)},
               {"policies", Json::array()}};
  for (const PolicyRef& policy : decision.policies) {
    json["policies"].push_back({{"name", policy.name}, {"digest", policy.digest}});
  }
  return json;
}

}  // namespace

std::vector<std::string> ReasonsOf(const Decision& decision) {
  std::vector<std::string> reasons;
  std::set<std::string> seen;
  for (const Gate& gate : decision.gates) {
    if (gate.state != GateState::kPassed && seen.insert(gate.reason).second) {
      reasons.push_back(gate.reason);
    }
  }
  return reasons;
}

std::string RecordLine(const DecisionRecord& record) {
  std::vector<std::string> groups = record.groups;
  if (groups.size() > kMaxRecordGroups) groups.resize(kMaxRecordGroups);
  for (std::string& group : groups) group = Cut(group, 256);
  Json json = {{"type", "decision"},
               {"decisionId", record.id},
               {"time", FormatMicroTime(record.time)},
               {"source", record.source},
               {"operation", record.operation},
               {"dryRun", record.dry_run},
               {"allowed", record.allowed},
               {"reasons", record.reasons},
               {"latencyMicros", record.latency_micros},
               {"requester",
                {{"username", Cut(record.user)},
                 {"uid", Cut(record.user_uid)},
                 {"groups", std::move(groups)},
                 {"credentialId", Cut(record.credential_id)}}},
               {"object",
                {{"kind", Cut(record.kind)},
                 {"namespace", Cut(record.name_space)},
                 {"name", Cut(record.name)},
                 {"uid", Cut(record.object_uid)}}}};
  if (!record.subresource.empty()) json["object"]["subresource"] = Cut(record.subresource);
  if (!record.request_uid.empty()) json["requestUid"] = Cut(record.request_uid);
  if (!record.traceparent.empty()) json["traceparent"] = Cut(record.traceparent, 128);
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
  put("reasons", JoinedReasons(record.reasons));
  if (record.ratcheted) out["ratcheted"] = "true";
  if (record.decision == nullptr) return out;
  const Decision& decision = *record.decision;
  put("verdict", std::string(VerdictName(decision.verdict)));
  put("environment", decision.environment);
  put("gates", decision.GatesText());
  put("governed-digest", decision.governed_digest);
  std::string policies;
  std::string evidence;
  for (const PolicyRef& policy : decision.policies) {
    policies += (policies.empty() ? "" : ",") + policy.name + "=" + policy.digest;
  }
  for (const Gate& gate : decision.gates) {
    for (const EvidenceRef& ref : gate.evidence) {
      evidence += (evidence.empty() ? "" : ",") + ref.kind + "/" + ref.name + "=" + ref.digest;
    }
  }
  put("policies", policies);
  put("evidence", evidence);
  return out;
}

}  // namespace countersign
