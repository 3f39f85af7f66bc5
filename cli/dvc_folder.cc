#include "cli/dvc_folder.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <system_error>

#include "base/json.h"
#include "cli/files.h"

namespace countersign {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".dir";

// Empty if the dvc.lock lies in no repository of DVC.
fs::path CacheAround(const std::string& lock_path) {
  std::error_code error;
  fs::path at = fs::absolute(lock_path.empty() ? fs::path(".") : fs::path(lock_path), error);
  at = at.lexically_normal();
  while (true) {
    if (fs::is_directory(at / ".dvc", error)) return at / ".dvc" / "cache";
    if (at == at.parent_path()) return {};
    at = at.parent_path();
  }
}

tl::unexpected<Error> Missing(const DvcFolder& folder, const std::string& where) {
  return Fail(Code::kInvalidArgument,
              "is required: '" + folder.name +
                  "' is a folder that DVC tracks as a whole, and the " + "listing of its files (" +
                  Excerpt(folder.md5) + ") is not " + where +
                  "; `dvc fetch` brings it, `dvc cache dir` says where the cache is",
              "--dvc-cache");
}

// The file of the listing: as DVC 3 keeps it, or as DVC 2 did.
Result<fs::path> ListingFile(const DvcFolder& folder, const std::string& cache) {
  const fs::path root = cache.empty() ? CacheAround(folder.lock_path) : fs::path(cache);
  if (root.empty()) return Missing(folder, "at hand: there is no .dvc around the dvc.lock");
  const std::string begin = folder.md5.substr(0, 2);
  const std::string rest = folder.md5.substr(2);
  for (const fs::path& base : {root / "files" / "md5", root}) {
    std::error_code error;
    if (fs::is_regular_file(base / begin / rest, error)) return base / begin / rest;
  }
  return Missing(folder, "in '" + root.generic_string() + "'");
}

// MD5 by path in the folder.
Result<std::map<std::string, std::string>> Listing(const DvcFolder& folder,
                                                   const std::string& cache) {
  auto file = ListingFile(folder, cache);
  if (!file) return Fail(file.error());
  const std::string path = file->generic_string();
  auto md5 = Md5Of(path);
  if (!md5) return Fail(md5.error());
  if (*md5 + std::string(kSuffix) != folder.md5) {
    return Fail(Code::kInvalidArgument,
                "must have the MD5 that it is named by, has " + *md5 + ": `dvc fetch` it again",
                path);
  }
  auto text = ReadTextFile(path);
  if (!text) return Fail(text.error());
  auto json = ParseJson(*text);
  if (!json || !json->is_array()) {
    return Fail(Code::kInvalidArgument,
                "must be DVC's list of files" + (json ? "" : ": " + json.error().message), path);
  }
  std::map<std::string, std::string> files;
  for (const Json& one : *json) {
    const std::string name = StringAt(one, "relpath");
    if (name.empty() || !files.emplace(name, StringAt(one, "md5")).second) {
      return Fail(Code::kInvalidArgument, "must name each file once by its relpath", path);
    }
  }
  return files;
}

std::string SomeOf(const std::map<std::string, std::string>& files) {
  std::string some;
  for (const auto& [name, md5] : files) some += (some.empty() ? "" : ", ") + name;
  return Excerpt(some, 512);
}

}  // namespace

Result<std::string> Md5Of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  if (!context || EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) != 1) {
    return Fail(Code::kFailedPrecondition, "MD5, by which DVC names files, is not available here",
                path);
  }
  std::array<char, 65536> buffer{};
  while (file.read(buffer.data(), buffer.size()) || file.gcount() > 0) {
    EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(file.gcount()));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &size);
  std::string hex;
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (unsigned i = 0; i < size; ++i) {
    hex += kDigits[digest.at(i) >> 4U];
    hex += kDigits[digest.at(i) & 0xFU];
  }
  return hex;
}

bool IsDvcFolder(const std::string& md5) {
  constexpr std::size_t kDigits = 32;
  return md5.size() == kDigits + kSuffix.size() && md5.ends_with(kSuffix) &&
         std::all_of(md5.begin(), md5.begin() + kDigits,
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<std::string> Md5InDvcFolder(const DvcFolder& folder, const std::string& file,
                                   const std::string& cache) {
  auto files = Listing(folder, cache);
  if (!files) return Fail(files.error());
  const auto found = files->find(file);
  if (found != files->end()) return found->second;
  return Fail(Code::kInvalidArgument, "'" + file +
                                          "' is not among the files that the stage had in '" +
                                          folder.name + "': " + SomeOf(*files));
}

std::string SomeOfDvcFolder(const DvcFolder& folder, const std::string& cache) {
  const auto files = Listing(folder, cache);
  return files ? SomeOf(*files) : std::string();
}

}  // namespace countersign
