#include "operator/conditions.h"

#include <algorithm>

namespace countersign {
namespace {

constexpr char kTrue[] = "True";
constexpr char kFalse[] = "False";

Condition Make(std::string type, std::string status, std::string reason, std::string message) {
  Condition condition;
  condition.type = std::move(type);
  condition.status = std::move(status);
  condition.reason = std::move(reason);
  condition.message = std::move(message);
  return condition;
}

Condition Governed(const Decision& wanted) {
  const Gate* gate = FirstUnmet(wanted);
  const std::string gates = wanted.GatesText() + " gates pass";
  if (gate == nullptr) {
    const auto waived = std::find_if(wanted.gates.begin(), wanted.gates.end(), [](const Gate& one) {
      return one.state == GateState::kWaived;
    });
    if (waived == wanted.gates.end()) return Make("Governed", kTrue, "Approved", gates);
    return Make("Governed", kTrue, "ApprovedWithWaivers",
                gates + "; " + waived->measure + ": " + waived->message);
  }
  std::string message = gates + "; " + gate->measure + ": " + gate->message;
  if (!gate->remedy.empty()) message += ". Remedy: " + gate->remedy;
  return wanted.Serves() ? Make("Governed", kTrue, "ApprovedWithWarnings", std::move(message))
                         : Make("Governed", kFalse, gate->reason, std::move(message));
}

bool BlockedForGood(const Decision& wanted) {
  return std::any_of(wanted.gates.begin(), wanted.gates.end(),
                     [](const Gate& gate) { return gate.final && !IsMet(gate.state); });
}

std::string PodsText(const Rollout& rollout) {
  return std::to_string(rollout.available) + " of " + std::to_string(rollout.wanted) +
         " pods available";
}

}  // namespace

std::string CutMessage(std::string text) {
  if (text.size() <= kMaxConditionMessage) return text;
  constexpr std::string_view kEllipsis = "…";
  std::size_t end = kMaxConditionMessage - kEllipsis.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + std::string(kEllipsis);
}

bool RolledOut(const Rollout& rollout) {
  return rollout.exists && rollout.current && rollout.failure.empty() &&
         rollout.updated >= rollout.wanted && rollout.available >= rollout.wanted;
}

std::vector<Condition> DeploymentConditions(const Decision& wanted, const Plan& plan,
                                            const Rollout& rollout,
                                            const std::optional<Obstacle>& obstacle) {
  std::vector<Condition> list{Governed(wanted)};
  const auto ready = [&](const char* status, std::string reason, std::string message) {
    list.push_back(Make("Ready", status, std::move(reason), std::move(message)));
  };
  const auto also = [&](const char* type, std::string reason, std::string message) {
    list.push_back(Make(type, kTrue, std::move(reason), std::move(message)));
  };
  if (!wanted.emergencies.empty()) {
    const bool overdue = std::any_of(wanted.emergencies.begin(), wanted.emergencies.end(),
                                     [](const EmergencyNote& note) { return note.overdue; });
    std::string message;
    for (const EmergencyNote& note : wanted.emergencies) {
      message += (message.empty() ? "" : "; ") + note.Text();
    }
    also("Emergency", overdue ? "EmergencyOverdue" : "EmergencyOpen", std::move(message));
  }
  if (obstacle) {
    ready(kFalse, obstacle->reason, obstacle->message);
    also(obstacle->passes ? "Reconciling" : "Stalled", obstacle->reason, obstacle->message);
    return list;
  }
  switch (plan.phase) {
    case Phase::kNothing:
    case Phase::kHeld:
      if (BlockedForGood(wanted)) {
        ready(kFalse, "GateBlocked", plan.explanation);
        also("Stalled", "GateBlocked", plan.explanation);
      } else {
        ready(kFalse, plan.reason, plan.explanation);
        also("Reconciling", plan.reason, plan.explanation);
      }
      break;
    case Phase::kRolledBack:
    case Phase::kSuspended:
      ready(kFalse, plan.reason, plan.explanation);
      also("Stalled", plan.reason, plan.explanation);
      break;
    case Phase::kServing:
      if (!rollout.failure.empty()) {
        ready(kFalse, "RolloutFailed", rollout.failure);
        also("Stalled", "RolloutFailed", rollout.failure);
      } else if (RolledOut(rollout)) {
        ready(kTrue, rollout.wanted == 0 ? "ScaledToZero" : "Serving",
              plan.explanation + "; " + PodsText(rollout));
      } else {
        ready(kFalse, "RollingOut", PodsText(rollout));
        also("Reconciling", "RollingOut", PodsText(rollout));
      }
      break;
  }
  return list;
}

std::vector<Condition> CheckedConditions(const std::string& reason, const std::string& message,
                                         const std::string& fault_reason) {
  if (fault_reason.empty()) return {Make("Ready", kTrue, reason, message)};
  return {Make("Ready", kFalse, fault_reason, message),
          Make("Stalled", kTrue, fault_reason, message)};
}

std::vector<Condition> MergeConditions(const std::vector<Condition>& before,
                                       std::vector<Condition> fresh, std::int64_t generation,
                                       Time now) {
  // metav1.Time has whole seconds: what is compared later must be what was stored.
  const Time whole = std::chrono::floor<std::chrono::seconds>(now);
  for (Condition& condition : fresh) {
    condition.message = CutMessage(std::move(condition.message));
    condition.observed_generation = generation;
    const auto old = std::find_if(before.begin(), before.end(),
                                  [&](const Condition& b) { return b.type == condition.type; });
    // A time that has not come was written by somebody else.
    const bool same =
        old != before.end() && old->status == condition.status && old->last_transition <= whole;
    condition.last_transition = same ? old->last_transition : whole;
  }
  std::sort(fresh.begin(), fresh.end(),
            [](const Condition& a, const Condition& b) { return a.type < b.type; });
  return fresh;
}

Json ConditionsJson(const std::vector<Condition>& conditions) {
  Json list = Json::array();
  for (const Condition& condition : conditions) {
    list.push_back({{"type", condition.type},
                    {"status", condition.status},
                    {"reason", condition.reason},
                    {"message", condition.message},
                    {"observedGeneration", condition.observed_generation},
                    {"lastTransitionTime", FormatTime(condition.last_transition)}});
  }
  return list;
}

std::vector<Condition> DecodeConditions(const Json& status) {
  std::vector<Condition> conditions;
  const Json* list = Find(status, "conditions");
  if (list == nullptr || !list->is_array()) return conditions;
  for (const Json& json : *list) {
    const auto time = ParseTime(StringAt(json, "lastTransitionTime"));
    if (StringAt(json, "type").empty() || !time) continue;
    Condition condition;
    condition.type = StringAt(json, "type");
    condition.status = StringAt(json, "status");
    condition.reason = StringAt(json, "reason");
    condition.message = StringAt(json, "message");
    condition.observed_generation = IntAt(json, "observedGeneration");
    condition.last_transition = *time;
    conditions.push_back(std::move(condition));
  }
  return conditions;
}

}  // namespace countersign
