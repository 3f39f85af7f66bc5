#include "cli/approval.h"

#include <algorithm>
#include <set>

#include "governance/change_protocol.h"
#include "governance/environment.h"
#include "governance/identity.h"

namespace countersign {
namespace {

// Limits of SignOff.spec.shown.
constexpr std::size_t kMaxShownPolicies = 16;
constexpr std::size_t kMaxShownEvidence = 64;
// The API server appends five characters; a subdomain has at most 253.
constexpr std::size_t kMaxNamePrefix = 200;

// The policies in force, and under which names of the environment the role signs.
struct Scope {
  std::vector<const GovernancePolicy*> policies;
  std::set<std::string> environments;
  std::set<std::string> roles;  // that could have been named
};

bool Contains(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// The roles that may decide by this requirement, or those that may advise.
std::set<std::string> RolesOf(const ApprovalInput& input, const SignOffRequirement& requirement) {
  if (input.decision != SignOffDecision::kAdvise) return {requirement.role};
  if (!requirement.consultation) return {};
  const auto& roles = requirement.consultation->roles;
  return {roles.begin(), roles.end()};
}

bool AsksForRole(const ApprovalInput& input, const GovernancePolicySpec& policy,
                 const std::string& environment, const std::string& role) {
  return std::any_of(policy.measures.begin(), policy.measures.end(), [&](const Measure& measure) {
    const auto& in = measure.applies.environments;
    const auto& asked = measure.require.sign_off;
    return asked && (in.empty() || Contains(in, environment)) &&
           (RolesOf(input, *asked).contains(role) ||
            (input.decision == SignOffDecision::kAdvise && Contains(measure.consulted, role)));
  });
}

// Adds what `requirement`, on something that is signed for all environments at once, asks for.
void AddAnywhere(const ApprovalInput& input, const SignOffRequirement& requirement, Scope& scope) {
  const std::set<std::string> roles = RolesOf(input, requirement);
  scope.roles.insert(roles.begin(), roles.end());
  if (roles.contains(input.role)) scope.environments.insert("");
}

Scope ScopeOfDeployment(const ApprovalInput& input, const ModelDeployment& deployment) {
  Scope scope;
  for (const GovernancePolicy& policy : input.policies) {
    const auto environments = EnvironmentsOf(policy.spec, deployment.meta.name_space);
    if (environments.empty()) continue;
    scope.policies.push_back(&policy);
    for (const PolicyEnvironment* environment : environments) {
      for (const Role& role : policy.spec.roles) {
        if (!AsksForRole(input, policy.spec, environment->name, role.name)) continue;
        scope.roles.insert(role.name);
        if (role.name == input.role) scope.environments.insert(environment->name);
      }
    }
  }
  return scope;
}

Scope ScopeOfAnswers(const ApprovalInput& input) {
  Scope scope;
  for (const GovernancePolicy& policy : input.policies) {
    scope.policies.push_back(&policy);
    AddAnywhere(input, policy.spec.classification.sign_off, scope);
    if (policy.spec.classification.lowering) {
      AddAnywhere(input, *policy.spec.classification.lowering, scope);
    }
  }
  return scope;
}

Scope ScopeOfRetirement(const ApprovalInput& input) {
  Scope scope;
  for (const GovernancePolicy& policy : input.policies) {
    scope.policies.push_back(&policy);
    AddAnywhere(input,
                policy.spec.retirement ? policy.spec.retirement->sign_off
                                       : policy.spec.classification.sign_off,
                scope);
  }
  return scope;
}

// The one policy whose measures are waived.
Scope ScopeOfWaiver(const ApprovalInput& input, const WaiverSpec& waiver) {
  Scope scope;
  for (const GovernancePolicy& policy : input.policies) {
    if (policy.meta.name != waiver.policy) continue;
    scope.policies.push_back(&policy);
    if (policy.spec.waivers) AddAnywhere(input, policy.spec.waivers->sign_off, scope);
  }
  return scope;
}

// An incident is closed for each policy that says who may.
Scope ScopeOfIncident(const ApprovalInput& input) {
  Scope scope;
  for (const GovernancePolicy& policy : input.policies) {
    if (!policy.spec.incidents) continue;
    scope.policies.push_back(&policy);
    AddAnywhere(input, policy.spec.incidents->sign_off, scope);
  }
  return scope;
}

// The one policy that the protocol names.
Scope ScopeOfProtocol(const ApprovalInput& input, const ChangeProtocol& protocol) {
  Scope scope;
  for (const GovernancePolicy& policy : input.policies) {
    if (policy.meta.name != protocol.policy) continue;
    scope.policies.push_back(&policy);
    if (!policy.spec.changes || !policy.spec.changes->protocols) continue;
    const std::string& role = policy.spec.changes->protocols->sign_off.role;
    scope.roles.insert(role);
    if (role == input.role) scope.environments.insert("");
  }
  return scope;
}

Scope ScopeOf(const ApprovalInput& input) {
  if (input.protocol) {
    auto protocol = ReadProtocol(input.protocol->spec);
    return protocol ? ScopeOfProtocol(input, *protocol) : Scope();
  }
  if (input.incident) return ScopeOfIncident(input);
  if (input.waiver) return ScopeOfWaiver(input, input.waiver->spec);
  if (input.deployment) return ScopeOfDeployment(input, *input.deployment);
  if (input.retirement) return ScopeOfRetirement(input);
  return ScopeOfAnswers(input);
}

std::string Listed(const std::set<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "'" : ", '") + name + "'";
  return out;
}

Status CheckRole(const ApprovalInput& input, const Scope& scope) {
  if (!scope.environments.empty()) return {};
  if (input.waiver) {
    const std::string policy = "policy '" + input.waiver->spec.policy + "'";
    return Fail(Code::kInvalidArgument,
                scope.policies.empty() ? "there is no " + policy
                : scope.roles.empty()  ? policy + " allows no waivers"
                                       : policy + " has waivers signed off by role " +
                                            Listed(scope.roles) + ", not '" + input.role + "'");
  }
  if (input.incident) {
    return Fail(Code::kInvalidArgument,
                scope.roles.empty()
                    ? "no policy has spec.incidents, which says who closes incidents"
                    : "no policy lets role '" + input.role + "' close incidents; they ask for " +
                          Listed(scope.roles));
  }
  if (input.protocol) {
    return Fail(Code::kInvalidArgument,
                scope.policies.empty() ? "there is no policy of the name that the protocol claims"
                : scope.roles.empty()  ? "policy '" + scope.policies.front()->meta.name +
                                            "' has no spec.changes.protocols: it knows no protocols"
                                      : "policy '" + scope.policies.front()->meta.name +
                                            "' has protocols signed off by role " +
                                            Listed(scope.roles) + ", not '" + input.role + "'");
  }
  if (!input.deployment) {
    const std::string what = input.retirement ? "the end of use cases" : "answers";
    return Fail(Code::kInvalidArgument,
                scope.roles.empty()
                    ? "there is no GovernancePolicy that asks for a sign-off on " + what
                    : "no policy lets role '" + input.role + "' sign off " + what +
                          "; they ask for " + Listed(scope.roles));
  }
  const std::string& ns = input.deployment->meta.name_space;
  if (scope.policies.empty()) {
    return Fail(Code::kInvalidArgument, "namespace '" + ns + "' is in no policy's environment");
  }
  return Fail(Code::kInvalidArgument,
              "no policy in force for namespace '" + ns + "' asks for " +
                  (input.decision == SignOffDecision::kAdvise ? "advice" : "a sign-off") +
                  " by role '" + input.role + "'" +
                  (scope.roles.empty() ? "" : "; they ask for " + Listed(scope.roles)));
}

bool IsAbout(const ModelDigest& named, const ModelDigest& model) { return named == model; }
// A report that names no model is about all that serve the use case.
bool IsAbout(const std::optional<ModelDigest>& named, const ModelDigest& model) {
  return !named || *named == model;
}

template <class Spec>
void Show(const std::vector<Object<Spec>>& evidence, const std::vector<ModelDigest>& models,
          std::vector<ShownEvidence>& shown) {
  for (const Object<Spec>& one : evidence) {
    const bool about = std::any_of(models.begin(), models.end(), [&](const ModelDigest& model) {
      return IsAbout(one.spec.model, model);
    });
    if (!about || shown.size() >= kMaxShownEvidence) continue;
    shown.push_back({std::string(Spec::kKind), one.meta.name, one.spec_digest});
  }
}

// The environments that one sign-off names together: each must want this role's, and not for itself
// alone, somewhere.
Status CheckEnvironments(const ApprovalInput& input, const Scope& scope) {
  if (!input.deployment) {
    return Fail(Code::kInvalidArgument, "goes with a ModelDeployment alone", "--environments");
  }
  for (const std::string& name : input.environments) {
    bool asked = false;
    for (const GovernancePolicy& policy : input.policies) {
      if (std::none_of(policy.spec.environments.begin(), policy.spec.environments.end(),
                       [&](const PolicyEnvironment& e) { return e.name == name; })) {
        continue;
      }
      asked = asked || AsksForRole(input, policy.spec, name, input.role);
      for (const Measure& measure : policy.spec.measures) {
        const auto& in = measure.applies.environments;
        const auto& sign_off = measure.require.sign_off;
        if (sign_off && sign_off->own_environment && sign_off->role == input.role &&
            (in.empty() || Contains(in, name))) {
          return Fail(Code::kInvalidArgument,
                      "measure '" + measure.name + "' of policy '" + policy.meta.name +
                          "' wants an approval for environment '" + name + "' alone",
                      "--environments");
        }
      }
    }
    if (!asked) {
      return Fail(Code::kInvalidArgument,
                  "no policy asks role '" + input.role + "' about environment '" + name + "'",
                  "--environments");
    }
  }
  for (const std::string& own : scope.environments) {
    if (Contains(input.environments, own)) return {};
  }
  return Fail(Code::kInvalidArgument,
              "must include the deployment's own, " + Listed(scope.environments), "--environments");
}

bool SameSubject(const SignOffSubject& a, const SignOffSubject& b) {
  return a.kind == b.kind && a.use_case == b.use_case && a.governed_digest == b.governed_digest &&
         a.answers_digest == b.answers_digest && a.retirement_digest == b.retirement_digest &&
         a.waiver_digest == b.waiver_digest && a.incident_digest == b.incident_digest;
}

// What others have advised on it, whatever environment they had in mind.
std::vector<const SignOff*> AdviceOn(const ApprovalInput& input, const SignOffSubject& subject) {
  std::vector<const SignOff*> advice;
  for (const SignOff& one : input.sign_offs) {
    if (one.spec.decision == SignOffDecision::kAdvise && SameSubject(one.spec.subject, subject)) {
      advice.push_back(&one);
    }
  }
  return advice;
}

Status CheckResponses(const ApprovalInput& input, const std::vector<const SignOff*>& advice) {
  std::set<std::string> names;
  for (const SignOff* one : advice) names.insert(one->meta.name);
  for (const AdviceResponse& response : input.responses) {
    if (names.contains(response.advice)) continue;
    return Fail(Code::kInvalidArgument,
                "there is no advice '" + response.advice + "' on this" +
                    (names.empty() ? "" : "; there is " + Listed(names)),
                "--respond");
  }
  return {};
}

// What the sign-off on `subject` corrects.
Result<std::optional<Correction>> CorrectionOf(const ApprovalInput& input,
                                               const SignOffSubject& subject) {
  if (input.supersedes.empty()) return std::optional<Correction>();
  for (const SignOff& one : input.sign_offs) {
    if (one.meta.name != input.supersedes) continue;
    if (one.spec.subject == subject && one.spec.role == input.role) {
      return std::optional(Correction{one.meta.name, one.spec_digest, input.correction});
    }
    return Fail(Code::kInvalidArgument,
                "'" + input.supersedes +
                    "' is about something else, or in another role: only a "
                    "sign-off on the same can be corrected",
                "--supersedes");
  }
  return Fail(Code::kNotFound, "there is no sign-off '" + input.supersedes + "' on this use case",
              "--supersedes");
}

std::string NamePrefix(const ApprovalInput& input) {
  const std::string& subject = input.waiver       ? input.waiver->meta.name
                               : input.incident   ? input.incident->meta.name
                               : input.protocol   ? input.protocol->meta.name
                               : input.deployment ? input.deployment->meta.name
                                                  : input.use_case.meta.name;
  std::string prefix = subject.substr(0, kMaxNamePrefix - input.role.size() - 2);
  while (!prefix.empty() && (prefix.back() == '.' || prefix.back() == '-')) prefix.pop_back();
  return prefix + "-" + input.role + "-";
}

}  // namespace

Result<std::vector<Json>> MakeSignOffs(const ApprovalInput& input) {
  if (input.retirement && input.use_case.spec.retirement_digest.empty()) {
    return Fail(Code::kInvalidArgument,
                "use case '" + input.use_case.meta.name +
                    "' does not say how it ends: its owner "
                    "adds spec.retirement and sets lifecycle: Retiring",
                "spec.retirement");
  }
  const Scope scope = ScopeOf(input);
  if (auto known = CheckRole(input, scope); !known) return Fail(known.error());
  auto answers_digest = AnswersDigest(input.use_case.spec);
  if (!answers_digest) return Fail(answers_digest.error());

  SignOffSpec spec;
  spec.role = input.role;
  spec.decision = input.decision;
  spec.severity = input.severity;
  spec.responses = input.responses;
  spec.conditions = input.conditions;
  spec.signer.username = input.username;
  spec.on_behalf_of = input.on_behalf_of;
  spec.rationale = input.rationale;
  spec.expires_at = input.expires_at;
  spec.subject.use_case = input.use_case.meta.name;
  Shown shown;
  for (const GovernancePolicy* policy : scope.policies) {
    if (shown.policies.size() == kMaxShownPolicies) break;
    shown.policies.push_back({policy->meta.name, policy->spec_digest});
  }
  shown.answers_digest = *answers_digest;
  if (input.waiver) {
    spec.subject.kind = SubjectOfSignOff::kWaiver;
    spec.subject.waiver = input.waiver->meta.name;
    spec.subject.waiver_digest = input.waiver->spec_digest;
  } else if (input.incident) {
    spec.subject.kind = SubjectOfSignOff::kIncident;
    spec.subject.incident = input.incident->meta.name;
    spec.subject.incident_digest = input.incident->spec_digest;
  } else if (input.protocol) {
    spec.subject.kind = SubjectOfSignOff::kChangeProtocol;
    spec.subject.protocol = input.protocol->meta.name;
    spec.subject.protocol_digest = input.protocol->spec_digest;
  } else if (input.deployment) {
    const Model& model = input.deployment->spec.model;
    spec.subject.model = model.digest;
    std::vector<ModelDigest> models = {model.digest};
    for (const Component& component : model.components) models.push_back(component.identity);
    spec.subject.governed_digest = input.governed_digest;
    Show(input.snapshots, models, shown.evidence);
    Show(input.bias_tests, models, shown.evidence);
    Show(input.reports, models, shown.evidence);
  } else if (input.retirement) {
    spec.subject.kind = SubjectOfSignOff::kUseCase;
    spec.subject.retirement_digest = input.use_case.spec.retirement_digest;
    // It may be signed whatever is answered meanwhile.
    shown.answers_digest.clear();
  } else {
    const UseCaseSpec& use_case = input.use_case.spec;
    spec.subject.kind = SubjectOfSignOff::kUseCase;
    spec.subject.answers_digest = *answers_digest;
    shown.use_case = ShownUseCase{use_case.answers, use_case.developers, use_case.owner,
                                  use_case.purpose, use_case.purpose_category};
  }
  const std::vector<const SignOff*> advice = AdviceOn(input, spec.subject);
  if (auto there = CheckResponses(input, advice); !there) return Fail(there.error());
  for (const SignOff* one : advice) {
    if (shown.evidence.size() == kMaxShownEvidence) break;
    shown.evidence.push_back({std::string(SignOffSpec::kKind), one->meta.name, one->spec_digest});
  }
  spec.shown = std::move(shown);

  std::set<std::string> environments = scope.environments;
  if (!input.environments.empty()) {
    if (auto ok = CheckEnvironments(input, scope); !ok) return Fail(ok.error());
    spec.subject.environments = input.environments;
    environments = {""};
  }
  std::vector<Json> sign_offs;
  for (const std::string& environment : environments) {
    spec.subject.environment = environment;
    auto corrects = CorrectionOf(input, spec.subject);
    if (!corrects) return Fail(corrects.error());
    spec.supersedes = *std::move(corrects);
    Json object = {
        {"apiVersion", std::string(kApiVersion)},
        {"kind", std::string(SignOffSpec::kKind)},
        {"metadata",
         {{"generateName", NamePrefix(input)}, {"namespace", input.use_case.meta.name_space}}},
        {"spec", EncodeSpec(spec)}};
    // The same rules as for everybody else, before anything is sent.
    if (auto valid = Decode<SignOffSpec>(object); !valid) return Fail(valid.error());
    sign_offs.push_back(std::move(object));
  }
  return sign_offs;
}

}  // namespace countersign
