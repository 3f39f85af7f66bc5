#include "importers/mlflow_run.h"

#include <algorithm>
#include <sstream>
#include <tuple>

#include "base/yaml.h"
#include "importers/claims.h"
#include "importers/formats.h"

namespace countersign {
namespace {

constexpr std::int64_t kFinished = 3;  // RunStatus.FINISHED of mlflow's protocol
constexpr const char* kMeta = "meta.yaml";

// A metric's file has a line "timestamp value step" a report.
Result<std::string> LastValue(std::string_view text, const std::string& path) {
  std::istringstream in{std::string(text)};
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

void AddUser(std::string user, MlflowRun& run) {
  while (!user.empty() && (user.back() == '\n' || user.back() == '\r')) user.pop_back();
  const bool known = std::find(run.users.begin(), run.users.end(), user) != run.users.end();
  if (!user.empty() && !known) run.users.push_back(std::move(user));
}

Status TakeMeta(std::string_view text, MlflowRun& run) {
  auto meta = ParseYaml(text);
  if (!meta) return Fail(Code::kInvalidArgument, meta.error().message, kMeta);
  const Json* status = Find(*meta, "status");
  const bool finished = status != nullptr && (IntAt(*meta, "status") == kFinished ||
                                              StringAt(*meta, "status") == "FINISHED");
  if (!finished) {
    return Fail(Code::kFailedPrecondition,
                "must be a run that has finished (3), is " +
                    (status == nullptr ? "unknown" : DumpJson(*status)),
                std::string(kMeta) + ": status");
  }
  const std::int64_t ended = IntAt(*meta, "end_time");
  constexpr std::int64_t kYear3000 = 32'503'680'000'000;
  if (ended <= 0 || ended > kYear3000) {
    return Fail(Code::kInvalidArgument, "must be when the run ended, in milliseconds",
                std::string(kMeta) + ": end_time");
  }
  run.ended = Time(std::chrono::milliseconds(ended));
  run.id = StringAt(*meta, "run_id", StringAt(*meta, "run_uuid"));
  AddUser(StringAt(*meta, "user_id"), run);
  return {};
}

}  // namespace

Result<MlflowRun> ParseMlflowRun(std::span<const ImportText> files) {
  MlflowRun run;
  const auto meta = std::find_if(files.begin(), files.end(),
                                 [](const ImportText& file) { return file.name == kMeta; });
  if (meta == files.end()) {
    return Fail(Code::kNotFound, "must be the folder of an MLflow run, with meta.yaml");
  }
  if (auto taken = TakeMeta(meta->text, run); !taken) return Fail(taken.error());
  const std::pair<std::string_view, std::string*> tags[] = {
      {"tags/mlflow.source.git.commit", &run.commit},
      {"tags/mlflow.source.git.repoURL", &run.repository},
      {"tags/mlflow.source.name", &run.entry_point}};
  constexpr std::string_view kParams = "params/";
  constexpr std::string_view kMetrics = "metrics/";
  for (const ImportText& file : files) {
    if (file.name.starts_with(kParams)) {
      run.parameters[file.name.substr(kParams.size())] = file.text;
    } else if (file.name.starts_with(kMetrics)) {
      auto value = LastValue(file.text, file.name);
      if (!value) return Fail(value.error());
      run.metrics[file.name.substr(kMetrics.size())] = std::move(*value);
    }
    for (const auto& [tag, member] : tags) {
      if (file.name == tag) *member = file.text;
    }
    if (file.name == "tags/mlflow.user") AddUser(std::string(file.text), run);
  }
  return run;
}

Result<Imported> ImportMlflowRun(std::span<const ImportText> files,
                                 const ImportOptions& /*options*/) {
  auto run = ParseMlflowRun(files);
  if (!run) return Fail(run.error());
  ReproducibilitySnapshotSpec snapshot;
  snapshot.parameters = std::move(run->parameters);
  for (const auto& [name, text] : run->metrics) {
    // MLflow writes Python's floats: "0.91", "1e-05", "nan".
    const auto number = ParseJson(text);
    auto value = ToDecimal(number ? *number : Json(text), "metrics/" + name);
    if (!value) return Fail(value.error());
    snapshot.metrics[name] = *value;
  }
  Imported imported;
  imported.tool = "mlflow";
  imported.performed_at = run->ended;
  imported.run.id = std::move(run->id);
  imported.run.commit = std::move(run->commit);
  imported.run.repository = std::move(run->repository);
  imported.run.entry_point = std::move(run->entry_point);
  imported.run.users = std::move(run->users);
  imported.spec = std::move(snapshot);
  return imported;
}

}  // namespace countersign
