#include "cli/adoption_policy.h"

#include <algorithm>

#include "governance/environment.h"

namespace countersign {
namespace {

Json ManifestOf(const std::string& name, const std::string& environment,
                const std::vector<std::string>& namespaces) {
  const Json sign_off = {{"role", "model-validator"},
                         {"count", 1},
                         {"assurance", "Requester"},
                         {"distinctFrom", Json::array({"developers"})}};
  return {
      {"apiVersion", std::string(kApiVersion)},
      {"kind", std::string(GovernancePolicySpec::kKind)},
      {"metadata", {{"name", name}}},
      {"spec",
       {{"description",
         "An estate that was there before Countersign: recorded, nothing refused. The policy that "
         "asks for evidence is another one; once its environments have these namespaces, delete "
         "this one."},
        {"environments", Json::array({{{"name", environment},
                                       {"namespaces", namespaces},
                                       {"enforcement", "Audit"},
                                       {"guard", {{"mode", "Audit"}}}}})},
        {"roles",
         Json::array({{{"name", "model-validator"},
                       {"level", "Tactical"},
                       {"subjects",
                        Json::array({{{"kind", "Group"}, {"name", "your-model-validators"}}})}}})},
        {"classification",
         {{"signOff", sign_off},
          {"questions",
           Json::array({{{"name", "audience"}, {"options", {{"internal", 1}, {"public", 2}}}}})},
          {"classes", Json::array({{{"name", "adopted"},
                                    {"description", "not classified yet"},
                                    {"when", {{"otherwise", true}}}}})}}}}}};
}

// Whether it is what is written here, for whatever namespaces; these then.
std::optional<std::vector<std::string>> NamespacesOfOurs(const GovernancePolicy& policy,
                                                         const std::string& environment) {
  if (policy.spec.environments.size() != 1) return std::nullopt;
  const auto& namespaces = policy.spec.environments.front().namespaces;
  const auto ours =
      Decode<GovernancePolicySpec>(ManifestOf(policy.meta.name, environment, namespaces));
  if (!ours || EncodeSpec(ours->spec) != EncodeSpec(policy.spec)) return std::nullopt;
  return namespaces;
}

std::string Strictness(const PolicyEnvironment& environment) {
  return "enforcement " + std::string(NameOf(environment.enforcement)) + ", guard " +
         std::string(NameOf(GuardModeOf(environment)));
}

struct Standing {
  bool in_environment = false;
  std::string stricter;
};

Standing StandingOf(const PolicySet& in_force, const std::string& ns) {
  Standing standing;
  for (const auto& policy : in_force.policies) {
    for (const PolicyEnvironment* environment : EnvironmentsOf(policy->spec, ns)) {
      standing.in_environment = true;
      const bool audits = environment->enforcement == Enforcement::kAudit &&
                          GuardModeOf(*environment) == GuardMode::kAudit && !environment->locked;
      if (audits || !standing.stricter.empty()) continue;
      standing.stricter = "namespace '" + ns + "' is in environment '" + environment->name +
                          "' of policy '" + policy->meta.name + "' (" + Strictness(*environment) +
                          "), and adoption loosens nothing: what serves there needs its evidence, "
                          "or that policy's owner changes it";
    }
  }
  return standing;
}

}  // namespace

AdoptionPolicy PolicyForAdoption(const PolicySet& policies, const PolicySet& in_force,
                                 const std::set<std::string>& namespaces, const ScanScope& scope,
                                 const std::string& name, const std::string& environment) {
  AdoptionPolicy out;
  if (namespaces.empty()) return out;
  if (!in_force.unreadable.empty()) {
    for (const std::string& one : in_force.unreadable) {
      out.refused.push_back("no policy is written: " + one +
                            ", and might judge these namespaces more strictly; its owner corrects "
                            "it first");
    }
    return out;
  }
  std::set<std::string> wanted;
  std::set<std::string> fresh;
  for (const auto& policy : policies.policies) {
    if (policy->meta.name == name) {
      const auto ours = NamespacesOfOurs(*policy, environment);
      if (!ours) {
        out.refused.push_back("GovernancePolicy '" + name +
                              "' is there and is not as adoption writes it, so it stays as it is; "
                              "give another name: --policy NAME");
        return out;
      }
      wanted.insert(ours->begin(), ours->end());
      continue;
    }
    for (const PolicyEnvironment& other : policy->spec.environments) {
      if (other.name != environment) continue;
      out.refused.push_back(
          "policy '" + policy->meta.name + "' has an environment '" + environment +
          "', and what runs in an environment may count as evidence there; give another name: "
          "--environment NAME");
      return out;
    }
  }
  for (const std::string& ns : namespaces) {
    const Standing standing = StandingOf(in_force, ns);
    if (!standing.stricter.empty()) {
      out.refused.push_back(standing.stricter);
    } else if (!standing.in_environment && scope.elsewhere == GuardMode::kDeny) {
      out.refused.push_back("namespace '" + ns +
                            "' is in no environment, where the guard denies (--guard-elsewhere), "
                            "and adoption loosens nothing: somebody who may writes a policy that "
                            "has it");
    } else if (!standing.in_environment) {
      fresh.insert(ns);
    }
  }
  if (fresh.empty()) return out;
  wanted.merge(fresh);
  out.manifest = ManifestOf(name, environment, {wanted.begin(), wanted.end()});
  return out;
}

}  // namespace countersign
