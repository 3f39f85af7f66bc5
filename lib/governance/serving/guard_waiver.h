// guard_waiver.h: whether a waiver excepts a model from having to be served as a ModelDeployment.
//
// It is judged like any other waiver (waivers.h): authentic, within the policy's limits, signed off
// by others, its controls shown. Pure.
#pragma once

#include <string>
#include <string_view>

#include "governance/facts.h"

namespace countersign {

// What such a waiver lists in spec.measures, and a policy in spec.waivers.never to allow none.
inline constexpr std::string_view kShadowMeasure = "shadow-deployment";

struct ShadowWaiver {
  bool active = false;
  std::string why_not;
  bool emergency = false;  // active although nobody has signed it off
  std::string text = {};   // when active: until when, and who closes it
};

// `facts` are those of the waiver's use case.
[[nodiscard]] ShadowWaiver JudgeShadowWaiver(const GovernancePolicy& policy,
                                             const PolicyEnvironment& environment,
                                             const Facts& facts, const AttestedWaiver& waiver);

}  // namespace countersign
