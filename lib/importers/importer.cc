#include "importers/importer.h"

#include <algorithm>

#include "base/json.h"
#include "importers/claims.h"
#include "importers/fields.h"
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
    {"mlflow-run",
     "MLflow run, a folder of the file store or JSON of `runs describe`: ReproducibilitySnapshot",
     ImportMlflowRun, false, true},
    {"mlmodel", "MLmodel of MLflow 1, 2 or 3: part of a ReproducibilitySnapshot", ImportMlModel},
    {"dvc-lock", "dvc.lock: part of a ReproducibilitySnapshot", ImportDvcLock},
    {"lock-file", "pip, uv, poetry, conda … lock file: part of a ReproducibilitySnapshot",
     ImportLockFile},
    {"k6", "end-of-test summary of k6 as JSON: LoadTest", ImportK6},
};

// Which formats look at an option; what none looks at must not be given, for it would be thought to
// count.
struct OptionUse {
  const char* flag;
  bool (*is_given)(const ImportOptions& options);
  std::span<const std::string_view> formats;
};

constexpr std::string_view kRows[] = {"predictions-csv", "predictions-jsonl"};
constexpr std::string_view kNamed[] = {"predictions-csv", "predictions-jsonl", "fairlearn",
                                       "aequitas"};
constexpr std::string_view kTests[] = {"predictions-csv", "predictions-jsonl", "fairlearn",
                                       "aequitas", "aif360"};
constexpr std::string_view kTables[] = {"fairlearn", "aequitas", "aif360"};
constexpr std::string_view kAif360[] = {"aif360"};
constexpr std::string_view kAequitas[] = {"aequitas"};
constexpr std::string_view kSnapshots[] = {"mlflow-run", "mlmodel", "dvc-lock", "lock-file"};
constexpr std::string_view kEvidently[] = {"evidently"};
constexpr std::string_view kShap[] = {"shap"};
constexpr std::string_view kBom[] = {"cyclonedx"};
constexpr std::string_view kCards[] = {"model-card-toolkit", "cyclonedx", "huggingface-card"};

using O = ImportOptions;
constexpr OptionUse kUses[] = {
    {"--label", [](const O& o) { return !o.label.empty(); }, kRows},
    {"--no-label", [](const O& o) { return o.no_label; }, kRows},
    {"--prediction", [](const O& o) { return !o.prediction.empty(); }, kRows},
    {"--score", [](const O& o) { return !o.score.empty(); }, kRows},
    {"--threshold", [](const O& o) { return !o.threshold.empty(); }, kRows},
    {"--selected", [](const O& o) { return !o.selected.empty(); }, kRows},
    {"--weight", [](const O& o) { return !o.weight.empty(); }, kRows},
    {"--classes", [](const O& o) { return o.classes; }, kRows},
    {"--favorable", [](const O& o) { return !o.favorable.empty(); }, kTests},
    {"--positive", [](const O& o) { return !o.positive.empty(); }, kTables},
    {"--attribute", [](const O& o) { return !o.attributes.empty(); }, kTests},
    {"--group", [](const O& o) { return !o.groups.empty(); }, kNamed},
    {"--missing", [](const O& o) { return !o.missing.empty(); }, kNamed},
    {"--unknown-group", [](const O& o) { return !o.unknown_group.empty(); }, kNamed},
    {"--bins", [](const O& o) { return !o.bins.empty(); }, kTests},
    {"--privileged", [](const O& o) { return !o.privileged.empty(); }, kAif360},
    {"--unprivileged", [](const O& o) { return !o.unprivileged.empty(); }, kAif360},
    {"--counted", [](const O& o) { return !o.counted.empty(); }, kAif360},
    {"--reference", [](const O& o) { return !o.reference.empty(); }, kAequitas},
    {"--rows-of", [](const O& o) { return !o.rows_of.empty(); }, kAequitas},
    {"--stage", [](const O& o) { return !o.stage.empty(); }, kSnapshots},
    {"--type", [](const O& o) { return !o.type.empty(); }, kEvidently},
    {"--output-class", [](const O& o) { return !o.output_class.empty(); }, kShap},
    {"--component", [](const O& o) { return !o.component.empty(); }, kBom},
    {"--section", [](const O& o) { return !o.sections.empty(); }, kCards},
    {"--unit", [](const O& o) { return !o.unit.empty(); }, kTests},
    {"--label-source", [](const O& o) { return !o.label_source.empty(); }, kTests},
    {"--label-window", [](const O& o) { return !o.label_window.empty(); }, kTests},
    {"--selection", [](const O& o) { return !o.selection.empty(); }, kTests},
};

Status CheckUses(const ImportFormat& format, const ImportOptions& options) {
  for (const OptionUse& use : kUses) {
    const bool used =
        std::find(use.formats.begin(), use.formats.end(), format.name) != use.formats.end();
    if (used || !use.is_given(options)) continue;
    std::string names;
    for (const std::string_view name : use.formats)
      names.append(names.empty() ? "" : ", ").append(name);
    return Fail(Code::kInvalidArgument,
                "does not go with " + std::string(format.name) + ", but with " + names, use.flag);
  }
  return {};
}

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
  if (auto used = CheckUses(format, options); !used) return Fail(used.error());
  for (const ImportText& file : files) {
    // XML says its own encoding.
    if (format.import == ImportJunit) break;
    if (auto text = CheckNotUtf16(file); !text) return Fail(Readable(text.error()));
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
