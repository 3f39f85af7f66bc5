// adoption_policy.h: the policy under which an estate begins: it records, and refuses nothing.
//
// A policy of its own, because what several policies ask for adds up and the strictest guard wins:
// beside others it can take nothing away. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/scan.h"
#include "governance/facts.h"

namespace countersign {

struct AdoptionPolicy {
  Json manifest;                     // null where nothing has to be written
  std::vector<std::string> refused;  // a sentence a namespace, or one for all
};

// For `namespaces`. Nothing is written for one that is in an environment already: if that is
// stricter than Audit it is refused. Nor where the guard denies outside of all environments, or a
// policy cannot be read.
[[nodiscard]] AdoptionPolicy PolicyForAdoption(const PolicySet& policies, const PolicySet& in_force,
                                               const std::set<std::string>& namespaces,
                                               const ScanScope& scope, const std::string& name,
                                               const std::string& environment);

}  // namespace countersign
