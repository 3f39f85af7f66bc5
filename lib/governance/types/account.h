// account.h: where a list takes accounts and groups alone, for it is read without the people and
// roles of a policy. For the types that describe such a list.
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "governance/types/common.h"

namespace countersign {

enum class AccountKind { kUser, kGroup };
template <>
struct EnumNames<AccountKind> {
  static constexpr std::pair<AccountKind, std::string_view> kNames[] = {
      {AccountKind::kUser, "User"}, {AccountKind::kGroup, "Group"}};
};

struct Account {
  AccountKind kind = AccountKind::kUser;
  std::string name;
};

template <class V>
void Describe(V& v, Account& a) {
  v.Field({.name = "kind",
           .doc = "User (an account as the API server authenticates it; service accounts are "
                  "system:serviceaccount:<namespace>:<name>) or Group (a group of the identity "
                  "provider).",
           .required = true},
          a.kind);
  v.Field({.name = "name",
           .doc = "The name of the account or group.",
           .required = true,
           .format = Format::kToken},
          a.name);
}

// A list of subjects that is read, and described in the schema, as one of accounts.
template <class V>
void DescribeAccounts(V& v, const FieldInfo& info, std::vector<Subject>& subjects) {
  // Others may read what is written.
  if constexpr (std::is_same_v<V, Encoder>) return v.Field(info, subjects);
  std::vector<Account> accounts;
  v.Field(info, accounts);
  subjects.clear();
  for (Account& account : accounts) {
    const bool group = account.kind == AccountKind::kGroup;
    subjects.push_back({group ? SubjectKind::kGroup : SubjectKind::kUser, std::move(account.name)});
  }
}

}  // namespace countersign
