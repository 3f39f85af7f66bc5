// insiders.h: who has a hand in a model, and so is not independent of it. Pure.
#pragma once

#include "governance/evidence_index.h"
#include "governance/identity.h"

namespace countersign {

// Whoever develops the model: those whom the use case lists, or listed in
// answers that were signed, the author of the deployment, and the
// believed issuers of its evidence and whom that names. Who repeats a run is not: that is a
// validator's work. `facts` must have a use case and a deployment.
[[nodiscard]] Insiders InsidersOf(const GovernancePolicySpec& policy, const Facts& facts,
                                  const EvidenceIndex& index);

// Whom `by` names, if that is authentic, by each account that the policy knows of theirs.
void AddPerson(const GovernancePolicySpec& policy, const Provenance& by, Insiders& insiders);

}  // namespace countersign
