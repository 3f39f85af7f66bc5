#include "cli/evidence_snapshot.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>

namespace countersign {
namespace {

// By which DVC names files; whether they are what they should be, SHA-256 says.
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

Status CheckData(const ReleaseData& data, const std::map<std::string, ImportedData>& recorded) {
  const std::string path = std::filesystem::path(data.file).lexically_normal().generic_string();
  const std::string flag = "--data " + data.name;
  // As the stage names it, or as it is seen from here.
  const auto found = std::find_if(recorded.begin(), recorded.end(), [&](const auto& one) {
    const auto seen = std::filesystem::path(one.second.folder) / one.first;
    return one.first == path || seen.lexically_normal().generic_string() == path;
  });
  if (found == recorded.end()) {
    std::string known;
    for (const auto& [name, one] : recorded) known += (known.empty() ? "" : ", ") + name;
    return Fail(Code::kInvalidArgument,
                "'" + path + "' is none of the stage's data: " + Excerpt(known, 512), flag);
  }
  auto md5 = Md5Of(data.file);
  if (!md5) return Fail(md5.error());
  if (*md5 == found->second.md5) return {};
  return Fail(Code::kInvalidArgument,
              "'" + path + "' has MD5 " + *md5 + ", and the stage ran on " +
                  Excerpt(found->second.md5) + ": check out what it ran on (dvc checkout)",
              flag);
}

}  // namespace

Result<ReproducibilitySnapshotSpec> CompleteSnapshot(const Imported& imported,
                                                     const ReleaseSpec& said,
                                                     const ReleaseFrame& frame,
                                                     std::vector<std::string>& notes) {
  const auto& stated = std::get<ReproducibilitySnapshotSpec>(imported.spec);
  const ImportedRun& run = imported.run;
  ReleaseFrame whole = frame;
  whole.run = MlflowRun{frame.performed_at, stated.parameters, {},       run.id, run.commit,
                        run.repository,     run.entry_point,   run.users};
  for (const auto& [name, value] : stated.metrics) whole.run->metrics[name] = value.ToString();
  ReleaseSpec spec = said;
  if (!run.lock_file.empty()) spec.lock_file = run.lock_file;
  if (spec.runtime.empty()) spec.runtime = run.runtime;
  if (!run.data.empty()) {
    for (const ReleaseData& data : spec.data) {
      if (auto same = CheckData(data, run.data); !same) return Fail(same.error());
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
