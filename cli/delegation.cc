#include "cli/delegation.h"

#include <algorithm>

#include "cli/render.h"
#include "governance/identity.h"
#include "governance/types/sign_off.h"

namespace countersign {
namespace {

Error Wrong(const std::string& flag, std::string message) {
  return {Code::kInvalidArgument, std::move(message), flag, std::nullopt};
}

Status CheckLoan(const DelegationInput& input) {
  if (!input.lasts) return Fail(Wrong("--for", "must say for how long, e.g. 14d"));
  std::optional<Seconds> longest;
  for (const GovernancePolicy& policy : input.policies) {
    const Role* role = FindRole(policy.spec, input.role);
    if (role == nullptr || !role->delegation) continue;
    longest = std::max(longest.value_or(Seconds{0}), role->delegation->max_duration);
  }
  if (!longest) {
    return Fail(Wrong("--role", "no policy lets role '" + input.role +
                                    "' be lent: it has no spec.roles[].delegation"));
  }
  if (*input.lasts > *longest) {
    return Fail(Wrong(
        "--for", "role '" + input.role + "' may be lent for at most " + FormatDuration(*longest)));
  }
  for (const std::string& name : input.environments) {
    const bool known = std::any_of(
        input.policies.begin(), input.policies.end(), [&](const GovernancePolicy& policy) {
          return std::any_of(policy.spec.environments.begin(), policy.spec.environments.end(),
                             [&](const PolicyEnvironment& e) { return e.name == name; });
        });
    if (!known) return Fail(Wrong("--environments", "no policy has environment '" + name + "'"));
  }
  return {};
}

}  // namespace

Result<Json> MakeDelegation(const DelegationInput& input) {
  SignOffSpec spec;
  spec.subject.kind = SubjectOfSignOff::kDelegation;
  spec.subject.use_case = input.use_case;
  spec.subject.deputy = input.deputy;
  spec.role = input.role;
  spec.signer.username = input.lender;
  spec.rationale = input.rationale;
  if (input.withdraw) {
    spec.decision = SignOffDecision::kReject;
  } else {
    if (auto ok = CheckLoan(input); !ok) return Fail(ok.error());
    spec.subject.environments = input.environments;
    spec.expires_at =
        std::chrono::floor<std::chrono::seconds>(input.now) + input.lasts.value_or(Seconds{0});
  }
  Json object = {
      {"apiVersion", std::string(kApiVersion)},
      {"kind", std::string(SignOffSpec::kKind)},
      {"metadata",
       {{"generateName", "delegation-" + input.role + "-"}, {"namespace", input.name_space}}},
      {"spec", EncodeSpec(spec)}};
  // The same rules as for everybody else, before anything is sent.
  if (auto valid = Decode<SignOffSpec>(object); !valid) return Fail(valid.error());
  return object;
}

std::string DelegationText(const DelegationInput& input, const Json& delegation) {
  std::string where;
  for (const std::string& name : input.environments) where += (where.empty() ? "" : ", ") + name;
  std::vector<std::vector<std::string>> rows = {
      {"decision", input.withdraw ? "WITHDRAW THE ROLE" : "LEND THE ROLE"},
      {"role", input.role},
      {"of", input.lender},
      {input.withdraw ? "from" : "to", input.deputy},
      {"use case", input.name_space + "/" + input.use_case}};
  if (!input.withdraw) {
    rows.push_back({"environments", where.empty() ? "all, and what is not of one" : where});
    rows.push_back({"until", StringAt(delegation, "spec/expiresAt")});
  }
  rows.push_back({"rationale", input.rationale});
  for (auto& row : rows) row = {"  " + row[0], Printable(row[1])};
  return "You are about to sign:\n" + Table(rows);
}

}  // namespace countersign
