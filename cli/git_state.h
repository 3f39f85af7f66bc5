// git_state.h: which commit a working tree is at, and whether it is as committed.
//
// Asks the `git` of PATH, without a shell; hooks and monitors of the repository are not run. Its
// own messages go to standard error.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace countersign {

struct GitState {
  std::string commit;
  // No change, staged or not, no file that is neither known nor ignored and none that git is told
  // not to look at, in submodules neither.
  bool clean = false;
  std::string changes;               // the first of them, as `git status --porcelain` shows it
  std::vector<std::string> authors;  // addresses of authors and co-authors of what is in the folder
  std::string origin;  // URL of remote 'origin', without user and password; empty: there is none
  std::vector<std::string> notes;  // authors that are not known, or are not named
};

[[nodiscard]] Result<GitState> ReadGitState(const std::string& folder);

}  // namespace countersign
