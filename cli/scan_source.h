// scan_source.h: what `scan` and `adopt` look at, and the flags that say how.
#pragma once

#include <string>
#include <vector>

#include "cli/estate_source.h"
#include "cli/scan.h"
#include "cli/world_source.h"

namespace countersign {

struct ScanSourceFlags {
  std::string serving_profiles;
  std::string elsewhere = "Warn";
  std::string own_namespace = "countersign-system";
  std::string now;
  StampFlags stamps;
};

void AddScanSourceFlags(CLI::App& command, ScanSourceFlags& flags);

struct Scanned {
  SourcedWorld sourced;
  Estate estate;
  ScanScope scope;
};

// From `files`, or from the cluster if there are none: everywhere, or in --namespace.
[[nodiscard]] Result<Scanned> ReadScan(const std::vector<std::string>& files,
                                       const ScanSourceFlags& flags, const Global& global);

}  // namespace countersign
