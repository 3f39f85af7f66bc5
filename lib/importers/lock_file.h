// lock_file.h: what a lock file leaves open. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace countersign {

// The dependencies that are not pinned, as they stand there, in their order. By the file's name:
//
// - poetry.lock, uv.lock, pdm.lock, pylock.toml, Pipfile.lock, conda-lock.yml, pixi.lock,
//   package-lock.json and Cargo.lock: locked_packages.h;
// - requirements*.txt, requirements*.lock and other *.txt are read line by line as pip does: pinned
//   is `name==version`, `name===version`, a URL with a hash or a repository at a commit; `-r`, `-c`
//   and `-e` lead elsewhere and are not, nor is a branch. Comments say nothing. With a line
//   `@EXPLICIT` the file, or another *.lock, is conda's list of URLs, pinned with their `#` hash;
// - conda.yaml and environment.yaml (and *.yml): pinned is `name==version` or
//   `name=version=build`; `name=1.2` of conda means any 1.2.x. What pip installs is read as above.
//
// Any other name is an error, and so is a file that names no package, or is not in UTF-8.
[[nodiscard]] Result<std::vector<std::string>> UnpinnedIn(const std::string& name,
                                                          std::string_view text);

}  // namespace countersign
