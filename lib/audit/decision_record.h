// decision_record.h: one decision as one JSON line, and its short form for the API server's log.
//
// Written for every decision, allow and deny, live and dry run. Every value passes the JSON
// encoder, so no field's content can forge a line or another field; texts that users choose are cut
// at the lengths below and lists are counted where they are cut, so none can flood the log. Object
// bodies, stamps and tokens never get in. Free functions; thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "governance/decision.h"

namespace countersign {

inline constexpr std::size_t kMaxRecordText = 1024;          // bytes of one free text
inline constexpr std::size_t kMaxRecordName = 256;           // bytes of a name, a group, a digest
inline constexpr std::size_t kMaxRecordGroups = 64;          // groups of the requester
inline constexpr std::size_t kMaxRecordItems = 64;           // policies, classes, reasons
inline constexpr std::size_t kMaxRecordEvidence = 16;        // evidence of one gate
inline constexpr std::size_t kMaxRecordGatesBytes = 65'536;  // all gates; the failed come first

struct DecisionRecord {
  std::string id;  // UUID version 7; the same in the API server's audit log
  Time time{};
  std::string source;     // "webhook", "operator"
  std::string operation;  // CREATE, UPDATE, DELETE; "Evaluate" for the operator
  std::string request_uid;
  std::string traceparent;
  bool dry_run = false;
  std::string user;
  std::string user_uid;
  std::vector<std::string> groups;
  std::string credential_id;
  std::string kind;
  std::string name_space;
  std::string name;
  std::string object_uid;
  std::string subresource;
  std::string model_digest;  // of a ModelDeployment
  bool allowed = false;
  bool ratcheted = false;              // allowed only because nothing governed changed
  std::string message;                 // of a refusal
  std::vector<std::string> reasons;    // reason codes of what was not passed
  const Decision* decision = nullptr;  // for ModelDeployments; may be null
  std::int64_t latency_micros = 0;
};

// One line without a newline.
[[nodiscard]] std::string RecordLine(const DecisionRecord& record);

// For `auditAnnotations`, within 10 KiB: names without '/' (the API server adds the webhook's name
// and one), values within kMaxRecordText. Lists are "name=digest,…"; what does not fit is counted:
// "…,+3". Keys: decision, decision-id, verdict, reasons, ratcheted, environment, gates,
// model-digest, governed-digest, policies, emergencies, evidence; those without a value are left
// out.
[[nodiscard]] std::map<std::string, std::string> AuditAnnotations(const DecisionRecord& record);

// Reason codes of the gates that do not pass, each once, in order.
[[nodiscard]] std::vector<std::string> ReasonsOf(const Decision& decision);

}  // namespace countersign
