// explanation.h: a ModelDeployment's status in words: what holds it, and what to do next.
//
// Reads status leniently: it may come from another version of the operator. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace countersign {

// A ConfigMap that the deployment lists.
struct ListedConfig {
  std::string name;
  std::string wanted;  // digest in spec.serving.config
  std::string found;   // digest of its content now; empty when it could not be read
  std::string problem;
};

struct Explanation {
  Json deployment;              // as the API server gave it
  std::string governed_digest;  // of its spec
  std::vector<ListedConfig> configs;
};

// Whether the status is about the spec as it is now.
[[nodiscard]] bool IsObserved(const Json& deployment);
// What cures the gates that do not pass, each once, in the order of the gates.
[[nodiscard]] std::vector<std::string> NextSteps(const Explanation& explanation);

[[nodiscard]] std::string ExplanationText(const Explanation& explanation);
[[nodiscard]] Json ExplanationJson(const Explanation& explanation);

}  // namespace countersign
