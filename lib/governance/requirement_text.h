// requirement_text.h: what a measure requires, in one short phrase.
//
// For tables and reports, where the policy's YAML would be too much: who, what, within which
// bounds, how old at most. A new kind of requirement is one function and one line in
// RequirementText. Pure functions.
#pragma once

#include <string>

#include "governance/types/policy.h"

namespace countersign {

// "2 sign-offs by model-validator, none of them developer or requester, at most 180d old".
[[nodiscard]] std::string RequirementText(const Requirement& requirement);

// ", for each component"; empty: for the model as a whole.
[[nodiscard]] std::string SubjectText(const Measure& measure);

// ", carried over after DataRefresh (at most 30d old), Parameter"; empty: nothing is carried over.
[[nodiscard]] std::string CarryOverText(const Measure& measure);

}  // namespace countersign
