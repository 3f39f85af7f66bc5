// waivers.h: the one place that says whether a waiver is active (R3, "Waiver" of the design).
//
// A waiver lets one model pass named measures of one policy in one environment until it expires.
// It counts when it is authentic, within the policy's limits, and signed off as the policy asks by
// people other than whoever asked for it, the use case's owner, developers and author. Webhook,
// operator and CLI reach it through Evaluate. Pure.
#pragma once

#include <optional>
#include <string>

#include "governance/measures/context.h"

namespace countersign {

struct WaiverJudgement {
  bool active = false;
  bool emergency = false;  // active although nobody has signed it off
  std::string reason;      // upper-camel code of why it is not, or "Waived", "EmergencyWaived"
  std::string text;        // for people
  std::string remedy;      // when not active
  std::vector<EvidenceRef> evidence;
  std::optional<Time> valid_until;
};

// Judges one waiver for the measure of `context`, at context.facts.now.
[[nodiscard]] WaiverJudgement JudgeWaiver(const Context& context, const AttestedWaiver& waiver);

// `gate` as the waivers at hand leave it: Waived, with what it would have been, when one of them is
// active; else as it was, with a word about those that name it and do not count. A gate that passes
// is left alone, and so is one that no other object can cure.
[[nodiscard]] Gate ApplyWaivers(const Context& context, Gate gate);

}  // namespace countersign
