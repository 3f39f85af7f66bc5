#include "cli/manifests.h"

#include <algorithm>
#include <filesystem>

#include "base/yaml.h"
#include "cli/files.h"

namespace countersign {
namespace {

namespace fs = std::filesystem;

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
Status Unfold(const std::string& source, Json object, std::vector<Manifest>& out) {
  if (!object.is_object()) {
    return Fail(Code::kInvalidArgument, "must be a Kubernetes object", source);
  }
  const std::string kind = StringAt(object, "kind");
  if (kind.empty() || StringAt(object, "apiVersion").empty()) {
    return Fail(Code::kInvalidArgument, "must have apiVersion and kind", source);
  }
  const Json* items = Find(object, "items");
  if (!kind.ends_with("List") || items == nullptr || !items->is_array()) {
    out.push_back({source, std::move(object)});
    return {};
  }
  std::size_t index = 0;
  for (const Json& item : *items) {
    const std::string at = source + " items[" + std::to_string(index++) + "]";
    if (!item.is_object()) return Fail(Code::kInvalidArgument, "must be an object", at);
    out.push_back({at, item});
  }
  return {};
}

}  // namespace

Result<std::vector<Manifest>> ParseManifests(const std::string& source, const std::string& text) {
  std::vector<Json> documents;
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && text[first] == '{' && !source.ends_with(".yaml")) {
    auto json = ParseJson(text, kMaxForeignJsonDepth);
    if (!json) return Fail(Code::kInvalidArgument, json.error().ToString(), source);
    documents.push_back(std::move(*json));
  } else {
    auto parsed = ParseYamlDocuments(text);
    if (!parsed) return Fail(Code::kInvalidArgument, parsed.error().ToString(), source);
    documents = std::move(*parsed);
  }
  std::vector<Manifest> out;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const std::string at = documents.size() == 1 ? source : source + "#" + std::to_string(i + 1);
    if (auto unfolded = Unfold(at, std::move(documents[i]), out); !unfolded) {
      return Fail(unfolded.error());
    }
  }
  return out;
}

Result<std::vector<Manifest>> ReadManifests(const std::vector<std::string>& paths) {
  std::vector<Manifest> all;
  for (const std::string& path : paths) {
    std::vector<std::string> files = {path};
    std::error_code ignored;
    if (path != "-" && fs::is_directory(path, ignored)) {
      auto below = FilesBelow(path);
      if (!below) return Fail(below.error());
      files = std::move(*below);
    }
    for (const std::string& file : files) {
      auto text = ReadTextFile(file);
      if (!text) return Fail(text.error());
      auto manifests = ParseManifests(file == "-" ? "standard input" : file, *text);
      if (!manifests) return Fail(manifests.error());
      std::move(manifests->begin(), manifests->end(), std::back_inserter(all));
    }
  }
  return all;
}

}  // namespace countersign
