#include "cli/lock_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>

#include "cli/content_digest.h"
#include "cli/files.h"

namespace countersign {
namespace {

constexpr std::array<std::string_view, 8> kWholly = {
    "poetry.lock",    "uv.lock",   "pdm.lock",          "Pipfile.lock",
    "conda-lock.yml", "pixi.lock", "package-lock.json", "Cargo.lock"};

std::string Trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// An option of a line before, or of the installation as a whole, names no dependency.
bool IsDependency(const std::string& line) {
  if (line.empty() || line.front() == '#') return false;
  if (line.front() != '-') return true;
  for (const std::string_view option :
       {"-r", "-c", "-e", "--requirement", "--constraint", "--editable"}) {
    if (!line.starts_with(option)) continue;
    const std::string rest = line.substr(option.size());
    if (rest.empty() || rest.front() == ' ' || rest.front() == '=' || option.size() == 2)
      return true;
  }
  return false;
}

bool IsPinned(const std::string& line) {
  if (line.front() == '-') return false;
  const std::string requirement = line.substr(0, line.find_first_of(";#"));
  if (requirement.find('@') != std::string::npos) {
    return line.find("#sha256=") != std::string::npos || line.find("--hash=") != std::string::npos;
  }
  const auto equals = requirement.find("==");
  return equals != std::string::npos && requirement.find('*', equals) == std::string::npos &&
         requirement.find(',') == std::string::npos;
}

std::vector<std::string> Unpinned(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  std::string line;
  std::string whole;  // a logical line: a backslash at its end continues it
  const auto take = [&] {
    const std::string requirement = Trimmed(whole);
    if (IsDependency(requirement) && !IsPinned(requirement)) out.push_back(requirement);
    whole.clear();
  };
  while (std::getline(in, line)) {
    line = Trimmed(line);
    const bool continued = !line.empty() && line.back() == '\\';
    if (continued) line.pop_back();
    whole += line;
    if (!continued) take();
  }
  take();
  return out;
}

}  // namespace

Result<LockFile> ReadLockFile(const std::string& path) {
  auto file = DigestFile(path);
  if (!file) return Fail(file.error());
  LockFile lock{std::move(file->digest), {}};
  const std::string name = std::filesystem::path(path).filename().string();
  if (std::find(kWholly.begin(), kWholly.end(), name) != kWholly.end()) return lock;
  const bool pip =
      name.ends_with(".txt") || (name.starts_with("requirements") && name.ends_with(".lock"));
  if (!pip) {
    std::string known;
    for (const std::string_view one : kWholly) known.append(one).append(", ");
    return Fail(Code::kInvalidArgument,
                "must be one of " + known + "requirements*.lock or *.txt, is '" + name + "'",
                "--lock-file");
  }
  auto text = ReadTextFile(path);
  if (!text) return Fail(text.error());
  lock.unpinned = Unpinned(*text);
  return lock;
}

}  // namespace countersign
