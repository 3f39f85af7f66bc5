#include "kube/exec_plugin.h"

#include <sys/wait.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "base/digest.h"
#include "base/json.h"
#include "kube/child_process.h"
#include "kube/small_file.h"

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

  ChildCommand command{config.command, config.args, config.env, interactive};
  command.variables.emplace_back("KUBERNETES_EXEC_INFO", DumpJson(*info));
  ChildProcess child;
  if (const int error = child.Start(std::move(command)); error != 0) {
    const std::string hint = config.install_hint.empty() ? "" : "; " + config.install_hint;
    return PluginError(config,
                       "could not be started: " + std::generic_category().message(error) + hint);
  }
  std::string output;
  switch (child.ReadAll(kMaxExecOutput, kExecTimeout, std::move(stop), output)) {
    case ReadEnd::kStopped:
      return Fail(Code::kCancelled, "stopped while " + config.command + " was running");
    case ReadEnd::kTimeout: return PluginError(config, "gave no answer in 5 minutes");
    case ReadEnd::kTooMuch: return PluginError(config, "printed more than 1 MiB");
    case ReadEnd::kClosed: break;
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
