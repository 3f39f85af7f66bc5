#include "cli/adoption_files.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

#include "base/yaml.h"
#include "cli/files.h"
#include "governance/environment.h"
#include "governance/types/policy.h"
#include "governance/types/use_case.h"

namespace countersign {
namespace {

bool IsPolicy(const Json& manifest) {
  return StringAt(manifest, "kind") == GovernancePolicySpec::kKind;
}

bool IsUseCase(const Json& manifest) { return StringAt(manifest, "kind") == UseCaseSpec::kKind; }

// Relative to the folder; names are those of objects, so that nothing leads out of it.
Result<std::string> FileOf(const Json& manifest) {
  const std::string ns = StringAt(manifest, "metadata/namespace");
  const std::string name = StringAt(manifest, "metadata/name");
  if (!MatchesFormat(Format::kObjectName, name) ||
      (IsPolicy(manifest) ? !ns.empty() : !MatchesFormat(Format::kName, ns))) {
    return Fail(Code::kInvalidArgument,
                "no object can be called '" + Excerpt(ns + "/" + name) + "'", "--dir");
  }
  if (IsPolicy(manifest)) return "policy-" + name + ".yaml";
  return ns + "/" + (IsUseCase(manifest) ? "usecase-" : "") + name + ".yaml";
}

std::string TextOf(const Json& manifest) { return DumpYaml(manifest) + "\n"; }

// Of the one environment that the policy has, or those that a use case deploys to.
std::set<std::string> NamespacesIn(const Json& manifest) {
  std::set<std::string> namespaces;
  const Json* list = FindPath(manifest, "spec/deployTo");
  const Json* environments = FindPath(manifest, "spec/environments");
  if (environments != nullptr && environments->is_array() && environments->size() == 1) {
    list = Find(environments->front(), "namespaces");
  }
  if (list == nullptr || !list->is_array()) return namespaces;
  for (const Json& one : *list) {
    if (one.is_string()) namespaces.insert(one.get<std::string>());
  }
  return namespaces;
}

Json WithNamespaces(Json policy, const std::set<std::string>& namespaces) {
  policy["spec"]["environments"][0]["namespaces"] = namespaces;
  return policy;
}

// With the namespaces of the file as well; nullopt if that is not what adoption wrote.
std::optional<Json> Grown(const std::string& before, const Json& policy) {
  const auto there = ParseYaml(before);
  if (!there) return std::nullopt;
  std::set<std::string> namespaces = NamespacesIn(*there);
  if (TextOf(WithNamespaces(policy, namespaces)) != before) return std::nullopt;
  namespaces.merge(NamespacesIn(policy));
  return WithNamespaces(policy, namespaces);
}

// Whether what was kept takes in `ns`.
Result<bool> TakesIn(const Json& kept, const Json& manifest, const std::string& ns) {
  if (IsPolicy(manifest)) {
    auto policy = Decode<GovernancePolicySpec>(kept);
    if (!policy) return Fail(policy.error());
    return !EnvironmentsOf(policy->spec, ns).empty();
  }
  auto use_case = Decode<UseCaseSpec>(kept);
  if (!use_case) return Fail(use_case.error());
  const auto& list = use_case->spec.deploy_to;
  return std::find(list.begin(), list.end(), ns) != list.end();
}

void AddLacking(const std::string& path, const std::string& before, const Json& manifest,
                std::vector<std::string>& lacking) {
  if (!IsPolicy(manifest) && !IsUseCase(manifest)) return;
  const std::string kept = "'" + path + "' is kept as it is, ";
  const auto there = ParseYaml(before);
  for (const std::string& ns : NamespacesIn(manifest)) {
    const auto takes_in =
        there ? TakesIn(*there, manifest, ns) : Result<bool>(Fail(Error(there.error())));
    if (takes_in && *takes_in) continue;
    if (!takes_in) {
      lacking.push_back(kept + "and cannot be read: " + takes_in.error().ToString() +
                        "; correct it, or move it away and run this again");
      return;
    }
    lacking.push_back(kept + "and does not have namespace '" + ns + "', so that what is adopted " +
                      "there will be refused: add it to " +
                      (IsPolicy(manifest) ? "the namespaces of an environment" : "spec.deployTo"));
  }
}

}  // namespace

Result<AdoptionFiles> WriteAdoption(const std::string& folder, std::vector<Json>& manifests) {
  AdoptionFiles files;
  for (Json& manifest : manifests) {
    auto file = FileOf(manifest);
    if (!file) return Fail(file.error());
    const std::string path = (std::filesystem::path(folder) / *file).string();
    std::string told = "wrote ";
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) {
      auto before = ReadTextFile(path);
      if (!before) return Fail(before.error());
      auto grown = IsPolicy(manifest) ? Grown(*before, manifest) : std::nullopt;
      if (grown) manifest = std::move(*grown);
      if (*before == TextOf(manifest)) {
        files.told.push_back("unchanged " + path);
        continue;
      }
      if (!grown) {
        files.told.push_back("kept, though it differs now: " + path);
        AddLacking(path, *before, manifest, files.lacking);
        continue;
      }
      told = "added namespaces to ";
    }
    if (auto written = WriteTextFile(path, TextOf(manifest)); !written) {
      return Fail(written.error());
    }
    files.told.push_back(told + path);
  }
  return files;
}

}  // namespace countersign
