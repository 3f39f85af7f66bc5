#include "cli/evidence_import.h"

#include <re2/re2.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/digest.h"
#include "cli/content_digest.h"
#include "cli/evidence_snapshot.h"
#include "cli/files.h"
#include "cli/mlflow_run.h"
#include "cli/release.h"
#include "importers/snapshot.h"

namespace countersign {
namespace {

// What a format made of files, and which files these were.
struct Read {
  Imported imported;
  std::vector<EvidenceSource> sources;
};

struct NamedText {
  std::string name;
  std::string text;
};

// One source for all files of a folder: the digest over theirs, in the order of their paths.
Result<std::vector<NamedText>> ReadFolder(const std::string& folder, EvidenceSource& source) {
  auto entries = ReadRun(folder);
  if (!entries) return Fail(entries.error().code, entries.error().message, folder);
  std::vector<NamedText> texts;
  Sha256Stream digest;
  for (auto& [name, text] : *entries) {
    const Sha256Bytes own = Sha256(text);
    digest.Update({reinterpret_cast<const char*>(own.data()), own.size()});
    texts.push_back({name, std::move(text)});
  }
  source.digest = DigestText(digest.Finish());
  return texts;
}

std::string FileName(const std::string& path) {
  if (path == "-") return "stdin";
  const std::filesystem::path whole = std::filesystem::path(path).lexically_normal();
  return whole.has_filename() ? whole.filename().string() : whole.parent_path().filename().string();
}

Result<Read> ReadAs(const ImportFormat& format, const std::vector<std::string>& paths,
                    const ImportOptions& options) {
  std::vector<NamedText> texts;
  Read read;
  std::set<std::string> seen;
  for (const std::string& path : paths) {
    EvidenceSource source;
    source.format = format.name;
    source.name = FileName(path);
    if (format.folder && IsRunFolder(path)) {
      auto folder = ReadFolder(path, source);
      if (!folder) return Fail(folder.error());
      texts = std::move(*folder);
    } else {
      auto text = ReadTextFile(path);
      if (!text) return Fail(text.error());
      source.digest = DigestText(Sha256(*text));
      texts.push_back({format.folder ? std::string(kRunJson) : path, std::move(*text)});
    }
    if (!seen.insert(source.digest).second) {
      return Fail(Code::kInvalidArgument, "has the same bytes as another of the files", path);
    }
    read.sources.push_back(std::move(source));
  }
  if (format.folder && paths.size() > 1) {
    return Fail(Code::kInvalidArgument, "must be one folder", "FILE");
  }
  std::vector<ImportText> views;
  views.reserve(texts.size());
  for (const NamedText& one : texts) views.push_back({one.name, one.text});
  auto imported = Import(format, views, options);
  if (!imported) return Fail(imported.error());
  read.imported = std::move(*imported);
  for (EvidenceSource& source : read.sources) {
    source.tool = read.imported.tool;
    source.tool_version = read.imported.tool_version;
  }
  return read;
}

Result<const ImportFormat*> FormatOf(const std::string& name, const std::string& path) {
  if (const ImportFormat* format = FindImportFormat(name); format != nullptr) return format;
  return Fail(Code::kInvalidArgument, "is no format: '" + Excerpt(name) + "'", path);
}

// --with FORMAT=PATH, each a part of the same snapshot.
Status AddParts(const EvidenceImport& import, Read& whole) {
  for (const std::string& one : import.with) {
    const auto equals = one.find('=');
    const std::string flag = "--with " + one;
    if (equals == std::string::npos) {
      return Fail(Code::kInvalidArgument, "must be FORMAT=PATH", flag);
    }
    auto format = FormatOf(one.substr(0, equals), flag);
    if (!format) return Fail(format.error());
    auto part = ReadAs(**format, {one.substr(equals + 1)}, import.options);
    if (!part) return Fail(part.error());
    if (auto merged = MergeSnapshot(whole.imported, part->imported, flag); !merged) return merged;
    for (EvidenceSource& source : part->sources) whole.sources.push_back(std::move(source));
  }
  return {};
}

Result<Time> PerformedAt(const EvidenceImport& import, const Imported& imported) {
  if (import.at.empty()) {
    if (imported.performed_at) return *imported.performed_at;
    return MissingFlag("--at",
                       "when the work ended (RFC 3339): the file does not say, or not in "
                       "which time zone");
  }
  if (imported.performed_at) {
    return Fail(Code::kInvalidArgument,
                "must be left out: the file says " + FormatTime(*imported.performed_at), "--at");
  }
  auto at = ParseTime(import.at);
  if (!at) return Fail(Code::kInvalidArgument, at.error().message, "--at");
  return *at;
}

// "report", "report-2", …: the file itself, in the role that the type of evidence has for it.
Status AddArtifacts(const EvidenceImport& import, const Imported& imported,
                    const std::vector<EvidenceSource>& sources, EvidenceSpec& spec) {
  if (imported.artifacts.empty()) {
    if (import.kept_at.empty()) return {};
    return Fail(Code::kInvalidArgument, "goes with formats that are a report themselves",
                "--kept-at");
  }
  if (import.kept_at.empty()) {
    return MissingFlag("--kept-at", "where the file is kept (a URI): it is the '" +
                                        imported.artifacts.front() + "' of a " + spec.type);
  }
  static const RE2 kUri("[A-Za-z][A-Za-z0-9+.-]*:[^\\s]+");
  if (!RE2::FullMatch(import.kept_at, kUri)) {
    return Fail(Code::kInvalidArgument,
                "must be a URI (https://…, s3://…), is '" + Excerpt(import.kept_at) + "'",
                "--kept-at");
  }
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::string number = i == 0 ? "" : "-" + std::to_string(i + 1);
    const bool folder = sources.size() > 1;
    const std::string slash = import.kept_at.ends_with('/') ? "" : "/";
    const std::string uri = folder ? import.kept_at + slash + sources[i].name : import.kept_at;
    for (const std::string& name : imported.artifacts) {
      spec.artifacts.push_back({name + number, uri, sources[i].digest});
    }
  }
  return {};
}

// What would be ignored.
Status CheckNotGiven(std::initializer_list<std::pair<const char*, const std::string*>> texts,
                     const std::string& why) {
  for (const auto& [flag, text] : texts) {
    if (!text->empty()) return Fail(Code::kInvalidArgument, why, flag);
  }
  return {};
}

Status CheckNoRun(const EvidenceImport& import) {
  const ReleaseSpec& run = import.run;
  const std::string why = "goes with formats that are parts of a snapshot";
  if (!run.data.empty()) return Fail(Code::kInvalidArgument, why, "--data");
  return CheckNotGiven({{"--code", &run.code},
                        {"--repository", &run.repository},
                        {"--entry-point", &run.entry_point},
                        {"--code-archive", &run.code_archive},
                        {"--runtime", &run.runtime},
                        {"--hardware", &run.hardware},
                        {"--training-image", &run.training_image},
                        {"--algorithm", &run.algorithm},
                        {"--features", &run.features},
                        {"--reproduction-of", &run.reproduction_of},
                        {"--dvc-cache", &import.dvc_cache}},
                       why);
}

Status CheckNoTest(const EvidenceImport& import) {
  const std::string why = "goes with formats that give a BiasTest";
  if (import.data_set) return Fail(Code::kInvalidArgument, why, "--data-set");
  return CheckNotGiven({{"--protocol", &import.protocol}}, why);
}

Status CheckNoReport(const EvidenceImport& import) {
  return CheckNotGiven({{"--environment", &import.environment},
                        {"--summary", &import.summary},
                        {"--kept-at", &import.kept_at}},
                       "goes with formats that give Evidence");
}

// What goes with another kind of object than the one that the file gives.
Status CheckKind(const EvidenceImport& import, const ImportedSpec& spec) {
  const bool snapshot = std::holds_alternative<ReproducibilitySnapshotSpec>(spec);
  if (!snapshot) {
    if (auto none = CheckNoRun(import); !none) return none;
  }
  if (!std::holds_alternative<BiasTestSpec>(spec)) {
    if (auto none = CheckNoTest(import); !none) return none;
  }
  if (!std::holds_alternative<EvidenceSpec>(spec)) return CheckNoReport(import);
  return {};
}

// All formats of snapshots are given it, for any of them may be a part beside a dvc.lock.
Status CheckStage(const EvidenceImport& import, const std::vector<EvidenceSource>& sources) {
  const bool staged = std::any_of(sources.begin(), sources.end(), [](const EvidenceSource& one) {
    return one.format == "dvc-lock";
  });
  if (staged) return {};
  return CheckNotGiven({{"--stage", &import.options.stage}},
                       "goes with a dvc.lock: --with dvc-lock=PATH");
}

struct Assembly {
  const EvidenceImport& import;
  const Imported& imported;
  const ModelDigest& model;
  const ReleaseFrame& frame;
  const std::vector<EvidenceSource>& sources;
  std::vector<std::string>& notes;

  Result<Json> operator()(EvidenceSpec spec) const {
    spec.use_case = frame.use_case.name;
    spec.model = model;
    spec.environment = import.environment;
    spec.performed_at = frame.performed_at;
    spec.summary = import.summary;
    spec.performed_by = import.run.performed_by;
    if (!imported.tool.empty() && !imported.tool_version.empty()) {
      spec.tool = EvidenceTool{imported.tool, imported.tool_version};
    }
    if (auto added = AddArtifacts(import, imported, sources, spec); !added) {
      return Fail(added.error());
    }
    spec.sources = sources;
    return EvidenceManifest(spec, frame, Kebab(spec.type));
  }

  Result<Json> operator()(BiasTestSpec spec) const {
    spec.use_case = frame.use_case.name;
    spec.model = model;
    spec.performed_at = frame.performed_at;
    spec.performed_by = import.run.performed_by;
    if (auto named = NameData(spec); !named) return Fail(named.error());
    spec.sources = sources;
    return EvidenceManifest(spec, frame, "bias");
  }

  // Which data the test is of: another file than the one with what came out.
  Status NameData(BiasTestSpec& spec) const {
    if (import.protocol.empty()) {
      return MissingFlag("--protocol", "name of the bias test's protocol");
    }
    spec.protocol = import.protocol;
    if (!import.data_set) return MissingFlag("--data-set", "the test data, NAME=FILE");
    auto file = DigestFile(import.data_set->file);
    if (!file) return Fail(file.error());
    spec.data_set.name = import.data_set->name;
    spec.data_set.digest = file->digest;
    const std::int64_t rows = file->rows.value_or(spec.data_set.rows);
    if (rows == spec.data_set.rows) return {};
    return Fail(Code::kInvalidArgument,
                "has " + std::to_string(rows) + " rows, and " + std::to_string(spec.data_set.rows) +
                    " people are counted",
                "--data-set " + import.data_set->name);
  }

  Result<Json> operator()(const ReproducibilitySnapshotSpec& /*stated*/) const {
    auto spec = CompleteSnapshot(imported, import.run, frame, import.dvc_cache, notes);
    if (!spec) return Fail(spec.error());
    spec->sources = sources;
    return EvidenceManifest(*spec, frame, import.run.reproduction_of.empty() ? "run" : "repeated");
  }
};

}  // namespace

Result<ImportedEvidence> ImportEvidence(const EvidenceImport& import) {
  auto format = FormatOf(import.format, "FORMAT");
  if (!format) return Fail(format.error());
  ReleaseFrame frame;
  auto use_case = UseCaseOf(import.use_case);
  if (!use_case) return Fail(use_case.error());
  frame.use_case = std::move(*use_case);
  frame.label = import.name.empty() ? frame.use_case.name : import.name;
  if (!MatchesFormat(Format::kObjectName, frame.label)) {
    return Fail(Code::kInvalidArgument,
                "must be a name of Kubernetes (lower-case letters, digits, - and .), is '" +
                    Excerpt(frame.label) + "'",
                "--name");
  }
  auto model = ModelOf(import.model);
  if (!model) return Fail(model.error());
  frame.model = frame.trained = *model;
  auto read = ReadAs(**format, import.files, import.options);
  if (!read) return Fail(read.error());
  if (auto added = AddParts(import, *read); !added) return Fail(added.error());
  if (auto fits = CheckKind(import, read->imported.spec); !fits) return Fail(fits.error());
  if (auto staged = CheckStage(import, read->sources); !staged) return Fail(staged.error());
  auto at = PerformedAt(import, read->imported);
  if (!at) return Fail(at.error());
  if (auto past = CheckPast(*at, import.now, import.at.empty() ? import.files.front() : "--at");
      !past) {
    return Fail(past.error());
  }
  frame.performed_at = *at;
  std::vector<std::string> notes = read->imported.notes;
  auto object =
      std::visit(Assembly{import, read->imported, frame.model, frame, read->sources, notes},
                 read->imported.spec);
  if (!object) return Fail(object.error());
  return ImportedEvidence{std::move(*object), std::move(notes)};
}

}  // namespace countersign
