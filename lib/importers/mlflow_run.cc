#include "importers/mlflow_run.h"

#include <algorithm>
#include <sstream>
#include <tuple>

#include "base/yaml.h"
#include "importers/claims.h"
#include "importers/fields.h"
#include "importers/formats.h"

namespace countersign {
namespace {

constexpr std::int64_t kFinished = 3;  // RunStatus.FINISHED of mlflow's protocol
constexpr const char* kMeta = "meta.yaml";
constexpr const char* kActive = "active";

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

// `info` is all of meta.yaml, or that part of JSON; `where` is a prefix for paths.
Status TakeInfo(const Json& info, const std::string& where, MlflowRun& run) {
  const Json* status = Find(info, "status");
  const bool finished = status != nullptr && (IntAt(info, "status") == kFinished ||
                                              StringAt(info, "status") == "FINISHED");
  if (!finished) {
    return Fail(Code::kFailedPrecondition,
                "must be a run that has finished (3), is " +
                    (status == nullptr ? "unknown" : DumpJson(*status)),
                where + "status");
  }
  const std::string stage = StringAt(info, "lifecycle_stage", kActive);
  if (stage != kActive) {
    return Fail(Code::kFailedPrecondition, "must be active, is '" + Excerpt(stage) + "'",
                where + "lifecycle_stage");
  }
  const std::int64_t ended = IntAt(info, "end_time");
  constexpr std::int64_t kYear3000 = 32'503'680'000'000;
  // MLflow is of 2018: what is before is in seconds.
  constexpr std::int64_t kYear2018 = 1'514'764'800'000;
  if (ended < kYear2018 || ended > kYear3000) {
    return Fail(
        Code::kInvalidArgument,
        "must be when the run ended, in milliseconds since 1970, is " + std::to_string(ended),
        where + "end_time");
  }
  if (const std::int64_t started = IntAt(info, "start_time"); started > ended) {
    return Fail(Code::kInvalidArgument,
                "must not be before start_time, " + std::to_string(started) + ", is " +
                    std::to_string(ended),
                where + "end_time");
  }
  run.ended = Time(std::chrono::milliseconds(ended));
  run.id = StringAt(info, "run_id", StringAt(info, "run_uuid"));
  AddUser(StringAt(info, "user_id"), run);
  return {};
}

Status TakeMeta(std::string_view text, MlflowRun& run) {
  auto meta = ParseYaml(text);
  if (!meta) return Fail(Code::kInvalidArgument, meta.error().message, kMeta);
  return TakeInfo(*meta, std::string(kMeta) + ": ", run);
}

using Entries = std::map<std::string, Json>;

// data.<part>, in either of the two forms.
Result<Entries> EntriesOf(const Json& data, const std::string& part) {
  const std::string path = "data." + part;
  Entries entries;
  const Json* found = Find(data, part);
  if (found == nullptr) return entries;
  if (found->is_object()) {
    for (const auto& [key, value] : found->items()) entries.emplace(key, value);
    return entries;
  }
  if (!found->is_array()) {
    return Fail(Code::kInvalidArgument, "must be an object, or a list of key and value", path);
  }
  for (std::size_t i = 0; i < found->size(); ++i) {
    const std::string at = path + "[" + std::to_string(i) + "]";
    const std::string key = StringAt((*found)[i], "key");
    const Json* value = Find((*found)[i], "value");
    if (key.empty() || value == nullptr) {
      return Fail(Code::kInvalidArgument, "must have key and value", at);
    }
    if (!entries.emplace(key, *value).second) {
      return Fail(Code::kInvalidArgument, "'" + Excerpt(key) + "' is there twice", at + ".key");
    }
  }
  return entries;
}

// Texts as they are; numbers of metrics as they are written.
Result<std::map<std::string, std::string>> TextsOf(const Json& data, const std::string& part,
                                                   bool numbers) {
  auto entries = EntriesOf(data, part);
  if (!entries) return Fail(entries.error());
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : *entries) {
    if (value.is_string()) {
      texts[key] = value.get<std::string>();
    } else if (numbers && value.is_number()) {
      texts[key] = DumpJson(value);
    } else {
      return Fail(Code::kInvalidArgument,
                  std::string("must be ") + (numbers ? "a number" : "text") + ", is " +
                      Excerpt(DumpJson(value)),
                  "data." + part + "." + key);
    }
  }
  return texts;
}

// Where the run says what its code was, by the name of the tag.
std::string* MemberOfTag(std::string_view tag, MlflowRun& run) {
  if (tag == "mlflow.source.git.commit") return &run.commit;
  if (tag == "mlflow.source.git.repoURL") return &run.repository;
  if (tag == "mlflow.source.name") return &run.entry_point;
  return nullptr;
}

void TakeTag(std::string_view tag, std::string_view text, MlflowRun& run) {
  if (std::string* member = MemberOfTag(tag, run)) *member = text;
  if (tag == "mlflow.user") AddUser(std::string(text), run);
}

Result<MlflowRun> ParseRunJson(std::string_view text) {
  auto json = ParseDocument({{}, text});
  if (!json) {
    return Fail(Code::kInvalidArgument,
                "must be the folder of an MLflow run, with meta.yaml, or JSON as 'mlflow runs "
                "describe' prints it: " +
                    json.error().message);
  }
  const Json* of_server = Find(*json, "run");
  const Json& whole = of_server != nullptr ? *of_server : *json;
  const Json* info = Find(whole, "info");
  const Json* data = Find(whole, "data");
  if (info == nullptr || data == nullptr) {
    return Fail(Code::kInvalidArgument,
                "must have info and data, as 'mlflow runs describe' prints them");
  }
  MlflowRun run;
  if (auto taken = TakeInfo(*info, "info.", run); !taken) return Fail(taken.error());
  auto parameters = TextsOf(*data, "params", false);
  if (!parameters) return Fail(parameters.error());
  run.parameters = std::move(*parameters);
  auto metrics = TextsOf(*data, "metrics", true);
  if (!metrics) return Fail(metrics.error());
  run.metrics = std::move(*metrics);
  auto tags = TextsOf(*data, "tags", false);
  if (!tags) return Fail(tags.error());
  for (const auto& [tag, value] : *tags) TakeTag(tag, value, run);
  return run;
}

}  // namespace

Result<MlflowRun> ParseMlflowRun(std::span<const ImportText> files) {
  if (files.size() == 1 && files.front().name == kRunJson) {
    return ParseRunJson(files.front().text);
  }
  MlflowRun run;
  const auto meta = std::find_if(files.begin(), files.end(),
                                 [](const ImportText& file) { return file.name == kMeta; });
  if (meta == files.end()) {
    return Fail(Code::kNotFound, "must be the folder of an MLflow run, with meta.yaml");
  }
  if (auto taken = TakeMeta(meta->text, run); !taken) return Fail(taken.error());
  constexpr std::string_view kParams = "params/";
  constexpr std::string_view kMetrics = "metrics/";
  constexpr std::string_view kTags = "tags/";
  for (const ImportText& file : files) {
    if (file.name.starts_with(kParams)) {
      run.parameters[file.name.substr(kParams.size())] = file.text;
    } else if (file.name.starts_with(kMetrics)) {
      auto value = LastValue(file.text, file.name);
      if (!value) return Fail(value.error());
      run.metrics[file.name.substr(kMetrics.size())] = std::move(*value);
    } else if (file.name.starts_with(kTags)) {
      TakeTag(file.name.substr(kTags.size()), file.text, run);
    }
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
