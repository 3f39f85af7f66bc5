// incident.h: something went wrong with an AI system: what is quarantined until it is understood
// (R9). See object.h for threads.
//
// An incident counts from the moment it exists, whoever made it: an alarm needs no stamp. It may
// not be changed; what is known later stands in a report of type IncidentReview, and a sign-off
// closes it (incidents.h).
#pragma once

#include <optional>
#include <string>

#include "governance/types/common.h"
#include "governance/types/object.h"
#include "governance/types/policy.h"

namespace countersign {

enum class Severity { kLow, kMedium, kHigh, kCritical };
template <>
struct EnumNames<Severity> {
  static constexpr std::pair<Severity, std::string_view> kNames[] = {
      {Severity::kLow, "Low"},
      {Severity::kMedium, "Medium"},
      {Severity::kHigh, "High"},
      {Severity::kCritical, "Critical"}};
};

enum class QuarantineScope { kVersion, kModel, kUseCase };
template <>
struct EnumNames<QuarantineScope> {
  static constexpr std::pair<QuarantineScope, std::string_view> kNames[] = {
      {QuarantineScope::kVersion, "Version"},
      {QuarantineScope::kModel, "Model"},
      {QuarantineScope::kUseCase, "UseCase"}};
};

struct Quarantine {
  QuarantineScope scope = QuarantineScope::kUseCase;
  std::optional<ModelDigest> model;        // of scope Version
  std::string model_name;                  // of scope Model: every version of it
  Reaction response = Reaction::kSuspend;  // Suspend or Rollback
};

struct IncidentSpec {
  static constexpr std::string_view kKind = "Incident";
  std::string use_case;
  Severity severity = Severity::kHigh;
  std::string category;
  Time aware_at{};
  std::string summary;
  std::optional<Quarantine> quarantine;
  bool change_freeze = false;
};
using Incident = Object<IncidentSpec>;

}  // namespace countersign
