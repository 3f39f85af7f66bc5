// identity.h: accounts, people and roles under one policy.
//
// Thresholds and independence count people, not accounts: a policy lists the accounts of people who
// have several; any other account is a person of its own. Groups are those the API server saw when
// the object was made. Pure functions.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "governance/facts.h"
#include "governance/types/policy.h"

namespace countersign {

// Service accounts are robots: they report, they do not sign off.
[[nodiscard]] bool IsRobot(const std::string& account);

// The person behind `account`: an entry of spec.people, or the account itself.
[[nodiscard]] std::string PersonOf(const GovernancePolicySpec& policy, const std::string& account);

// The person whom evidence names: by an account, an alias (spec.people[].aliases) or the entry's
// name; else the name itself.
[[nodiscard]] std::string PersonNamed(const GovernancePolicySpec& policy, const std::string& name);

// In group system:masters, which RBAC does not bind, or listed in spec.clusterAdministrators, by
// another account of the same person too.
[[nodiscard]] bool IsClusterAdministrator(const GovernancePolicySpec& policy,
                                          const Provenance& who);

// Their name as the policy has it, for people: spec.people[].displayName, or the entry's name; the
// account itself where the policy does not list it.
[[nodiscard]] std::string PrintedName(const GovernancePolicySpec& policy,
                                      const std::string& account);

// Whether whoever made an object is named by `subject`. Roles are looked up in `policy`.
[[nodiscard]] bool IsNamedBy(const GovernancePolicySpec& policy, const Subject& subject,
                             const Provenance& who);
[[nodiscard]] bool IsNamedByAny(const GovernancePolicySpec& policy,
                                const std::vector<Subject>& subjects, const Provenance& who);

[[nodiscard]] const Role* FindRole(const GovernancePolicySpec& policy, const std::string& name);
// "group 'model-risk', user 'ana@bank.example'": whom to ask. At most five, then "and others".
[[nodiscard]] std::string HoldersText(const GovernancePolicySpec& policy, const std::string& role);
[[nodiscard]] std::string SubjectsText(const std::vector<Subject>& subjects);

// Who is not independent of a model: people by name, and groups by membership.
struct Insiders {
  std::set<std::string> people;
  std::vector<Subject> groups;
};

// Those whom the use case lists.
[[nodiscard]] Insiders DevelopersOf(const GovernancePolicySpec& policy,
                                    const UseCaseSpec& use_case);

}  // namespace countersign
