// lowering.h: whether a use case may leave a class that its earlier answers led to (R1.5).
//
// Answers change, and one signature makes the new ones count. Where the policy has
// classification.lowering, that alone never makes less be asked for: a class that answers signed
// off earlier led to applies on until the role named there has signed the new answers too, later
// than anybody signed the old ones. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "governance/evidence_index.h"
#include "governance/facts.h"
#include "governance/identity.h"

namespace countersign {

struct Lowering {
  std::vector<std::string> kept;    // classes that apply beside those of the present answers
  std::string note;                 // why, and who can change it; empty when nothing is kept
  std::optional<Time> valid_until;  // when the agreement that was relied on ends
};

// `classes`: those that the present answers, which count, lead to. `facts.use_case` is not null.
[[nodiscard]] Lowering JudgeLowering(const GovernancePolicySpec& policy, const Facts& facts,
                                     const Insiders& insiders, const EvidenceIndex& index,
                                     const std::vector<std::string>& classes);

}  // namespace countersign
