// exempt_namespace.h: the namespace in which Countersign itself runs. Neither the guard nor the
// lock of environments is asked about it, so that a new start never waits for us: nothing that is
// governed belongs there. Pure functions.
#pragma once

#include <string>

#include "governance/types/policy.h"

namespace countersign {

// What is wrong where a policy puts that namespace in an environment: by its name, or by a pattern
// that is more than "every namespace". Empty: nothing.
[[nodiscard]] std::string ExemptionText(const GovernancePolicySpec& policy,
                                        const std::string& own_namespace);

// What is to be known where an environment of the policy is for every namespace, which does not
// mean this one: it is exempt all the same, as nobody would see by the policy. Empty: nothing.
[[nodiscard]] std::string ExceptionText(const GovernancePolicySpec& policy,
                                        const std::string& own_namespace);

// Of what serves models there.
[[nodiscard]] std::string ExemptServingText(std::size_t count, const std::string& example,
                                            const std::string& own_namespace);

}  // namespace countersign
