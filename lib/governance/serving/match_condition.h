// match_condition.h: the table's signs as CEL, so that ordinary workloads never reach the webhook.
//
// What is recognised passes the expression; the expression may let more through than that, never
// less. Objects of groups other than core, apps and batch always pass. Pure.
#pragma once

#include <string>

#include "governance/serving/profiles.h"

namespace countersign {

[[nodiscard]] std::string ServingMatchExpression(const ServingSignals& signals);

// A text in a CEL string literal.
[[nodiscard]] std::string CelLiteral(std::string_view text);

}  // namespace countersign
