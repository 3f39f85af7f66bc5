// admit.h: from a decision to the answer of admission, with the rule that what is unchanged is
// never refused. Pure.
//
// Ratcheting: an update that leaves the governed digest as it was changes nothing about what
// serves, so a policy that became stricter, or evidence that expired, must not make it fail:
// controllers and GitOps tools re-apply unchanged objects all the time. It is let through with
// warnings, and the operator acts as the measures say. Dry run is answered like the real thing.
#pragma once

#include <string>
#include <vector>

#include "governance/decision.h"

namespace countersign {

struct Admission {
  bool allowed = false;
  bool ratcheted = false;             // let through only because nothing governed changed
  std::string message;                // of a refusal
  std::vector<std::string> warnings;  // of any length, most important first
};

// Of one answer the API server passes on 4096 characters of warnings, and cuts each to 256 where
// there are more (k8s.io/apiserver, endpoints/filters/warning.go). Others warn beside us.
inline constexpr std::size_t kMaxWarnings = 14;
inline constexpr std::size_t kMaxWarningBytes = 250;

// As they are sent: each at most kMaxWarningBytes in one line, at most kMaxWarnings. What is longer
// goes on in the next, after "…", from a word on; where there is no room for that it ends in "...",
// and the last one says how many are left out.
[[nodiscard]] std::vector<std::string> WarningLines(const std::vector<std::string>& warnings);

// Argo CD and Flux copy messages into their own status: keep it within 2 KiB.
inline constexpr std::size_t kMaxRefusalBytes = 2048;

// `subject` is "namespace/name"; `governed_unchanged` says that this updates an existing object
// without changing its governed digest.
[[nodiscard]] Admission Admit(const Decision& decision, const std::string& subject,
                              bool governed_unchanged);

}  // namespace countersign
