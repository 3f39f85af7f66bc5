#include "audit/decision_record.h"

#include <algorithm>
#include <initializer_list>
#include <set>

#include "base/json_writer.h"

namespace countersign {
namespace {

// A part of `text`, which must outlive it.
std::string_view Cut(std::string_view text, std::size_t limit = kMaxRecordText) {
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
    const std::string_view item = Cut(items[i], kMaxRecordText / 2);
    if (text.size() + item.size() + kReserve > kMaxRecordText) {
      return text + ",+" + std::to_string(items.size() - i);
    }
    (text += text.empty() ? "" : ",") += item;
  }
  return text;
}

void Put(JsonWriter& out, std::string_view key, std::string_view value,
         std::size_t limit = kMaxRecordName) {
  out.Key(key).String(Cut(value, limit));
}

void PutNames(JsonWriter& out, std::string_view key, const std::vector<std::string>& names,
              std::size_t limit = kMaxRecordItems) {
  out.Key(key).StartArray();
  for (std::size_t i = 0; i < names.size() && i < limit; ++i) {
    out.String(Cut(names[i], kMaxRecordName));
  }
  out.EndArray();
}

void PutSignatory(JsonWriter& out, const Signatory& by) {
  out.Key("signatory").StartObject();
  Put(out, "printedName", by.printed_name);
  Put(out, "account", by.account);
  out.Key("at").String(FormatTime(by.at));
  Put(out, "meaning", by.meaning);
  if (!by.key.empty()) Put(out, "key", by.key);
  out.Key("assurance").String(NameOf(by.assurance));
  out.EndObject();
}

void PutEvidence(JsonWriter& out, const std::vector<EvidenceRef>& evidence) {
  if (evidence.empty()) return;
  out.Key("evidence").StartArray();
  for (std::size_t i = 0; i < evidence.size() && i < kMaxRecordEvidence; ++i) {
    out.StartObject();
    Put(out, "kind", evidence[i].kind);
    Put(out, "namespace", evidence[i].name_space);
    Put(out, "name", evidence[i].name);
    Put(out, "digest", evidence[i].digest);
    if (evidence[i].signatory) PutSignatory(out, *evidence[i].signatory);
    out.EndObject();
  }
  out.EndArray();
  if (evidence.size() > kMaxRecordEvidence) {
    out.Key("evidenceCount").Int(static_cast<std::int64_t>(evidence.size()));
  }
}

void PutGate(JsonWriter& out, const Gate& gate) {
  out.StartObject();
  Put(out, "measure", gate.measure);
  out.Key("state").String(GateStateName(gate.state));
  Put(out, "reason", gate.reason);
  if (!gate.policy.empty()) Put(out, "policy", gate.policy);
  if (gate.state != GateState::kPassed) Put(out, "message", gate.message, kMaxRecordText);
  PutEvidence(out, gate.evidence);
  out.EndObject();
}

// No less than what PutGate writes.
template <class MostOfText>
std::size_t MostBytes(const Gate& gate, MostOfText most) {
  constexpr std::size_t kKeys = 128;
  std::size_t bytes = kKeys;
  const auto add = [&](std::initializer_list<std::string_view> texts) {
    for (const std::string_view text : texts) bytes += most(text);
  };
  add({gate.measure, gate.reason, gate.policy});
  if (gate.state != GateState::kPassed) add({gate.message});
  for (const EvidenceRef& ref : gate.evidence) {
    bytes += kKeys;
    add({ref.kind, ref.name_space, ref.name, ref.digest});
    if (!ref.signatory) continue;
    bytes += kKeys;
    add({ref.signatory->printed_name, ref.signatory->account, ref.signatory->meaning,
         ref.signatory->key});
  }
  return bytes;
}

std::size_t Bytes(const Gate& gate) {
  JsonWriter out;
  PutGate(out, gate);
  return out.Text().size();
}

// Which gates fit: when not all do, those that failed stay rather than those that passed.
std::vector<bool> Fitting(const std::vector<Gate>& gates) {
  std::vector<bool> fits(gates.size(), true);
  // Nearly always they fit by far, and need no measuring: at first by their lengths alone.
  const auto fit = [&gates](auto most) {
    std::size_t bytes = 0;
    for (const Gate& gate : gates) bytes += MostBytes(gate, most);
    return bytes <= kMaxRecordGatesBytes;
  };
  if (fit(MostWrittenOfAny) || fit(MostWritten)) return fits;
  std::size_t bytes = 0;
  for (const bool passed : {false, true}) {
    for (std::size_t i = 0; i < gates.size(); ++i) {
      if (IsMet(gates[i].state) != passed) continue;
      bytes += Bytes(gates[i]);
      fits[i] = bytes <= kMaxRecordGatesBytes;
    }
  }
  return fits;
}

std::string NameOf(const EmergencyNote& note) { return note.name_space + "/" + note.waiver; }

void PutDecision(JsonWriter& out, const Decision& decision) {
  out.Key("decision").StartObject();
  out.Key("verdict").String(VerdictName(decision.verdict));
  Put(out, "environment", decision.environment);
  PutNames(out, "classes", decision.classes);
  out.Key("answersApproved").Bool(decision.answers_approved);
  Put(out, "governedDigest", decision.governed_digest);
  Put(out, "answersDigest", decision.answers_digest);
  Put(out, "gatesPassed", decision.GatesText());
  out.Key("gates").StartArray();
  const std::vector<bool> fits = Fitting(decision.gates);
  for (std::size_t i = 0; i < fits.size(); ++i) {
    if (fits[i]) PutGate(out, decision.gates[i]);
  }
  out.EndArray();
  if (!decision.emergencies.empty()) {
    std::vector<std::string> names;
    for (const EmergencyNote& note : decision.emergencies) names.push_back(NameOf(note));
    PutNames(out, "emergencies", names);
  }
  out.Key("policies").StartArray();
  for (std::size_t i = 0; i < decision.policies.size() && i < kMaxRecordItems; ++i) {
    out.StartObject();
    Put(out, "name", decision.policies[i].name);
    Put(out, "digest", decision.policies[i].digest);
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
}

void PutRequester(JsonWriter& out, const DecisionRecord& record) {
  out.Key("requester").StartObject();
  Put(out, "username", record.user, kMaxRecordText);
  Put(out, "uid", record.user_uid, kMaxRecordText);
  PutNames(out, "groups", record.groups, kMaxRecordGroups);
  if (record.groups.size() > kMaxRecordGroups) {
    out.Key("groupCount").Int(static_cast<std::int64_t>(record.groups.size()));
  }
  Put(out, "credentialId", record.credential_id, kMaxRecordText);
  out.EndObject();
}

void PutObject(JsonWriter& out, const DecisionRecord& record) {
  out.Key("object").StartObject();
  Put(out, "kind", record.kind);
  if (!record.subresource.empty()) Put(out, "subresource", record.subresource);
  Put(out, "namespace", record.name_space);
  Put(out, "name", record.name);
  Put(out, "uid", record.object_uid);
  out.EndObject();
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
  JsonWriter out;
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) Put(out, key, value);
  };
  out.StartObject();
  out.Key("type").String("decision");
  Put(out, "decisionId", record.id);
  out.Key("time").String(FormatMicroTime(record.time));
  Put(out, "source", record.source);
  Put(out, "operation", record.operation);
  out.Key("dryRun").Bool(record.dry_run);
  out.Key("allowed").Bool(record.allowed);
  if (record.ratcheted) out.Key("ratcheted").Bool(true);
  PutNames(out, "reasons", record.reasons);
  if (!record.message.empty()) Put(out, "message", record.message, 2 * kMaxRecordText);
  out.Key("latencyMicros").Int(record.latency_micros);
  PutRequester(out, record);
  PutObject(out, record);
  put("modelDigest", record.model_digest);
  put("requestUid", record.request_uid);
  put("traceparent", record.traceparent);
  if (record.decision != nullptr) PutDecision(out, *record.decision);
  out.EndObject();
  return out.Text();
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
  std::vector<std::string> emergencies;
  for (const EmergencyNote& note : decision.emergencies) emergencies.push_back(NameOf(note));
  put("emergencies", JoinWhole(emergencies));
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
