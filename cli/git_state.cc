#include "cli/git_state.h"

#include <sys/wait.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>
#include <system_error>
#include <vector>

#include "kube/child_process.h"

namespace countersign {
namespace {

constexpr std::chrono::minutes kGitTimeout{2};
constexpr std::size_t kMaxGitOutput = std::size_t{16} << 20;

struct GitAnswer {
  int code = 0;
  std::string text;
};

Result<GitAnswer> Git(const std::string& folder, std::vector<std::string> arguments) {
  std::vector<std::string> all = {"-C", folder, "-c", "core.fsmonitor=false",
                                  "--no-optional-locks"};
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

// Of lines like "  17\tDora Smith <dora@bank.example>"; what is no address is left out.
std::vector<std::string> AddressesIn(const std::string& shortlog) {
  constexpr std::size_t kMaxAuthors = 128;  // of ReproducibilitySnapshot.spec.code.authors
  std::set<std::string> found;
  std::istringstream lines(shortlog);
  for (std::string line; std::getline(lines, line) && found.size() < kMaxAuthors;) {
    const auto open = line.rfind('<');
    const auto close = line.rfind('>');
    if (open == std::string::npos || close == std::string::npos || close <= open + 1) continue;
    std::string address = line.substr(open + 1, close - open - 1);
    const bool printable = std::all_of(address.begin(), address.end(),
                                       [](unsigned char c) { return std::isgraph(c) != 0; });
    if (printable) found.insert(std::move(address));
  }
  return {found.begin(), found.end()};
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// "https://user:secret@host/a" without what must not get into an object.
std::string WithoutCredentials(const std::string& url) {
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const auto host = scheme + 3;
  const auto at = url.substr(0, url.find('/', host)).rfind('@');
  return at == std::string::npos || at < host ? url : url.substr(0, host) + url.substr(at + 1);
}

}  // namespace

Result<GitState> ReadGitState(const std::string& folder) {
  auto commit = Git(folder, {"rev-parse", "--verify", "HEAD^{commit}"});
  if (!commit) return Fail(commit.error());
  if (commit->code != 0) {
    return Fail(Code::kInvalidArgument,
                "must be a git working tree with a commit, is '" + folder + "'", "--code");
  }
  auto status = Git(folder, {"status", "--porcelain", "--untracked-files=normal"});
  if (!status) return Fail(status.error());
  if (status->code != 0) {
    return Fail(Code::kFailedPrecondition, "git cannot say whether '" + folder + "' is clean",
                "--code");
  }
  auto origin = Git(folder, {"config", "--get", "remote.origin.url"});
  if (!origin) return Fail(origin.error());
  // By git's own .mailmap. Of a shallow clone these are the authors of what was fetched.
  auto authors = Git(folder, {"shortlog", "--summary", "--email", "HEAD", "--", "."});
  if (!authors) return Fail(authors.error());
  GitState state;
  if (authors->code == 0) state.authors = AddressesIn(authors->text);
  state.commit = FirstLine(commit->text);
  state.clean = status->text.empty();
  state.changes = FirstLine(status->text);
  if (origin->code == 0) state.origin = WithoutCredentials(FirstLine(origin->text));
  return state;
}

}  // namespace countersign
