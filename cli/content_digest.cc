#include "cli/content_digest.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/digest.h"
#include "base/json.h"
#include "cli/files.h"
#include "cli/model_files.h"
#include "importers/csv.h"

namespace countersign {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 5> kIgnored = {".git", ".gitattributes", ".github",
                                                      ".gitignore", "model.sig"};

fs::file_type TypeOf(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type();
}

Result<ModelDigest> DigestLayout(const fs::path& folder) {
  const std::string index_path = (folder / "index.json").string();
  auto text = ReadTextFile(index_path);
  if (!text) return Fail(text.error());
  auto index = ParseJson(*text);
  if (!index) return Fail(Code::kInvalidArgument, index.error().message, index_path);
  const Json* manifests = Find(*index, "manifests");
  if (manifests == nullptr || !manifests->is_array() || manifests->size() != 1) {
    return Fail(Code::kInvalidArgument, "must name one manifest", index_path + ": manifests");
  }
  const std::string digest = StringAt(manifests->front(), "digest");
  if (!MatchesFormat(Format::kSha256, digest)) {
    return Fail(Code::kInvalidArgument, "must be a SHA-256 digest, is '" + Excerpt(digest) + "'",
                index_path + ": manifests[0].digest");
  }
  const fs::path blob = folder / "blobs" / "sha256" / digest.substr(7);
  auto found = DigestStream(blob);
  if (!found) return Fail(found.error());
  if (DigestText(*found) != digest) {
    return Fail(Code::kInvalidArgument,
                "must have the digest that it is named by, has " + DigestText(*found),
                blob.string());
  }
  return ModelDigest{digest, DigestType::kOciManifest};
}

}  // namespace

Result<FileDigest> DigestFile(const std::string& path) {
  const bool counted = path.ends_with(".csv");
  CsvReader csv;
  const PieceReader count = [&](std::string_view piece) -> Status {
    auto fed = csv.Feed(piece);
    return fed ? Status() : Fail(Code::kInvalidArgument, fed.error().message, path);
  };
  auto digest = DigestStream(path, counted ? count : PieceReader());
  if (!digest) return Fail(digest.error());
  FileDigest out{DigestText(*digest), std::nullopt};
  if (!counted) return out;
  if (auto end = csv.Finish(); !end) return Fail(Code::kInvalidArgument, end.error().message, path);
  out.rows = std::max<std::int64_t>(csv.records() - 1, 0);
  return out;
}

Result<ModelDigest> DigestModel(const std::string& path) {
  const fs::path model(path);
  if (TypeOf(model) != fs::file_type::directory) {
    auto digest = DigestModelFile(model);
    if (!digest) return Fail(digest.error());
    return ModelDigest{DigestText(*digest), DigestType::kFile};
  }
  if (TypeOf(model / "oci-layout") == fs::file_type::regular) return DigestLayout(model);
  auto files = DigestFolder(model, {{kIgnored.begin(), kIgnored.end()}, false, 0});
  if (!files) return Fail(files.error());
  Sha256Stream root;
  for (const auto& [name, digest] : *files) {
    root.Update({reinterpret_cast<const char*>(digest.data()), digest.size()});
  }
  return ModelDigest{DigestText(root.Finish()), DigestType::kModelSigningRoot};
}

}  // namespace countersign
