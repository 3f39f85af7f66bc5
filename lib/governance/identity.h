// identity.h: accounts, people and roles under one policy.
//
// Thresholds and independence count people, not accounts: a policy lists the accounts of people who
// have several; any other account is a person of its own. Groups are those the API server saw when
// the object was made. Pure functions.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "governance/facts.h"
#include "governance/types/policy.h"

namespace countersign {

// Service accounts, nodes and Kubernetes' own parts (every "system:" account but system:admin,
// which some distributions give to a person) are robots: they report, they do not sign off.
[[nodiscard]] bool IsRobot(const std::string& account);

// Who is behind `account`: the name of an entry of spec.people, or the account as no entry can be
// called. To be compared, not shown.
[[nodiscard]] std::string PersonOf(const GovernancePolicySpec& policy, const std::string& account);

// Everybody whom `name` could mean, as PersonOf has it: who has it as an account, an alias or the
// entry's name, and an account of that name, in capitals or not (of ASCII; git and many directories
// let people choose). For keeping people apart alone: it finds too many rather than too few.
[[nodiscard]] std::vector<std::string> PeopleMeant(const GovernancePolicySpec& policy,
                                                   const std::string& name);
// Whether two names could mean one person.
[[nodiscard]] bool MayBeOne(const GovernancePolicySpec& policy, const std::string& a,
                            const std::string& b);

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

// As IsNamedBy, to keep people apart: also by the groups that the API server saw them in when they
// signed by a key.
[[nodiscard]] bool WasSeenAs(const GovernancePolicySpec& policy, const Subject& subject,
                             const Provenance& who);

[[nodiscard]] const Role* FindRole(const GovernancePolicySpec& policy, const std::string& name);
// "group 'model-risk', user 'ana@bank.example'": whom to ask. At most five, then "and others".
[[nodiscard]] std::string HoldersText(const GovernancePolicySpec& policy, const std::string& role);
[[nodiscard]] std::string SubjectsText(const std::vector<Subject>& subjects);

// Who is not independent of a model: people by name, and groups by membership.
class Insiders {
 public:
  void Add(const GovernancePolicySpec& policy, const std::string& name);
  // Whoever made something, each of several signers.
  void AddMakers(const GovernancePolicySpec& policy, const Provenance& by);
  void AddGroup(Subject group) { groups_.push_back(std::move(group)); }

  [[nodiscard]] bool Has(const GovernancePolicySpec& policy, const std::string& name) const;
  [[nodiscard]] bool Has(const GovernancePolicySpec& policy, const Provenance& who) const;
  [[nodiscard]] bool HasAnyOf(const GovernancePolicySpec& policy,
                              const std::vector<std::string>& names) const;

 private:
  std::set<std::string> people_;
  std::vector<Subject> groups_;
};

// Those whom the use case lists.
[[nodiscard]] Insiders DevelopersOf(const GovernancePolicySpec& policy,
                                    const UseCaseSpec& use_case);

}  // namespace countersign
