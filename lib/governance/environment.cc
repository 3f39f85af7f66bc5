#include "governance/environment.h"

#include <algorithm>

namespace countersign {

bool GlobMatches(std::string_view pattern, std::string_view text) {
  // Greedy with one point to come back to: linear in practice, no recursion.
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::vector<const PolicyEnvironment*> EnvironmentsOf(const GovernancePolicySpec& policy,
                                                     const std::string& name_space) {
  std::vector<const PolicyEnvironment*> exact;
  std::vector<const PolicyEnvironment*> matching;
  for (const PolicyEnvironment& e : policy.environments) {
    if (std::find(e.namespaces.begin(), e.namespaces.end(), name_space) != e.namespaces.end()) {
      exact.push_back(&e);
    } else if (std::any_of(e.namespaces.begin(), e.namespaces.end(),
                           [&](const auto& pattern) { return GlobMatches(pattern, name_space); })) {
      matching.push_back(&e);
    }
  }
  return exact.empty() ? matching : exact;
}

bool IsSandbox(const GovernancePolicySpec& policy, const PolicyEnvironment& e) {
  return !policy.environments.empty() && &policy.environments.front() == &e &&
         e.enforcement < Enforcement::kHold;
}

GuardMode GuardModeOf(const PolicyEnvironment& e) {
  if (e.guard) return e.guard->mode;
  if (e.enforcement >= Enforcement::kHold) return GuardMode::kDeny;
  return e.enforcement == Enforcement::kWarn ? GuardMode::kWarn : GuardMode::kAudit;
}

}  // namespace countersign
