// embedded.h: the files of examples/ that the program carries: policy packs and frameworks.
//
// The text is what stands in the repository, put in at build time (embed.cmake), so that `init` and
// `report` work without it. Constant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace countersign {

struct EmbeddedFile {
  std::string_view path;  // "examples/policies/gxp/policy.yaml"
  std::string_view text;
};

[[nodiscard]] std::span<const EmbeddedFile> EmbeddedFiles();

// What stands for `*` in the paths of the form PREFIX*SUFFIX, in order.
[[nodiscard]] std::vector<std::string> EmbeddedNames(std::string_view prefix,
                                                     std::string_view suffix);
// Empty: there is no such file.
[[nodiscard]] std::string_view EmbeddedText(const std::string& path);

}  // namespace countersign
