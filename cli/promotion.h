// promotion.h: the next environment's ModelDeployment from the present one's.
//
// What is promoted is the spec as it stands: same model, same pods, same rules. Name and spec are
// kept; labels and annotations, which say who applied the present one, are not. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/world.h"
#include "governance/decision.h"

namespace countersign {

struct PromotionRequest {
  std::string environment;  // to promote to
  std::string name_space;   // of the new object; empty: the only one that it can be
};

// The namespace to deploy to. Each policy that the deployment is under must have the environment
// right after the present one, or keep the deployment in the environment that it is in: no
// environment is skipped. Errors say what comes next, or which namespaces there are to choose from.
[[nodiscard]] Result<std::string> PromotionNamespace(const World& world,
                                                     const World::Deployment& deployment,
                                                     const PromotionRequest& request);

// The manifest in `name_space`.
[[nodiscard]] Json PromotedManifest(const World::Deployment& deployment,
                                    const std::string& name_space);

// How the manifest would be judged with what `world` has; nobody is taken to have applied it. Its
// remedies sign it as FILE: it is kept where whoever asked keeps it, and stored nowhere yet.
[[nodiscard]] Result<Decision> JudgePromoted(const World& world, const Json& manifest, Time now);

// What the next environment asks for, and what is still missing.
[[nodiscard]] std::string PromotionText(const Decision& decision, const std::string& subject);

}  // namespace countersign
