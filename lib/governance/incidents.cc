#include "governance/incidents.h"

#include <algorithm>
#include <array>

#include "governance/measures/sign_off.h"
#include "governance/records.h"

namespace countersign {
namespace {

struct DefaultDeadline {
  std::string_view category;
  Seconds within;
};
constexpr Seconds kDay{86'400};
constexpr std::array<DefaultDeadline, 4> kArticle73 = {{{"SeriousIncident", 15 * kDay},
                                                        {"Death", 10 * kDay},
                                                        {"WidespreadInfringement", 2 * kDay},
                                                        {"CriticalInfrastructure", 2 * kDay}}};

// By the digits alone: an alarm must not miss because it names another type of digest. What is
// wrong with a component is wrong with every model that contains it.
const Component* ComponentOf(const Model& model, const std::string& digest) {
  for (const Component& one : model.components) {
    if (one.identity.digest == digest) return &one;
  }
  return nullptr;
}

// Whether it had the quarantined name when the incident was there, as its record knows: another
// name does not make it another model. That changes are frozen stands in records of all models.
bool HadTheName(const Facts& facts, const Incident& incident, const ModelDigest& model) {
  const ModelRecord* record = RecordOf(facts, model.digest);
  return record != nullptr && !incident.spec.change_freeze &&
         std::any_of(record->spec.incidents.begin(), record->spec.incidents.end(),
                     [&](const RecordedIncident& one) {
                       return one.name == incident.meta.name &&
                              one.name_space == incident.meta.name_space &&
                              one.digest == incident.spec_digest;
                     });
}

bool IsQuarantined(const Facts& facts, const Incident& incident, const Model& model) {
  if (!incident.spec.quarantine) return false;
  const Quarantine& quarantine = *incident.spec.quarantine;
  switch (quarantine.scope) {
    case QuarantineScope::kVersion:
      return quarantine.model && (quarantine.model->digest == model.digest.digest ||
                                  ComponentOf(model, quarantine.model->digest) != nullptr);
    case QuarantineScope::kModel:
      return quarantine.model_name == model.name || HadTheName(facts, incident, model.digest);
    case QuarantineScope::kUseCase: return true;
  }
  return true;
}

std::string TextOf(const EvidenceSpec& report, const char* claim) {
  for (const Claim& one : report.claims) {
    if (one.name == claim) return one.text;
  }
  return {};
}

struct Closing {
  bool closed = false;
  std::string missing;  // what it still takes
  std::string remedy;
  std::optional<Time> until;  // when the sign-offs cease to count
};

// What the latest review that counts leaves out; nothing when it is complete.
std::optional<std::string> ReviewMissing(const GovernancePolicySpec& policy,
                                         const IncidentRules& rules, const EvidenceIndex& index,
                                         const std::string& incident) {
  std::vector<const AttestedEvidence*> reviews;
  for (const AttestedEvidence* report : index.ReportsOfType("IncidentReview")) {
    if (TextOf(report->object->spec, "incident") == incident &&
        IsTrustedIssuer(policy, rules.issuers, report->by)) {
      reviews.push_back(report);
    }
  }
  if (reviews.empty()) return "there is no IncidentReview of it by a believed issuer";
  for (const AttestedEvidence* latest : LatestOf(reviews)) {
    for (const char* claim : {"cause", "remedy", "lesson"}) {
      if (TextOf(latest->object->spec, claim).empty()) {
        return "IncidentReview '" + latest->object->meta.name + "' lacks the claim '" + claim + "'";
      }
    }
  }
  return std::nullopt;
}

Closing Judge(const GovernancePolicy& policy, const Incident& incident, const Facts& facts,
              const Insiders& insiders, const EvidenceIndex& index,
              const std::string& answers_digest) {
  const auto& rules = policy.spec.incidents;
  if (!rules) {
    return {false, "policy '" + policy.meta.name + "' has no spec.incidents",
            "the policy's owner says in spec.incidents who closes incidents", std::nullopt};
  }
  if (auto missing = ReviewMissing(policy.spec, *rules, index, incident.meta.name)) {
    return {false, *std::move(missing),
            "an Evidence with spec.type: IncidentReview and the claims incident, cause, remedy and "
            "lesson in namespace '" +
                incident.meta.name_space + "', created by " + SubjectsText(rules->issuers),
            std::nullopt};
  }
  SignOffTarget target;
  target.kind = SubjectOfSignOff::kIncident;
  target.use_case = incident.spec.use_case;
  target.incident = incident.meta.name;
  target.incident_digest = incident.spec_digest;
  SignOffRequirement requirement = rules->sign_off;
  requirement.max_age.reset();
  const SignOffOutcome outcome =
      JudgeSignOffs(policy.spec, requirement, target, facts, insiders, index, answers_digest);
  if (outcome.state == GateState::kPassed) return {true, {}, {}, outcome.valid_until};
  return {false, outcome.message,
          RemedyText(policy.spec, outcome,
                     "--incident " + incident.meta.name + " -n " + incident.meta.name_space),
          std::nullopt};
}

// `quarantine` is null where the incident only freezes changes.
Gate OpenGate(const GovernancePolicy& policy, const Incident& incident,
              const Quarantine* quarantine, const Model& model, Closing closing) {
  const bool quarantined = quarantine != nullptr;
  const IncidentSpec& spec = incident.spec;
  Gate gate;
  gate.policy = policy.meta.name;
  gate.measure = "incident";
  gate.enforcement = Enforcement::kDeny;
  gate.on_violation = quarantined ? quarantine->response : Reaction::kAlert;
  // No evidence about the model cures it, and no environment is lenient about it.
  gate.final = quarantined;
  const auto due = ReportDue(policy.spec, spec);
  std::string what = "changes are frozen";
  if (quarantined) what = "quarantined";
  if (quarantined && quarantine->model) {
    const Component* component = ComponentOf(model, quarantine->model->digest);
    if (component != nullptr) what = "component '" + component->name + "' is quarantined";
  }
  std::string message = what + " by Incident '" + incident.meta.name + "' (" +
                        std::string(NameOf(spec.severity)) + ", " + spec.category +
                        "): " + Shorten(spec.summary);
  if (due) message += "; a report is due by " + FormatTime(*due);
  return Conclude(std::move(gate), GateState::kFailed, quarantined ? "Quarantined" : "ChangeFrozen",
                  std::move(message) + "; open because " + closing.missing,
                  std::move(closing.remedy));
}

}  // namespace

std::optional<Time> ReportDue(const GovernancePolicySpec& policy, const IncidentSpec& incident) {
  if (policy.incidents) {
    for (const IncidentDeadline& deadline : policy.incidents->deadlines) {
      if (deadline.category == incident.category) return incident.aware_at + deadline.within;
    }
  }
  for (const DefaultDeadline& deadline : kArticle73) {
    if (deadline.category == incident.category) return incident.aware_at + deadline.within;
  }
  return std::nullopt;
}

OpenIncidents OpenIncidentsOf(const GovernancePolicy& policy, const Facts& facts,
                              const Insiders& insiders, const EvidenceIndex& index,
                              const std::string& answers_digest) {
  OpenIncidents open;
  const Model& model = facts.deployment->spec.model;
  for (const auto& incident : facts.incidents) {
    const IncidentSpec& spec = incident->spec;
    const Quarantine* quarantine =
        IsQuarantined(facts, *incident, model) ? &*spec.quarantine : nullptr;
    if (quarantine == nullptr && !spec.change_freeze) continue;
    Closing closing = Judge(policy, *incident, facts, insiders, index, answers_digest);
    if (!closing.closed) {
      open.gates.push_back(OpenGate(policy, *incident, quarantine, model, std::move(closing)));
    } else if (closing.until && (!open.next_change || *closing.until < *open.next_change)) {
      open.next_change = closing.until;
    }
  }
  return open;
}

std::optional<std::string> OpenQuarantineOf(const GovernancePolicy& policy, const Facts& facts,
                                            const Insiders& insiders, const EvidenceIndex& index,
                                            const std::string& answers_digest,
                                            const ModelDigest& model) {
  Model other = facts.deployment->spec.model;
  other.digest = model;
  other.components.clear();  // what that one contained nobody knows any more
  for (const auto& incident : facts.incidents) {
    if (!IsQuarantined(facts, *incident, other)) continue;
    if (!Judge(policy, *incident, facts, insiders, index, answers_digest).closed) {
      return incident->meta.name;
    }
  }
  return std::nullopt;
}

}  // namespace countersign
