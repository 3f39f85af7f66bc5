// framework_report.h: how deployments stand towards a regulation's controls.
//
// Each deployment is decided by Evaluate, as everywhere; a control is then judged by the gates of
// the measures that could meet it. Where no policy asks for any, that is a gap, not a pass: nobody
// has looked. Pure.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/framework.h"
#include "cli/world.h"
#include "governance/decision.h"

namespace countersign {

// From good to bad. Those from kExpired on are gaps.
enum class ControlState {
  kMet,
  kWaived,         // by waivers that hold
  kNotApplicable,  // not about this deployment
  kOutside,        // about the organisation; nothing here can show it
  kExpired,
  kInsufficient,
  kNotMet,
  kNoMeasure,  // no policy asks for what would meet it
};
[[nodiscard]] std::string_view ControlStateName(ControlState state);
[[nodiscard]] constexpr bool IsGap(ControlState state) { return state >= ControlState::kExpired; }

// What bears on a control: the gate of a measure, a check, or a part of the policy.
struct ControlBasis {
  std::string name;  // "policy/measure"
  GateState state = GateState::kMissing;
  std::string message;
  std::string remedy;
  std::optional<Time> valid_until;
  std::vector<EvidenceRef> evidence;
};

struct ControlResult {
  const Control* control = nullptr;
  ControlState state = ControlState::kNoMeasure;
  std::string because;  // why it applies or not, or what is missing
  std::vector<ControlBasis> basis;
};

struct DeploymentReport {
  std::string name;      // "namespace/name"
  std::string use_case;  // likewise
  Model model;
  std::string environment;  // as its policies call it
  std::vector<std::string> classes;
  std::string governed_digest;
  std::vector<PolicyRef> policies;  // that were asked, by name
  Verdict verdict = Verdict::kDeny;
  std::string fault;  // why its measures could not be evaluated; empty: they were
  std::vector<ControlResult> controls;
  [[nodiscard]] std::size_t Count(ControlState state) const;
  [[nodiscard]] std::size_t Gaps() const;
};

struct ReportScope {
  std::string use_case;                   // "namespace/name"; empty: all
  std::vector<std::string> environments;  // empty: all
};

struct FrameworkReport {
  std::shared_ptr<const Framework> framework;  // what `control` of the results points into
  Time at{};
  std::vector<DeploymentReport> deployments;  // by name
  std::size_t left_out = 0;                   // deployments that the scope leaves out
  std::vector<std::string> unreadable;        // deployments that could not be judged
  std::vector<std::string> assumptions;
  [[nodiscard]] std::size_t Gaps() const;
  [[nodiscard]] bool Complete() const;  // everything could be evaluated
};

// `report.framework` is set; fills in `deployments` and `left_out` as of `report.at`: evidence that
// was first seen later does not count. Policies and deployments are as they stand.
void JudgeControls(const World& world, const ReportScope& scope, FrameworkReport& report);

}  // namespace countersign
