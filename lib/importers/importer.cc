#include "importers/importer.h"

#include <algorithm>

#include "base/json.h"
#include "importers/claims.h"
#include "importers/formats.h"

namespace countersign {
namespace {

constexpr ImportFormat kFormats[] = {
    {"predictions-csv", "predictions, a row a person, as CSV: BiasTest", ImportPredictionsCsv},
    {"predictions-jsonl", "predictions, a JSON object a line: BiasTest",
     ImportPredictionsJsonLines},
    {"fairlearn", "MetricFrame.by_group of Fairlearn as JSON: BiasTest", ImportFairlearn},
    {"aif360", "a metric explained by AIF360 as JSON: BiasTest", ImportAif360},
    {"aequitas", "crosstab of Aequitas as CSV: BiasTest", ImportAequitas},
    {"trustyai", "answer of TrustyAI's metrics as JSON: Evidence of type FairnessMetric",
     ImportTrustyAi},
    {"junit", "test results as JUnit XML: Verification", ImportJunit, true},
    {"evidently", "report of Evidently as JSON: Evidence of type DataDrift, or DataQuality",
     ImportEvidently},
    {"great-expectations", "validation result of Great Expectations as JSON: DataQuality",
     ImportGreatExpectations},
    {"shap", "SHAP values with feature_names as JSON: Explainability", ImportShap},
    {"permutation-importance", "permutation importance of scikit-learn as JSON: Explainability",
     ImportPermutationImportance},
    {"model-card-toolkit", "model card of Google's toolkit as JSON: Documentation",
     ImportModelCardToolkit},
    {"cyclonedx", "CycloneDX ML-BOM as JSON: Documentation", ImportCycloneDx},
    {"huggingface-card", "model card of Hugging Face, README.md: Documentation",
     ImportHuggingFaceCard},
    {"mlflow-run", "folder of an MLflow run (file store): ReproducibilitySnapshot", ImportMlflowRun,
     false, true},
    {"mlmodel", "MLmodel of MLflow 1, 2 or 3: part of a ReproducibilitySnapshot", ImportMlModel},
    {"dvc-lock", "dvc.lock: part of a ReproducibilitySnapshot", ImportDvcLock},
    {"lock-file", "pip, uv, poetry, conda … lock file: part of a ReproducibilitySnapshot",
     ImportLockFile},
    {"k6", "end-of-test summary of k6 as JSON: LoadTest", ImportK6},
};

// What a file had instead of text must not get into a message.
Error Readable(Error error) {
  for (std::string* text : {&error.message, &error.path}) {
    const auto clean = ParseJson(DumpJson(Json(*text)));
    *text = clean ? clean->get<std::string>() : "cannot be shown";
  }
  return error;
}

}  // namespace

std::span<const ImportFormat> ImportFormats() { return kFormats; }

const ImportFormat* FindImportFormat(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(kFormats), std::end(kFormats),
                   [&](const ImportFormat& format) { return format.name == name; });
  return found == std::end(kFormats) ? nullptr : found;
}

Result<Imported> Import(const ImportFormat& format, std::span<const ImportText> files,
                        const ImportOptions& options) {
  if (files.empty()) return Fail(Code::kInvalidArgument, "is required", "FILE");
  if (files.size() > 1 && !format.several && !format.folder) {
    return Fail(Code::kInvalidArgument,
                "format " + std::string(format.name) + " is read from one file, got " +
                    std::to_string(files.size()),
                "FILE");
  }
  auto imported = format.import(files, options);
  if (!imported) return Fail(Readable(imported.error()));
  auto* evidence = std::get_if<EvidenceSpec>(&imported->spec);
  if (evidence == nullptr) {
    if (options.claims.empty()) return imported;
    return Fail(Code::kInvalidArgument, "goes with Evidence; this format has no claims", "--claim");
  }
  if (auto added = AddClaims(options.claims, *evidence); !added) return Fail(added.error());
  return imported;
}

}  // namespace countersign
