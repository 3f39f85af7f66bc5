#include "governance/identity.h"

#include <algorithm>

namespace countersign {

// Kubernetes keeps "system:" for itself: nodes, the scheduler, whoever did not authenticate. Some
// distributions give their administrator, who is a person, "system:admin".
bool IsRobot(const std::string& account) {
  return account.starts_with("system:") && account != "system:admin";
}

namespace {

const Person* FindPerson(const GovernancePolicySpec& policy, const std::string& account) {
  for (const Person& person : policy.people) {
    if (std::find(person.accounts.begin(), person.accounts.end(), account) !=
        person.accounts.end()) {
      return &person;
    }
  }
  return nullptr;
}

}  // namespace

std::string PersonOf(const GovernancePolicySpec& policy, const std::string& account) {
  const Person* person = FindPerson(policy, account);
  return person == nullptr ? account : person->name;
}

std::string PersonNamed(const GovernancePolicySpec& policy, const std::string& name) {
  if (const Person* person = FindPerson(policy, name)) return person->name;
  for (const Person& person : policy.people) {
    if (std::find(person.aliases.begin(), person.aliases.end(), name) != person.aliases.end()) {
      return person.name;
    }
  }
  return name;
}

bool IsClusterAdministrator(const GovernancePolicySpec& policy, const Provenance& who) {
  constexpr std::string_view kMasters = "system:masters";
  if (std::find(who.groups.begin(), who.groups.end(), kMasters) != who.groups.end() ||
      IsNamedByAny(policy, policy.cluster_administrators, who)) {
    return true;
  }
  const std::string person = PersonOf(policy, who.user);
  return std::any_of(policy.cluster_administrators.begin(), policy.cluster_administrators.end(),
                     [&](const Subject& subject) {
                       return subject.kind == SubjectKind::kUser &&
                              PersonOf(policy, subject.name) == person;
                     });
}

std::string PrintedName(const GovernancePolicySpec& policy, const std::string& account) {
  const Person* person = FindPerson(policy, account);
  if (person == nullptr) return account;
  return person->display_name.empty() ? person->name : person->display_name;
}

bool IsNamedBy(const GovernancePolicySpec& policy, const Subject& subject, const Provenance& who) {
  switch (subject.kind) {
    case SubjectKind::kUser: return subject.name == who.user;
    case SubjectKind::kGroup:
      return std::find(who.groups.begin(), who.groups.end(), subject.name) != who.groups.end();
    case SubjectKind::kPerson:
      // Only accounts that are listed: an account that happens to be called like a person is not.
      return std::any_of(policy.people.begin(), policy.people.end(), [&](const Person& person) {
        return person.name == subject.name &&
               std::find(person.accounts.begin(), person.accounts.end(), who.user) !=
                   person.accounts.end();
      });
    case SubjectKind::kRole: {
      const Role* role = FindRole(policy, subject.name);
      return role != nullptr &&
             std::any_of(role->subjects.begin(), role->subjects.end(), [&](const Subject& holder) {
               return holder.kind != SubjectKind::kRole && IsNamedBy(policy, holder, who);
             });
    }
  }
  return false;
}

bool IsNamedByAny(const GovernancePolicySpec& policy, const std::vector<Subject>& subjects,
                  const Provenance& who) {
  return std::any_of(subjects.begin(), subjects.end(),
                     [&](const Subject& subject) { return IsNamedBy(policy, subject, who); });
}

const Role* FindRole(const GovernancePolicySpec& policy, const std::string& name) {
  for (const Role& role : policy.roles) {
    if (role.name == name) return &role;
  }
  return nullptr;
}

Insiders DevelopersOf(const GovernancePolicySpec& policy, const UseCaseSpec& use_case) {
  Insiders insiders;
  for (const Subject& developer : use_case.developers) {
    if (developer.kind == SubjectKind::kGroup) {
      insiders.groups.push_back(developer);
    } else {
      insiders.people.insert(PersonOf(policy, developer.name));
    }
  }
  return insiders;
}

std::string SubjectsText(const std::vector<Subject>& subjects) {
  constexpr std::size_t kShown = 5;  // enough to know whom to ask, short enough for a refusal
  std::string text;
  for (std::size_t i = 0; i < subjects.size() && i < kShown; ++i) {
    if (i > 0) text += ", ";
    std::string kind(NameOf(subjects[i].kind));
    kind[0] = static_cast<char>(kind[0] - 'A' + 'a');
    text += kind + " '" + subjects[i].name + "'";
  }
  return subjects.size() > kShown ? text + " and others" : text;
}

std::string HoldersText(const GovernancePolicySpec& policy, const std::string& role) {
  const Role* found = FindRole(policy, role);
  return found == nullptr ? "nobody" : SubjectsText(found->subjects);
}

}  // namespace countersign
