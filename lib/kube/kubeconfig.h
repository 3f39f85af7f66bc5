// kubeconfig.h: where the API server is and who we are, from the usual places.
//
// Reads kubeconfig files as kubectl does (https://kubernetes.io/docs/concepts/configuration/
// organize-cluster-access-kubeconfig/): lists in KUBECONFIG where the first definition wins,
// contexts, relative paths relative to their file, inline data before files. Reads the in-cluster
// configuration of a Pod. Not supported, and refused with a clear error instead of ignored:
// `proxy-url`, `auth-provider`, and plain http to anything but loopback. Reads files once; what
// rotates (token file, CA file, exec plugin) is kept as a description and read by credentials.h and
// http_transport.h. Free functions without state; the environment is an argument.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace countersign {

struct ServerConfig {
  std::string url{};              // https://host:port[/prefix]
  std::string ca_pem{};           // inline bundle; wins over ca_file
  std::string ca_file{};          // read again when it changes
  std::string tls_server_name{};  // name to send and verify instead of the URL's host
  bool insecure_skip_tls_verify = false;
};

struct ExecConfig {
  std::string api_version{};  // client.authentication.k8s.io/v1 or v1beta1
  std::string command{};      // absolute, relative to the kubeconfig file, or found in PATH
  std::vector<std::string> args{};
  std::vector<std::pair<std::string, std::string>> env{};
  std::string install_hint{};
  std::string interactive_mode = "IfAvailable";  // Never | IfAvailable | Always
  bool provide_cluster_info = false;
  Json cluster_config{};  // extension "client.authentication.k8s.io/exec" of the cluster, or null
};

// At most one of token, token_file, username and exec is used, in that order of kubectl:
// token_file, token, username, exec.
struct UserConfig {
  std::string client_certificate_pem{};
  std::string client_key_pem{};
  std::string token{};
  std::string token_file{};
  std::string username{};
  std::string password{};
  std::optional<ExecConfig> exec{};
  // `as`, `as-uid`, `as-groups` and `as-user-extra`, as the headers that they stand for.
  std::vector<std::pair<std::string, std::string>> impersonation{};
};

struct RestConfig {
  ServerConfig server{};
  UserConfig user{};
  std::string default_namespace = "default";
  std::string context{};  // empty for in-cluster
};

// Looks up an environment variable.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;
[[nodiscard]] Environment ProcessEnvironment();

struct ConfigSource {
  std::string kubeconfig{};  // a path given by the user (--kubeconfig); wins over everything
  std::string context{};     // a context given by the user (--context)
  Environment environment = ProcessEnvironment();
  // Where a Pod finds its service account.
  std::string service_account_dir = "/var/run/secrets/kubernetes.io/serviceaccount";
};

// `kubeconfig`, else KUBECONFIG, else in-cluster when the Pod's variables are set, else
// ~/.kube/config.
[[nodiscard]] Result<RestConfig> LoadRestConfig(const ConfigSource& source = {});

// Only kubeconfig files: `paths` are merged, the first definition of a name wins, files that do not
// exist are skipped (all missing is an error).
[[nodiscard]] Result<RestConfig> LoadKubeconfig(const std::vector<std::string>& paths,
                                                std::string_view context = {});

// KUBERNETES_SERVICE_HOST and _PORT, with token, ca.crt and namespace of the service account.
[[nodiscard]] Result<RestConfig> LoadInClusterConfig(const ConfigSource& source = {});

}  // namespace countersign
