#include "kube/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): the POSIX half of it
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "kube/wakeup.h"

extern char** environ;

namespace countersign {
namespace {

// Our environment with `variables` over it.
std::vector<std::string> EnvironmentWith(
    const std::vector<std::pair<std::string, std::string>>& variables) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    bool replaced = false;
    for (const auto& [name, value] : variables) {
      replaced = replaced ||
                 (text.size() > name.size() && text.starts_with(name) && text[name.size()] == '=');
    }
    if (!replaced) out.emplace_back(text);
  }
  for (const auto& [name, value] : variables) {
    out.push_back(name);
    out.back().append("=").append(value);
  }
  return out;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (std::string& text : strings) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    Reap();
  }
  if (output_ >= 0) close(output_);
}

int ChildProcess::Start(ChildCommand command) {
  int pipes[2];
  if (pipe2(pipes, O_CLOEXEC) != 0) return errno;
  output_ = pipes[0];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
  if (!command.interactive) {
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  // The programs block signals and ignore SIGPIPE; a child must not inherit either.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> environment = EnvironmentWith(command.variables);
  command.arguments.insert(command.arguments.begin(), command.program);
  const int error = posix_spawnp(&pid_, command.program.c_str(), &actions, &attributes,
                                 Pointers(command.arguments).data(), Pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(pipes[1]);
  if (error != 0) pid_ = -1;
  return error;
}

ReadEnd ChildProcess::ReadAll(std::size_t most, std::chrono::seconds timeout, std::stop_token stop,
                              std::string& output) {
  const StopFd stop_fd(std::move(stop));
  const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    switch (WaitForFd(output_, POLLIN, deadline, stop_fd)) {
      case WaitResult::kStopped: return ReadEnd::kStopped;
      case WaitResult::kTimeout: return ReadEnd::kTimeout;
      case WaitResult::kReady: break;
    }
    char buffer[4096];
    const ssize_t size = read(output_, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return ReadEnd::kClosed;
    output.append(buffer, static_cast<std::size_t>(size));
    if (output.size() > most) return ReadEnd::kTooMuch;
  }
}

int ChildProcess::Reap() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

}  // namespace countersign
