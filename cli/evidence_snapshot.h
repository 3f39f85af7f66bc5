// evidence_snapshot.h: a snapshot from what files say of a run, and what people add to it.
#pragma once

#include <string>
#include <vector>

#include "cli/release.h"
#include "importers/importer.h"

namespace countersign {

// `said` is what people give: code, runtime, hardware, data …, as for a release. Data that a
// pipeline recorded must be the files of its record; `dvc_cache` is where DVC lists those of
// folders, if not around its dvc.lock. Reads files.
[[nodiscard]] Result<ReproducibilitySnapshotSpec> CompleteSnapshot(const Imported& imported,
                                                                   const ReleaseSpec& said,
                                                                   const ReleaseFrame& frame,
                                                                   const std::string& dvc_cache,
                                                                   std::vector<std::string>& notes);

}  // namespace countersign
