// retirement.h: the end of a use case: who must agree to it, and that it is one (R1.2, R4).
//
// A use case that ends says why and what becomes of its data (spec.retirement). People sign the
// digest of that; then it may be set to Retired, and nothing may serve for it any more. Admission
// asks for the signatures, evaluation never needs them to stop what serves, and keeps to them when
// somebody registers the use case anew under its old name. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "governance/evidence_index.h"
#include "governance/facts.h"
#include "governance/identity.h"
#include "governance/measures/sign_off.h"

namespace countersign {

// What keeps a use case from being retired, for one policy.
struct RetirementShortfall {
  std::string policy;
  std::string reason;
  std::string message;
  std::string remedy;
};

// For each policy with an environment that the use case may be deployed to, or might before: what
// of the sign-offs on its retirement is missing. Of a use case that lists no such namespace every
// policy with environments is asked, since it may list one once it is Retired. Empty: it may be.
// `facts.use_case` is what it would become, `deployed_to` which namespaces it listed before that,
// `facts.author` whoever asks for it; the deployment is not looked at.
[[nodiscard]] std::vector<RetirementShortfall> RetirementShortfalls(
    const PolicySet& policies, const Facts& facts, const std::vector<std::string>& deployed_to);

// The retirement that was agreed to under `policy`, of whatever content; nullopt: none was. It was
// where its signers are independent of those who developed the use case then, or of those whom it
// lists now; who deploys for it now does not matter.
[[nodiscard]] std::optional<SignOffOutcome> AgreedRetirement(const GovernancePolicySpec& policy,
                                                             const Facts& facts,
                                                             const EvidenceIndex& index);

}  // namespace countersign
