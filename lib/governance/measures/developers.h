// developers.h: who develops a use case, whoever that lists now. Pure.
#pragma once

#include <string>

#include "governance/evidence_index.h"
#include "governance/identity.h"

namespace countersign {

// Those whom the use case lists, and those whom it listed in answers that somebody signed: nobody
// becomes independent by being taken off the list. `facts` must have a use case.
[[nodiscard]] Insiders DevelopersEver(const GovernancePolicySpec& policy, const Facts& facts,
                                      const EvidenceIndex& index);

// Why nobody can tell who develops it; empty if that is known. A sign-off on other answers, whose
// signer was not shown them in full, may have been on another list, as long as nobody agreed to the
// present one.
[[nodiscard]] std::string WhyDevelopersUnknown(const GovernancePolicySpec& policy,
                                               const Facts& facts, const Insiders& insiders,
                                               const EvidenceIndex& index);

}  // namespace countersign
