#include "kube/kubeconfig_entries.h"

#include <filesystem>

#include "base/digest.h"
#include "kube/endpoint.h"
#include "kube/resource.h"
#include "kube/small_file.h"

namespace countersign {
namespace {

// The extension of a cluster that exec plugins get to see (client-go: tools/clientcmd).
constexpr std::string_view kExecExtension = "client.authentication.k8s.io/exec";

std::string Resolve(const std::string& path, const std::string& directory) {
  if (path.empty() || path.front() == '/') return path;
  return (std::filesystem::path(directory) / path).lexically_normal().string();
}

// Gives the decoded `<field>-data`, else the content of the file `<field>`, else "".
Result<std::string> DataOrFile(const KubeconfigEntry& entry, const std::string& field) {
  if (const std::string data = StringAt(entry.value, field + "-data"); !data.empty()) {
    auto decoded = Base64Decode(data);
    if (!decoded) return Fail(Code::kInvalidArgument, decoded.error().message, field + "-data");
    return decoded;
  }
  const std::string path = StringAt(entry.value, field);
  if (path.empty()) return std::string();
  return ReadSmallFile(Resolve(path, entry.directory));
}

// What exec plugins are given of the cluster, or null.
Json ExecClusterConfig(const KubeconfigEntry& cluster) {
  const Json* extensions = Find(cluster.value, "extensions");
  if (extensions == nullptr || !extensions->is_array()) return nullptr;
  for (const Json& extension : *extensions) {
    if (StringAt(extension, "name") != kExecExtension) continue;
    if (const Json* value = Find(extension, "extension")) return *value;
  }
  return nullptr;
}

Result<ExecConfig> ReadExec(const Json& exec, const std::string& directory) {
  ExecConfig config;
  config.api_version = StringAt(exec, "apiVersion");
  const bool v1 = config.api_version == "client.authentication.k8s.io/v1";
  if (!v1 && config.api_version != "client.authentication.k8s.io/v1beta1") {
    return Fail(
        Code::kInvalidArgument,
        "must be client.authentication.k8s.io/v1 or v1beta1, found \"" + config.api_version + "\"",
        "exec.apiVersion");
  }
  config.command = StringAt(exec, "command");
  if (config.command.empty()) return Fail(Code::kInvalidArgument, "is required", "exec.command");
  if (config.command.find('/') != std::string::npos) {
    config.command = Resolve(config.command, directory);
  }
  if (const Json* args = Find(exec, "args"); args != nullptr && args->is_array()) {
    for (const Json& arg : *args) {
      if (!arg.is_string()) return Fail(Code::kInvalidArgument, "must be strings", "exec.args");
      config.args.push_back(arg.get<std::string>());
    }
  }
  if (const Json* env = Find(exec, "env"); env != nullptr && env->is_array()) {
    for (const Json& variable : *env) {
      config.env.emplace_back(StringAt(variable, "name"), StringAt(variable, "value"));
    }
  }
  config.install_hint = StringAt(exec, "installHint");
  config.provide_cluster_info = BoolAt(exec, "provideClusterInfo");
  config.interactive_mode = StringAt(exec, "interactiveMode", v1 ? "" : "IfAvailable");
  if (config.interactive_mode != "Never" && config.interactive_mode != "IfAvailable" &&
      config.interactive_mode != "Always") {
    return Fail(Code::kInvalidArgument,
                "must be Never, IfAvailable or Always, found \"" + config.interactive_mode + "\"",
                "exec.interactiveMode");
  }
  return config;
}

// Ignoring these would act with more power than the user asked for.
Status ReadImpersonation(const Json& user, UserConfig& config) {
  const std::string as = StringAt(user, "as");
  const auto add = [&](std::string name, std::string value) {
    config.impersonation.emplace_back(std::move(name), std::move(value));
  };
  if (!as.empty()) add("Impersonate-User", as);
  if (const std::string uid = StringAt(user, "as-uid"); !uid.empty()) add("Impersonate-Uid", uid);
  if (const Json* groups = Find(user, "as-groups"); groups != nullptr && groups->is_array()) {
    for (const Json& group : *groups) {
      if (group.is_string()) add("Impersonate-Group", group.get<std::string>());
    }
  }
  if (const Json* extra = Find(user, "as-user-extra"); extra != nullptr && extra->is_object()) {
    for (const auto& [key, values] : extra->items()) {
      if (!values.is_array()) continue;
      for (const Json& value : values) {
        if (value.is_string()) {
          add("Impersonate-Extra-" + PercentEncode(key), value.get<std::string>());
        }
      }
    }
  }
  if (as.empty() && !config.impersonation.empty()) {
    return Fail(Code::kInvalidArgument, "is required for as-groups, as-uid and as-user-extra",
                "as");
  }
  for (const auto& [name, value] : config.impersonation) {
    if (value.find_first_of("\r\n") != std::string::npos) {
      return Fail(Code::kInvalidArgument, "must be one line", name);
    }
  }
  return {};
}

}  // namespace

Result<ServerConfig> ReadKubeconfigCluster(const KubeconfigEntry& entry) {
  ServerConfig server;
  server.url = StringAt(entry.value, "server");
  if (auto endpoint = ParseEndpoint(server.url); !endpoint) return Fail(endpoint.error());
  server.tls_server_name = StringAt(entry.value, "tls-server-name");
  server.insecure_skip_tls_verify = BoolAt(entry.value, "insecure-skip-tls-verify");
  if (!StringAt(entry.value, "proxy-url").empty()) {
    return Fail(Code::kInvalidArgument, "is not supported; connect without a proxy", "proxy-url");
  }
  const std::string data = StringAt(entry.value, "certificate-authority-data");
  const std::string file = StringAt(entry.value, "certificate-authority");
  if (server.insecure_skip_tls_verify && (!data.empty() || !file.empty())) {
    return Fail(Code::kInvalidArgument, "must not be set together with a certificate authority",
                "insecure-skip-tls-verify");
  }
  if (!data.empty()) {
    auto decoded = Base64Decode(data);
    if (!decoded) {
      return Fail(Code::kInvalidArgument, decoded.error().message, "certificate-authority-data");
    }
    server.ca_pem = *decoded;
  } else {
    server.ca_file = Resolve(file, entry.directory);
  }
  return server;
}

Result<UserConfig> ReadKubeconfigUser(const KubeconfigEntry& entry,
                                      const KubeconfigEntry& cluster) {
  UserConfig user;
  if (const Json* provider = Find(entry.value, "auth-provider");
      provider != nullptr && !provider->is_null()) {
    return Fail(Code::kInvalidArgument, "is no longer supported by Kubernetes; use exec",
                "auth-provider");
  }
  auto certificate = DataOrFile(entry, "client-certificate");
  if (!certificate) return Fail(certificate.error());
  auto key = DataOrFile(entry, "client-key");
  if (!key) return Fail(key.error());
  if (certificate->empty() != key->empty()) {
    return Fail(Code::kInvalidArgument, "client-certificate and client-key must come together");
  }
  user.client_certificate_pem = *certificate;
  user.client_key_pem = *key;
  user.token = StringAt(entry.value, "token");
  user.token_file = Resolve(StringAt(entry.value, "tokenFile"), entry.directory);
  user.username = StringAt(entry.value, "username");
  user.password = StringAt(entry.value, "password");
  if (const Json* exec = Find(entry.value, "exec"); exec != nullptr && exec->is_object()) {
    auto config = ReadExec(*exec, entry.directory);
    if (!config) return Fail(config.error());
    config->cluster_config = ExecClusterConfig(cluster);
    user.exec = std::move(*config);
  }
  if (Status status = ReadImpersonation(entry.value, user); !status) return Fail(status.error());
  return user;
}

}  // namespace countersign
