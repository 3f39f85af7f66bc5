// checks.h: whether a policy, a use case or a piece of evidence counts, in a sentence.
//
// Pure functions over the catalog, for StatusReconciler: what an object is worth for a particular
// deployment is for evaluation to say, and stands in that deployment's status.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "catalog/catalog.h"
#include "operator/status_reconciler.h"

namespace countersign {

// `catalog` and `clock` must outlive the functions.
// Also says whether a version is in force, why, and whether it may go when it is deleted; and by
// `gap` whether admission asks about everything that policies are about: nullopt if nobody
// looks, empty if so, else what is missing.
using AdmissionGap = std::function<std::optional<std::string>()>;
// Of one in force that puts `own_namespace` in an environment it says that nobody is asked there.
[[nodiscard]] Check CheckPolicy(const Catalog& catalog, Clock& clock, AdmissionGap gap,
                                std::string own_namespace);
// Also says the classes, whether the answers count, and their digest.
[[nodiscard]] Check CheckUseCase(const Catalog& catalog);
[[nodiscard]] Check CheckSignOff(const Catalog& catalog);
[[nodiscard]] Check CheckSnapshot(const Catalog& catalog);
[[nodiscard]] Check CheckBiasTest(const Catalog& catalog);
[[nodiscard]] Check CheckReport(const Catalog& catalog);
[[nodiscard]] Check CheckWaiver(const Catalog& catalog);
// Whether a ModelRecord is what the operator wrote.
[[nodiscard]] Check CheckRecord(const Catalog& catalog);
// An incident counts whoever raised it.
[[nodiscard]] Check CheckIncident(const Catalog& catalog);

}  // namespace countersign
