#include "governance/measures/preconditions.h"

#include <algorithm>

#include "governance/measures/context.h"
#include "governance/measures/pod_template.h"

namespace countersign {
namespace {

Gate BuiltIn(std::string name, Enforcement enforcement, Reaction on_violation) {
  Gate gate;
  gate.measure = std::move(name);
  gate.enforcement = enforcement;
  gate.on_violation = on_violation;
  return gate;
}

bool AllSandboxes(const std::vector<MatchedPolicy>& matched) {
  return !matched.empty() &&
         std::all_of(matched.begin(), matched.end(), [](const MatchedPolicy& m) {
           return std::all_of(m.environments.begin(), m.environments.end(),
                              [&](const auto* e) { return IsSandbox(m.policy->spec, *e); });
         });
}

std::string RefText(const UseCaseRef& ref) { return "'" + ref.name_space + "/" + ref.name + "'"; }

Gate KnownGate(const PolicySet& policies, const std::vector<std::string>& unknown) {
  Gate gate = BuiltIn("facts-known", Enforcement::kDeny, Reaction::kHold);
  if (!policies.unreadable.empty()) {
    return Conclude(std::move(gate), GateState::kFailed, "PolicyUnreadable",
                    Join(policies.unreadable),
                    "the owner of the policy corrects it; it might have applied here");
  }
  if (!unknown.empty()) {
    return Conclude(std::move(gate), GateState::kFailed, "FactsUnknown", Join(unknown),
                    "whoever owns the object named corrects or deletes it, or try again when the "
                    "API server answers");
  }
  return Conclude(std::move(gate), GateState::kPassed, "FactsKnown",
                  "everything that may matter could be read");
}

Gate EnvironmentGate(const std::vector<MatchedPolicy>& matched,
                     const std::vector<std::string>& waiting, const Facts& facts) {
  Gate gate = BuiltIn("environment", Enforcement::kDeny, Reaction::kHold);
  if (matched.empty()) {
    gate.final = true;
    return Conclude(
        std::move(gate), GateState::kFailed, "NoEnvironment",
        "namespace '" + facts.name_space + "' is in no environment of any policy in force" +
            (waiting.empty() ? "" : "; " + Join(waiting)),
        "a policy owner adds it to spec.environments[].namespaces of a "
        "GovernancePolicy, or deploy to a namespace that is listed: kubectl get govpol");
  }
  std::string names;
  for (const MatchedPolicy& m : matched) {
    for (const auto* e : m.environments) {
      names += (names.empty() ? "'" : ", '") + e->name + "' of '" + m.policy->meta.name + "'";
    }
  }
  return Conclude(std::move(gate), GateState::kPassed, "InEnvironment", "environment " + names);
}

bool AppliesIn(const Measure& measure, const std::vector<const PolicyEnvironment*>& environments) {
  const auto& names = measure.applies.environments;
  return names.empty() || std::any_of(environments.begin(), environments.end(), [&](const auto* e) {
           return std::find(names.begin(), names.end(), e->name) != names.end();
         });
}

// Without its use case no measure is judged. Whoever takes it away must not gain by that what the
// measures would take down, so the strictest of them says what becomes of what serves; of any
// class, for the class of a use case elsewhere must not be learned from it. A use case that cannot
// be read is not gone: what is unknown takes nothing down.
Reaction ReactionWithoutUseCase(const std::vector<MatchedPolicy>& matched, const Facts& facts) {
  Reaction strictest = Reaction::kHold;
  if (facts.use_case == nullptr && !facts.unknown.empty()) return strictest;
  for (const MatchedPolicy& m : matched) {
    // The version before it counts too, and says what is done meanwhile.
    if (m.in_transition) continue;
    for (const Measure& measure : m.policy->spec.measures) {
      if (AppliesIn(measure, m.environments)) strictest = std::max(strictest, measure.on_violation);
    }
  }
  return strictest;
}

Gate UseCaseGate(const std::vector<MatchedPolicy>& matched, const Facts& facts) {
  const UseCaseRef& ref = facts.deployment->spec.use_case;
  Gate gate = BuiltIn("use-case", Enforcement::kDeny, Reaction::kHold);
  gate.path = "spec.useCaseRef";
  if (!UseCaseAvailable(facts)) {
    gate.on_violation = ReactionWithoutUseCase(matched, facts);
    // One text for both: a deployer elsewhere must not learn which use cases exist.
    return Conclude(std::move(gate), GateState::kMissing, "UseCaseNotAvailable",
                    "use case " + RefText(ref) + " does not exist or does not list namespace '" +
                        facts.name_space + "' in spec.deployTo",
                    "its owner registers it, or adds the namespace: kubectl edit usecase " +
                        ref.name + " -n " + ref.name_space);
  }
  const UseCaseSpec& use_case = facts.use_case->spec;
  for (const MatchedPolicy& m : matched) {
    const auto& prohibited = m.policy->spec.ethics.prohibited_purposes;
    if (std::find(prohibited.begin(), prohibited.end(), use_case.purpose_category) ==
        prohibited.end()) {
      continue;
    }
    gate.policy = m.policy->meta.name;
    gate.final = true;
    gate.on_violation = Reaction::kSuspend;
    return Conclude(std::move(gate), GateState::kFailed, "PurposeProhibited",
                    "purpose '" + use_case.purpose_category + "' of use case " + RefText(ref) +
                        " is prohibited by policy '" + m.policy->meta.name + "'",
                    "no evidence can cure this; talk to the policy's owner about the purpose");
  }
  switch (use_case.lifecycle) {
    case Lifecycle::kActive: break;
    case Lifecycle::kProposed:
      if (AllSandboxes(matched)) break;
      return Conclude(std::move(gate), GateState::kFailed, "UseCaseProposed",
                      "use case " + RefText(ref) + " is only proposed",
                      "its owner sets spec.lifecycle: Active");
    case Lifecycle::kRetiring:
      // What serves goes on serving; nothing new starts.
      gate.on_violation = Reaction::kAlert;
      return Conclude(std::move(gate), GateState::kFailed, "UseCaseRetiring",
                      "use case " + RefText(ref) + " is retiring and takes no new revisions",
                      "its owner sets spec.lifecycle: Active, if that was not meant");
    case Lifecycle::kRetired:
      gate.on_violation = Reaction::kSuspend;
      return Conclude(
          std::move(gate), GateState::kFailed, "UseCaseRetired",
          "use case " + RefText(ref) + " is retired",
          "delete the ModelDeployment: kubectl delete mdeploy " + DeploymentArgs(facts));
  }
  return Conclude(std::move(gate), GateState::kPassed, "UseCaseAvailable",
                  "use case " + RefText(ref) + " is registered and lists this namespace");
}

Gate AuthorGate(const Facts& facts) {
  Gate gate = BuiltIn("author", Enforcement::kDeny, Reaction::kHold);
  if (IsAuthentic(facts.author)) {
    return Conclude(
        std::move(gate), GateState::kPassed, "AuthorKnown",
        facts.author.user.empty() ? "author not stated" : "made by '" + facts.author.user + "'");
  }
  return Conclude(std::move(gate), GateState::kFailed, "AuthorUnknown",
                  "nobody can say who made this revision: " + WhyNotAuthentic(facts.author),
                  "delete and create the ModelDeployment again while admission is in place");
}

struct BindingFault {
  std::string reason;
  std::string message;
  std::string path;
};

// Whether the place that an artefact is fetched from names its digest.
std::optional<BindingFault> UriFault(const std::string& uri, const std::string& digest, bool strict,
                                     const std::string& path) {
  if (!uri.starts_with("oci://") || uri.size() == 6) {
    return BindingFault{"ModelUriUnsupported",
                        "must start with 'oci://', is '" + Shorten(uri) + "'", path + ".uri"};
  }
  const auto at = uri.find('@');
  if (at == std::string::npos && strict) {
    return BindingFault{
        "ModelNotPinned",
        "must name the model by digest (oci://…@" + digest + "), is '" + Shorten(uri) + "'",
        path + ".uri"};
  }
  if (at != std::string::npos && uri.substr(at + 1) != digest) {
    return BindingFault{
        "ModelDigestMismatch",
        "must end in '@" + digest + "', the digest of " + path + ", is '" + Shorten(uri) + "'",
        path + ".uri"};
  }
  return std::nullopt;
}

std::optional<BindingFault> ModelFault(const Model& model, bool strict) {
  if (model.components.empty()) {
    return UriFault(model.uri, model.digest.digest, strict, "spec.model");
  }
  if (model.digest.digest != model.composite_digest) {
    return BindingFault{"CompositeDigestMismatch",
                        "must be " + model.composite_digest +
                            ", the digest of spec.model.components, is " + model.digest.digest,
                        "spec.model.digest"};
  }
  for (std::size_t i = 0; i < model.components.size(); ++i) {
    const auto& artifact = model.components[i].artifact;
    if (!artifact) continue;
    auto fault = UriFault(artifact->uri, artifact->digest.digest, strict,
                          "spec.model.components[" + std::to_string(i) + "].artifact");
    if (fault) return fault;
  }
  return std::nullopt;
}

Gate ModelGate(const std::vector<MatchedPolicy>& matched, const Facts& facts) {
  const ModelDeploymentSpec& spec = facts.deployment->spec;
  const bool strict = !AllSandboxes(matched);
  Gate gate = BuiltIn("digest-binding", Enforcement::kDeny, Reaction::kHold);
  gate.final = true;
  const auto fail = [&](BindingFault fault, std::string remedy) {
    gate.path = std::move(fault.path);
    return Conclude(std::move(gate), GateState::kFailed, std::move(fault.reason),
                    std::move(fault.message), std::move(remedy));
  };
  const std::string correct = "correct the field in the ModelDeployment";
  if (auto fault = ModelFault(spec.model, strict)) {
    const bool composite = fault->reason == "CompositeDigestMismatch";
    return fail(*std::move(fault),
                composite ? "whoever writes the ModelDeployment sets spec.model.digest to what "
                            "`countersign digest -f FILE` prints; evidence about the other digest "
                            "does not count for these components"
                          : correct);
  }
  const auto faults = TemplateFaults(spec, strict);
  if (!faults.empty()) {
    std::vector<std::string> messages;
    for (std::size_t i = 1; i < faults.size(); ++i) {
      messages.push_back(faults[i].path + ": " + faults[i].message);
    }
    return fail({faults.front().reason,
                 faults.front().message + (messages.empty() ? "" : "; " + Join(messages)),
                 faults.front().path},
                correct);
  }
  gate.final = false;
  return Conclude(std::move(gate), GateState::kPassed, "DigestsBound",
                  "model, images and configuration are named by digest");
}

bool MaySuspend(const Gate& gate) {
  return gate.on_violation == Reaction::kSuspend || gate.on_expiry.action == Reaction::kSuspend ||
         gate.on_expiry.then == Reaction::kSuspend;
}

}  // namespace

bool UseCaseAvailable(const Facts& facts) {
  if (facts.use_case == nullptr) return false;
  const auto& allowed = facts.use_case->spec.deploy_to;
  return std::find(allowed.begin(), allowed.end(), facts.name_space) != allowed.end();
}

std::vector<Gate> Preconditions(const PolicySet& policies,
                                const std::vector<MatchedPolicy>& matched,
                                const std::vector<std::string>& waiting, const Facts& facts) {
  // What is unknown lies in the use case's home, so it is named only to those who may see that.
  const bool visible = facts.use_case == nullptr || UseCaseAvailable(facts);
  std::vector<Gate> gates;
  gates.push_back(KnownGate(policies, visible ? facts.unknown : std::vector<std::string>()));
  gates.push_back(EnvironmentGate(matched, waiting, facts));
  gates.push_back(UseCaseGate(matched, facts));
  gates.push_back(AuthorGate(facts));
  gates.push_back(ModelGate(matched, facts));
  return gates;
}

Gate FallbackGate(const Facts& facts, std::span<const Gate> measures) {
  const auto& fallback = facts.deployment->spec.fallback;
  Gate gate = BuiltIn("fallback", Enforcement::kAudit, Reaction::kAlert);
  gate.path = "spec.fallback";
  if (fallback) {
    return Conclude(std::move(gate), GateState::kPassed, "FallbackNamed",
                    Shorten(fallback->description));
  }
  for (const Gate& measure : measures) {
    if (!MaySuspend(measure)) continue;
    gate.policy = measure.policy;
    gate.enforcement = std::max(gate.enforcement, measure.enforcement);
    gate = Conclude(std::move(gate), GateState::kMissing, "FallbackMissing",
                    "measure '" + measure.measure +
                        "' may suspend serving, and nothing is named that takes over",
                    "name who or what decides then: spec.fallback {kind: Human|Rules|Version, "
                    "description}");
  }
  if (gate.policy.empty()) {
    return Conclude(std::move(gate), GateState::kPassed, "FallbackNamed",
                    "no measure suspends serving");
  }
  return gate;
}

}  // namespace countersign
