// conditions.h: what an approval with conditions still waits for. Pure.
#pragma once

#include <optional>
#include <string>

#include "governance/measures/sign_off_subject.h"

namespace countersign {

struct OpenConditions {
  std::optional<Time> due;  // the earliest of them; the approval counts until then
  std::string text;         // "'drift-alarm' is due by …: Alarms reach the desk", earliest first
};

// A condition is fulfilled by the latest report of its type, made since the approval about this
// model or the use case by somebody whom the approver believes, if all its claims hold: a later
// report that fails opens it again. Nothing is open in an approval without conditions.
[[nodiscard]] OpenConditions OpenConditionsOf(const SignOffContext& context,
                                              const AttestedSignOff& approval);

}  // namespace countersign
