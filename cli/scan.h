// scan.h: what serves a model outside of Countersign's path, as `countersign scan` tells it.
//
// The guard's own judgement of what runs, with the objects that the command has read as facts.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/estate_source.h"
#include "cli/world.h"
#include "governance/serving/scan.h"

namespace countersign {

struct ScanScope {
  Time now{};
  GuardMode elsewhere = GuardMode::kWarn;  // namespaces in no environment
  std::string own_namespace;               // where Countersign runs
  std::string name_space{};                // what of the cluster is looked at; empty: all of it
  [[nodiscard]] bool Has(const std::string& ns) const {
    return name_space.empty() || name_space == ns;
  }
};

struct ScanLine {
  ScanFinding finding;
  GuardSetting setting;
  std::string guard;  // "Deny", "Warn", "Audit", or "exempt": it is not asked there
};

struct ScanReport {
  std::vector<ScanLine> found;
  std::vector<const ScannedObject*> suspected;
  std::size_t looked_at = 0;
  std::vector<std::string> not_looked_at;  // kinds, and ModelDeployments that cannot be read
  std::vector<std::string> assumptions;
};

// `estate` must outlive it.
[[nodiscard]] ScanReport MakeScan(const World& world, const Estate& estate, const ScanScope& scope);

// "oci://r/m@sha256:… and 1 more", "org/model (not pinned)", or "none named".
[[nodiscard]] std::string ModelsText(const Recognition& recognition);

[[nodiscard]] std::string ScanText(const ScanReport& report);
[[nodiscard]] Json ScanJson(const ScanReport& report);

}  // namespace countersign
