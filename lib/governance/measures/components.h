// components.h: the measure `components`: what a model is put together from, and how firmly its
// hosted parts are named. It looks at the ModelDeployment alone. Pure.
#pragma once

#include "governance/measures/context.h"

namespace countersign {

// A model without components is one part, of role BaseModel.
[[nodiscard]] Gate ComponentsGate(const Context& context, const ComponentsRequirement& requirement);

}  // namespace countersign
