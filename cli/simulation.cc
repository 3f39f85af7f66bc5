#include "cli/simulation.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "cli/render.h"
#include "governance/evaluate.h"
#include "governance/in_force.h"

namespace countersign {
namespace {

std::string NameOf(const Gate& gate) {
  return gate.policy.empty() ? gate.measure : gate.policy + "/" + gate.measure;
}

// A measure has a gate for each environment that the namespace is in; those are told apart by a
// number.
std::vector<std::pair<std::string, const Gate*>> Named(const Decision& decision) {
  std::map<std::string, int> seen;
  std::vector<std::pair<std::string, const Gate*>> named;
  for (const Gate& gate : decision.gates) {
    std::string name = NameOf(gate);
    const int n = ++seen[name];
    if (n > 1) name += " " + std::to_string(n);
    named.emplace_back(std::move(name), &gate);
  }
  return named;
}

std::vector<GateChange> Differences(const Decision& before, const Decision& after) {
  const auto old_gates = Named(before);
  const auto new_gates = Named(after);
  const auto find = [](const auto& gates, const std::string& name) -> const Gate* {
    const auto it =
        std::find_if(gates.begin(), gates.end(), [&](const auto& g) { return g.first == name; });
    return it == gates.end() ? nullptr : it->second;
  };
  std::vector<GateChange> changes;
  for (const auto& [name, gate] : new_gates) {
    const Gate* old = find(old_gates, name);
    if (old == nullptr) {
      changes.push_back({name, std::nullopt, *gate});
    } else if (old->state != gate->state || old->reason != gate->reason) {
      changes.push_back({name, *old, *gate});
    }
  }
  for (const auto& [name, gate] : old_gates) {
    if (find(new_gates, name) == nullptr) changes.push_back({name, *gate, std::nullopt});
  }
  return changes;
}

std::string StateText(const std::optional<Gate>& gate) {
  return gate ? std::string(GateStateName(gate->state)) + " " + gate->reason : "not asked for";
}

Json StateJson(const std::optional<Gate>& gate) { return gate ? GateJson(*gate) : Json(nullptr); }

std::string ChangeText(const DeploymentChange& change) {
  std::string out = "ModelDeployment " + Printable(change.deployment) + ": " +
                    std::string(VerdictName(change.before));
  if (change.after != change.before) out += " -> " + std::string(VerdictName(change.after));
  if (change.ForTheWorse()) out += ", for the worse";
  if (change.reaction)
    out += "; the operator would react with " + std::string(NameOf(*change.reaction));
  out += "\n";
  if (change.classes_before != change.classes_after) {
    const Json before = change.classes_before;
    const Json after = change.classes_after;
    out += "  classes: " + ListText(&before) + " -> " + ListText(&after) + "\n";
  }
  for (const GateChange& gate : change.gates) {
    out += "  " + Printable(gate.gate) + ": " + Printable(StateText(gate.before)) + " -> " +
           Printable(StateText(gate.after)) + "\n";
    if (!gate.after || IsMet(gate.after->state)) continue;
    out += "      " + Printable(gate.after->message) + "\n";
    if (!gate.after->remedy.empty()) {
      out += "      Remedy: " + Printable(gate.after->remedy) + "\n";
    }
  }
  return out + "\n";
}

std::string Disagreement(const DeploymentChange& change) {
  if (change.status_verdict.empty() || change.status_verdict == VerdictName(change.before)) {
    return {};
  }
  return "ModelDeployment " + Printable(change.deployment) + ": its status says " +
         Printable(change.status_verdict) + ", this simulation " +
         std::string(VerdictName(change.before)) + ": they do not know the same";
}

}  // namespace

bool GateChange::ForTheWorse() const {
  return after && !IsMet(after->state) && (!before || IsMet(before->state));
}

bool DeploymentChange::Changed() const {
  return before != after || !gates.empty() || classes_before != classes_after;
}

bool DeploymentChange::ForTheWorse() const {
  return after > before ||
         std::any_of(gates.begin(), gates.end(), [](const auto& g) { return g.ForTheWorse(); });
}

bool Simulation::ForTheWorse() const {
  return std::any_of(deployments.begin(), deployments.end(),
                     [](const auto& d) { return d.ForTheWorse(); });
}

PolicySet WithPolicies(const PolicySet& policies, const PolicySet& changed, Time at) {
  if (changed.policies.empty()) return policies;
  std::set<std::string> replaced;
  for (const auto& policy : changed.policies) {
    replaced.insert(policy->meta.name);
    const auto& version = policy->spec.version;
    if (version) replaced.insert(version->supersedes);
  }
  PolicySet after = PoliciesInForce(policies, at);
  std::erase_if(after.policies, [&](const auto& old) { return replaced.contains(old->meta.name); });
  for (const auto& policy : changed.policies) {
    const bool superseded =
        std::any_of(changed.policies.begin(), changed.policies.end(), [&](const auto& other) {
          return other->spec.version && other->spec.version->supersedes == policy->meta.name;
        });
    if (superseded) continue;
    // As it stands, whoever would have to approve it.
    auto settled = std::make_shared<GovernancePolicy>(*policy);
    settled->spec.version.reset();
    after.policies.push_back(std::move(settled));
  }
  return after;
}

Simulation Simulate(const World& world, const PolicySet& after, Time now, Time at) {
  Simulation simulation;
  simulation.now = now;
  simulation.at = at;
  for (const World::Deployment& deployment : world.deployments()) {
    Facts facts = world.FactsOf(deployment, now);
    const std::string name = facts.name_space + "/" + facts.name;
    const Decision old = Evaluate(world.policies(), facts);
    if (at > now) {
      for (const Gate& gate : Evaluate(after, facts).gates) {
        if (gate.valid_until && *gate.valid_until > now && *gate.valid_until <= at) {
          simulation.expiries.push_back({name, NameOf(gate), *gate.valid_until});
        }
      }
    }
    facts.now = at;
    Decision then = Evaluate(after, facts);
    NameFile(then, deployment);
    simulation.deployments.push_back({name, old.verdict, then.verdict, old.classes, then.classes,
                                      ReactionNow(then, at), deployment.status_verdict,
                                      Differences(old, then)});
  }
  std::sort(simulation.deployments.begin(), simulation.deployments.end(),
            [](const auto& a, const auto& b) { return a.deployment < b.deployment; });
  std::sort(simulation.expiries.begin(), simulation.expiries.end(),
            [](const Expiry& a, const Expiry& b) {
              return std::tie(a.at, a.deployment, a.gate) < std::tie(b.at, b.deployment, b.gate);
            });
  return simulation;
}

std::string SimulationText(const Simulation& simulation) {
  const auto count = [&](auto&& what) {
    return std::count_if(simulation.deployments.begin(), simulation.deployments.end(), what);
  };
  const auto changed = count([](const auto& d) { return d.Changed(); });
  const auto worse = count([](const auto& d) { return d.ForTheWorse(); });
  std::string out =
      std::to_string(simulation.deployments.size()) +
      (simulation.deployments.size() == 1 ? " deployment: " : " deployments: ") +
      std::to_string(static_cast<std::ptrdiff_t>(simulation.deployments.size()) - changed) +
      " unchanged, " + std::to_string(changed) + " changed, " + std::to_string(worse) +
      " of them for the worse";
  if (simulation.at != simulation.now) out += " by " + FormatTime(simulation.at);
  out += "\n\n";
  for (const DeploymentChange& change : simulation.deployments) {
    if (change.Changed()) out += ChangeText(change);
  }
  if (!simulation.expiries.empty()) {
    std::vector<std::vector<std::string>> rows = {{"EXPIRES", "DEPLOYMENT", "GATE"}};
    for (const Expiry& expiry : simulation.expiries) {
      rows.push_back({FormatTime(expiry.at), Printable(expiry.deployment), Printable(expiry.gate)});
    }
    out += Table(rows) + "\n";
  }
  for (const std::string& line : simulation.unreadable) {
    out += "Not judged: " + Printable(line) + "\n";
  }
  for (const DeploymentChange& change : simulation.deployments) {
    if (const std::string line = Disagreement(change); !line.empty()) out += line + "\n";
  }
  if (!simulation.assumptions.empty()) out += "Taken for granted:\n";
  for (const std::string& line : simulation.assumptions) out += "- " + line + "\n";
  return out;
}

Json SimulationJson(const Simulation& simulation) {
  Json out = VersionedJson("Simulation");
  out["now"] = FormatTime(simulation.now);
  out["at"] = FormatTime(simulation.at);
  out["forTheWorse"] = simulation.ForTheWorse();
  out["deployments"] = Json::array();
  for (const DeploymentChange& change : simulation.deployments) {
    Json gates = Json::array();
    for (const GateChange& gate : change.gates) {
      gates.push_back({{"gate", gate.gate},
                       {"before", StateJson(gate.before)},
                       {"after", StateJson(gate.after)},
                       {"forTheWorse", gate.ForTheWorse()}});
    }
    Json one = {{"deployment", change.deployment},
                {"changed", change.Changed()},
                {"forTheWorse", change.ForTheWorse()},
                {"verdict",
                 {{"before", std::string(VerdictName(change.before))},
                  {"after", std::string(VerdictName(change.after))}}},
                {"classes", {{"before", change.classes_before}, {"after", change.classes_after}}},
                {"gates", std::move(gates)}};
    if (change.reaction) one["reaction"] = std::string(NameOf(*change.reaction));
    if (!change.status_verdict.empty()) one["statusVerdict"] = change.status_verdict;
    out["deployments"].push_back(std::move(one));
  }
  out["expiries"] = Json::array();
  for (const Expiry& expiry : simulation.expiries) {
    out["expiries"].push_back(
        {{"at", FormatTime(expiry.at)}, {"deployment", expiry.deployment}, {"gate", expiry.gate}});
  }
  out["notJudged"] = simulation.unreadable;
  out["assumptions"] = simulation.assumptions;
  return out;
}

}  // namespace countersign
