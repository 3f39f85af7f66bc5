// predecessor.h: whether a model that came before is fit for the next one to rest on it: it ran
// healthily in this environment, and is neither rejected nor quarantined. Pure.
#pragma once

#include <optional>
#include <string>

#include "governance/measures/context.h"

namespace countersign {

// Why it may not: a code for programs, a sentence for people.
struct Obstacle {
  std::string reason;
  std::string why;
};

// That somebody who holds the role in which they rejected a revision of it has not changed their
// mind, in whatever environment.
[[nodiscard]] std::optional<Obstacle> WhyRejected(const Context& context, const ModelDigest& model);

// Needs spec.changes of the policy.
[[nodiscard]] std::optional<Obstacle> WhyUnfit(const Context& context, const ModelDigest& model);

}  // namespace countersign
