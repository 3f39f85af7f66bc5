#include "cli/mlflow_run.h"

#include <filesystem>
#include <system_error>

#include "cli/files.h"

namespace countersign {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxEntries = 10'000;

// No folder: nothing was recorded.
Status ReadEntries(const fs::path& folder, const std::string& part,
                   std::map<std::string, std::string>& entries) {
  std::error_code error;
  if (!fs::exists(folder / part, error)) return {};
  fs::recursive_directory_iterator it(folder / part, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (!it->is_regular_file(error) || it->is_symlink(error)) continue;
    auto text = ReadTextFile(it->path().string());
    if (!text) return Fail(text.error());
    if (entries.size() == kMaxEntries) {
      return Fail(Code::kInvalidArgument, "'" + folder.string() + "' has more than 10000 entries");
    }
    entries[it->path().lexically_relative(folder).generic_string()] = std::move(*text);
  }
  if (!error) return {};
  return Fail(Code::kUnavailable,
              "cannot read '" + (folder / part).string() + "': " + error.message());
}

}  // namespace

bool IsRunFolder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

Result<std::map<std::string, std::string>> ReadRun(const std::string& folder) {
  std::map<std::string, std::string> entries;
  if (!IsRunFolder(folder)) {
    auto text = ReadTextFile(folder);
    if (!text) return Fail(text.error());
    entries[std::string(kRunJson)] = std::move(*text);
    return entries;
  }
  auto meta = ReadTextFile((fs::path(folder) / "meta.yaml").string());
  if (!meta) {
    return Fail(Code::kNotFound,
                "must be the folder of an MLflow run, with meta.yaml: " + meta.error().message,
                "--run");
  }
  entries["meta.yaml"] = std::move(*meta);
  for (const char* part : {"params", "metrics", "tags"}) {
    if (auto read = ReadEntries(folder, part, entries); !read) return Fail(read.error());
  }
  return entries;
}

Result<MlflowRun> ReadMlflowRun(const std::string& folder) {
  auto entries = ReadRun(folder);
  if (!entries) return Fail(entries.error());
  std::vector<ImportText> files;
  for (const auto& [name, text] : *entries) files.push_back({name, text});
  auto run = ParseMlflowRun(files);
  if (run) return run;
  if (!IsRunFolder(folder)) {
    const std::string& path = run.error().path;
    return Fail(run.error().code, run.error().message, folder + (path.empty() ? "" : ": " + path));
  }
  return Fail(run.error().code, run.error().message,
              (fs::path(folder) / run.error().path).string());
}

}  // namespace countersign
