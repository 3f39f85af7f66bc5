// formats.h: the importers, one a format. For importer.cc and tests.
//
// docs/importing.md says of each which fields go where, what is asked for and what is refused.
#pragma once

#include "importers/importer.h"

namespace countersign {

// A row a person: with a header as CSV (RFC 4180), or an object a line.
[[nodiscard]] Result<Imported> ImportPredictionsCsv(std::span<const ImportText> files,
                                                    const ImportOptions& options);
[[nodiscard]] Result<Imported> ImportPredictionsJsonLines(std::span<const ImportText> files,
                                                          const ImportOptions& options);
// `MetricFrame.by_group` of Fairlearn as pandas writes it: orient table, records, split or index.
[[nodiscard]] Result<Imported> ImportFairlearn(std::span<const ImportText> files,
                                               const ImportOptions& options);
// One metric of AIF360's MetricJSONExplainer.
[[nodiscard]] Result<Imported> ImportAif360(std::span<const ImportText> files,
                                            const ImportOptions& options);
// The crosstab of Aequitas, with or without disparities.
[[nodiscard]] Result<Imported> ImportAequitas(std::span<const ImportText> files,
                                              const ImportOptions& options);
// One answer of TrustyAI's metric endpoints.
[[nodiscard]] Result<Imported> ImportTrustyAi(std::span<const ImportText> files,
                                              const ImportOptions& options);
// Parts of a snapshot: MLflow's run folder, MLmodel, dvc.lock, lock files by their name.
[[nodiscard]] Result<Imported> ImportMlflowRun(std::span<const ImportText> files,
                                               const ImportOptions& options);
[[nodiscard]] Result<Imported> ImportMlModel(std::span<const ImportText> files,
                                             const ImportOptions& options);
[[nodiscard]] Result<Imported> ImportDvcLock(std::span<const ImportText> files,
                                             const ImportOptions& options);
[[nodiscard]] Result<Imported> ImportLockFile(std::span<const ImportText> files,
                                              const ImportOptions& options);
// Data quality and drift.
[[nodiscard]] Result<Imported> ImportEvidently(std::span<const ImportText> files,
                                               const ImportOptions& options);
[[nodiscard]] Result<Imported> ImportGreatExpectations(std::span<const ImportText> files,
                                                       const ImportOptions& options);
// Explanations.
[[nodiscard]] Result<Imported> ImportShap(std::span<const ImportText> files,
                                          const ImportOptions& options);
[[nodiscard]] Result<Imported> ImportPermutationImportance(std::span<const ImportText> files,
                                                           const ImportOptions& options);
// Model cards.
[[nodiscard]] Result<Imported> ImportModelCardToolkit(std::span<const ImportText> files,
                                                      const ImportOptions& options);
[[nodiscard]] Result<Imported> ImportCycloneDx(std::span<const ImportText> files,
                                               const ImportOptions& options);
[[nodiscard]] Result<Imported> ImportHuggingFaceCard(std::span<const ImportText> files,
                                                     const ImportOptions& options);
// JUnit XML as pytest, Maven, Gradle, Jest and googletest write it.
[[nodiscard]] Result<Imported> ImportJunit(std::span<const ImportText> files,
                                           const ImportOptions& options);
// `k6 run --summary-export`, or the `data` of handleSummary().
[[nodiscard]] Result<Imported> ImportK6(std::span<const ImportText> files,
                                        const ImportOptions& options);

}  // namespace countersign
