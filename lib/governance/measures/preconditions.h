// preconditions.h: what holds for every deployment whatever the policy's matrix says: a registered
// use case that allows it, a known author, a model, images and configuration named by digest. Pure.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "governance/environment.h"
#include "governance/measures/context.h"

namespace countersign {

// One policy with the environments it puts the deployment's namespace in.
struct MatchedPolicy {
  std::shared_ptr<const GovernancePolicy> policy;
  std::vector<const PolicyEnvironment*> environments;
  // The version before it counts here too: what serves by that one is only alerted about.
  bool in_transition = false;
  std::set<std::string> versions = {};  // names of all versions of its line
};

// Whether anything of the use case's home may be read or named: it exists and lists the namespace.
[[nodiscard]] bool UseCaseAvailable(const Facts& facts);

// Gates in a fixed order. `matched` may be empty: then there is no environment, and that is a gate.
// `waiting` says of each policy that lists the namespace and does not count why it does not.
[[nodiscard]] std::vector<Gate> Preconditions(const PolicySet& policies,
                                              const std::vector<MatchedPolicy>& matched,
                                              const std::vector<std::string>& waiting,
                                              const Facts& facts);

// A model that policy may switch off needs something that takes over. `measures` are the gates of
// the measures that apply here: what its class is not asked for cannot suspend it.
[[nodiscard]] Gate FallbackGate(const Facts& facts, std::span<const Gate> measures);

}  // namespace countersign
