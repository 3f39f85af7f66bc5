// barred.h: what no more evidence makes serve. Pure.
#pragma once

#include "governance/decision.h"

namespace countersign {

// A gate that an administrator's or a policy's word alone has failed and that asks for Rollback or
// Suspend: no signature that verifies could make it pass. Null if there is none; else it points
// into `decision`.
[[nodiscard]] const Gate* Barred(const Decision& decision);

}  // namespace countersign
