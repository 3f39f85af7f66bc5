// dvc.lock, schema 2.0: a part of a snapshot: command, parameters and data of one stage.
//
// DVC identifies data by MD5, which proves nothing; the files are digested again where they are
// given (--data), and must have the size and MD5 that the stage had. Source:
// github.com/iterative/dvc, dvc/schema.py.
#include <filesystem>

#include "base/yaml.h"
#include "importers/fields.h"
#include "importers/formats.h"

namespace countersign {
namespace {

Result<Field> StageOf(const Field& root, const ImportOptions& options) {
  const Field stages = root.Get("stages");
  if (root.Get("schema").Text() != "2.0") return Wrong(root.Get("schema"), "'2.0'");
  if (!stages.Is() || !stages.value->is_object() || stages.value->empty()) {
    return Wrong(stages, "the stages of a pipeline");
  }
  if (!options.stage.empty()) {
    const Field stage = stages.Get(options.stage);
    if (stage.Is() && stage.value->is_object()) return stage;
  } else if (stages.value->size() == 1) {
    return stages.Get(stages.value->begin().key());
  }
  std::string names;
  for (auto it = stages.value->begin(); it != stages.value->end(); ++it) {
    names += (names.empty() ? "" : ", ") + it.key();
  }
  return Fail(Code::kInvalidArgument,
              "must be the stage that trained the model: " + Excerpt(names, 512), "--stage");
}

// One command, or several that run in turn.
Result<std::string> CommandOf(const Field& cmd) {
  if (!cmd.Text().empty()) return cmd.Text();
  std::string all;
  for (std::size_t i = 0; cmd.At(i).Is(); ++i) {
    if (cmd.At(i).Text().empty()) return Wrong(cmd.At(i), "a command");
    all += (all.empty() ? "" : " && ") + cmd.At(i).Text();
  }
  if (all.empty()) return Wrong(cmd, "the stage's command");
  return all;
}

Status TakeData(const Field& list, const std::string& folder, ImportedRun& run) {
  for (std::size_t i = 0; list.At(i).Is(); ++i) {
    const Field one = list.At(i);
    const std::string path = one.Get("path").Text();
    if (path.empty()) return Wrong(one.Get("path"), "a path");
    const std::string md5 = one.Get("md5").Text();
    if (md5.empty()) continue;  // of another hash, such as an ETag
    ImportedData data{md5, std::nullopt, folder};
    if (const Field size = one.Get("size"); size.Is()) {
      auto bytes = size.Count();
      if (!bytes) return Fail(bytes.error());
      data.size = *bytes;
    }
    run.data[path] = std::move(data);
  }
  return {};
}

// "params.yaml: {train.depth: 4}": by the key alone, unless two files have it.
Status TakeParameters(const Field& files, ReproducibilitySnapshotSpec& snapshot) {
  if (!files.Is()) return {};
  if (!files.value->is_object()) return Wrong(files, "parameters by file");
  for (auto file = files.value->begin(); file != files.value->end(); ++file) {
    if (!file->is_object()) return Wrong(files.Get(file.key()), "parameters");
    for (auto one = file->begin(); one != file->end(); ++one) {
      const std::string text = one->is_string() ? one->get<std::string>() : DumpJson(*one);
      if (!snapshot.parameters.emplace(one.key(), text).second) {
        snapshot.parameters[file.key() + ":" + one.key()] = text;
      }
    }
  }
  return {};
}

}  // namespace

Result<Imported> ImportDvcLock(std::span<const ImportText> files, const ImportOptions& options) {
  const ImportText& file = files.front();
  auto yaml = ParseYaml(file.text);
  if (!yaml) return Fail(Code::kInvalidArgument, yaml.error().message, file.name);
  auto stage = StageOf(Root(*yaml, file), options);
  if (!stage) return Fail(stage.error());
  Imported imported;
  imported.tool = "dvc";
  auto command = CommandOf(stage->Get("cmd"));
  if (!command) return Fail(command.error());
  imported.run.entry_point = std::move(*command);
  ReproducibilitySnapshotSpec snapshot;
  if (auto taken = TakeParameters(stage->Get("params"), snapshot); !taken) {
    return Fail(taken.error());
  }
  const std::string folder = std::filesystem::path(file.name).parent_path().generic_string();
  for (const char* part : {"deps", "outs"}) {
    if (auto taken = TakeData(stage->Get(part), folder, imported.run); !taken) {
      return Fail(taken.error());
    }
  }
  imported.spec = std::move(snapshot);
  return imported;
}

}  // namespace countersign
