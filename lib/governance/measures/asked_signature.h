// asked_signature.h: what a measure asks of evidence beyond who made it, for its remedy. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "governance/types/policy.h"

namespace countersign {

// ", signed by a key of theirs before it is applied: countersign sign …", and how further people
// sign; empty where a stamp of the requester is enough.
[[nodiscard]] std::string AskedSignature(const GovernancePolicySpec& policy, Assurance assurance,
                                         std::int64_t signers = 1);

}  // namespace countersign
