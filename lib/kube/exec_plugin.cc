#include "kube/exec_plugin.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): the POSIX half of it
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "kube/small_file.h"
#include "kube/wakeup.h"

extern char** environ;

namespace countersign {
namespace {

tl::unexpected<Error> PluginError(const ExecConfig& config, const std::string& what) {
  return Fail(Code::kUnauthenticated, "credential plugin " + config.command + " " + what);
}

Result<Json> ExecInfo(const ExecConfig& config, const ServerConfig& server, bool interactive) {
  Json spec = {{"interactive", interactive}};
  if (config.provide_cluster_info) {
    Json cluster = {{"server", server.url}};
    if (!server.tls_server_name.empty()) cluster["tls-server-name"] = server.tls_server_name;
    if (server.insecure_skip_tls_verify) cluster["insecure-skip-tls-verify"] = true;
    std::string ca = server.ca_pem;
    if (ca.empty() && !server.ca_file.empty()) {
      auto file = ReadSmallFile(server.ca_file);
      if (!file) return Fail(file.error());
      ca = std::move(*file);
    }
    if (!ca.empty()) cluster["certificate-authority-data"] = Base64Encode(ca);
    if (!config.cluster_config.is_null()) cluster["config"] = config.cluster_config;
    spec["cluster"] = std::move(cluster);
  }
  return Json{{"apiVersion", config.api_version}, {"kind", "ExecCredential"}, {"spec", spec}};
}

// Our environment, the plugin's own variables over it, and the request.
std::vector<std::string> ChildEnvironment(const ExecConfig& config, const std::string& info) {
  auto variables = config.env;
  variables.emplace_back("KUBERNETES_EXEC_INFO", info);
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

// A child process whose stdout we read; killed if it still runs at the end.
class Child {
 public:
  Child() = default;
  ~Child() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      Reap();
    }
    if (output_ >= 0) close(output_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // An errno value, 0 for success.
  int Start(const ExecConfig& config, std::vector<std::string> environment, bool interactive) {
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0) return errno;
    output_ = pipes[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
    if (!interactive) {
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

    std::vector<std::string> arguments{config.command};
    arguments.insert(arguments.end(), config.args.begin(), config.args.end());
    const int error = posix_spawnp(&pid_, config.command.c_str(), &actions, &attributes,
                                   Pointers(arguments).data(), Pointers(environment).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[1]);
    if (error != 0) pid_ = -1;
    return error;
  }

  [[nodiscard]] int output() const { return output_; }

  // Waits for the end; gives the wait status.
  int Reap() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

}  // namespace

Result<ExecCredential> RunExecPlugin(const ExecConfig& config, const ServerConfig& server,
                                     std::stop_token stop) {
  const bool terminal = isatty(STDIN_FILENO) == 1;
  if (config.interactive_mode == "Always" && !terminal) {
    return PluginError(config, "needs a terminal (interactiveMode: Always) and there is none");
  }
  const bool interactive = terminal && config.interactive_mode != "Never";
  const auto info = ExecInfo(config, server, interactive);
  if (!info) return Fail(info.error());

  Child child;
  if (const int error = child.Start(config, ChildEnvironment(config, DumpJson(*info)), interactive);
      error != 0) {
    const std::string hint = config.install_hint.empty() ? "" : "; " + config.install_hint;
    return PluginError(config,
                       "could not be started: " + std::generic_category().message(error) + hint);
  }
  const StopFd stop_fd(std::move(stop));
  const SteadyTime deadline = std::chrono::steady_clock::now() + kExecTimeout;
  std::string output;
  while (true) {
    switch (WaitForFd(child.output(), POLLIN, deadline, stop_fd)) {
      case WaitResult::kStopped:
        return Fail(Code::kCancelled, "stopped while " + config.command + " was running");
      case WaitResult::kTimeout: return PluginError(config, "gave no answer in 5 minutes");
      case WaitResult::kReady: break;
    }
    char buffer[4096];
    const ssize_t size = read(child.output(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    output.append(buffer, static_cast<std::size_t>(size));
    if (output.size() > kMaxExecOutput) return PluginError(config, "printed more than 1 MiB");
  }
  const int status = child.Reap();
  if (WIFSIGNALED(status)) {
    return PluginError(config, "was killed by signal " + std::to_string(WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) != 0) {
    return PluginError(config, "failed with exit code " + std::to_string(WEXITSTATUS(status)));
  }
  return ParseExecCredential(config, output);
}

Result<ExecCredential> ParseExecCredential(const ExecConfig& config, std::string_view output) {
  const auto json = ParseJson(output);
  // The output is not quoted: it may hold a token.
  if (!json) return PluginError(config, "did not print an ExecCredential in JSON");
  if (StringAt(*json, "kind") != "ExecCredential" ||
      StringAt(*json, "apiVersion") != config.api_version) {
    return PluginError(config, "must print an ExecCredential of " + config.api_version +
                                   ", found " + StringAt(*json, "kind", "no kind") + " of " +
                                   StringAt(*json, "apiVersion", "no apiVersion"));
  }
  ExecCredential credential;
  credential.token = StringAt(*json, "status/token");
  credential.client_certificate_pem = StringAt(*json, "status/clientCertificateData");
  credential.client_key_pem = StringAt(*json, "status/clientKeyData");
  if (credential.client_certificate_pem.empty() != credential.client_key_pem.empty()) {
    return PluginError(config, "must give clientCertificateData and clientKeyData together");
  }
  if (credential.token.empty() && credential.client_key_pem.empty()) {
    return PluginError(config, "gave neither a token nor a client certificate");
  }
  const std::string expiry = StringAt(*json, "status/expirationTimestamp");
  if (!expiry.empty()) {
    const auto time = ParseTime(expiry);
    if (!time) return PluginError(config, "gave an expirationTimestamp that is not RFC 3339");
    credential.expiry = *time;
  }
  return credential;
}

}  // namespace countersign
