// manifests.h: Kubernetes objects out of files and folders, each with where it stands.
//
// Reads *.yaml, *.yml and *.json below a folder in the order of their paths (hidden files and
// folders are left out, symbolic links are not followed), streams of several documents, and Lists.
// The first thing that cannot be read is the error. Free functions without state.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/yaml.h"

namespace countersign {

// More files than this below one folder are not a set of manifests.
inline constexpr std::size_t kMaxManifestFiles = 10'000;

struct Manifest {
  std::string source;  // "dir/policy.yaml", with "#2" for the second document of several
  Json object;
  std::string file{};                        // empty for standard input and objects of a cluster
  std::shared_ptr<const YamlLines> lines{};  // of the document; null: unknown
  std::string root{};                        // the object's path in it: "items[3]" of a List

  // Where the value at `path` of the object stands, or what it would be in; 0: unknown.
  [[nodiscard]] std::size_t LineOf(std::string_view path) const;
};

// An error that knows where it stands.
struct Fault : Error {
  std::string detail;    // without the source; empty: as the message
  std::string file;      // empty: unknown
  std::size_t line = 0;  // counted from 1; 0: unknown
};
template <class T>
using Located = tl::expected<T, Fault>;

// What is wrong at `path` of `manifest` (empty: with all of it).
[[nodiscard]] tl::unexpected<Fault> FailIn(const Manifest& manifest, const std::string& path,
                                           const std::string& message);

// "-" is standard input. A folder without a manifest is an error: nothing would be checked.
[[nodiscard]] Located<std::vector<Manifest>> ReadManifests(const std::vector<std::string>& paths);
// The objects of one text. JSON is read as JSON, which is stricter about duplicate keys.
[[nodiscard]] Located<std::vector<Manifest>> ParseManifests(const std::string& source,
                                                            const std::string& text);

}  // namespace countersign
