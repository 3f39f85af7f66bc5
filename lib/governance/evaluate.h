// evaluate.h: the centre: policies and facts in, decision out.
//
// Pure and deterministic: no I/O, no clock, no globals; equal arguments give equal decisions.
// Webhook, operator and CLI call this one function. Safe from any thread.
#pragma once

#include "governance/decision.h"
#include "governance/facts.h"

namespace countersign {

[[nodiscard]] Decision Evaluate(const PolicySet& policies, const Facts& facts);

}  // namespace countersign
