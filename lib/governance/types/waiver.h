// waiver.h: a time-bound exception from named measures for one model in one environment. See
// object.h for threads.
#pragma once

#include <string>
#include <vector>

#include "governance/types/common.h"
#include "governance/types/object.h"

namespace countersign {

struct WaiverSpec {
  static constexpr std::string_view kKind = "Waiver";
  std::string use_case;
  std::string policy;
  std::string environment;
  ModelDigest model;
  std::vector<std::string> measures;
  std::string reason;
  std::string ticket;
  std::string compensating_control;
  Time expires_at{};
  bool emergency = false;
};
using Waiver = Object<WaiverSpec>;

}  // namespace countersign
