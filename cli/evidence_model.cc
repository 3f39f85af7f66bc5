#include "cli/evidence_model.h"

#include "cli/content_digest.h"
#include "cli/release.h"

namespace countersign {
namespace {

Result<ModelDigest> NamedDigest(const EvidenceModel& model) {
  if (model.digest_type.empty()) {
    return MissingFlag("--digest-type", "ociManifest, modelSigningRoot, file, composite or hosted");
  }
  for (const auto& [type, name] : EnumNames<DigestType>::kNames) {
    if (name != model.digest_type) continue;
    if (MatchesFormat(Format::kSha256, model.digest)) return ModelDigest{model.digest, type};
    return Fail(Code::kInvalidArgument,
                "must be sha256:<64 digits>, is '" + Excerpt(model.digest) + "'", "--digest");
  }
  return Fail(Code::kInvalidArgument,
              "must be ociManifest, modelSigningRoot, file, composite or hosted, is '" +
                  Excerpt(model.digest_type) + "'",
              "--digest-type");
}

}  // namespace

void AddModelFlags(CLI::App& command, EvidenceModel& model) {
  command.add_option("--model", model.path, "model that it is about: file or folder");
  command.add_option("--uri", model.uri, "model that it is about: oci://…@sha256:…");
  command.add_option("--digest", model.digest,
                     "model that it is about: digest, with --digest-type");
  command.add_option("--digest-type", model.digest_type,
                     "what --digest was taken over, e.g. ociManifest");
}

Result<ModelDigest> ModelOf(const EvidenceModel& model) {
  const int given =
      (model.path.empty() ? 0 : 1) + (model.uri.empty() ? 0 : 1) + (model.digest.empty() ? 0 : 1);
  if (given != 1) {
    return Fail(Code::kInvalidArgument,
                "one of the three must be given: the model's file or folder, oci://…@sha256:… of "
                "one that was pushed, or a digest with --digest-type",
                "--model, --uri, --digest");
  }
  if (!model.path.empty()) return DigestModel(model.path);
  if (!model.digest.empty()) return NamedDigest(model);
  ModelDigest pushed{model.uri.substr(model.uri.find('@') + 1), DigestType::kOciManifest};
  if (model.uri.starts_with("oci://") && MatchesFormat(Format::kSha256, pushed.digest)) {
    return pushed;
  }
  return Fail(Code::kInvalidArgument,
              "must be oci://…@sha256:<64 digits>, is '" + Excerpt(model.uri) + "'", "--uri");
}

}  // namespace countersign
