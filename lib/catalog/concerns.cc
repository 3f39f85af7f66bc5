#include "catalog/concerns.h"

#include "governance/types/policy.h"
#include "governance/types/sign_off.h"
#include "governance/types/use_case.h"

namespace countersign {

void Concerns::Note(const Json& object) {
  const std::string kind = StringAt(object, "kind");
  const bool on_policy = kind == SignOffSpec::kKind &&
                         StringAt(object, "spec/subject/kind") == GovernancePolicySpec::kKind;
  std::set<std::string> found;
  if (kind == UseCaseSpec::kKind) {
    const Json* deploy_to = FindPath(object, "spec/deployTo");
    if (deploy_to != nullptr && deploy_to->is_array()) {
      for (const Json& name : *deploy_to) {
        if (name.is_string()) found.insert(name.get<std::string>());
      }
    }
  } else {
    std::string use_case =
        StringAt(object, kind == SignOffSpec::kKind ? "spec/subject/useCase" : "spec/useCase");
    if (!use_case.empty()) found.insert(std::move(use_case));
  }
  const std::lock_guard lock(mutex_);
  Names& names = names_[{kind, KeyOf(object)}];
  names.on_policy = names.on_policy || on_policy;
  names.unclear = names.unclear || (found.empty() && !on_policy);
  names.known.merge(found);
}

void Concerns::Forget(std::string_view kind, const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  names_.erase({std::string(kind), key});
}

bool Concerns::MayConcern(std::string_view kind, const ObjectKey& key,
                          const std::string& use_case) const {
  const std::lock_guard lock(mutex_);
  const auto it = names_.find({std::string(kind), key});
  return it == names_.end() || it->second.unclear || it->second.known.contains(use_case);
}

bool Concerns::OnPolicy(std::string_view kind, const ObjectKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto it = names_.find({std::string(kind), key});
  return it == names_.end() || it->second.on_policy;
}

bool Concerns::DeploysTo(const ObjectKey& use_case, const std::string& name_space) const {
  const std::lock_guard lock(mutex_);
  const auto it = names_.find({std::string(UseCaseSpec::kKind), use_case});
  return it != names_.end() && it->second.known.contains(name_space);
}

std::string UnreadableObject(std::string_view kind, const std::string& name, const Error& error) {
  return std::string(kind) + " '" + name + "' cannot be read: " + Excerpt(error.ToString(), 300);
}

}  // namespace countersign
