#include "importers/locked_packages.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "base/yaml.h"
#include "importers/fields.h"
#include "importers/toml.h"

namespace countersign {
namespace {

using Lines = Result<std::vector<std::string>>;
// Why a package is not pinned; empty: it is.
using Why = std::function<std::string(const Json& package)>;

bool IsCommit(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// "git+https://host/repository?rev=main#0123…"
bool EndsWithCommit(const std::string& url) {
  const auto mark = url.rfind('#');
  return mark != std::string::npos && IsCommit(std::string_view(url).substr(mark + 1));
}

bool IsProject(std::string_view path) { return path == "." || path == "./"; }

std::string WhyNotVersion(const Json& package) {
  return StringAt(package, "version").empty() ? "has no version" : "";
}

std::string WhyNotCommit(const std::string& url, const std::string& commit) {
  return IsCommit(commit) ? "" : "git " + url + " without a commit";
}

// Some, and each with its hash.
bool AreHashed(const Json* files) {
  return files != nullptr && files->is_array() && !files->empty() &&
         std::all_of(files->begin(), files->end(), [](const Json& file) {
           const Json* several = Find(file, "hashes");
           return !StringAt(file, "hash").empty() ||
                  (several != nullptr && several->is_object() && !several->empty());
         });
}

void AddUnpinned(const std::string& name, const std::string& why, std::vector<std::string>& out) {
  constexpr std::size_t kShown = 240;  // spec.environment.unpinned has 253 characters
  if (!why.empty()) out.push_back(Excerpt(name + " (" + why + ")", kShown));
}

Lines OfList(const Field& list, const Why& why) {
  if (!list.Is() || !list.value->is_array()) return Wrong(list, "a list of packages");
  if (list.value->empty()) return NamesNoPackage(list.path);
  std::vector<std::string> out;
  for (std::size_t i = 0; list.At(i).Is(); ++i) {
    const Field name = list.At(i).Get("name");
    if (name.Text().empty()) return Wrong(name, "the name of a package");
    const std::string version = StringAt(*list.At(i).value, "version");
    AddUnpinned(name.Text() + (version.empty() ? "" : " " + version), why(*list.At(i).value), out);
  }
  return out;
}

// --- uv, poetry, PDM, PEP 751: TOML ---

std::string WhyNotUv(const Json& package) {
  const Json* sdist = Find(package, "sdist");
  const bool hashed =
      AreHashed(Find(package, "wheels")) || (sdist != nullptr && !StringAt(*sdist, "hash").empty());
  for (const char* folder : {"editable", "virtual", "directory"}) {
    const std::string path = StringAt(package, std::string("source/") + folder);
    if (!path.empty()) return IsProject(path) ? "" : folder + (" " + path);
  }
  const std::string git = StringAt(package, "source/git");
  if (!git.empty()) return EndsWithCommit(git) ? "" : "git " + git + " without a commit";
  for (const char* archive : {"path", "url"}) {
    const std::string at = StringAt(package, std::string("source/") + archive);
    if (!at.empty()) return hashed ? "" : archive + (" " + at) + " without a hash";
  }
  if (StringAt(package, "source/registry").empty()) return "has no source";
  return WhyNotVersion(package);
}

Lines OfUv(const Field& root) {
  const Field version = root.Get("version");
  if (!version.Is() || !version.value->is_number_integer()) {
    return Wrong(version, "the version of uv's lock format");
  }
  // uv writes no list where there is nothing to install.
  if (!root.Get("package").Is()) return NamesNoPackage(root.Get("package").path);
  return OfList(root.Get("package"), WhyNotUv);
}

Lines OfPoetry(const Field& root) {
  const Field hash = root.Get("metadata").Get("content-hash");
  if (hash.Text().empty()) return Wrong(hash, "poetry's hash of pyproject.toml");
  // Before 1.3 all hashes were in one table.
  const Json* files = root.Get("metadata").Get("files").value;
  return OfList(root.Get("package"), [&](const Json& package) -> std::string {
    const std::string type = StringAt(package, "source/type");
    const std::string url = StringAt(package, "source/url");
    if (type.empty() || type == "legacy") return WhyNotVersion(package);
    if (type == "git") return WhyNotCommit(url, StringAt(package, "source/resolved_reference"));
    const Json* own = Find(package, "files");
    if (own == nullptr && files != nullptr) own = Find(*files, StringAt(package, "name"));
    const bool archive = type == "file" || type == "url";
    if (archive) return AreHashed(own) ? "" : type + " " + url + " without a hash";
    return type + " " + url;
  });
}

Lines OfPdm(const Field& root) {
  const Field hash = root.Get("metadata").Get("content_hash");
  if (hash.Text().empty()) return Wrong(hash, "PDM's hash of pyproject.toml");
  return OfList(root.Get("package"), [](const Json& package) -> std::string {
    const std::string git = StringAt(package, "git");
    if (!git.empty()) return WhyNotCommit(git, StringAt(package, "revision"));
    const std::string path = StringAt(package, "path");
    if (BoolAt(package, "editable")) return IsProject(path) ? "" : "editable " + path;
    for (const char* archive : {"path", "url"}) {
      const std::string at = StringAt(package, archive);
      if (at.empty()) continue;
      return AreHashed(Find(package, "files")) ? "" : archive + (" " + at) + " without a hash";
    }
    return WhyNotVersion(package);
  });
}

std::string WhyNotPylock(const Json& package) {
  const std::string folder = StringAt(package, "directory/path");
  if (Find(package, "directory") != nullptr) {
    return IsProject(folder) ? "" : "directory " + folder;
  }
  if (Find(package, "vcs") != nullptr) {
    std::string url = StringAt(package, "vcs/url");
    if (url.empty()) url = StringAt(package, "vcs/path");
    return WhyNotCommit(url, StringAt(package, "vcs/commit-id"));
  }
  // An archive, an sdist or wheels: each must have its hashes (PEP 751).
  Json files = Json::array();
  for (const char* one : {"archive", "sdist"}) {
    if (const Json* file = Find(package, one); file != nullptr) files.push_back(*file);
  }
  if (const Json* wheels = Find(package, "wheels"); wheels != nullptr && wheels->is_array()) {
    files.insert(files.end(), wheels->begin(), wheels->end());
  }
  return AreHashed(&files) ? "" : "has no hash";
}

Lines OfPylock(const Field& root) {
  const Field version = root.Get("lock-version");
  if (version.Text().empty()) return Wrong(version, "the version of the lock format of PEP 751");
  return OfList(root.Get("packages"), WhyNotPylock);
}

// --- Cargo: TOML ---

// Packages without a source are in folders: the project's own, unless another one depends on it.
Lines OfCargo(const Field& root) {
  const Field list = root.Get("package");
  std::set<std::string> wanted;
  for (std::size_t i = 0; list.At(i).Is(); ++i) {
    const Field dependencies = list.At(i).Get("dependencies");
    for (std::size_t k = 0; dependencies.At(k).Is(); ++k) {
      const std::string text = dependencies.At(k).Text();  // "name", "name version (source)"
      wanted.insert(text.substr(0, text.find(' ')));
    }
  }
  return OfList(list, [&](const Json& package) -> std::string {
    const std::string source = StringAt(package, "source");
    if (source.starts_with("git+"))
      return EndsWithCommit(source) ? "" : source + " without a commit";
    if (!source.empty()) return WhyNotVersion(package);
    return wanted.contains(StringAt(package, "name")) ? "path" : "";
  });
}

// --- Pipenv, npm: JSON ---

std::string WhyNotPipenv(const Json& package) {
  const std::string path = StringAt(package, "path");
  if (!path.empty()) return IsProject(path) ? "" : "path " + path;
  const std::string git = StringAt(package, "git");
  if (!git.empty()) return WhyNotCommit(git, StringAt(package, "ref"));
  const Json* hashes = Find(package, "hashes");
  const std::string file = StringAt(package, "file");
  const bool hashed = hashes != nullptr && hashes->is_array() && !hashes->empty();
  if (!file.empty()) return hashed ? "" : "file " + file + " without a hash";
  const std::string version = StringAt(package, "version");
  return version.starts_with("==") && version.find('*') == std::string::npos
             ? ""
             : "version '" + version + "'";
}

Lines OfPipenv(const Field& root) {
  const Field hash = root.Get("_meta").Get("hash").Get("sha256");
  if (hash.Text().empty()) return Wrong(hash, "Pipenv's hash of the Pipfile");
  std::vector<std::string> out;
  std::size_t packages = 0;
  for (auto section = root.value->begin(); section != root.value->end(); ++section) {
    if (section.key() == "_meta") continue;
    if (!section->is_object()) return Wrong(root.Get(section.key()), "packages by their name");
    packages += section->size();
    for (auto one = section->begin(); one != section->end(); ++one) {
      AddUnpinned(one.key(), WhyNotPipenv(*one), out);
    }
  }
  if (packages == 0) return NamesNoPackage(root.path);
  return out;
}

std::string WhyNotNpm(const Json& package) {
  if (BoolAt(package, "link")) return "link " + StringAt(package, "resolved");
  if (!StringAt(package, "integrity").empty()) return {};
  if (BoolAt(package, "inBundle") || BoolAt(package, "bundled")) return {};
  std::string from = StringAt(package, "resolved");
  if (from.empty()) from = StringAt(package, "version");  // lock files of npm before 7
  return EndsWithCommit(from) ? "" : from + " without a hash";
}

// `folders`: the same by their folders, where npm 7 and later look. What stands there was read.
Status TakeNpmTree(const Field& packages, const std::string& below, const Field& folders,
                   std::vector<std::string>& out) {
  if (!packages.Is()) return {};
  if (!packages.value->is_object()) return Wrong(packages, "packages by their name");
  for (auto one = packages.value->begin(); one != packages.value->end(); ++one) {
    const std::string folder = below + "node_modules/" + one.key();
    if (!folders.Get(folder).Is()) AddUnpinned(one.key(), WhyNotNpm(*one), out);
    auto nested =
        TakeNpmTree(packages.Get(one.key()).Get("dependencies"), folder + "/", folders, out);
    if (!nested) return nested;
  }
  return {};
}

Lines OfNpm(const Field& root) {
  const Field version = root.Get("lockfileVersion");
  if (!version.Is() || !version.value->is_number_integer()) {
    return Wrong(version, "the version of npm's lock format");
  }
  std::vector<std::string> out;
  const Field packages = root.Get("packages");
  const Json* older = root.Get("dependencies").value;
  bool some = older != nullptr && !older->empty();
  if (packages.Is()) {
    if (!packages.value->is_object()) return Wrong(packages, "packages by their folder");
    for (auto one = packages.value->begin(); one != packages.value->end(); ++one) {
      // The project, and folders that links lead to.
      if (one.key().find("node_modules/") == std::string::npos) continue;
      some = true;
      AddUnpinned(one.key(), WhyNotNpm(*one), out);
    }
  }
  // npm before 7 looks here alone.
  auto taken = TakeNpmTree(root.Get("dependencies"), {}, packages, out);
  if (!taken) return Fail(taken.error());
  if (!some) return NamesNoPackage(root.path);
  return out;
}

// --- conda-lock, pixi: YAML ---

bool HasDigest(const Json* hashes) {
  return hashes != nullptr &&
         (!StringAt(*hashes, "sha256").empty() || !StringAt(*hashes, "md5").empty());
}

Lines OfCondaLock(const Field& root) {
  const Field version = root.Get("version");
  if (!version.Is() || !version.value->is_number_integer()) {
    return Wrong(version, "the version of conda-lock's format");
  }
  return OfList(root.Get("package"), [](const Json& package) -> std::string {
    const std::string url = StringAt(package, "url");
    if (HasDigest(Find(package, "hash")) || EndsWithCommit(url)) return {};
    return url.empty() ? "has no url" : url + " without a hash";
  });
}

std::string WhyNotPixi(const Json& package, const std::string& from) {
  constexpr std::array<std::string_view, 4> kArchives = {".whl", ".tar.gz", ".conda", ".zip"};
  const bool remote = from.find("://") != std::string::npos;
  const bool archive = std::any_of(kArchives.begin(), kArchives.end(),
                                   [&](std::string_view end) { return from.ends_with(end); });
  // A folder's "sha256" is that of its manifest alone.
  if (!remote && !archive) return IsProject(from) ? "" : "path";
  return HasDigest(&package) || EndsWithCommit(from) ? "" : "without a hash";
}

Lines OfPixi(const Field& root) {
  const Field version = root.Get("version");
  if (!version.Is() || !version.value->is_number_integer()) {
    return Wrong(version, "the version of pixi's lock format");
  }
  const Field list = root.Get("packages");
  if (!list.Is() || !list.value->is_array()) return Wrong(list, "a list of packages");
  if (list.value->empty()) return NamesNoPackage(list.path);
  std::vector<std::string> out;
  for (std::size_t i = 0; list.At(i).Is(); ++i) {
    std::string from;
    for (const char* key : {"url", "path", "conda", "pypi"}) {
      if (from.empty()) from = list.At(i).Get(key).Text();
    }
    if (from.empty()) return Wrong(list.At(i), "a package with 'conda', 'pypi', 'url' or 'path'");
    AddUnpinned(from, WhyNotPixi(*list.At(i).value, from), out);
  }
  return out;
}

struct LockFormat {
  std::string_view name;
  Result<Json> (*parse)(const ImportText& file);
  Lines (*read)(const Field& root);
};

Result<Json> ParseYamlFile(const ImportText& file) {
  auto yaml = ParseYaml(file.text);
  if (!yaml) return Fail(Code::kInvalidArgument, yaml.error().message, file.name);
  if (!yaml->is_object()) return Fail(Code::kInvalidArgument, "must be an object", file.name);
  return yaml;
}

constexpr std::array<LockFormat, 9> kFormats = {{{"poetry.lock", ParseToml, OfPoetry},
                                                 {"uv.lock", ParseToml, OfUv},
                                                 {"pdm.lock", ParseToml, OfPdm},
                                                 {"pylock.toml", ParseToml, OfPylock},
                                                 {"Pipfile.lock", ParseObject, OfPipenv},
                                                 {"conda-lock.yml", ParseYamlFile, OfCondaLock},
                                                 {"pixi.lock", ParseYamlFile, OfPixi},
                                                 {"package-lock.json", ParseObject, OfNpm},
                                                 {"Cargo.lock", ParseToml, OfCargo}}};

constexpr auto kNames = [] {
  std::array<std::string_view, kFormats.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kFormats[i].name;
  return names;
}();

}  // namespace

std::span<const std::string_view> ResolverLockNames() { return kNames; }

bool IsResolverLock(std::string_view name) {
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

tl::unexpected<Error> NamesNoPackage(const std::string& file) {
  std::string path = file;
  if (path.ends_with(": ")) path.resize(path.size() - 2);
  return Fail(Code::kInvalidArgument,
              "names no package, and so pins nothing: give the file that the training was "
              "installed from, or what 'pip freeze', 'uv lock' or 'conda list --explicit' writes "
              "there",
              path);
}

Result<std::vector<std::string>> UnpinnedPackages(const ImportText& file) {
  const auto* const format =
      std::find_if(kFormats.begin(), kFormats.end(),
                   [&](const LockFormat& one) { return one.name == file.name; });
  if (format == kFormats.end()) {
    return Fail(Code::kInvalidArgument, "must be a lock file", file.name);
  }
  auto parsed = format->parse(file);
  if (!parsed) return Fail(parsed.error());
  return format->read(Root(*parsed, file));
}

}  // namespace countersign
