// MLmodel, the description that MLflow 1, 2 and 3 put beside a model: a part of a snapshot.
//
// States the run, the version of Python, the inputs and when the model was logged (in UTC, by the
// field's name). Dependencies stand in conda.yaml and requirements.txt, which are imported as lock
// files. Source: github.com/mlflow/mlflow, mlflow/models/model.py.
#include "base/yaml.h"
#include "importers/fields.h"
#include "importers/formats.h"

namespace countersign {
namespace {

// "2024-10-29 07:39:02.032550", UTC.
Result<Time> CreatedAt(const Field& field) {
  std::string text = field.Text();
  if (const auto space = text.find(' '); space != std::string::npos) text[space] = 'T';
  auto time = ParseTime(text + "Z");
  if (time) return *time;
  return Wrong(field, "a time such as 2024-10-29 07:39:02.032550");
}

// JSON within the YAML: [{"name": "age", "type": "long"}, …]; inputs without names are tensors.
Result<std::vector<std::string>> InputNames(const Field& inputs) {
  std::vector<std::string> names;
  auto list = ParseJson(inputs.Text());
  if (!list || !list->is_array()) return Wrong(inputs, "a list of inputs as JSON");
  for (const Json& one : *list) {
    const std::string name = StringAt(one, "name");
    if (name.empty()) return std::vector<std::string>();
    names.push_back(name);
  }
  return names;
}

Status TakeInputs(const Field& root, ReproducibilitySnapshotSpec& snapshot,
                  std::vector<std::string>& notes) {
  const Field inputs = root.Get("signature").Get("inputs");
  if (!inputs.Is() || inputs.value->is_null()) {
    notes.emplace_back("no signature names the model's inputs: spec.features is left out");
    return {};
  }
  auto names = InputNames(inputs);
  if (!names) return Fail(names.error());
  for (const std::string& name : *names) {
    if (MatchesFormat(Format::kToken, name)) continue;
    notes.push_back("input '" + Excerpt(name) +
                    "' is not one word: spec.features is left out; give --features FILE");
    return {};
  }
  if (!names->empty()) snapshot.features = FeatureState{std::move(*names), {}};
  return {};
}

}  // namespace

Result<Imported> ImportMlModel(std::span<const ImportText> files,
                               const ImportOptions& /*options*/) {
  const ImportText& file = files.front();
  auto yaml = ParseYaml(file.text);
  if (!yaml) return Fail(Code::kInvalidArgument, yaml.error().message, file.name);
  const Field root = Root(*yaml, file);
  const Field flavors = root.Get("flavors");
  if (!flavors.Is() || !flavors.value->is_object()) {
    return Wrong(flavors, "the flavors of an MLmodel file");
  }
  Imported imported;
  ReproducibilitySnapshotSpec snapshot;
  imported.tool = "mlflow";
  imported.tool_version = root.Get("mlflow_version").Text();
  imported.run.id = root.Get("run_id").Text();
  if (imported.run.id.empty()) {
    imported.notes.emplace_back("the MLmodel names no run: nothing in it says how it was made");
  }
  if (const Field created = root.Get("utc_time_created"); created.Is()) {
    auto at = CreatedAt(created);
    if (!at) return Fail(at.error());
    imported.performed_at = *at;
  }
  const Field python = flavors.Get("python_function").Get("python_version");
  if (python.Is()) {
    // "3.8" unquoted is a number.
    const std::string version = python.value->is_number() ? DumpJson(*python.value) : python.Text();
    if (version.empty()) return Wrong(python, "the version of Python");
    imported.run.runtime = "Python " + version;
  }
  if (auto taken = TakeInputs(root, snapshot, imported.notes); !taken) return Fail(taken.error());
  imported.spec = std::move(snapshot);
  return imported;
}

}  // namespace countersign
