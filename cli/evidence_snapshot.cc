#include "cli/evidence_snapshot.h"

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <optional>
#include <utility>

#include "cli/dvc_folder.h"

namespace countersign {
namespace {

using Recorded = std::map<std::string, ImportedData>;

// As the stage names it, or as it is seen from here.
Recorded::const_iterator FindFile(const Recorded& recorded, const std::string& path) {
  return std::find_if(recorded.begin(), recorded.end(), [&](const auto& one) {
    const auto seen = std::filesystem::path(one.second.folder) / one.first;
    return one.first == path || seen.lexically_normal().generic_string() == path;
  });
}

// A folder that is tracked as a whole, and the rest of the path in it.
struct InFolder {
  DvcFolder folder;
  std::string file;  // empty: it is the folder itself
};

std::optional<InFolder> FindFolder(const Recorded& recorded, const std::string& path) {
  for (const auto& [name, data] : recorded) {
    if (!IsDvcFolder(data.md5)) continue;
    const auto named = std::filesystem::path(name).lexically_normal();
    for (const auto& seen :
         {named, (std::filesystem::path(data.folder) / named).lexically_normal()}) {
      std::string folder = seen.generic_string();
      if (folder.ends_with('/')) folder.pop_back();
      const bool itself = path == folder || path == folder + "/";
      if (!itself && !path.starts_with(folder + "/")) continue;
      return InFolder{{name, data.md5, data.folder},
                      itself ? std::string() : path.substr(folder.size() + 1)};
    }
  }
  return std::nullopt;
}

// The MD5 that the file had when the stage ran.
Result<std::string> RecordedMd5(const std::string& path, const Recorded& recorded,
                                const std::string& cache, const std::string& flag) {
  const auto folder = FindFolder(recorded, path);
  if (folder && folder->file.empty()) {
    const std::string some = SomeOfDvcFolder(folder->folder, cache);
    return Fail(Code::kInvalidArgument,
                "'" + path + "' is a folder: give each of its files a name, --data NAME=" + path +
                    "/FILE" + (some.empty() ? "" : "; it has " + some),
                flag);
  }
  const auto found = FindFile(recorded, path);
  if (found != recorded.end()) return found->second.md5;
  if (folder) {
    auto md5 = Md5InDvcFolder(folder->folder, folder->file, cache);
    if (!md5 && md5.error().path.empty()) return Fail(md5.error().code, md5.error().message, flag);
    return md5;
  }
  std::string known;
  for (const auto& [name, one] : recorded) known += (known.empty() ? "" : ", ") + name;
  return Fail(Code::kInvalidArgument,
              "'" + path + "' is none of the stage's data: " + Excerpt(known, 512), flag);
}

Status CheckData(const ReleaseData& data, const Recorded& recorded, const std::string& cache) {
  const std::string path = std::filesystem::path(data.file).lexically_normal().generic_string();
  const std::string flag = "--data " + data.name;
  auto wanted = RecordedMd5(path, recorded, cache, flag);
  if (!wanted) return Fail(wanted.error());
  auto md5 = Md5Of(data.file);
  if (!md5) return Fail(md5.error());
  if (*md5 == *wanted) return {};
  return Fail(Code::kInvalidArgument,
              "'" + path + "' has MD5 " + *md5 + ", and the stage ran on " + Excerpt(*wanted) +
                  ": check out what it ran on (dvc checkout)",
              flag);
}

// What would be ignored, because what it belongs to is not there.
Status CheckCounts(const ReleaseSpec& said, const ImportedRun& run, const std::string& dvc_cache) {
  const auto check = [](std::initializer_list<std::pair<const char*, const std::string*>> given,
                        const std::string& why) -> Status {
    for (const auto& [flag, text] : given) {
      if (!text->empty()) return Fail(Code::kInvalidArgument, why, flag);
    }
    return {};
  };
  if (run.data.empty()) {
    auto none = check({{"--dvc-cache", &dvc_cache}}, "goes with data of a dvc.lock");
    if (!none) return none;
  }
  if (said.data.empty()) {
    if (auto none = check({{"--dvc-cache", &dvc_cache}}, "goes with --data"); !none) return none;
  }
  if (said.code.empty()) {
    auto none = check({{"--repository", &said.repository},
                       {"--entry-point", &said.entry_point},
                       {"--code-archive", &said.code_archive}},
                      "goes with --code: without it there is no spec.code");
    if (!none) return none;
  }
  if (!run.lock_file.empty() || !said.training_image.empty()) return {};
  return check({{"--runtime", &said.runtime}, {"--hardware", &said.hardware}},
               "goes with a lock file (--with lock-file=PATH) or --training-image: without them "
               "there is no spec.environment");
}

// What people say and the files say as well. CPython is the Python that MLflow means.
Status CheckContradictions(const ReleaseSpec& said, const ImportedRun& run,
                           const std::optional<FeatureState>& features) {
  if (!run.runtime.empty() && !CheckAsRecorded("--runtime", said.runtime, "C" + run.runtime)) {
    if (auto same = CheckAsRecorded("--runtime", said.runtime, run.runtime); !same) return same;
  }
  if (said.features.empty() || !features) return {};
  auto names = ReadFeatureNames(said.features);
  if (!names) return Fail(names.error());
  if (*names == features->names) return {};
  const auto list = [](const std::vector<std::string>& all) {
    std::string text;
    for (const std::string& name : all) text += (text.empty() ? "" : ", ") + name;
    return Excerpt(text, 512);
  };
  return Fail(Code::kInvalidArgument,
              "names " + list(*names) + ", and the run's files say " + list(features->names) +
                  ": leave it out, or give what is of one run",
              "--features");
}

}  // namespace

Result<ReproducibilitySnapshotSpec> CompleteSnapshot(const Imported& imported,
                                                     const ReleaseSpec& said,
                                                     const ReleaseFrame& frame,
                                                     const std::string& dvc_cache,
                                                     std::vector<std::string>& notes) {
  const auto& stated = std::get<ReproducibilitySnapshotSpec>(imported.spec);
  const ImportedRun& run = imported.run;
  ReleaseFrame whole = frame;
  whole.run = MlflowRun{frame.performed_at, stated.parameters, {},       run.id, run.commit,
                        run.repository,     run.entry_point,   run.users};
  for (const auto& [name, value] : stated.metrics) whole.run->metrics[name] = value.ToString();
  if (auto counts = CheckCounts(said, run, dvc_cache); !counts) return Fail(counts.error());
  if (auto agree = CheckContradictions(said, run, stated.features); !agree) {
    return Fail(agree.error());
  }
  ReleaseSpec spec = said;
  if (!run.lock_file.empty()) spec.lock_file = run.lock_file;
  if (spec.runtime.empty()) spec.runtime = run.runtime;
  if (!run.runtime.empty() && spec.lock_file.empty() && spec.training_image.empty()) {
    notes.push_back("spec.environment is left out, and with it '" + Excerpt(run.runtime) +
                    "': give --with lock-file=PATH or --training-image, and --hardware");
  }
  if (!run.data.empty()) {
    for (const ReleaseData& data : spec.data) {
      if (auto same = CheckData(data, run.data, dvc_cache); !same) return Fail(same.error());
    }
    if (spec.data.empty()) {
      notes.emplace_back(
          "spec.data is left out: give the stage's files, --data NAME=FILE:training and so on");
    }
  }
  auto snapshot = SnapshotSpecOf(spec, whole, notes);
  if (!snapshot) return snapshot;
  if (!snapshot->features) snapshot->features = stated.features;
  return snapshot;
}

}  // namespace countersign
