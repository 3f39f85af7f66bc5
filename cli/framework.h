// framework.h: a regulation or standard as data: its controls, and what of a policy meets each.
//
// `kind: Framework` (examples/frameworks, docs/frameworks.md). The program carries those files; an
// organisation may bring its own. Decoding is strict; errors name file and path.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/describe.h"

namespace countersign {

// When a control is about a deployment. Empty: always.
struct FrameworkApplies {
  std::vector<std::string> classes;                         // of the policy
  std::map<std::string, std::vector<std::string>> answers;  // question to options
  [[nodiscard]] bool Always() const { return classes.empty() && answers.empty(); }
};

// One thing that can meet a control. Exactly one of require, check and policy_has, except that a
// check may also ask for a part of the policy.
struct FrameworkMatch {
  std::string require;  // member of measures[].require
  // Member of that requirement to values of which it has one; where it is a list, it has them all.
  std::map<std::string, std::vector<std::string>> where;
  std::string signer_level;  // "Strategic": level of the role that signs off
  std::string check;         // a built-in gate, or "classification"
  std::string policy_has;    // "ethics/prohibitedPurposes": not empty in the policy
};

struct Control {
  std::string id;
  std::string title;
  std::string cite;
  std::string source;   // how its text was at hand; empty: as the framework's
  std::string asks;     // one sentence
  std::string outside;  // what to look at instead: the control is about the organisation
  std::optional<FrameworkApplies> applies;
  std::vector<FrameworkMatch> met_by;
};

struct Framework {
  std::string name;
  std::string title;
  std::string edition;
  std::string source;
  std::string note;
  FrameworkApplies applies;  // of the controls that say nothing else
  std::vector<Control> controls;
};

// The answers are signed off and certain: judged by evaluation, but not a gate of its own.
inline constexpr std::string_view kClassificationCheck = "classification";

[[nodiscard]] std::vector<std::string> FrameworkNames();
// One that the program carries, or a file: a text with '/' or ending in ".yaml".
[[nodiscard]] Result<Framework> LoadFramework(const std::string& name_or_file);

}  // namespace countersign
