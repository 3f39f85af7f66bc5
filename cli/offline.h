// offline.h: decisions on manifests that no cluster has seen.
//
// The third adapter to Evaluate, beside webhook and operator. Nobody has authenticated anyone here,
// so each object is assumed to come from whom it names: a sign-off from its signer, a report from
// an issuer that the policy trusts, a deployment from somebody independent. OfflineAssumptions says
// so, and every output shows it. Objects of other API groups are ignored. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "cli/manifests.h"
#include "governance/decision.h"

namespace countersign {

struct OfflineDecision {
  std::string source;
  std::string name_space;
  std::string name;
  std::string file;  // empty: standard input
  Decision decision;
};

struct OfflineOptions {
  Time now{};
  std::string name_space;  // for objects that name none
};

// One decision a ModelDeployment, in the order of the manifests. Fails on the first object of ours
// that is malformed or there twice, with its source and path.
[[nodiscard]] Located<std::vector<OfflineDecision>> DecideOffline(
    const std::vector<Manifest>& manifests, const OfflineOptions& options);

// What was taken for granted, one sentence each.
[[nodiscard]] std::vector<std::string> OfflineAssumptions();

// Has the remedies sign the deployment in that file, FILE for standard input, instead of what is
// stored under its name.
void NameFile(Decision& decision, const std::string& name_space, const std::string& name,
              const std::string& file);

}  // namespace countersign
