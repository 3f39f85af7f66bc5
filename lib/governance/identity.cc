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

// After an account that is a person of its own; no name of an entry has a colon.
constexpr std::string_view kUnlisted = ":account";

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string Folded(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), Lower);
  return text;
}

bool IsSpelled(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

bool AnyIsSpelled(const std::vector<std::string>& all, const std::string& name) {
  return std::any_of(all.begin(), all.end(),
                     [&](const std::string& one) { return IsSpelled(one, name); });
}

}  // namespace

std::string PersonOf(const GovernancePolicySpec& policy, const std::string& account) {
  const Person* person = FindPerson(policy, account);
  return person == nullptr ? account + std::string(kUnlisted) : person->name;
}

std::vector<std::string> PeopleMeant(const GovernancePolicySpec& policy, const std::string& name) {
  std::vector<std::string> meant = {Folded(name) + std::string(kUnlisted)};
  for (const Person& person : policy.people) {
    if (IsSpelled(person.name, name) || AnyIsSpelled(person.accounts, name) ||
        AnyIsSpelled(person.aliases, name)) {
      meant.push_back(person.name);
    }
  }
  return meant;
}

bool MayBeOne(const GovernancePolicySpec& policy, const std::string& a, const std::string& b) {
  const auto ones = PeopleMeant(policy, a);
  const auto others = PeopleMeant(policy, b);
  return std::find_first_of(ones.begin(), ones.end(), others.begin(), others.end()) != ones.end();
}

bool IsClusterAdministrator(const GovernancePolicySpec& policy, const Provenance& who) {
  constexpr std::string_view kMasters = "system:masters";
  const auto is_master = [&](const std::vector<std::string>& groups) {
    return std::find(groups.begin(), groups.end(), kMasters) != groups.end();
  };
  if (is_master(who.groups) || is_master(who.seen_groups)) return true;
  return std::any_of(
      policy.cluster_administrators.begin(), policy.cluster_administrators.end(),
      [&](const Subject& subject) {
        return WasSeenAs(policy, subject, who) ||
               (subject.kind == SubjectKind::kUser && MayBeOne(policy, subject.name, who.user));
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

bool WasSeenAs(const GovernancePolicySpec& policy, const Subject& subject, const Provenance& who) {
  if (IsNamedBy(policy, subject, who)) return true;
  if (who.seen_groups.empty()) return false;
  Provenance seen;
  seen.user = who.user;
  seen.groups = who.seen_groups;
  return IsNamedBy(policy, subject, seen);
}

const Role* FindRole(const GovernancePolicySpec& policy, const std::string& name) {
  for (const Role& role : policy.roles) {
    if (role.name == name) return &role;
  }
  return nullptr;
}

void Insiders::Add(const GovernancePolicySpec& policy, const std::string& name) {
  for (std::string& one : PeopleMeant(policy, name)) people_.insert(std::move(one));
}

void Insiders::AddMakers(const GovernancePolicySpec& policy, const Provenance& by) {
  if (!by.user.empty()) Add(policy, by.user);
  for (const FurtherSigner& further : by.cosigners) Add(policy, further.user);
}

bool Insiders::Has(const GovernancePolicySpec& policy, const std::string& name) const {
  const auto meant = PeopleMeant(policy, name);
  return std::any_of(meant.begin(), meant.end(),
                     [this](const std::string& one) { return people_.contains(one); });
}

bool Insiders::Has(const GovernancePolicySpec& policy, const Provenance& who) const {
  return Has(policy, who.user) ||
         std::any_of(groups_.begin(), groups_.end(),
                     [&](const Subject& group) { return WasSeenAs(policy, group, who); });
}

bool Insiders::HasAnyOf(const GovernancePolicySpec& policy,
                        const std::vector<std::string>& names) const {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return Has(policy, name); });
}

Insiders DevelopersOf(const GovernancePolicySpec& policy, const UseCaseSpec& use_case) {
  Insiders insiders;
  for (const Subject& developer : use_case.developers) {
    if (developer.kind == SubjectKind::kGroup) {
      insiders.AddGroup(developer);
    } else {
      insiders.Add(policy, developer.name);
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
