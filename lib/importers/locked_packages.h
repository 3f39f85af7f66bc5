// locked_packages.h: what a resolver's lock file leaves open. Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "importers/importer.h"

namespace countersign {

// Names of files that state every package and where it comes from.
[[nodiscard]] std::span<const std::string_view> ResolverLockNames();
[[nodiscard]] bool IsResolverLock(std::string_view name);

// The packages, in their order and each with the reason, of which the file says neither a version
// of a registry, nor a hash, nor a commit: folders, editable ones, branches. The project itself,
// at ".", is no dependency. `file.name` says the format; what is none of it is an error, and so is
// what names no package.
[[nodiscard]] Result<std::vector<std::string>> UnpinnedPackages(const ImportText& file);

// Nothing is pinned by a list of nothing.
[[nodiscard]] tl::unexpected<Error> NamesNoPackage(const std::string& file);

}  // namespace countersign
