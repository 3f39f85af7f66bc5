#include "cli/promotion.h"

#include <algorithm>

#include "cli/offline.h"
#include "cli/render.h"
#include "governance/environment.h"
#include "governance/evaluate.h"

namespace countersign {
namespace {

using Environments = std::vector<PolicyEnvironment>;

Environments::const_iterator Named(const Environments& environments, const std::string& name) {
  return std::find_if(environments.begin(), environments.end(),
                      [&](const PolicyEnvironment& e) { return e.name == name; });
}

bool IsIn(const GovernancePolicySpec& policy, const std::string& name_space,
          const std::string& environment) {
  const auto found = EnvironmentsOf(policy, name_space);
  return std::any_of(found.begin(), found.end(),
                     [&](const PolicyEnvironment* e) { return e->name == environment; });
}

// The last of the environments that the policy has `name_space` in; end: it has it in none.
Environments::const_iterator PresentOf(const GovernancePolicySpec& policy,
                                       const std::string& name_space) {
  auto present = policy.environments.end();
  for (auto it = policy.environments.begin(); it != policy.environments.end(); ++it) {
    if (IsIn(policy, name_space, it->name)) present = it;
  }
  return present;
}

std::string Quoted(const std::string& text) { return "'" + text + "'"; }

Status CheckNext(const GovernancePolicy& policy, Environments::const_iterator present,
                 const std::string& wanted) {
  const Environments& environments = policy.spec.environments;
  const auto next = std::next(present);
  if (next != environments.end() && next->name == wanted) return {};
  const std::string where =
      "policy " + Quoted(policy.meta.name) + ": the deployment is in " + Quoted(present->name);
  if (next == environments.end()) {
    return Fail(Code::kInvalidArgument, where + ", its last environment", "--to");
  }
  return Fail(Code::kInvalidArgument,
              where + ", and after that comes " + Quoted(next->name) + ", not " + Quoted(wanted),
              "--to");
}

// The policies that have both the deployment and an environment of the wanted name.
Result<std::vector<const GovernancePolicy*>> MovedBy(const PolicySet& policies,
                                                     const std::string& name_space,
                                                     const std::string& wanted) {
  std::vector<const GovernancePolicy*> moved;
  std::vector<std::string> known;
  for (const auto& policy : policies.policies) {
    const auto present = PresentOf(policy->spec, name_space);
    if (present == policy->spec.environments.end()) continue;
    for (const PolicyEnvironment& e : policy->spec.environments) {
      if (std::find(known.begin(), known.end(), e.name) == known.end()) known.push_back(e.name);
    }
    if (Named(policy->spec.environments, wanted) == policy->spec.environments.end()) continue;
    if (auto next = CheckNext(*policy, present, wanted); !next) return Fail(next.error());
    moved.push_back(policy.get());
  }
  if (!moved.empty()) return moved;
  if (known.empty()) {
    return Fail(Code::kFailedPrecondition,
                "namespace " + Quoted(name_space) + " is in no environment of any policy");
  }
  return Fail(Code::kInvalidArgument,
              "must be one of " + Joined(known) + ", is " + Quoted(Excerpt(wanted)), "--to");
}

// The namespaces that the environment names outright, in every policy.
std::vector<std::string> Candidates(const std::vector<const GovernancePolicy*>& policies,
                                    const std::string& wanted) {
  std::vector<std::string> candidates;
  const auto first = Named(policies.front()->spec.environments, wanted);
  for (const std::string& one : first->namespaces) {
    const bool literal = one.find('*') == std::string::npos;
    const bool everywhere = std::all_of(
        policies.begin(), policies.end(),
        [&](const GovernancePolicy* policy) { return IsIn(policy->spec, one, wanted); });
    if (literal && everywhere) candidates.push_back(one);
  }
  return candidates;
}

Result<std::string> Choose(const World& world, const World::Deployment& deployment,
                           const std::vector<const GovernancePolicy*>& moved,
                           const PromotionRequest& request) {
  if (!request.name_space.empty()) {
    for (const GovernancePolicy* policy : moved) {
      if (IsIn(policy->spec, request.name_space, request.environment)) continue;
      return Fail(Code::kInvalidArgument,
                  "policy " + Quoted(policy->meta.name) + " does not have " +
                      Quoted(request.name_space) + " in environment " + Quoted(request.environment),
                  "--to-namespace");
    }
    return request.name_space;
  }
  std::vector<std::string> candidates = Candidates(moved, request.environment);
  const UseCaseRef& ref = deployment.object->spec.use_case;
  if (const auto use_case = world.FindUseCase(ref.name_space, ref.name);
      candidates.size() > 1 && use_case != nullptr) {
    const auto& allowed = use_case->spec.deploy_to;
    std::erase_if(candidates, [&](const std::string& one) {
      return std::find(allowed.begin(), allowed.end(), one) == allowed.end();
    });
  }
  if (candidates.size() == 1) return candidates.front();
  return Fail(Code::kInvalidArgument,
              "is required: environment " + Quoted(request.environment) +
                  (candidates.empty() ? " does not name one namespace outright"
                                      : " has several namespaces: " + Joined(candidates)),
              "--to-namespace");
}

}  // namespace

Result<std::string> PromotionNamespace(const World& world, const World::Deployment& deployment,
                                       const PromotionRequest& request) {
  const std::string& from = deployment.object->meta.name_space;
  auto moved = MovedBy(world.policies(), from, request.environment);
  if (!moved) return Fail(moved.error());
  auto to = Choose(world, deployment, *moved, request);
  if (!to) return to;
  // A policy without an environment of that name may not be left behind by the move either.
  for (const auto& policy : world.policies().policies) {
    const auto present = PresentOf(policy->spec, from);
    if (present == policy->spec.environments.end() || IsIn(policy->spec, *to, present->name)) {
      continue;
    }
    const auto then = PresentOf(policy->spec, *to);
    const std::string name = then == policy->spec.environments.end() ? "none" : then->name;
    if (auto next = CheckNext(*policy, present, name); !next) return Fail(next.error());
  }
  return to;
}

Json PromotedManifest(const World::Deployment& deployment, const std::string& name_space) {
  return {{"apiVersion", std::string(kApiVersion)},
          {"kind", std::string(ModelDeploymentSpec::kKind)},
          {"metadata", {{"name", deployment.object->meta.name}, {"namespace", name_space}}},
          {"spec", *deployment.spec}};
}

Result<Decision> JudgePromoted(const World& world, const Json& manifest, Time now) {
  World alone({ClaimedMaker(now), {}});
  Manifest one;
  one.source = "the promoted ModelDeployment";
  one.object = manifest;
  if (auto added = alone.Add(one); !added) return Fail(Error(added.error()));
  const Facts facts = world.FactsOf(alone.deployments().front(), now);
  Decision decision = Evaluate(world.policies(), facts);
  NameFile(decision, facts.name_space, facts.name, {});
  return decision;
}

std::string PromotionText(const Decision& decision, const std::string& subject) {
  std::string out = "ModelDeployment " + Printable(subject) + ": " +
                    std::string(VerdictName(decision.verdict)) + " in environment " +
                    Printable(decision.environment) + ", " + decision.GatesText() +
                    " gates passed\n";
  if (!decision.answers_note.empty()) out += "  note: " + Printable(decision.answers_note) + "\n";
  Json gates = Json::array();
  for (const Gate& gate : decision.gates) gates.push_back(GateJson(gate));
  return out + GatesText(gates);
}

}  // namespace countersign
