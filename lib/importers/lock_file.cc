#include "importers/lock_file.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "base/yaml.h"
#include "importers/fields.h"
#include "importers/formats.h"
#include "importers/locked_packages.h"

namespace countersign {
namespace {

constexpr std::array<std::string_view, 4> kConda = {"conda.yaml", "conda.yml", "environment.yaml",
                                                    "environment.yml"};

template <class Names>
bool IsOneOf(std::string_view name, const Names& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string Trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
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

// What pip makes of a line: the requirement, and what stands behind it. A comment says nothing.
struct Requirement {
  std::string text;     // without its environment marker
  std::string options;  // " --hash=sha256:…"
};

Requirement RequirementOf(const std::string& line) {
  static const RE2 kComment(R"re((?:^|\s+)#.*)re");
  static const RE2 kMarker(R"re(\s;.*)re");
  Requirement out{line, {}};
  std::replace(out.text.begin(), out.text.end(), '\t', ' ');
  RE2::Replace(&out.text, kComment, "");
  if (const auto options = out.text.find(" -"); options != std::string::npos) {
    out.options = out.text.substr(options);
    out.text.erase(options);
  }
  // In a URL a semicolon is one of its characters.
  if (out.text.find("://") == std::string::npos) {
    out.text.erase(std::min(out.text.find(';'), out.text.size()));
  } else {
    RE2::Replace(&out.text, kMarker, "");
  }
  out.text = Trimmed(out.text);
  return out;
}

bool IsPinned(const std::string& line) {
  if (line.front() == '-') return false;
  static const RE2 kUrl(R"re(@|://)re");
  // A branch's archive has another hash tomorrow, and pip does not look at it for git.
  static const RE2 kVersioned(R"re((?:git|hg|svn|bzr)\+)re");
  static const RE2 kAtCommit(R"re(\+[^#?\s]*@[0-9a-f]{40}(?:#\S*)?$)re");
  static const RE2 kFragment(R"re(#(?:[^#\s]*&)?sha256=[0-9a-f]{64}(?:&\S*)?$)re");
  static const RE2 kHashes(
      R"re(\s--hash[=\s]\s*(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})(?:\s|$))re");
  // pip puts the environment's value in place of ${…}.
  static const RE2 kVersion(
      R"re([A-Za-z0-9._-]+\s*(?:\[[^\]]*\])?\s*\(?\s*={2,3}\s*[^\s,;*<>~=$()]+\s*\)?)re");
  const Requirement requirement = RequirementOf(line);
  if (!RE2::PartialMatch(requirement.text, kUrl)) {
    return RE2::FullMatch(requirement.text, kVersion);
  }
  if (RE2::PartialMatch(requirement.text, kVersioned)) {
    return RE2::PartialMatch(requirement.text, kAtCommit);
  }
  return RE2::PartialMatch(requirement.text, kFragment) ||
         RE2::PartialMatch(requirement.options, kHashes);
}

template <class Take>
void ForEachLine(std::string_view text, const Take& take) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    take(Trimmed(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool IsExplicit(std::string_view text) {
  bool found = false;
  ForEachLine(text, [&](const std::string& line) { found = found || line == "@EXPLICIT"; });
  return found;
}

// `conda list --explicit`: a URL a line; its hash is MD5 or SHA-256, which is all that conda has.
Result<std::vector<std::string>> UnpinnedUrls(const std::string& name, std::string_view text) {
  static const RE2 kHashed(R"re(\S+#(?:[0-9a-f]{32}|(?:sha256:)?[0-9a-f]{64}))re");
  std::vector<std::string> out;
  bool some = false;
  ForEachLine(text, [&](const std::string& line) {
    if (line.empty() || line.front() == '#' || line.front() == '@') return;
    some = true;
    if (!RE2::FullMatch(line, kHashed)) out.push_back(line);
  });
  if (!some) return NamesNoPackage(name);
  return out;
}

Result<std::vector<std::string>> UnpinnedRequirements(const std::string& name,
                                                      std::string_view text) {
  if (IsExplicit(text)) return UnpinnedUrls(name, text);
  std::vector<std::string> out;
  bool some = false;
  std::string whole;  // a logical line: a backslash at its end continues it
  const auto take = [&] {
    const std::string requirement = Trimmed(whole);
    const bool dependency = IsDependency(requirement);
    some = some || dependency;
    if (dependency && !IsPinned(requirement)) out.push_back(requirement);
    whole.clear();
  };
  ForEachLine(text, [&](std::string line) {
    // The line after a comment is one of its own, whatever the comment ends with.
    const bool continued = !line.empty() && line.back() == '\\' && line.front() != '#';
    if (continued) line.pop_back();
    whole += (whole.empty() ? "" : " ") + line;
    if (!continued) take();
  });
  take();
  if (!some) return NamesNoPackage(name);
  return out;
}

bool IsPinnedByConda(const std::string& spec) {
  const auto first = spec.find('=');
  if (first == std::string::npos || spec.find_first_of("<>!~*|,") != std::string::npos) {
    return false;
  }
  if (spec.compare(first, 2, "==") == 0) return true;
  return spec.find('=', first + 1) != std::string::npos;
}

Result<std::vector<std::string>> UnpinnedOfConda(const std::string& name, std::string_view text) {
  auto yaml = ParseYaml(text);
  if (!yaml) return Fail(Code::kInvalidArgument, yaml.error().message, name);
  const Field list = Root(*yaml, {name, text}).Get("dependencies");
  if (!list.Is() || !list.value->is_array()) return Wrong(list, "a list of dependencies");
  std::vector<std::string> out;
  bool some = false;
  for (std::size_t i = 0; list.At(i).Is(); ++i) {
    const Field one = list.At(i);
    if (one.value->is_string()) {
      some = true;
      if (!IsPinnedByConda(one.Text())) out.push_back(one.Text());
      continue;
    }
    const Field pip = one.Get("pip");
    if (!pip.Is() || !pip.value->is_array()) return Wrong(one, "a dependency, or a list 'pip'");
    for (std::size_t k = 0; pip.At(k).Is(); ++k) {
      const std::string line = pip.At(k).Text();
      if (line.empty()) return Wrong(pip.At(k), "a requirement");
      const bool dependency = IsDependency(line);
      some = some || dependency;
      if (dependency && !IsPinned(line)) out.push_back(line);
    }
  }
  if (!some) return NamesNoPackage(list.path);
  return out;
}

}  // namespace

Result<std::vector<std::string>> UnpinnedIn(const std::string& name, std::string_view text) {
  if (auto readable = CheckUtf8({name, text}); !readable) return Fail(readable.error());
  if (IsResolverLock(name)) return UnpinnedPackages({name, text});
  if (IsOneOf(name, kConda)) return UnpinnedOfConda(name, text);
  // conda-lock names its lists of URLs after platforms: conda-linux-64.lock.
  const bool pip =
      name.ends_with(".txt") ||
      (name.ends_with(".lock") && (name.starts_with("requirements") || IsExplicit(text)));
  if (pip) return UnpinnedRequirements(name, text);
  std::string known;
  for (const std::string_view one : ResolverLockNames()) known.append(one).append(", ");
  for (const std::string_view one : kConda) known.append(one).append(", ");
  return Fail(Code::kInvalidArgument,
              "must be one of " + known +
                  "requirements*.lock or *.txt, or a list of URLs with @EXPLICIT, is '" + name +
                  "'",
              "--lock-file");
}

Result<Imported> ImportLockFile(std::span<const ImportText> files,
                                const ImportOptions& /*options*/) {
  const ImportText& file = files.front();
  const std::string name = file.name.substr(file.name.find_last_of('/') + 1);
  auto unpinned = UnpinnedIn(name, file.text);
  if (!unpinned) return Fail(unpinned.error());
  Imported imported;
  imported.spec = ReproducibilitySnapshotSpec();
  imported.run.lock_file = file.name;
  imported.run.unpinned = std::move(*unpinned);
  return imported;
}

}  // namespace countersign
