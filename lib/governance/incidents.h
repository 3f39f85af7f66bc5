// incidents.h: which incidents stand in a deployment's way, and what closes them (R9).
//
// An incident is closed, for one policy, when an IncidentReview by somebody whom the policy
// believes names its cause, remedy and lesson, and people sign off its digest as spec.incidents of
// that policy says. Without such rules nobody can close it. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "governance/measures/context.h"

namespace countersign {

// When a report about the incident is due, by the policy's table or, for categories that it does
// not list, by Regulation (EU) 2024/1689 art. 73(2)-(4): 15, 10 or 2 days after awareness. nullopt:
// the category has no deadline.
[[nodiscard]] std::optional<Time> ReportDue(const GovernancePolicySpec& policy,
                                            const IncidentSpec& incident);

struct OpenIncidents {
  std::vector<Gate> gates;          // one for each incident that stands in the way
  std::optional<Time> next_change;  // when a sign-off that closes one ends
};

// The incidents that are open under `policy` and quarantine this deployment, or freeze changes.
// The age of the closing sign-offs does not matter: what is closed stays so, until one is withdrawn
// or reaches the end that its signer set.
[[nodiscard]] OpenIncidents OpenIncidentsOf(const GovernancePolicy& policy, const Facts& facts,
                                            const Insiders& insiders, const EvidenceIndex& index,
                                            const std::string& answers_digest);

// The name of an open incident that quarantines `model`, whatever the deployment serves.
[[nodiscard]] std::optional<std::string> OpenQuarantineOf(
    const GovernancePolicy& policy, const Facts& facts, const Insiders& insiders,
    const EvidenceIndex& index, const std::string& answers_digest, const ModelDigest& model);

}  // namespace countersign
