#include "cli/content_digest.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <system_error>

#include "base/digest.h"
#include "base/json.h"
#include "importers/csv.h"
#include "cli/files.h"

namespace countersign {
namespace {

namespace fs = std::filesystem;

// Far beyond any model; a path such as / is a mistake.
constexpr std::size_t kMaxModelFiles = 100'000;
constexpr std::array<std::string_view, 5> kIgnored = {".git", ".gitattributes", ".github",
                                                      ".gitignore", "model.sig"};

// Regular files alone: `what` for everything else.
Status MustBeFile(const fs::path& path, fs::file_status status) {
  switch (status.type()) {
    case fs::file_type::regular: return {};
    case fs::file_type::not_found:
      return Fail(Code::kNotFound, "cannot read '" + path.string() + "': it does not exist");
    case fs::file_type::symlink:
      return Fail(Code::kInvalidArgument, "'" + path.string() +
                                              "' is a symbolic link, and what it leads to may "
                                              "change: give the file itself");
    case fs::file_type::directory:
      return Fail(Code::kInvalidArgument, "'" + path.string() + "' must be a file, is a folder");
    default: return Fail(Code::kInvalidArgument, "'" + path.string() + "' is no regular file");
  }
}

fs::file_status StatusOf(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored);
}

Result<Sha256Bytes> Stream(const fs::path& path, CsvReader* csv) {
  if (auto ok = MustBeFile(path, StatusOf(path)); !ok) return Fail(ok.error());
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Fail(Code::kNotFound,
                "cannot read '" + path.string() + "': " + std::generic_category().message(errno));
  }
  Sha256Stream hash;
  std::string buffer(std::size_t{1} << 20, '\0');
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
         file.gcount() > 0) {
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(file.gcount()));
    hash.Update(piece);
    if (csv == nullptr) continue;
    if (auto fed = csv->Feed(piece); !fed)
      return Fail(Code::kInvalidArgument, fed.error().message, path.string());
  }
  if (file.bad()) return Fail(Code::kUnavailable, "cannot read '" + path.string() + "' to its end");
  return hash.Finish();
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
  auto found = Stream(blob, nullptr);
  if (!found) return Fail(found.error());
  if (DigestText(*found) != digest) {
    return Fail(Code::kInvalidArgument,
                "must have the digest that it is named by, has " + DigestText(*found),
                blob.string());
  }
  return ModelDigest{digest, DigestType::kOciManifest};
}

// Path within the model to the file, in the order of the manifest.
Result<std::map<std::string, fs::path>> FilesOf(const fs::path& folder) {
  std::map<std::string, fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator it(folder, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (it.depth() == 0 && std::find(kIgnored.begin(), kIgnored.end(), name) != kIgnored.end()) {
      it.disable_recursion_pending();
      continue;
    }
    const fs::file_status status = StatusOf(it->path());
    if (status.type() == fs::file_type::directory) continue;
    if (auto ok = MustBeFile(it->path(), status); !ok) return Fail(ok.error());
    files.emplace(it->path().lexically_relative(folder).generic_string(), it->path());
    if (files.size() > kMaxModelFiles) {
      return Fail(Code::kInvalidArgument, "'" + folder.string() + "' has more than " +
                                              std::to_string(kMaxModelFiles) + " files");
    }
  }
  if (error) {
    return Fail(Code::kUnavailable, "cannot read '" + folder.string() + "': " + error.message());
  }
  if (files.empty()) return Fail(Code::kNotFound, "'" + folder.string() + "' has no files");
  return files;
}

}  // namespace

Result<FileDigest> DigestFile(const std::string& path) {
  const bool counted = path.ends_with(".csv");
  CsvReader csv;
  auto digest = Stream(path, counted ? &csv : nullptr);
  if (!digest) return Fail(digest.error());
  FileDigest out{DigestText(*digest), std::nullopt};
  if (!counted) return out;
  if (auto end = csv.Finish(); !end) return Fail(Code::kInvalidArgument, end.error().message, path);
  out.rows = std::max<std::int64_t>(csv.records() - 1, 0);
  return out;
}

Result<ModelDigest> DigestModel(const std::string& path) {
  const fs::path model(path);
  if (StatusOf(model).type() != fs::file_type::directory) {
    auto digest = Stream(model, nullptr);
    if (!digest) return Fail(digest.error());
    return ModelDigest{DigestText(*digest), DigestType::kFile};
  }
  if (StatusOf(model / "oci-layout").type() == fs::file_type::regular) return DigestLayout(model);
  auto files = FilesOf(model);
  if (!files) return Fail(files.error());
  Sha256Stream root;
  for (const auto& [name, file] : *files) {
    auto digest = Stream(file, nullptr);
    if (!digest) return Fail(digest.error());
    root.Update({reinterpret_cast<const char*>(digest->data()), digest->size()});
  }
  return ModelDigest{DigestText(root.Finish()), DigestType::kModelSigningRoot};
}

}  // namespace countersign
