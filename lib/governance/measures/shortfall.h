// shortfall.h: everything that a report does not say, and the worst of it. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "governance/decision.h"

namespace countersign {

struct Shortfall {
  GateState state = GateState::kPassed;
  std::string reason;  // of the worst
  std::vector<std::string> texts;
  std::string path;                   // of the deployment, if a field of it is at fault
  std::optional<Time> passes_from;    // when time alone will cure it
  std::optional<Time> holds_until;    // when what else it relied on gets, or got, too old
  std::vector<EvidenceRef> evidence;  // what else it relied on

  void Add(GateState worse, std::string code, std::string text) {
    if (worse > state) {
      state = worse;
      reason = std::move(code);
    }
    texts.push_back(std::move(text));
  }
};

}  // namespace countersign
