#include "cli/mlflow_run.h"

#include <filesystem>
#include <sstream>
#include <system_error>
#include <tuple>

#include "base/json.h"
#include "base/yaml.h"
#include "cli/files.h"

namespace countersign {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kFinished = 3;  // RunStatus.FINISHED of mlflow's protocol
constexpr std::size_t kMaxEntries = 10'000;

// Name (with slashes) to content. No folder: nothing was recorded.
Result<std::map<std::string, std::string>> ReadEntries(const fs::path& folder) {
  std::map<std::string, std::string> entries;
  std::error_code error;
  if (!fs::exists(folder, error)) return entries;
  fs::recursive_directory_iterator it(folder, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (!it->is_regular_file(error) || it->is_symlink(error)) continue;
    auto text = ReadTextFile(it->path().string());
    if (!text) return Fail(text.error());
    if (entries.size() == kMaxEntries) {
      return Fail(Code::kInvalidArgument, "'" + folder.string() + "' has more than 10000 entries");
    }
    entries[it->path().lexically_relative(folder).generic_string()] = std::move(*text);
  }
  if (error) {
    return Fail(Code::kUnavailable, "cannot read '" + folder.string() + "': " + error.message());
  }
  return entries;
}

// A metric's file has a line "timestamp value step" a report.
Result<std::string> LastValue(const std::string& text, const std::string& path) {
  std::istringstream in(text);
  std::string line;
  std::tuple<std::int64_t, std::int64_t> latest{-1, -1};
  std::string last;
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::int64_t timestamp = 0;
    std::int64_t step = 0;
    std::string value;
    if (!(fields >> timestamp >> value)) {
      return Fail(Code::kInvalidArgument,
                  "must have lines 'timestamp value step', has '" + Excerpt(line) + "'", path);
    }
    fields >> step;  // older stores have none
    if (std::tuple(step, timestamp) < latest) continue;
    latest = {step, timestamp};
    last = value;
  }
  if (last.empty()) return Fail(Code::kInvalidArgument, "has no value", path);
  return last;
}

std::string Entry(const std::map<std::string, std::string>& entries, const std::string& name) {
  const auto it = entries.find(name);
  return it == entries.end() ? std::string() : it->second;
}

}  // namespace

Result<MlflowRun> ReadMlflowRun(const std::string& folder) {
  const std::string meta_path = (fs::path(folder) / "meta.yaml").string();
  auto text = ReadTextFile(meta_path);
  if (!text) {
    return Fail(Code::kNotFound,
                "must be the folder of an MLflow run, with meta.yaml: " + text.error().message,
                "--run");
  }
  auto meta = ParseYaml(*text);
  if (!meta) return Fail(Code::kInvalidArgument, meta.error().message, meta_path);
  const Json* status = Find(*meta, "status");
  const bool finished = status != nullptr && (IntAt(*meta, "status") == kFinished ||
                                              StringAt(*meta, "status") == "FINISHED");
  if (!finished) {
    return Fail(Code::kFailedPrecondition,
                "must be a run that has finished (3), is " +
                    (status == nullptr ? "unknown" : DumpJson(*status)),
                meta_path + ": status");
  }
  const std::int64_t ended = IntAt(*meta, "end_time");
  if (ended <= 0) {
    return Fail(Code::kInvalidArgument, "must be when the run ended, in milliseconds",
                meta_path + ": end_time");
  }
  MlflowRun run;
  run.ended = Time(std::chrono::milliseconds(ended));
  auto parameters = ReadEntries(fs::path(folder) / "params");
  if (!parameters) return Fail(parameters.error());
  run.parameters = std::move(*parameters);
  const fs::path metrics_folder = fs::path(folder) / "metrics";
  auto metrics = ReadEntries(metrics_folder);
  if (!metrics) return Fail(metrics.error());
  for (const auto& [name, lines] : *metrics) {
    auto value = LastValue(lines, (metrics_folder / name).string());
    if (!value) return Fail(value.error());
    run.metrics[name] = std::move(*value);
  }
  auto tags = ReadEntries(fs::path(folder) / "tags");
  if (!tags) return Fail(tags.error());
  run.commit = Entry(*tags, "mlflow.source.git.commit");
  run.repository = Entry(*tags, "mlflow.source.git.repoURL");
  run.entry_point = Entry(*tags, "mlflow.source.name");
  return run;
}

}  // namespace countersign
