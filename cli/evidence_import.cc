#include "cli/evidence_import.h"

#include <filesystem>
#include <set>

#include "base/digest.h"
#include "cli/content_digest.h"
#include "cli/files.h"
#include "cli/release.h"

namespace countersign {
namespace {

Result<ModelDigest> NamedDigest(const EvidenceImport& import) {
  if (import.digest_type.empty()) {
    return MissingFlag("--digest-type", "ociManifest, modelSigningRoot, file, composite or hosted");
  }
  for (const auto& [type, name] : EnumNames<DigestType>::kNames) {
    if (name != import.digest_type) continue;
    if (MatchesFormat(Format::kSha256, import.digest)) return ModelDigest{import.digest, type};
    return Fail(Code::kInvalidArgument,
                "must be sha256:<64 digits>, is '" + Excerpt(import.digest) + "'", "--digest");
  }
  return Fail(Code::kInvalidArgument,
              "must be ociManifest, modelSigningRoot, file, composite or hosted, is '" +
                  Excerpt(import.digest_type) + "'",
              "--digest-type");
}

Result<ModelDigest> ModelOf(const EvidenceImport& import) {
  const int given = (import.model.empty() ? 0 : 1) + (import.uri.empty() ? 0 : 1) +
                    (import.digest.empty() ? 0 : 1);
  if (given != 1) {
    return Fail(Code::kInvalidArgument,
                "one of the three must be given: the model's file or folder, oci://…@sha256:… of "
                "one that was pushed, or a digest with --digest-type",
                "--model, --uri, --digest");
  }
  if (!import.model.empty()) return DigestModel(import.model);
  if (!import.digest.empty()) return NamedDigest(import);
  ModelDigest pushed{import.uri.substr(import.uri.find('@') + 1), DigestType::kOciManifest};
  if (import.uri.starts_with("oci://") && MatchesFormat(Format::kSha256, pushed.digest)) {
    return pushed;
  }
  return Fail(Code::kInvalidArgument,
              "must be oci://…@sha256:<64 digits>, is '" + Excerpt(import.uri) + "'", "--uri");
}

struct ReadFiles {
  std::vector<std::string> texts;
  std::vector<EvidenceSource> sources;
};

Result<ReadFiles> ReadAll(const EvidenceImport& import) {
  ReadFiles all;
  std::set<std::string> seen;
  for (const std::string& path : import.files) {
    auto text = ReadTextFile(path);
    if (!text) return Fail(text.error());
    EvidenceSource source;
    source.format = import.format;
    source.name = path == "-" ? "stdin" : std::filesystem::path(path).filename().string();
    source.digest = DigestText(Sha256(*text));
    if (!seen.insert(source.digest).second) {
      return Fail(Code::kInvalidArgument, "has the same bytes as another of the files", path);
    }
    all.sources.push_back(std::move(source));
    all.texts.push_back(std::move(*text));
  }
  return all;
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

struct Assembly {
  const EvidenceImport& import;
  const Imported& imported;
  const ModelDigest& model;
  const ReleaseFrame& frame;
  std::vector<EvidenceSource> sources;

  Result<Json> operator()(EvidenceSpec spec) const {
    spec.use_case = frame.use_case.name;
    spec.model = model;
    spec.environment = import.environment;
    spec.performed_at = frame.performed_at;
    spec.summary = import.summary;
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

  Result<Json> operator()(ReproducibilitySnapshotSpec spec) const {
    spec.use_case = frame.use_case.name;
    spec.model = model;
    spec.performed_at = frame.performed_at;
    spec.sources = sources;
    return EvidenceManifest(spec, frame, "run");
  }
};

}  // namespace

Result<ImportedEvidence> ImportEvidence(const EvidenceImport& import) {
  const ImportFormat* format = FindImportFormat(import.format);
  if (format == nullptr) {
    return Fail(Code::kInvalidArgument, "is no format: '" + Excerpt(import.format) + "'", "FORMAT");
  }
  ReleaseFrame frame;
  auto use_case = UseCaseOf(import.use_case);
  if (!use_case) return Fail(use_case.error());
  frame.use_case = std::move(*use_case);
  frame.label = import.name.empty() ? frame.use_case.name : import.name;
  auto model = ModelOf(import);
  if (!model) return Fail(model.error());
  auto files = ReadAll(import);
  if (!files) return Fail(files.error());
  std::vector<ImportText> texts;
  texts.reserve(import.files.size());
  for (std::size_t i = 0; i < import.files.size(); ++i) {
    texts.push_back({import.files[i], files->texts[i]});
  }
  auto imported = Import(*format, texts, import.options);
  if (!imported) return Fail(imported.error());
  auto at = PerformedAt(import, *imported);
  if (!at) return Fail(at.error());
  frame.performed_at = *at;
  for (EvidenceSource& source : files->sources) {
    source.tool = imported->tool;
    source.tool_version = imported->tool_version;
  }
  auto object = std::visit(Assembly{import, *imported, *model, frame, std::move(files->sources)},
                           std::move(imported->spec));
  if (!object) return Fail(object.error());
  return ImportedEvidence{std::move(*object), std::move(imported->notes)};
}

}  // namespace countersign
