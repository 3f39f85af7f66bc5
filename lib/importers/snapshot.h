// snapshot.h: one snapshot from what several files say of it. Pure.
#pragma once

#include "importers/importer.h"

namespace countersign {

// Adds what `part` says to `whole`; both hold a ReproducibilitySnapshotSpec. Where they contradict
// each other (run, commit, command, a parameter or metric) it is an error that names both; `from`
// is what the part is called.
[[nodiscard]] Status MergeSnapshot(Imported& whole, const Imported& part, const std::string& from);

}  // namespace countersign
