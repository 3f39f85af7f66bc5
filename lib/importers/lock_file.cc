#include "importers/lock_file.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <utility>

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

// The options of pip that name no dependency: those that take a value, and those that take none.
constexpr std::array<std::string_view, 13> kWithValue = {
    "-i",          "--index-url",       "--extra-index-url", "-f",         "--find-links",
    "--no-binary", "--only-binary",     "--trusted-host",    "--pypi-url", "--use-feature",
    "--hash",      "--config-settings", "--global-option"};
constexpr std::array<std::string_view, 6> kAlone = {
    "--no-index", "--pre", "--prefer-binary", "--require-hashes", "--always-unzip", "-Z"};

std::vector<std::string> Words(std::string_view line) {
  std::vector<std::string> words;
  bool open = false;
  for (const char c : line) {
    if (c == ' ' || c == '\t' || c == '\r') {
      open = false;
      continue;
    }
    // As a shell does, pip takes a word for the same with quotes in it.
    if (c == '"' || c == '\'' || c == '\\') continue;
    if (!open) words.emplace_back();
    open = true;
    words.back() += c;
  }
  return words;
}

// Whether a line of options may name a dependency: -r, -c and -e do, anywhere and abbreviated, and
// whatever is not known here may.
bool OptionsNameDependency(std::string_view line) {
  const std::vector<std::string> words = Words(line);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const std::string name = word.substr(0, word.find('='));
    if (IsOneOf(name, kAlone)) continue;
    if (IsOneOf(name, kWithValue)) {
      if (name != word) continue;
      // Its value is the next word.
      ++i;
      if (i < words.size() && words[i].front() == '-') return true;
      continue;
    }
    const bool with_value = word.starts_with("-i") || word.starts_with("-f");
    if (!with_value) return true;
  }
  return false;
}

std::string WithoutComment(std::string line) {
  static const RE2 kComment(R"re((?:^|\s+)#.*)re");
  RE2::Replace(&line, kComment, "");
  return Trimmed(line);
}

bool IsDependency(const std::string& line) {
  if (line.empty()) return false;
  return line.front() != '-' || OptionsNameDependency(line);
}

// What pip makes of a line without its comment: the requirement, and what stands behind it.
struct Requirement {
  std::string text;     // without its environment marker
  std::string options;  // " --hash=sha256:…"
};

Requirement RequirementOf(const std::string& line) {
  static const RE2 kMarker(R"re(\s;.*)re");
  Requirement out{line, {}};
  std::replace(out.text.begin(), out.text.end(), '\t', ' ');
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

// How many bytes at the start of `text` end a line, as str.splitlines() of Python has it, which pip
// reads by: more than a line feed, or a comment could hide a dependency. 0: none.
std::size_t LineEnd(std::string_view text) {
  constexpr std::array<std::string_view, 11> kEnds = {
      "\r\n", "\n",   "\r",       "\v",           "\f",          "\x1c",
      "\x1d", "\x1e", "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"};
  const auto first = static_cast<unsigned char>(text.front());
  if (first >= ' ' && first != 0xC2 && first != 0xE2) return 0;
  for (const std::string_view end : kEnds) {
    if (text.starts_with(end)) return end.size();
  }
  return 0;
}

template <class Take>
void ForEachLine(std::string_view text, const Take& take) {
  std::size_t size = 0;
  while (size < text.size()) {
    const std::size_t end = LineEnd(text.substr(size));
    if (end == 0) {
      ++size;
      continue;
    }
    take(text.substr(0, size));
    text.remove_prefix(size + end);
    size = 0;
  }
  if (!text.empty()) take(text);
}

bool IsExplicit(std::string_view text) {
  bool found = false;
  ForEachLine(text, [&](std::string_view line) { found = found || Trimmed(line) == "@EXPLICIT"; });
  return found;
}

// `conda list --explicit`: a URL a line; its hash is MD5 or SHA-256, which is all that conda has.
Result<std::vector<std::string>> UnpinnedUrls(const std::string& name, std::string_view text) {
  static const RE2 kHashed(R"re(\S+#(?:[0-9a-f]{32}|(?:sha256:)?[0-9a-f]{64}))re");
  std::vector<std::string> out;
  bool some = false;
  ForEachLine(text, [&](std::string_view whole) {
    const std::string line = Trimmed(whole);
    if (line.empty() || line.front() == '#' || line.front() == '@') return;
    some = true;
    if (!RE2::FullMatch(line, kHashed)) out.push_back(line);
  });
  if (!some) return NamesNoPackage(name);
  return out;
}

// Adds those of a requirements file; whether it has a dependency at all.
bool AddUnpinned(std::string_view text, std::vector<std::string>& out) {
  bool some = false;
  std::string whole;  // a logical line: a backslash at its end continues it
  const auto take = [&] {
    const std::string shown = std::exchange(whole, {});
    const std::string requirement = WithoutComment(shown);
    const bool dependency = IsDependency(requirement);
    some = some || dependency;
    if (dependency && !IsPinned(requirement)) out.push_back(Trimmed(shown));
  };
  ForEachLine(text, [&](std::string_view line) {
    // The line after a comment is one of its own, whatever the comment ends with.
    const bool comment = Trimmed(line).starts_with('#');
    const bool continued = line.ends_with('\\') && !comment;
    while (continued && line.ends_with('\\')) line.remove_suffix(1);
    if (comment) whole += ' ';
    whole += line;
    if (!continued) take();
  });
  take();
  return some;
}

// What one of the first two lines says of the encoding, in which pip would read other lines (PEP
// 263); empty: it says nothing, or what the file is read as here.
std::string OtherEncoding(std::string_view text) {
  static const RE2 kCookie(R"re((?i)^#[^\n]*?coding[:=]\s*([-\w.]+))re");
  for (int line = 0; line < 2; ++line) {
    const std::string_view first = text.substr(0, text.find('\n'));
    std::string encoding;
    if (RE2::PartialMatch(first, kCookie, &encoding) &&
        !RE2::FullMatch(encoding, "(?i)utf-?8|(us-)?ascii")) {
      return encoding;
    }
    if (first.size() == text.size()) break;
    text.remove_prefix(first.size() + 1);
  }
  return {};
}

Result<std::vector<std::string>> UnpinnedRequirements(const std::string& name,
                                                      std::string_view text) {
  if (const std::string encoding = OtherEncoding(text); !encoding.empty()) {
    return Fail(Code::kInvalidArgument,
                "must be in UTF-8, says that it is in '" + Excerpt(encoding) + "'", name);
  }
  if (IsExplicit(text)) return UnpinnedUrls(name, text);
  std::vector<std::string> out;
  if (!AddUnpinned(text, out)) return NamesNoPackage(name);
  return out;
}

// A version and a build, or a version that is exact.
bool IsPinnedByConda(const std::string& spec) {
  static const std::string kPart = R"re([^\s=<>!~*|,#$^()\[\]]+)re";
  static const RE2 kExact(kPart + R"re(\s*(?:==\s*)re" + kPart + "(?:=" + kPart + R"re(|\s+)re" +
                          kPart + R"re()?|=\s*)re" + kPart + "=" + kPart + ")");
  return RE2::FullMatch(spec, kExact);
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
    std::string lines;  // as conda hands them to pip
    for (std::size_t k = 0; pip.At(k).Is(); ++k) {
      const std::string line = pip.At(k).Text();
      if (line.empty()) return Wrong(pip.At(k), "a requirement");
      lines += line + "\n";
    }
    some = AddUnpinned(lines, out) || some;
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
                  "requirements*.lock or *.txt, or a list of URLs with @EXPLICIT" +
                  (name == "dvc.lock" ? "; a dvc.lock says what a stage ran on, and is read by "
                                        "the format dvc-lock of 'countersign evidence import'"
                                      : ""),
              name);
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
