#include "cli/manifests.h"

#include <algorithm>
#include <filesystem>

#include "cli/files.h"

namespace countersign {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStandardInput = "standard input";

// What annotations can point at.
std::string FileOf(const std::string& source) { return source == kStandardInput ? "" : source; }

bool IsManifestFile(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

Result<std::vector<std::string>> FilesBelow(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  auto it = fs::recursive_directory_iterator(folder, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const bool hidden = it->path().filename().string().front() == '.';
    std::error_code ignored;
    if (hidden && it->is_directory(ignored)) it.disable_recursion_pending();
    if (hidden || !it->is_regular_file(ignored) || !IsManifestFile(it->path())) continue;
    files.push_back(it->path().string());
    if (files.size() > kMaxManifestFiles) {
      return Fail(Code::kInvalidArgument, "there are more than " +
                                              std::to_string(kMaxManifestFiles) + " files below '" +
                                              folder + "'");
    }
  }
  if (error) {
    return Fail(Code::kUnavailable, "cannot read '" + folder + "': " + error.message());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// A List stands for its items.
Located<void> Unfold(Manifest document, std::vector<Manifest>& out) {
  const Json& object = document.object;
  if (!object.is_object()) return FailIn(document, {}, "must be a Kubernetes object");
  const std::string kind = StringAt(object, "kind");
  if (kind.empty() || StringAt(object, "apiVersion").empty()) {
    return FailIn(document, {}, "must have apiVersion and kind");
  }
  const Json* items = Find(object, "items");
  if (!kind.ends_with("List") || items == nullptr || !items->is_array()) {
    out.push_back(std::move(document));
    return {};
  }
  std::size_t index = 0;
  for (const Json& item : *items) {
    const std::string root = "items[" + std::to_string(index++) + "]";
    Manifest one{document.source + " " + root, item, document.file, document.lines, root};
    if (!item.is_object()) return FailIn(one, {}, "must be an object");
    out.push_back(std::move(one));
  }
  return {};
}

tl::unexpected<Fault> FailFile(const Error& error, const std::string& file, std::size_t line) {
  Fault fault;
  static_cast<Error&>(fault) = error;
  fault.file = FileOf(file);
  fault.line = line;
  return tl::unexpected<Fault>(std::move(fault));
}

tl::unexpected<Fault> FailText(const Error& error, const std::string& source, std::size_t line) {
  auto fault = FailFile({error.code, error.ToString(), source, {}}, source, line);
  fault.value().detail = error.ToString();
  return fault;
}

// JSON is YAML, near enough for a look at where things stand.
std::shared_ptr<const YamlLines> LinesOfJson(const std::string& text) {
  auto documents = ParseYamlWithLines(text);
  if (!documents || documents->size() != 1) return nullptr;
  return std::make_shared<const YamlLines>(std::move(documents->front().lines));
}

Located<std::vector<Manifest>> Documents(const std::string& source, const std::string& text) {
  std::vector<Manifest> out;
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && text[first] == '{' && !source.ends_with(".yaml")) {
    auto json = ParseJson(text, kMaxForeignJsonDepth);
    if (!json) {
      const auto as_yaml = ParseYamlWithLines(text);
      return FailText(json.error(), source, as_yaml ? 1 : as_yaml.error().line);
    }
    out.push_back({source, std::move(*json), FileOf(source), LinesOfJson(text), {}});
    return out;
  }
  auto parsed = ParseYamlWithLines(text);
  if (!parsed) return FailText(parsed.error(), source, parsed.error().line);
  for (std::size_t i = 0; i < parsed->size(); ++i) {
    YamlDocument& document = (*parsed)[i];
    out.push_back({parsed->size() == 1 ? source : source + "#" + std::to_string(i + 1),
                   std::move(document.value),
                   FileOf(source),
                   std::make_shared<const YamlLines>(std::move(document.lines)),
                   {}});
  }
  return out;
}

}  // namespace

std::size_t Manifest::LineOf(std::string_view path) const {
  if (lines == nullptr) return 0;
  std::string at = root;
  if (!path.empty()) at += (at.empty() ? "" : ".") + std::string(path);
  while (true) {
    if (const auto it = lines->find(at); it != lines->end()) return it->second;
    if (at.empty()) return 0;
    const auto step = at.find_last_of(".[");
    at.erase(step == std::string::npos ? 0 : step);
  }
}

tl::unexpected<Fault> FailIn(const Manifest& manifest, const std::string& path,
                             const std::string& message) {
  Fault fault;
  fault.code = Code::kInvalidArgument;
  fault.message = message;
  fault.path = manifest.source + (path.empty() ? "" : ": " + path);
  fault.detail = path.empty() ? message : path + ": " + message;
  fault.file = manifest.file;
  fault.line = manifest.LineOf(path);
  return tl::unexpected<Fault>(std::move(fault));
}

Located<std::vector<Manifest>> ParseManifests(const std::string& source, const std::string& text) {
  auto documents = Documents(source, text);
  if (!documents) return documents;
  std::vector<Manifest> out;
  for (Manifest& document : *documents) {
    if (auto unfolded = Unfold(std::move(document), out); !unfolded) {
      return tl::unexpected<Fault>(unfolded.error());
    }
  }
  return out;
}

Located<std::vector<Manifest>> ReadManifests(const std::vector<std::string>& paths) {
  std::vector<Manifest> all;
  for (const std::string& path : paths) {
    std::vector<std::string> files = {path};
    std::error_code ignored;
    if (path != "-" && fs::is_directory(path, ignored)) {
      auto below = FilesBelow(path);
      if (!below) return FailFile(below.error(), path, 0);
      if (below->empty()) {
        return FailFile({Code::kNotFound,
                         "there is no manifest (*.yaml, *.yml, *.json) below '" + path + "'",
                         {},
                         {}},
                        path, 0);
      }
      files = std::move(*below);
    }
    for (const std::string& file : files) {
      auto text = ReadTextFile(file);
      if (!text) return FailFile(text.error(), file, 0);
      auto manifests = ParseManifests(file == "-" ? std::string(kStandardInput) : file, *text);
      if (!manifests) return manifests;
      std::move(manifests->begin(), manifests->end(), std::back_inserter(all));
    }
  }
  return all;
}

}  // namespace countersign
