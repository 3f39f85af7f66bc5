#include "kube/kubeconfig.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <tuple>

#include "base/yaml.h"
#include "kube/endpoint.h"
#include "kube/kubeconfig_entries.h"
#include "kube/small_file.h"

namespace countersign {
namespace {

// All files together: the first definition of each name.
struct Merged {
  std::map<std::string, KubeconfigEntry> clusters;
  std::map<std::string, KubeconfigEntry> users;
  std::map<std::string, KubeconfigEntry> contexts;
  std::string current_context;
};

// Reads `list: [{name: …, <key>: {…}}]`.
Status Collect(const Json& file, std::string_view list, std::string_view key,
               const std::string& directory, std::map<std::string, KubeconfigEntry>& out) {
  const Json* entries = Find(file, list);
  if (entries == nullptr || entries->is_null()) return {};
  if (!entries->is_array()) {
    return Fail(Code::kInvalidArgument, "must be a list", std::string(list));
  }
  for (const Json& entry : *entries) {
    const std::string name = StringAt(entry, "name");
    const Json* value = Find(entry, key);
    const bool usable = value != nullptr && (value->is_object() || value->is_null());
    if (!usable) {
      return Fail(Code::kInvalidArgument,
                  "entry \"" + name + "\" has no object named " + std::string(key),
                  std::string(list));
    }
    out.try_emplace(name, KubeconfigEntry{value->is_null() ? Json::object() : *value, directory});
  }
  return {};
}

Status MergeFile(const std::string& path, Merged& merged) {
  auto text = ReadSmallFile(path);
  if (!text) return Fail(text.error());
  if (Trim(*text).empty()) return {};
  auto file = ParseYaml(*text);
  if (!file) return Fail(file.error());
  if (!file->is_object()) return Fail(Code::kInvalidArgument, "is not a kubeconfig");
  std::error_code ignored;  // of the working directory; the file itself was just read
  const std::string directory = std::filesystem::absolute(path, ignored).parent_path().string();
  for (const auto& [list, key, out] : {std::tuple("clusters", "cluster", &merged.clusters),
                                       std::tuple("users", "user", &merged.users),
                                       std::tuple("contexts", "context", &merged.contexts)}) {
    if (Status status = Collect(*file, list, key, directory, *out); !status) return status;
  }
  if (merged.current_context.empty()) merged.current_context = StringAt(*file, "current-context");
  return {};
}

Error Within(Error error, const std::string& where) {
  error.path = error.path.empty() ? where : where + "." + error.path;
  return error;
}

}  // namespace

Environment ProcessEnvironment() {
  return [](std::string_view name) -> std::optional<std::string> {
    // Read at start, before threads: nothing in the programs calls setenv.
    const char* value = std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe)
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

Result<RestConfig> LoadKubeconfig(const std::vector<std::string>& paths, std::string_view context) {
  Merged merged;
  bool any = false;
  std::string searched;
  for (const std::string& path : paths) {
    if (path.empty()) continue;
    searched += (searched.empty() ? "" : ", ") + path;
    Status status = MergeFile(path, merged);
    if (!status && status.error().code == Code::kNotFound) continue;
    if (!status) return Fail(Within(status.error(), path));
    any = true;
  }
  if (!any) {
    return Fail(Code::kNotFound, "no kubeconfig found (" + searched + ")");
  }
  RestConfig config;
  config.context = context.empty() ? merged.current_context : std::string(context);
  if (config.context.empty()) {
    return Fail(Code::kFailedPrecondition,
                "no current-context in " + searched + "; name one with --context");
  }
  const auto chosen = merged.contexts.find(config.context);
  if (chosen == merged.contexts.end()) {
    return Fail(Code::kNotFound,
                "context \"" + config.context + "\" does not exist in " + searched);
  }
  const std::string cluster_name = StringAt(chosen->second.value, "cluster");
  const auto cluster = merged.clusters.find(cluster_name);
  if (cluster == merged.clusters.end()) {
    return Fail(Code::kNotFound, "cluster \"" + cluster_name + "\" of context \"" + config.context +
                                     "\" does not exist in " + searched);
  }
  auto server = ReadKubeconfigCluster(cluster->second);
  if (!server) return Fail(Within(server.error(), "clusters[" + cluster_name + "]"));
  config.server = std::move(*server);

  const std::string user_name = StringAt(chosen->second.value, "user");
  if (!user_name.empty()) {
    const auto entry = merged.users.find(user_name);
    if (entry == merged.users.end()) {
      return Fail(Code::kNotFound, "user \"" + user_name + "\" of context \"" + config.context +
                                       "\" does not exist in " + searched);
    }
    auto user = ReadKubeconfigUser(entry->second, cluster->second);
    if (!user) return Fail(Within(user.error(), "users[" + user_name + "]"));
    config.user = std::move(*user);
  }
  const std::string ns = StringAt(chosen->second.value, "namespace");
  if (!ns.empty()) config.default_namespace = ns;
  return config;
}

Result<RestConfig> LoadInClusterConfig(const ConfigSource& source) {
  const auto host = source.environment("KUBERNETES_SERVICE_HOST");
  const auto port = source.environment("KUBERNETES_SERVICE_PORT");
  if (!host || host->empty() || !port || port->empty()) {
    return Fail(Code::kNotFound, "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
  }
  RestConfig config;
  const bool v6 = host->find(':') != std::string::npos;
  config.server.url = "https://" + (v6 ? "[" + *host + "]" : *host) + ":" + *port;
  if (auto endpoint = ParseEndpoint(config.server.url); !endpoint) return Fail(endpoint.error());
  config.server.ca_file = source.service_account_dir + "/ca.crt";
  config.user.token_file = source.service_account_dir + "/token";
  // Said now, so that a Pod without automountServiceAccountToken fails at start and clearly.
  if (auto token = ReadSmallFile(config.user.token_file); !token) return Fail(token.error());
  if (auto ns = ReadSmallFile(source.service_account_dir + "/namespace");
      ns && !Trim(*ns).empty()) {
    config.default_namespace = Trim(*ns);
  }
  return config;
}

Result<RestConfig> LoadRestConfig(const ConfigSource& source) {
  if (!source.kubeconfig.empty()) return LoadKubeconfig({source.kubeconfig}, source.context);
  if (const auto list = source.environment("KUBECONFIG"); list && !list->empty()) {
    std::vector<std::string> paths;
    std::size_t begin = 0;
    while (begin <= list->size()) {
      const std::size_t end = std::min(list->find(':', begin), list->size());
      if (end > begin) paths.push_back(list->substr(begin, end - begin));
      begin = end + 1;
    }
    return LoadKubeconfig(paths, source.context);
  }
  if (source.context.empty() && source.environment("KUBERNETES_SERVICE_HOST")) {
    return LoadInClusterConfig(source);
  }
  const auto home = source.environment("HOME");
  if (!home || home->empty()) {
    return Fail(Code::kNotFound, "no kubeconfig: neither KUBECONFIG nor HOME is set");
  }
  return LoadKubeconfig({*home + "/.kube/config"}, source.context);
}

}  // namespace countersign
