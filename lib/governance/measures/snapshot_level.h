// snapshot_level.h: what a level of reproducibility asks of a snapshot (R3.1), and what makes a run
// the repetition of another. Pure. The table of docs/concepts.md, "reproducibility", is these
// rules.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "governance/types/policy.h"
#include "governance/types/reproducibility_snapshot.h"

namespace countersign {

// What `level` asks for and `spec` lacks, as field paths with reasons.
[[nodiscard]] std::vector<std::string> GapsOf(const ReproducibilitySnapshotSpec& spec,
                                              ReproducibilityLevel level);

// Which data set the model was tested on that it was trained on as well; empty: none. Results on
// known data say nothing, whatever the level.
[[nodiscard]] std::string TestedOnTraining(const ReproducibilitySnapshotSpec& spec);

// Why `copy` is no repetition of `original`, which resulted in `model`; empty if it is one. Equal
// digests need no tolerance; without one, other digests differ whatever their metrics.
[[nodiscard]] std::string WhyNoRepetition(const ReproducibilitySnapshotSpec& original,
                                          const ReproducibilitySnapshotSpec& copy,
                                          const ModelDigest& model,
                                          const std::optional<Decimal>& tolerance);

}  // namespace countersign
