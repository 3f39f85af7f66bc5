#include "cli/git_state.h"

#include <sys/wait.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "kube/child_process.h"

namespace countersign {
namespace {

constexpr std::chrono::minutes kGitTimeout{2};
constexpr std::size_t kMaxGitOutput = std::size_t{128} << 20;  // a line a file of a large tree
constexpr std::size_t kMaxNested = 16;                         // submodules of submodules

struct GitAnswer {
  int code = 0;
  std::string text;
};

Result<GitAnswer> Git(const std::string& folder, std::vector<std::string> arguments) {
  std::vector<std::string> all = {"-C",
                                  folder,
                                  "-c",
                                  "core.fsmonitor=false",
                                  "-c",
                                  "core.trustctime=true",
                                  "-c",
                                  "core.checkStat=default",
                                  "--no-optional-locks",
                                  "--no-replace-objects"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  ChildProcess git;
  if (const int error = git.Start({"git", std::move(all), {{"LC_ALL", "C"}}, false}); error != 0) {
    return Fail(Code::kFailedPrecondition,
                "git could not be started: " + std::generic_category().message(error), "--code");
  }
  GitAnswer answer;
  if (git.ReadAll(kMaxGitOutput, kGitTimeout, {}, answer.text) != ReadEnd::kClosed) {
    return Fail(Code::kUnavailable, "git " + arguments.front() + " did not come to an end",
                "--code");
  }
  const int status = git.Reap();
  answer.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return answer;
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// How many commits each address has by lines like "   12\tDora Smith <dora@bank.example>", and how
// many names have none.
struct Addresses {
  std::map<std::string, std::size_t> commits;
  std::size_t without = 0;
};

Addresses AddressesIn(const std::string& shortlog) {
  Addresses found;
  std::istringstream lines(shortlog);
  for (std::string line; std::getline(lines, line);) {
    std::size_t commits = 0;
    if (!(std::istringstream(line) >> commits)) continue;
    const auto open = line.rfind('<');
    const auto close = line.rfind('>');
    const bool some = open != std::string::npos && close != std::string::npos && close > open + 1;
    const std::string address = some ? line.substr(open + 1, close - open - 1) : std::string();
    const bool printable = std::all_of(address.begin(), address.end(),
                                       [](unsigned char c) { return std::isgraph(c) != 0; });
    if (some && printable) {
      found.commits[address] += commits;
    } else {
      ++found.without;
    }
  }
  return found;
}

// Those with the most commits, where an object cannot name all.
std::vector<std::string> MostOf(const Addresses& addresses, std::vector<std::string>& notes) {
  constexpr std::size_t kMaxAuthors = 128;  // of ReproducibilitySnapshot.spec.code.authors
  std::vector<std::pair<std::size_t, std::string>> by_commits;
  by_commits.reserve(addresses.commits.size());
  for (const auto& [address, commits] : addresses.commits)
    by_commits.emplace_back(commits, address);
  std::stable_sort(by_commits.begin(), by_commits.end(),
                   [](const auto& x, const auto& y) { return x.first > y.first; });
  if (by_commits.size() > kMaxAuthors) {
    notes.push_back(
        "--code has " + std::to_string(by_commits.size()) +
        " authors; spec.code.authors names the 128 with the most commits, and the "
        "others do not count as developers: give the folder of the training code alone");
    by_commits.resize(kMaxAuthors);
  }
  std::vector<std::string> names;
  names.reserve(by_commits.size());
  for (auto& [commits, address] : by_commits) names.push_back(std::move(address));
  std::sort(names.begin(), names.end());
  return names;
}

// By git's own .mailmap, of what is in the folder; co-authors as the commits' trailers name them.
// Git adds them up: a long history is longer than we would read. No signature is looked at: the
// repository itself says by which program.
Status TakeAuthors(const std::string& folder, GitState& state) {
  auto shallow = Git(folder, {"rev-parse", "--is-shallow-repository"});
  if (!shallow) return Fail(shallow.error());
  if (shallow->code != 0 || FirstLine(shallow->text) != "false") {
    state.notes.emplace_back(
        "--code is a shallow clone: spec.code.authors names the authors of the commits that were "
        "fetched, and earlier ones do not count as developers: git fetch --unshallow");
  }
  auto log =
      Git(folder, {"shortlog", "--summary", "--email", "--group=author",
                   "--group=trailer:co-authored-by", "--no-show-signature", "HEAD", "--", "."});
  if (!log) return Fail(log.error());
  if (log->code != 0) {
    return Fail(Code::kFailedPrecondition,
                "git cannot say who wrote '" + folder + "': they count as developers", "--code");
  }
  const Addresses addresses = AddressesIn(log->text);
  state.authors = MostOf(addresses, state.notes);
  if (addresses.without > 0) {
    state.notes.push_back("--code has " + std::to_string(addresses.without) +
                          " authors or co-authors without an e-mail address: spec.code.authors "
                          "leaves them out");
  }
  return {};
}

// "https://user:secret@host/a" without what must not get into an object.
std::string WithoutCredentials(const std::string& url) {
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const auto host = scheme + 3;
  const auto at = url.substr(0, url.find('/', host)).rfind('@');
  return at == std::string::npos || at < host ? url : url.substr(0, host) + url.substr(at + 1);
}

// What is in git's index: the files that it is told not to look at, and the submodules.
struct Index {
  std::vector<std::string> unwatched;
  std::vector<std::string> submodules;
};

// Of records like "H 100644 <object> 0\tpath": a small letter is assumed to be unchanged, S is left
// out of the working tree, where a sparse checkout has no file.
Index ReadIndex(const std::string& top, const std::string& listing) {
  Index index;
  std::istringstream records(listing);
  for (std::string record; std::getline(records, record, '\0');) {
    const auto tab = record.find('\t');
    if (tab == std::string::npos || record.size() < 3) continue;
    const std::string path = record.substr(tab + 1);
    const bool assumed = std::islower(static_cast<unsigned char>(record.front())) != 0;
    const bool skipped = record.front() == 'S' || record.front() == 's';
    std::error_code ignored;
    const bool there = std::filesystem::exists(
        std::filesystem::symlink_status(std::filesystem::path(top) / path, ignored));
    if (skipped ? there : assumed) index.unwatched.push_back(path);
    constexpr std::string_view kSubmodule = "160000 ";
    if (record.compare(2, kSubmodule.size(), kSubmodule) == 0) index.submodules.push_back(path);
  }
  return index;
}

Result<GitAnswer> Asked(const std::string& folder, std::vector<std::string> arguments) {
  auto answer = Git(folder, std::move(arguments));
  if (!answer || answer->code == 0) return answer;
  return Fail(Code::kFailedPrecondition, "git cannot say whether '" + folder + "' is clean",
              "--code");
}

bool IsWithin(const std::string& folder, const std::string& root) {
  std::error_code error;
  const auto inner = std::filesystem::canonical(folder, error);
  if (error) return false;
  const auto outer = std::filesystem::canonical(root, error);
  if (error) return false;
  const std::string from = inner.lexically_relative(outer).generic_string();
  return !from.empty() && from != ".." && !from.starts_with("../");
}

// The first change of the tree and of the submodules that are checked out, whatever the repository
// says of what git should not look at.
Status TakeChanges(const std::string& folder, const std::string& within, std::size_t depth,
                   GitState& state) {
  auto top = Asked(folder, {"rev-parse", "--show-toplevel"});
  if (!top) return Fail(top.error());
  auto status = Asked(
      folder, {"status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=none"});
  if (!status) return Fail(status.error());
  auto listing = Asked(folder, {"ls-files", "-v", "--stage", "-z", "--full-name", ":/"});
  if (!listing) return Fail(listing.error());
  const std::string root = FirstLine(top->text);
  if (!IsWithin(folder, root)) {
    return Fail(Code::kFailedPrecondition,
                "must be a folder of the working tree that git looks at, which is '" + root +
                    "' (core.worktree), is '" + folder + "'",
                "--code");
  }
  const Index index = ReadIndex(root, listing->text);
  if (state.changes.empty() && !status->text.empty()) {
    state.changes = within + FirstLine(status->text);
  }
  if (state.changes.empty() && !index.unwatched.empty()) {
    const std::string& path = index.unwatched.front();
    state.changes = within + path + ", at which git is told not to look: git update-index " +
                    "--no-assume-unchanged --no-skip-worktree " + path;
  }
  for (const std::string& path : index.submodules) {
    const std::string inside = root + "/" + path;
    std::error_code ignored;
    if (!std::filesystem::exists(inside + "/.git", ignored)) continue;
    if (depth == kMaxNested) {
      return Fail(Code::kFailedPrecondition, "has submodules in submodules beyond 16", "--code");
    }
    state.notes.push_back("--code has submodule '" + within + path +
                          "', whose authors spec.code.authors leaves out: they do not count as "
                          "developers");
    if (auto taken = TakeChanges(inside, within + path + "/", depth + 1, state); !taken) {
      return taken;
    }
  }
  return {};
}

}  // namespace

Result<GitState> ReadGitState(const std::string& folder) {
  for (const char* name : {"GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE",
                           "GIT_OBJECT_DIRECTORY", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE"}) {
    if (std::getenv(name) == nullptr) continue;
    return Fail(Code::kFailedPrecondition,
                std::string("cannot be read while ") + name +
                    " makes git look elsewhere: unset it in the environment",
                "--code");
  }
  auto commit = Git(folder, {"rev-parse", "--verify", "HEAD^{commit}"});
  if (!commit) return Fail(commit.error());
  if (commit->code != 0) {
    return Fail(Code::kInvalidArgument,
                "must be a git working tree with a commit, is '" + folder + "'", "--code");
  }
  auto origin = Git(folder, {"config", "--get", "remote.origin.url"});
  if (!origin) return Fail(origin.error());
  GitState state;
  if (auto taken = TakeAuthors(folder, state); !taken) return Fail(taken.error());
  state.commit = FirstLine(commit->text);
  if (auto taken = TakeChanges(folder, "", 0, state); !taken) return Fail(taken.error());
  state.clean = state.changes.empty();
  if (origin->code == 0) state.origin = WithoutCredentials(FirstLine(origin->text));
  return state;
}

}  // namespace countersign
