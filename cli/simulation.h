// simulation.h: what would change for the deployments there are (R6.4).
//
// Each is decided twice: now under the policies in force, and then under the new ones, at another
// time if one is asked for. The difference is told gate by gate. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/world.h"
#include "governance/decision.h"

namespace countersign {

struct GateChange {
  std::string gate;            // "policy/measure", or the built-in check
  std::optional<Gate> before;  // nullopt: it was not asked for
  std::optional<Gate> after;   // nullopt: it is not asked for any more
  // It was met or not asked for, and is not met.
  [[nodiscard]] bool ForTheWorse() const;
};

// A gate that passes now and stops by itself.
struct Expiry {
  std::string deployment;
  std::string gate;
  Time at{};
};

struct DeploymentChange {
  std::string deployment;  // "namespace/name"
  Verdict before = Verdict::kDeny;
  Verdict after = Verdict::kDeny;
  std::vector<std::string> classes_before;
  std::vector<std::string> classes_after;
  std::optional<Reaction> reaction;  // what the operator would do to what serves
  std::string status_verdict;        // what the operator wrote, if it did
  std::vector<GateChange> gates;     // those that differ in state or reason
  [[nodiscard]] bool Changed() const;
  [[nodiscard]] bool ForTheWorse() const;
};

struct Simulation {
  Time now{};
  Time at{};
  std::vector<DeploymentChange> deployments;  // by name
  std::vector<Expiry> expiries;               // after now and not after `at`, soonest first
  std::vector<std::string> unreadable;        // deployments that could not be judged
  std::vector<std::string> assumptions;
  [[nodiscard]] bool ForTheWorse() const;
};

// What would count at `at` if `changed` were in force: with them in place of those of the same name
// and of the versions that they supersede, whoever has signed them off.
[[nodiscard]] PolicySet WithPolicies(const PolicySet& policies, const PolicySet& changed, Time at);

// Decides every deployment of `world` at `now` under its own policies, and at `at` under `after`.
[[nodiscard]] Simulation Simulate(const World& world, const PolicySet& after, Time now, Time at);

[[nodiscard]] std::string SimulationText(const Simulation& simulation);
[[nodiscard]] Json SimulationJson(const Simulation& simulation);

}  // namespace countersign
