#include "cli/embedded.h"

namespace countersign {

std::vector<std::string> EmbeddedNames(std::string_view prefix, std::string_view suffix) {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : EmbeddedFiles()) {
    if (!file.path.starts_with(prefix) || !file.path.ends_with(suffix)) continue;
    names.emplace_back(
        file.path.substr(prefix.size(), file.path.size() - prefix.size() - suffix.size()));
  }
  return names;
}

std::string_view EmbeddedText(const std::string& path) {
  for (const EmbeddedFile& file : EmbeddedFiles()) {
    if (file.path == path) return file.text;
  }
  return {};
}

}  // namespace countersign
