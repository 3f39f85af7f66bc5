#include "cli/approval.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "cli/render.h"
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

bool AsksForRole(const GovernancePolicySpec& policy, const PolicyEnvironment& environment,
                 const std::string& role) {
  return std::any_of(policy.measures.begin(), policy.measures.end(), [&](const Measure& measure) {
    const auto& in = measure.applies.environments;
    return measure.require.sign_off && measure.require.sign_off->role == role &&
           (in.empty() || std::find(in.begin(), in.end(), environment.name) != in.end());
  });
}

Scope ScopeOfDeployment(const ApprovalInput& input, const ModelDeployment& deployment) {
  Scope scope;
  for (const GovernancePolicy& policy : input.policies) {
    const auto environments = EnvironmentsOf(policy.spec, deployment.meta.name_space);
    if (environments.empty()) continue;
    scope.policies.push_back(&policy);
    for (const PolicyEnvironment* environment : environments) {
      for (const Role& role : policy.spec.roles) {
        if (!AsksForRole(policy.spec, *environment, role.name)) continue;
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
    const Classification& classification = policy.spec.classification;
    scope.roles.insert(classification.sign_off.role);
    if (classification.lowering) scope.roles.insert(classification.lowering->role);
  }
  // Answers are signed for all environments at once.
  if (scope.roles.contains(input.role)) scope.environments.insert("");
  return scope;
}

Scope ScopeOfRetirement(const ApprovalInput& input) {
  Scope scope;
  for (const GovernancePolicy& policy : input.policies) {
    scope.policies.push_back(&policy);
    scope.roles.insert(policy.spec.retirement ? policy.spec.retirement->sign_off.role
                                              : policy.spec.classification.sign_off.role);
  }
  if (scope.roles.contains(input.role)) scope.environments.insert("");
  return scope;
}

// The one policy whose measures are waived.
Scope ScopeOfWaiver(const ApprovalInput& input, const WaiverSpec& waiver) {
  Scope scope;
  for (const GovernancePolicy& policy : input.policies) {
    if (policy.meta.name != waiver.policy) continue;
    scope.policies.push_back(&policy);
    if (!policy.spec.waivers) continue;
    scope.roles.insert(policy.spec.waivers->sign_off.role);
    if (policy.spec.waivers->sign_off.role == input.role) scope.environments.insert("");
  }
  return scope;
}

// An incident is closed for each policy that says who may.
Scope ScopeOfIncident(const ApprovalInput& input) {
  Scope scope;
  for (const GovernancePolicy& policy : input.policies) {
    if (!policy.spec.incidents) continue;
    scope.policies.push_back(&policy);
    scope.roles.insert(policy.spec.incidents->sign_off.role);
    if (policy.spec.incidents->sign_off.role == input.role) scope.environments.insert("");
  }
  return scope;
}

Scope ScopeOf(const ApprovalInput& input) {
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
              "no policy in force for namespace '" + ns + "' asks for a sign-off by role '" +
                  input.role + "'" +
                  (scope.roles.empty() ? "" : "; they ask for " + Listed(scope.roles)));
}

bool IsAbout(const ModelDigest& named, const ModelDigest& model) { return named == model; }
// A report that names no model is about all that serve the use case.
bool IsAbout(const std::optional<ModelDigest>& named, const ModelDigest& model) {
  return !named || *named == model;
}

template <class Spec>
void Show(const std::vector<Object<Spec>>& evidence, const ModelDigest& model,
          std::vector<ShownEvidence>& shown) {
  for (const Object<Spec>& one : evidence) {
    if (!IsAbout(one.spec.model, model) || shown.size() >= kMaxShownEvidence) continue;
    shown.push_back({std::string(Spec::kKind), one.meta.name, one.spec_digest});
  }
}

// What a review of that incident claims; nothing for other reports.
std::vector<Claim> ClaimsAbout(const EvidenceSpec& report, const std::string& incident) {
  const bool about = report.type == "IncidentReview" &&
                     std::any_of(report.claims.begin(), report.claims.end(), [&](const Claim& c) {
                       return c.name == "incident" && c.text == incident;
                     });
  return about ? report.claims : std::vector<Claim>();
}

// " (attempt 2 of 3 of protocol p on data set d)": the signer should know how often it was tried,
// not only that the last result is good.
std::string AttemptText(const ApprovalInput& input, const std::string& name) {
  const auto& tests = input.bias_tests;
  const auto test = std::find_if(tests.begin(), tests.end(),
                                 [&](const BiasTest& t) { return t.meta.name == name; });
  if (test == tests.end()) return {};
  int earlier = 0;
  int all = 0;
  for (const BiasTest& other : tests) {
    if (other.spec.model != test->spec.model || other.spec.protocol != test->spec.protocol ||
        other.spec.data_set.digest != test->spec.data_set.digest) {
      continue;
    }
    ++all;
    if (std::tie(other.meta.creation_time, other.meta.name) <
        std::tie(test->meta.creation_time, test->meta.name)) {
      ++earlier;
    }
  }
  return " (attempt " + std::to_string(earlier + 1) + " of " + std::to_string(all) +
         " of protocol " + test->spec.protocol + " on data set " + test->spec.data_set.name + ")";
}

std::string NamePrefix(const ApprovalInput& input) {
  const std::string& subject = input.waiver       ? input.waiver->meta.name
                               : input.incident   ? input.incident->meta.name
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
  spec.decision = input.reject ? SignOffDecision::kReject : SignOffDecision::kApprove;
  spec.signer.username = input.username;
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
  } else if (input.deployment) {
    const ModelDigest& model = input.deployment->spec.model.digest;
    spec.subject.model = model;
    spec.subject.governed_digest = input.governed_digest;
    Show(input.snapshots, model, shown.evidence);
    Show(input.bias_tests, model, shown.evidence);
    Show(input.reports, model, shown.evidence);
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
  spec.shown = std::move(shown);

  std::vector<Json> sign_offs;
  for (const std::string& environment : scope.environments) {
    spec.subject.environment = environment;
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

std::string ApprovalText(const ApprovalInput& input, const std::vector<Json>& sign_offs) {
  const UseCase& use_case = input.use_case;
  std::vector<std::vector<std::string>> rows;
  rows.push_back({"decision", input.reject ? "REJECT" : "APPROVE"});
  rows.push_back({"signer", input.username + " as role " + input.role});
  rows.push_back({"use case", use_case.meta.name_space + "/" + use_case.meta.name + ": " +
                                  use_case.spec.title});
  const Json& first = sign_offs.front();
  if (input.waiver) {
    const WaiverSpec& waiver = input.waiver->spec;
    rows.push_back({"waiver", input.waiver->meta.name + " until " + FormatTime(waiver.expires_at)});
    for (const std::string& measure : waiver.measures) {
      rows.push_back({"waives", measure + " of policy " + waiver.policy + " in environment " +
                                    waiver.environment});
    }
    rows.push_back({"model digest", waiver.model.digest});
    rows.push_back({"reason", waiver.reason});
    rows.push_back({"ticket", waiver.ticket});
    rows.push_back({"meanwhile", waiver.compensating_control});
    rows.push_back({"waiver digest", input.waiver->spec_digest});
  } else if (input.incident) {
    const IncidentSpec& incident = input.incident->spec;
    rows.push_back({"closes incident", input.incident->meta.name});
    rows.push_back({"severity", std::string(NameOf(incident.severity))});
    rows.push_back({"what happened", incident.summary});
    if (incident.quarantine) {
      rows.push_back({"ends quarantine", std::string(NameOf(incident.quarantine->scope))});
    }
    for (const EvidenceReport& review : input.reports) {
      for (const Claim& claim : ClaimsAbout(review.spec, input.incident->meta.name)) {
        rows.push_back({claim.name, claim.text});
      }
    }
    rows.push_back({"incident digest", input.incident->spec_digest});
  } else if (input.deployment) {
    const Model& model = input.deployment->spec.model;
    rows.push_back(
        {"deployment", input.deployment->meta.name_space + "/" + input.deployment->meta.name});
    std::string environments;
    for (const Json& one : sign_offs) {
      if (!environments.empty()) environments += ", ";
      environments += StringAt(one, "spec/subject/environment");
    }
    rows.push_back({"environment", environments});
    rows.push_back({"model", model.name + " " + model.version});
    rows.push_back({"model digest", model.digest.digest});
    rows.push_back({"governed digest", input.governed_digest});
  } else if (input.retirement && use_case.spec.retirement) {
    const Retirement& end = *use_case.spec.retirement;
    rows.push_back({"ends because", end.reason});
    for (const DataDisposition& data : end.data) {
      rows.push_back({"data", data.data + ": " + std::string(NameOf(data.action)) +
                                  (data.until ? " until " + FormatTime(*data.until) : "") +
                                  (data.reason.empty() ? "" : " (" + data.reason + ")")});
    }
    if (!end.successor.empty()) rows.push_back({"in its place", end.successor});
    rows.push_back({"retirement digest", use_case.spec.retirement_digest});
  } else {
    for (const auto& [question, options] : use_case.spec.answers) {
      std::string answer;
      for (const std::string& option : options) {
        if (!answer.empty()) answer += ", ";
        answer += option;
      }
      rows.push_back({"answer", question});
      rows.back().back().append(": ").append(answer);
    }
    rows.push_back({"answers digest", StringAt(first, "spec/subject/answersDigest")});
  }
  if (const Json* evidence = FindPath(first, "spec/shown/evidence"); evidence != nullptr) {
    for (const Json& one : *evidence) {
      std::string text = StringAt(one, "kind") + " " + StringAt(one, "name");
      if (StringAt(one, "kind") == BiasTestSpec::kKind) {
        text += AttemptText(input, StringAt(one, "name"));
      }
      rows.push_back({"evidence", std::move(text)});
    }
  }
  rows.push_back({"rationale", input.rationale});
  if (input.expires_at) rows.push_back({"expires", FormatTime(*input.expires_at)});
  for (auto& row : rows) row = {"  " + row[0], Printable(row[1])};
  return "You are about to sign:\n" + Table(rows);
}

}  // namespace countersign
