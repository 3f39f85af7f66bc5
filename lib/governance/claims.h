// claims.h: comparing what a report claims with what a policy asserts.
//
// Pure. A claim of another type than the operator needs is no answer, which is not the same as a
// wrong one: both are told apart, and neither passes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "governance/types/evidence.h"
#include "governance/types/policy.h"

namespace countersign {

// Whether the assertion on reports of that type can be judged at all: the value that its operator
// needs is there and reads, and its unit is the claim's. Error: path is the field within the
// assertion.
[[nodiscard]] Status CheckAssertion(std::string_view type, const ClaimAssertion& assertion);

// Why a number of that claim is not to be asked for in `unit`; empty if it may be.
[[nodiscard]] std::string WrongUnit(std::string_view type, std::string_view claim,
                                    std::string_view unit);

enum class ClaimOutcome { kHolds, kFails, kMissing, kUnusable, kOtherUnit };

struct ClaimJudgement {
  ClaimOutcome outcome = ClaimOutcome::kMissing;
  std::string text;  // "claim 'errorRate' must be at most 0.01, is 0.02"
};

// Judges one assertion over the claims of a report of that type, whose names are unique. A number
// must be in the unit that the assertion names; where it names none, in that of the well-known
// claim, if the report says which at all.
[[nodiscard]] ClaimJudgement JudgeClaim(std::string_view type, const ClaimAssertion& assertion,
                                        const std::vector<Claim>& claims);

}  // namespace countersign
