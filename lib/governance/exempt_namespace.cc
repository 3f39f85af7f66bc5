#include "governance/exempt_namespace.h"

#include <algorithm>

#include "governance/environment.h"

namespace countersign {
namespace {

constexpr std::string_view kUnguarded =
    ", where Countersign itself runs and neither the guard nor a lock is asked about anything";

// Whoever means all namespaces does not mean this one.
bool MeansIt(const PolicyEnvironment& environment, const std::string& own_namespace) {
  return std::any_of(environment.namespaces.begin(), environment.namespaces.end(),
                     [&](const std::string& pattern) {
                       return pattern.find_first_not_of('*') != std::string::npos &&
                              GlobMatches(pattern, own_namespace);
                     });
}

}  // namespace

std::string ExemptionText(const GovernancePolicySpec& policy, const std::string& own_namespace) {
  for (const PolicyEnvironment* environment : EnvironmentsOf(policy, own_namespace)) {
    if (!MeansIt(*environment, own_namespace)) continue;
    return "environment '" + environment->name + "' holds namespace '" + own_namespace + "'" +
           std::string(kUnguarded) +
           "; take it out of the environment, or install Countersign in a namespace of its own";
  }
  return {};
}

std::string ExceptionText(const GovernancePolicySpec& policy, const std::string& own_namespace) {
  for (const PolicyEnvironment* environment : EnvironmentsOf(policy, own_namespace)) {
    if (MeansIt(*environment, own_namespace)) continue;
    return "environment '" + environment->name + "' is for every namespace but '" + own_namespace +
           "'" + std::string(kUnguarded);
  }
  return {};
}

std::string ExemptServingText(std::size_t count, const std::string& example,
                              const std::string& own_namespace) {
  return std::to_string(count) + (count == 1 ? " object serves" : " objects serve") +
         " models in namespace '" + own_namespace + "'" + std::string(kUnguarded) + ", such as " +
         example + "; move it to another namespace";
}

}  // namespace countersign
